"""The whole files: a small run of everything that a stage writes, made by the commands themselves."""

import json
import shutil
from pathlib import Path

from bnn.chain import as_chain
from bnn.files import write_figures
from bnn.serialize import load_network
from flow.cli.main import run as askew
from tests.support import runs

CONFIG = runs.CONFIG.replace("{ dense = 32 }, { dense = 24 }", "{ dense = 16 }, { dense = 8 }")


def make_run(folder: Path) -> Path:
    """Train and export a small network into ``folder``, with the figures of every stage."""
    return complete(runs.exported(folder, CONFIG))


def complete(run: Path) -> Path:
    """Add what is wanting to an exported run: fewer golden frames, a folding, and figures of stages that take long."""
    assert askew(["simulate", "--run", str(run), "--frames", "20", "--backend", "numpy"]) == 0
    assert askew(["ladder", "--run", str(run), "--rungs", "numpy", "--frames", "20"]) == 0
    assert askew(["fold", "--run", str(run), "--board", "Pynq-Z2", "--target-fps", "1000"]) == 0
    network = load_network(run / "network.npz")
    names = [layer.name for layer in as_chain(network).layers]
    same = {"network_hash": network.hash, "askew_version": "1", "board": "Pynq-Z2", "clock_mhz": 100.0, "frames": 20}
    states = {"busy": 5, "blocked": 0, "starved": 2}
    simulated = {name: {"predicted": states, "measured": states, "busy_share": 0.5} for name in names}
    cycles = {"mismatches": 0, "frame_ii_cycles": 64, "latency_cycles": 200}
    write_figures(run / "rtlsim.json", {**same, **cycles, "layers": simulated})
    counted = {"lut": 7, "bram18": 1}
    estimated = {name: {**counted, "cycles": 9, "nodes": {}} for name in names}
    (run / "finn").mkdir(exist_ok=True)
    write_figures(run / "finn" / "estimate.json", {**same, **cycles, "resources": counted, "layers": estimated})
    placed = {"resources": counted, "layers": dict.fromkeys(names, counted)}
    board = {
        "frames": 20,
        "mismatches": 0,
        "frames_per_second": {"1": 9.5},
        "latency_seconds": 0.001,
        "clock_mhz": 100.0,
    }
    parts = {"post_synthesis": placed, "board": board, "rtlsim": cycles, "missing": {"hls": "make bitstream"}}
    write_figures(run / "finn" / "results.json", {**same, **parts})
    _add_study(run)
    return run


def _add_study(run: Path) -> None:
    from flow.run.figures import RowFigures
    from flow.study import load_study
    from flow.study.table import write_tables

    folder = run / "study"
    folder.mkdir(exist_ok=True)
    study = 'name = "s"\nconfigs = ["digits"]\nseeds = [0, 1, 2]\n[vary]\n"activation.threshold_shift" = [0.0, 0.5]\n'
    (folder / "study.toml").write_text(study)
    loaded = load_study(folder / "study.toml")
    results = [
        (
            row,
            RowFigures(
                config_hash=row.config.hash, status="done", kind="integer", accuracy=0.9 + n / 100, mismatches=0
            ),
        )
        for n, row in enumerate(loaded.rows())
    ]
    write_tables(loaded, results, folder)


def copied(run: Path, folder: Path) -> Path:
    """A completed copy of an exported run."""
    shutil.copytree(run, folder)
    assert json.loads((folder / "export.json").read_text())
    return complete(folder)
