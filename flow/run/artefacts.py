"""What lies in a run folder: every artefact that one stage makes and another reads, by name."""

from __future__ import annotations

from pathlib import Path

from flow.run.golden import golden_fingerprint
from flow.run.records import fingerprint

GOLDEN = "golden"

ARTEFACTS = {
    "config": "config.toml",
    "checkpoint": "checkpoint.ckpt",
    "model": "model.onnx",
    "network": "network.npz",
    GOLDEN: "golden",
    "export": "export.json",
    "simulate": "simulate.json",
    "ladder": "ladder.json",
    "folding": "folding.json",
    "rtl": "rtl",
    "rtlsim": "rtlsim.json",
    "implementation": "fpga/implement.json",
    "chip": "fpga/chip",
    "netlist": "fpga/netlist.json",
    "routed netlist": "fpga/routed.json",
    "chip bitstream": "fpga/askew_chip.bit",
    "board run": "fpga/board.json",
    "overlay": "pynq/bitstream.json",
    "overlay bitfile": "pynq/askew_overlay.bit",
    "overlay results": "pynq/results.json",
    "finn folding": "finn/folding.json",
    "finn estimate": "finn/estimate.json",
    "finn package": "finn/build/manifest.json",
    "bitfile": "finn/build/output/bitfile",
    "finn results": "finn/results.json",
    "shift cost": "shift_cost.json",
    "report": "report.json",
    "report page": "report.html",
}


def artefact_fingerprint(run: Path, artefact: str, *, thorough: bool = True) -> str | None:
    """What stands for an artefact's content as it lies there now; None where it does not.

    Args:
        run: the run folder.
        artefact: its name.
        thorough: check golden frames block by block; without it, they are checked when they are read.
    """
    path = run / ARTEFACTS[artefact]
    return golden_fingerprint(path, thorough=thorough) if artefact == GOLDEN else fingerprint(path)
