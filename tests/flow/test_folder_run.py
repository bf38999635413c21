"""A run on a folder of images says what was done to them. The oracle: the files on disk, and sentences written out."""

import json

import numpy as np
import pytest
from PIL import Image

from flow.cli.main import run as askew

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*")

CONFIG = """
name = "tiny"
[data]
name = "{folder}"
resize = [6, 8]
[network]
input_bits = 1
layers = [{{ dense = 4 }}]
[training]
epochs = 1
batch_size = 8
"""


def test_train_export_and_report_say_what_was_done_to_the_images(tmp_path, capsys):
    random = np.random.default_rng(5)
    for split, count in (("train", 9), ("val", 3)):
        for name, offset in (("light", 128), ("dark", 0)):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(offset, offset + 128, (12 + index, 16), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / split / name / f"{index}.png")
    (tmp_path / "tiny.toml").write_text(CONFIG.format(folder=tmp_path / "pets"))
    run = tmp_path / "run"
    done = "rescaled to 6 x 8 (bilinear); one channel, as every file is grey"
    for command in (["train", "--config", str(tmp_path / "tiny.toml"), "--threads", "1"], ["export"]):
        assert askew([*command, "--run", str(run)]) == 0
        assert f"{command[0]}: images: {done}" in capsys.readouterr().err.replace("\n", " ")
    exported = json.loads((run / "export.json").read_text())
    assert (exported["images"], exported["class_names"]) == (done, ["dark", "light"])
    golden = np.load(run / "golden" / "input.npy")
    paths = [tmp_path / "pets" / "val" / name / f"{index}.png" for name in ("dark", "light") for index in range(3)]
    expected = [np.asarray(Image.open(path).resize((8, 6), Image.Resampling.BILINEAR)) for path in paths]
    np.testing.assert_array_equal(golden[..., 0], expected)

    assert askew(["report", "--run", str(run)]) == 0
    report = json.loads((run / "report.json").read_text())
    sentence = f"Images: {done}. Labels 0 to 1 are the classes dark, light."
    assert report["network"]["images"] == sentence
    assert report["classes"] == ["dark", "light"]
    assert sentence in (run / "report.md").read_text()
    assert sentence in (run / "report.html").read_text()
