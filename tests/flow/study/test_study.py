"""Studies. Oracles: a study left alone beside one that was killed; the rows' own models; pandas; hand-made means."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from ray.cluster_utils import Cluster

from bnn import UserError
from flow.cli.main import run as askew
from flow.run.figures import RowFigures
from flow.study import load_study
from flow.study.plan import StudyError
from flow.study.table import points
from training.config.load import load_config
from training.data.datasets import load_dataset
from training.fit.evaluate import float_scores
from training.fit.train import SPLIT_SEED, load_trained

SMALL = """
name = "small"
[data]
name = "digits"
[network]
layers = [{ dense = 16 }]
[training]
epochs = 3
batch_size = 64
"""

STUDY = """
name = "tiny"
question = "Does it work?"
configs = ["CONFIG"]
seeds = [0, 1]
[vary]
"activation.threshold_shift" = [-0.5, 0.5]
"""


@pytest.fixture
def study_file(tmp_path) -> Path:
    (tmp_path / "small.toml").write_text(SMALL)
    file = tmp_path / "tiny.toml"
    file.write_text(STUDY.replace("CONFIG", str(tmp_path / "small.toml")))
    return file


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory) -> Path:
    """The tiny study, run once without a disturbance."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.toml").write_text(SMALL)
    (folder / "tiny.toml").write_text(STUDY.replace("CONFIG", str(folder / "small.toml")))
    assert askew(["study", "--config", str(folder / "tiny.toml"), "--out", str(folder / "out")]) == 0
    return folder


def test_every_combination_is_a_row_with_the_trained_models_accuracy(left_alone):
    rows = pd.read_csv(left_alone / "out" / "rows.csv")
    assert list(zip(rows["activation.threshold_shift"], rows["seed"], strict=True)) == [
        (-0.5, 0),
        (-0.5, 1),
        (0.5, 0),
        (0.5, 1),
    ]
    assert (rows["status"] == "done").all()
    assert (rows["mismatches"] == 0).all()
    parquet = pd.read_parquet(left_alone / "out" / "rows.parquet")
    pd.testing.assert_frame_equal(rows.drop(columns="error"), parquet.drop(columns="error"), check_dtype=False)
    test = load_dataset("digits").test
    for row in rows.itertuples():
        run = left_alone / "out" / "runs" / row.id
        model = load_trained(run / "checkpoint.ckpt", load_config(run / "config.toml"))
        assert (float_scores(model, test.images).argmax(axis=1) == test.labels).mean() == pytest.approx(row.accuracy)


def test_points_and_plot(left_alone):
    rows = pd.read_csv(left_alone / "out" / "rows.csv")
    expected = rows.groupby("activation.threshold_shift")["accuracy"].agg(["mean", "std"])
    summary = (left_alone / "out" / "summary.md").read_text()
    for shift, (mean, deviation) in zip(expected.index, expected.to_numpy(), strict=True):
        assert f"| {shift} | {mean:.2%} | {deviation:.2%} | 2 | 0 | 0 |" in summary
    written = json.loads((left_alone / "out" / "summary.json").read_text())
    assert f"**{written['statement']}**" in summary
    assert "from threshold_shift -0.5 beyond seed noise" in written["statement"]
    assert written["rows"] == {"planned": 4, "done": 4, "failed": 0}
    assert (left_alone / "out" / "accuracy.svg").read_text().startswith("<?xml")


def test_finished_rows_are_not_done_again(left_alone, capsys):
    files = {file: file.stat().st_mtime_ns for file in (left_alone / "out" / "rows").iterdir()}
    before = (left_alone / "out" / "rows.csv").read_bytes()
    start = time.process_time()
    assert askew(["study", "--config", str(left_alone / "tiny.toml"), "--out", str(left_alone / "out")]) == 0
    assert time.process_time() - start < 60
    assert {file: file.stat().st_mtime_ns for file in (left_alone / "out" / "rows").iterdir()} == files
    assert (left_alone / "out" / "rows.csv").read_bytes() == before


