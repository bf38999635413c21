"""Measured costs: taking them, keeping them as data, reading them again."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.resources import Resources
from hw.synth.units import synthesize_units
from hw.synth.yosys import SYNTH, yosys_version

DATA_FOLDER = Path(__file__).parent / "data"
BATCH = 12
"""Units a run of Yosys."""


@dataclass(frozen=True)
class Measured:
    """A unit's specification (in a design: its name) and what Yosys made of it."""

    text: str
    resources: Resources


def read_data(folder: Path = DATA_FOLDER) -> list[Measured]:
    """All measurements that are kept in one folder: ``data`` itself, ``data/held_out`` or ``data/designs``."""
    rows = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                rows.append(Measured(row["unit"], Resources(int(row["luts"]), int(row["ffs"]), int(row["bram18"]))))
    return rows


def measure(texts: Sequence[str], report: Callable[[Measured], None] | None = None) -> list[Measured]:
    """Synthesize these units.

    Args:
        texts: specifications.
        report: is told of each as soon as it is known.

    Raises:
        SpecificationError: a text names no unit.
        SynthError: Yosys is missing or fails.
    """
    measured = []
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        with tempfile.TemporaryDirectory(prefix="askew-synth-") as folder:
            for text, resources in zip(batch, synthesize_units(batch, Path(folder)), strict=True):
                measured.append(Measured(text, resources))
                if report is not None:
                    report(measured[-1])
    return measured


def write_data(name: str, measured: Sequence[Measured], folder: Path = DATA_FOLDER) -> None:
    """Keep measurements as ``NAME.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# Yosys {yosys_version()}: {SYNTH}", "unit,luts,ffs,bram18"]
    lines += [f"{row.text},{row.resources.luts},{row.resources.ffs},{row.resources.bram18}" for row in measured]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
