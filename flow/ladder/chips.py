"""The rungs of a chip: the whole of it, serial line included, before synthesis, after it, and placed and routed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of
from bnn.errors import UserError
from flow.ladder.compare import Comparison
from flow.run.folder import RunFolder, same_hash

NETLISTS = {"top": None, "netlist": "netlist.json", "routed": "routed.json"}
"""Rung to what of it lies in `fpga/`; None: the SystemVerilog."""


class ChipRung:
    """What `askew implement` made of the run, in Verilator: frames go in and answers come out bit by bit."""

    default_frames: int | None = 20
    comparison = Comparison.SCORES

    def __init__(self, name: str, run: RunFolder) -> None:
        from flow.stages.hardware import build_folder  # noqa: PLC0415 - Numba takes a second to import

        self.name = name
        self._run = run
        self._chain = run.chain()
        self._folder = run.require(run.path / "fpga" / "chip", "implement")
        self._build_folder = build_folder()
        self._netlist: Path | None = None
        if (file := NETLISTS[name]) is not None:
            self._netlist = run.path / "fpga" / file
            if not self._netlist.exists():
                raise UserError(
                    f"rung {name!r}: the flow of this implementation wrote no netlist that can be simulated here; "
                    "the rung top simulates the chip before synthesis"
                )

    def scores(self, images: NDArray[np.uint8], progress: Any = None) -> NDArray[Any]:
        """Integer scores, as the chip sends them.

        Raises:
            UserError: the chip says that it computes another network, or a label is not that of its scores.
        """
        from hw.fpga.simulated import SIMULATED_REPEATS, SimulatedLine, chip_executable  # noqa: PLC0415
        from hw.rtlsim.build import Effort  # noqa: PLC0415
        from hw.rtlsim.simulation import scores_of_stream  # noqa: PLC0415
        from hw.uart.client import Client  # noqa: PLC0415

        effort = Effort.for_cycles(images.size * 200)  # a byte on the line is some 170 cycles
        executable = chip_executable(self._folder, self._build_folder, self._netlist, effort)
        with SimulatedLine.of(executable, self._folder) as line:
            client = Client(line)
            same_hash(self._chain.hash, client.identity.network_hash, str(self._run.network_file), "the chip")
            answers = client.run(images, progress, SIMULATED_REPEATS)
        scores = scores_of_stream(self._chain, answers.scores)
        wrong = np.flatnonzero(answers.labels != classes_of(scores))
        if len(wrong):
            raise UserError(f"rung {self.name!r}: the label of frame {wrong[0]} is not that of the chip's own scores")
        return scores

    def trace(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Its scores alone, under the last layer's name: nothing else leaves the chip."""
        return {self._chain.layers[-1].name: self.scores(images)}