def test_another_study_does_not_take_the_folder(left_alone, tmp_path, capsys):
    other = tmp_path / "other.toml"
    other.write_text((left_alone / "tiny.toml").read_text().replace("tiny", "other"))
    assert askew(["study", "--config", str(other), "--out", str(left_alone / "out")]) == 2
    assert "holds another study" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_killed_twice_gives_the_same_tables(left_alone, tmp_path):
    command = [str(Path(sys.executable).parent / "askew"), "study", "--config", str(left_alone / "tiny.toml")]
    command += ["--out", str(tmp_path / "out")]
    rows = tmp_path / "out" / "rows"
    for finished in (1, 3):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        while len(list(rows.glob("*.json")) if rows.exists() else []) < finished:
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    for table in ("rows.csv", "rows.parquet", "summary.md", "summary.json", "accuracy.svg"):
        assert (tmp_path / "out" / table).read_bytes() == (left_alone / "out" / table).read_bytes()


@pytest.mark.slow
def test_where_ray_dies_the_rows_go_on(left_alone, tmp_path):
    command = [str(Path(sys.executable).parent / "askew"), "study", "--config", str(left_alone / "tiny.toml")]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stdout=subprocess.DEVNULL)
    rows = tmp_path / "out" / "rows"
    while not (rows.exists() and list(rows.glob("*.json"))):
        assert process.poll() is None
        time.sleep(0.05)
    for child in psutil.Process(process.pid).children(recursive=True):
        if child.name() == "raylet":
            child.kill()
    assert process.wait(timeout=300) == 0
    assert (tmp_path / "out" / "rows.csv").read_bytes() == (left_alone / "out" / "rows.csv").read_bytes()


def test_a_cluster_gives_the_same_tables(left_alone, tmp_path):
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        out = tmp_path / "out"
        study = ["study", "--config", str(left_alone / "tiny.toml"), "--out", str(out), "--address", cluster.address]
        done = subprocess.run([sys.executable, "-m", "flow", *study], capture_output=True, text=True, check=False)
    finally:
        cluster.shutdown()
    assert done.returncode == 0, done.stderr
    assert (out / "rows.csv").read_bytes() == (left_alone / "out" / "rows.csv").read_bytes()


def test_a_failing_row_does_not_lose_the_others(tmp_path, capsys):
    (tmp_path / "small.toml").write_text(SMALL)
    study = tmp_path / "failing.toml"
    text = STUDY.replace("CONFIG", str(tmp_path / "small.toml")).replace("[0, 1]", "[0]")
    study.write_text(text.replace('"activation.threshold_shift" = [-0.5, 0.5]', '"training.batch_size" = [1, 64]'))
    assert askew(["study", "--config", str(study), "--out", str(tmp_path / "out")]) == 2
    assert "1 of 2 rows failed" in capsys.readouterr().err
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    assert list(rows["status"]) == ["failed", "done"]
    assert "batch_size (1)" in rows["error"][0]


def test_what_the_integer_network_cannot_hold_is_recorded_as_the_trained_models(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    study = tmp_path / "twins.toml"
    text = STUDY.replace("CONFIG", str(tmp_path / "small.toml")).replace("[0, 1]", "[0]")
    study.write_text(text.replace("activation.threshold_shift", "activation.hardtanh.shift_x"))
    assert askew(["study", "--config", str(study), "--out", str(tmp_path / "out")]) == 0
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    assert list(rows["kind"]) == ["reference", "reference"]
    assert rows["mismatches"].isna().all()
    images = load_dataset("digits").test
    for row in rows.itertuples():
        run = tmp_path / "out" / "runs" / row.id
        model = load_trained(run / "checkpoint.ckpt", load_config(run / "config.toml"))
        assert (float_scores(model, images.images).argmax(axis=1) == images.labels).mean() == pytest.approx(
            row.accuracy
        )
    assert not list((tmp_path / "out").rglob("network.npz"))


def test_where_images_are_held_out_nothing_is_said_of_the_test_images(tmp_path):
    """Oracle: the row's own model in PyTorch, on the images that the documented seed holds out."""
    (tmp_path / "small.toml").write_text(SMALL.replace('"digits"', '"digits"\nvalidation_fraction = 0.2'))
    study = tmp_path / "held.toml"
    study.write_text(STUDY.replace("CONFIG", str(tmp_path / "small.toml")).replace("[0, 1]", "[0]"))
    assert askew(["study", "--config", str(study), "--out", str(tmp_path / "out")]) == 0
    training = load_dataset("digits").train
    held_out = np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(training))[: round(len(training) * 0.2)])
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    assert list(rows["images_of"]) == ["held-out", "held-out"]
    assert list(rows["frames"]) == [len(held_out)] * 2
    for row in rows.itertuples():
        run = tmp_path / "out" / "runs" / row.id
        model = load_trained(run / "checkpoint.ckpt", load_config(run / "config.toml"))
        classes = float_scores(model, training.images[held_out]).argmax(axis=1)
        assert (classes == training.labels[held_out]).mean() == pytest.approx(row.accuracy)
        assert row.reference_accuracy == pytest.approx(row.accuracy)
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "Accuracy on held-out training images of the integer network" in summary
    assert "test" not in summary.lower().replace("t-test", "")
    assert "accuracy on held-out training images, %" in (tmp_path / "out" / "accuracy.svg").read_text()


