"""Figures of another form than a stage writes go no further. Oracle: what the test put into the file."""

import json

import pytest

from bnn.files import checksum, write_figures
from bnn.readers import DamagedFileError
from flow.run.figures import FoldingFigures, LadderFigures, SimulateFigures, read_figures

SIMULATE = {
    "network_hash": "0" * 64,
    "askew_version": "1",
    "frames": 20,
    "accuracy": 0.5,
    "mismatches": 0,
    "layers": {"fc1": {"plus_fraction": 0.25}},
    "later": {"anything": [1]},
}


def test_figures_come_back_as_they_were_written(tmp_path):
    written = write_figures(tmp_path / "simulate.json", SIMULATE)
    assert written["checksum"] == checksum(SIMULATE)
    assert read_figures(tmp_path / "simulate.json", SimulateFigures, "x") == SIMULATE


def test_a_changed_digit_is_seen(tmp_path):
    file = tmp_path / "simulate.json"
    write_figures(file, SIMULATE)
    file.write_text(file.read_text().replace("0.5", "0.6"))
    with pytest.raises(
        DamagedFileError, match=r"simulate\.json: damaged \(its contents are not those .*\); run it again"
    ):
        read_figures(file, SimulateFigures, "run it again")


def test_order_and_spaces_do_not_matter(tmp_path):
    file = tmp_path / "simulate.json"
    written = write_figures(file, SIMULATE)
    file.write_text(json.dumps(dict(reversed(written.items()))))
    assert read_figures(file, SimulateFigures, "x") == SIMULATE


@pytest.mark.parametrize(
    ("model", "change", "reason"),
    [
        (SimulateFigures, {"frames": 0}, "frames: "),
        (SimulateFigures, {"frames": True}, "frames: "),
        (SimulateFigures, {"frames": "20"}, "frames: "),
        (SimulateFigures, {"accuracy": 1.5}, "accuracy: "),
        (SimulateFigures, {"layers": []}, "layers: "),
        (SimulateFigures, {"layers": {"fc1": {"plus_fraction": -1}}}, "layers.fc1.plus_fraction: "),
        (SimulateFigures, {"network_hash": None}, "network_hash: "),
        (LadderFigures, {"rungs": {"numpy": {"frames": 5}}}, "rungs.numpy.mismatches: "),
        (FoldingFigures, {"layers": {"fc1": {"pe": 0, "simd": 1}}}, "layers.fc1.pe: "),
        (FoldingFigures, {"layers": {}, "frame_ii_cycles": 1e-300}, "frame_ii_cycles: "),
        (FoldingFigures, {"layers": {}, "clock_mhz": 0}, "clock_mhz: "),
    ],
)
def test_a_wrong_type_or_number_is_named(tmp_path, model, change, reason):
    (tmp_path / "a.json").write_text(json.dumps(SIMULATE | change))
    with pytest.raises(DamagedFileError, match=rf"a\.json: damaged \({reason}.*\); run it again"):
        read_figures(tmp_path / "a.json", model, "run it again")
