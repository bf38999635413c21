"""Small trainings on the embedded digits, by the commands themselves."""

from pathlib import Path

from flow.cli.main import run as askew

CONFIG = """
name = "small"
[data]
name = "digits"
[network]
input_bits = 1
input_threshold = 0.5
layers = [{ dense = 32 }, { dense = 24 }]
[activation]
threshold_shift = [0.25, -0.25]
[training]
epochs = 2
batch_size = 64
"""


def exported(folder: Path, config: str = CONFIG) -> Path:
    """`askew train` and `askew export` of a configuration into ``folder/small``; the run."""
    folder.mkdir(parents=True, exist_ok=True)
    file, run = folder / "small.toml", folder / "small"
    file.write_text(config)
    assert askew(["train", "--config", str(file), "--run", str(run), "--threads", "1"]) == 0
    assert askew(["export", "--run", str(run)]) == 0
    return run
