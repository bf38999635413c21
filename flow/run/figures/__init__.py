"""The figures that stages write as JSON, one model a file: stages write through it, readers read through it.

``docs/files.md`` and ``docs/schemas`` are made from here: `python -m flow.run.figures.document`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnn.errors import UserError
from bnn.readers import DamagedFileError
from finn_build.results.figures import EstimateFigures, FinnFoldingFigures, ResultsFigures
from finn_build.results.form import Figures, Part
from flow.run.figures.bench import RtlBench, SimulatorBench, TrainingBench
from flow.run.figures.board_run import BoardRunFigures
from flow.run.figures.export import ExportFigures
from flow.run.figures.folding import FoldingFigures
from flow.run.figures.golden import GoldenManifest
from flow.run.figures.implement import ImplementFigures
from flow.run.figures.ladder import LadderFigures, Rung
from flow.run.figures.pynq import OverlayFigures, OverlayResults
from flow.run.figures.record import StageRecord
from flow.run.figures.report import ReportFigures
from flow.run.figures.rtlsim import RtlsimFigures
from flow.run.figures.shift_cost import ShiftCostFigures
from flow.run.figures.simulate import Fractions, SimulateFigures
from flow.run.figures.study import Axis, Point, RowFigures, StudySummary

__all__ = [
    "OF_STAGE",
    "Axis",
    "BoardRunFigures",
    "EstimateFigures",
    "ExportFigures",
    "Figures",
    "FinnFoldingFigures",
    "FoldingFigures",
    "Fractions",
    "GoldenManifest",
    "ImplementFigures",
    "LadderFigures",
    "OverlayFigures",
    "OverlayResults",
    "Part",
    "Point",
    "ReportFigures",
    "ResultsFigures",
    "RowFigures",
    "RtlBench",
    "RtlsimFigures",
    "Rung",
    "ShiftCostFigures",
    "SimulateFigures",
    "SimulatorBench",
    "StageRecord",
    "StudySummary",
    "TrainingBench",
    "read_figures",
]

OF_STAGE: dict[str, type[Figures]] = {
    "export": ExportFigures,
    "simulate": SimulateFigures,
    "ladder": LadderFigures,
    "folding": FoldingFigures,
    "rtlsim": RtlsimFigures,
    "fpga/implement": ImplementFigures,
    "fpga/board": BoardRunFigures,
    "pynq/bitstream": OverlayFigures,
    "pynq/results": OverlayResults,
    "shift_cost": ShiftCostFigures,
    "finn/estimate": EstimateFigures,
    "finn/results": ResultsFigures,
    "finn/folding": FinnFoldingFigures,
}
"""File below the run folder, without .json."""


def read_figures(
    file: Path, model: type[Part], advice: str, error_type: type[UserError] = DamagedFileError
) -> dict[str, Any]:
    """A stage's figures as `Part.read` checks them, as plain values, for whoever passes them on as they are."""
    return model.read(file, advice, error_type).to_json()
