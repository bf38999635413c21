"""Which JSON files there are, who writes them and what describes them."""

from __future__ import annotations

from typing import NamedTuple

from finn_build.results.figures import EstimateFigures, FinnFoldingFigures, ResultsFigures
from finn_build.results.form import Part
from flow.run.figures.bench import RtlBench, SimulatorBench, TrainingBench
from flow.run.figures.board_run import BoardRunFigures
from flow.run.figures.export import ExportFigures
from flow.run.figures.folding import FoldingFigures
from flow.run.figures.golden import GoldenManifest
from flow.run.figures.implement import ImplementFigures
from flow.run.figures.ladder import LadderFigures
from flow.run.figures.pynq import OverlayFigures, OverlayResults
from flow.run.figures.record import StageRecord
from flow.run.figures.report import ReportFigures
from flow.run.figures.rtlsim import RtlsimFigures
from flow.run.figures.shift_cost import ShiftCostFigures
from flow.run.figures.simulate import SimulateFigures
from flow.run.figures.study import RowFigures, StudySummary
from flow.run.figures.zoo import ZooIndex


class JsonFile(NamedTuple):
    """A JSON file that users script.

    Attributes:
        path: below ``runs/NAME``, or below a study's or a benchmark's folder; the zoo's in the package.
        written_by: the commands.
        model: describes it.
        schema: name of its JSON schema, without ``.json``.
    """

    path: str
    written_by: str
    model: type[Part]
    schema: str


FILES = (
    JsonFile("export.json", "askew export, import, zoo get", ExportFigures, "export"),
    JsonFile("golden/manifest.json", "askew export, import, zoo get", GoldenManifest, "golden-manifest"),
    JsonFile("simulate.json", "askew simulate", SimulateFigures, "simulate"),
    JsonFile("ladder.json", "askew ladder", LadderFigures, "ladder"),
    JsonFile("folding.json", "askew fold", FoldingFigures, "folding"),
    JsonFile("rtlsim.json", "askew rtlsim", RtlsimFigures, "rtlsim"),
    JsonFile("fpga/implement.json", "askew implement", ImplementFigures, "implement"),
    JsonFile("fpga/board.json", "askew board run", BoardRunFigures, "board-run"),
    JsonFile("pynq/bitstream.json", "askew pynq bitstream", OverlayFigures, "pynq-bitstream"),
    JsonFile("pynq/results.json", "askew pynq results", OverlayResults, "pynq-results"),
    JsonFile("shift_cost.json", "askew shift-cost", ShiftCostFigures, "shift_cost"),
    JsonFile("finn/folding.json", "askew finn fold", FinnFoldingFigures, "finn-folding"),
    JsonFile("finn/estimate.json", "askew finn estimate", EstimateFigures, "finn-estimate"),
    JsonFile("finn/results.json", "askew finn results, askew bitstream", ResultsFigures, "finn-results"),
    JsonFile("report.json", "askew report", ReportFigures, "report"),
    JsonFile("stages/STAGE.json", "every stage", StageRecord, "stage"),
    JsonFile("STUDY/rows/ID.json", "askew study", RowFigures, "study-row"),
    JsonFile("STUDY/summary.json", "askew study", StudySummary, "study-summary"),
    JsonFile("flow/zoo/networks/index.json", "python -m flow.zoo", ZooIndex, "zoo-index"),
    JsonFile("OUT/simulator.json", "askew bench simulator", SimulatorBench, "bench-simulator"),
    JsonFile("OUT/training.json", "askew bench training", TrainingBench, "bench-training"),
    JsonFile("OUT/rtl.json", "askew bench rtl", RtlBench, "bench-rtl"),
)