def test_the_fraction_of_plus_one_of_each_layer_stands_beside_the_accuracy(left_alone):
    """Oracle: pandas' means of the rows' own columns."""
    rows = pd.read_csv(left_alone / "out" / "rows.csv")
    layers = [column for column in rows if column.startswith("plus_one/")]
    assert layers == ["plus_one/fc1"]
    summary = (left_alone / "out" / "summary.md").read_text()
    assert "| +1 by layer, % |" in summary
    assert "+1 by layer, %: fc1." in summary
    for shift, share in rows.groupby("activation.threshold_shift")["plus_one/fc1"].mean().items():
        (line,) = [line for line in summary.splitlines() if line.startswith(f"| {shift} |")]
        assert f" | 0 | {100 * share:.0f} | " in line


def test_variants_and_fixed_settings(study_file):
    study_file.write_text(
        study_file.read_text().replace("seeds = [0, 1]", "seeds = [4]")
        + '[set]\n"training.epochs" = 2\n[[variants]]\nname = "a"\n[[variants]]\nname = "b"\n'
        'set = { "activation.ste" = "approx_sign", "training.epochs" = 1 }\n'
    )
    rows = load_study(study_file).rows()
    assert [(row.variant, row.config.training.epochs, row.config.activation.ste, row.seed) for row in rows] == [
        ("a", 2, "clipped_identity", 4),
        ("a", 2, "clipped_identity", 4),
        ("b", 1, "approx_sign", 4),
        ("b", 1, "approx_sign", 4),
    ]
    assert len({row.id for row in rows}) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("configs =", "config =", r"tiny.toml: configs: Field required"),
        ('"activation.threshold_shift"', '"activation.shift"', r"activation\.shift"),
        ("seeds = [0, 1]", "seeds = [-1]", r"seeds"),
        ("name =", "name ", r"cannot be read"),
        ("seeds = [0, 1]", "seeds = [" + "0," * 30000 + "]", r"rows, may have 10,000; vary less"),
        ("configs = [", 'configs = ["a\\u0000b", ', r"null byte|no such config"),
        ("seeds = [0, 1]", "x" + ".x" * 20000 + " = 1", r"more than 300 dots"),
    ],
)
def test_bad_studies_are_refused(study_file, old, new, message):
    study_file.write_text(study_file.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        load_study(study_file)


def test_an_unknown_study_lists_the_shipped_ones():
    with pytest.raises(StudyError, match=r"shipped: .*shift-digits"):
        load_study("dancing")


def test_shipped_studies_are_studies():
    folder = Path(load_study.__code__.co_filename).parent / "studies"
    names = [file.stem for file in folder.glob("*.toml")]
    assert "shift-tfc" in names
    for name in names:
        assert load_study(name).name == name


def test_points_by_hand(study_file):
    rows = load_study(study_file).rows()
    accuracies = [0.5, 0.7, 0.9, None]
    results = [
        (
            row,
            RowFigures(status="done", config_hash=row.config.hash, accuracy=value, mismatches=1)
            if value
            else RowFigures(status="failed", config_hash=row.config.hash, error="x"),
        )
        for row, value in zip(rows, accuracies, strict=True)
    ]
    first, second = points(results)
    assert (first.mean, first.deviation, first.seeds, first.mismatches) == (
        pytest.approx(0.6),
        pytest.approx(0.1414, abs=1e-4),
        2,
        2,
    )
    assert (second.mean, second.deviation, second.failed) == (0.9, None, 1)
    assert json.dumps(first.to_json())
