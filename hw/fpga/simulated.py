"""A chip in Verilator, its serial line at the other end of a pipe: before synthesis, after it, or placed and routed."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from hw.fpga.cells import NetlistError, simulable
from hw.fpga.chip import CHIP, CHIP_MANIFEST, SOURCES
from hw.generator.design import RTL_FOLDER
from hw.rtlsim.build import (
    Effort,
    chunks,
    compile_objects,
    compiler_identity,
    find_compiler,
    run_tool,
    verilator_root,
    verilator_version,
)
from hw.synth.yosys import complaint, find_yosys
from hw.uart.protocol import LineError

FOLDER = Path(__file__).parent
HARNESS = FOLDER / "harness" / "line.cpp"
STUBS = FOLDER / "sim"
EXECUTABLE = "line"
DRIFT_PPM = 5000  # the computer's clock beside the chip's: what crystals allow is a tenth of it
CONVERTED = "netlist.v"
LONGEST_FUNCTION = 500  # statements: a netlist is one long function else, which compilers take long for
SIMULATED_REPEATS = (8, 24)  # of a frame, to measure the rate


def chip_executable(
    folder: Path, build_dir: Path, netlist: Path | None = None, effort: Effort = Effort.FAST_RUN
) -> Path:
    """The executable that simulates a chip, built unless ``build_dir`` has it already.

    Args:
        folder: what ``Chip.write`` wrote; the executable is to run in it, where the memory files are.
        build_dir: holds one folder per executable, named after the hash of everything that it was made from.
        netlist: JSON of Yosys or nextpnr; None: the SystemVerilog in ``folder``.
        effort: of the C++ compiler.

    Raises:
        NetlistError: it has cells without a model, or Yosys cannot read it.
        RtlSimulationError: no Verilator, no C++ compiler, or one of them failed.
    """
    compiler, root = find_compiler(), verilator_root()
    names = (folder / SOURCES).read_text(encoding="utf-8").split() if netlist is None else []
    inputs = [netlist] if netlist else [folder / name for name in names]
    digest = hashlib.sha256(compiler_identity(compiler).encode() + verilator_version().encode() + effort.value.encode())
    for path in [*inputs, HARNESS, *sorted(STUBS.iterdir()), Path(__file__), FOLDER / "cells.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = build_dir.absolute() / f"chip-{digest.hexdigest()[:24]}"
    if (target / EXECUTABLE).exists():
        return target / EXECUTABLE
    build_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".chip-", dir=build_dir) as name:
        work = Path(name)
        if netlist:
            ports = convert(netlist, work)
            sources = [CONVERTED]
        else:
            sources = [str(path.absolute()) for path in inputs]
            sources += [str(path) for path in (STUBS / "EHXPLLL.sv", STUBS / "PLLE2_BASE.sv")]
            sources += [str(path) for path in sorted((RTL_FOLDER / "sim").glob("*.sv"))]
            ports = _port_names(folder / f"{CHIP}.sv")
        (work / "chip_pins.h").write_text(_pins(ports), encoding="utf-8")
        options = ["--cc", "--top-module", CHIP, "--prefix", "Vchip", "--Mdir", "model", "-O3", "--x-assign", "fast"]
        options += ["--x-initial", "fast", "--no-assert", "-Wno-fatal", "-Wno-lint"]
        options += ["--output-split-cfuncs", str(LONGEST_FUNCTION)]
        include = ["-I" + str((folder / "rtl").absolute())] if netlist is None else []
        run_tool([str(root / "bin" / "verilator_bin"), *options, *include, *sources], work, "verilator")
        shutil.copyfile(HARNESS, work / HARNESS.name)
        runtime = [root / "include" / name for name in ("verilated.cpp", "verilated_threads.cpp")]
        units = [*chunks(work, [HARNESS.name]), *runtime]
        flags = [effort.value, "-std=c++20", "-march=native", "-w", "-DVM_TRACE=0", "-DVM_COVERAGE=0", "-DVM_SC=0"]
        objects = compile_objects(compiler, [*flags, "-DVM_TIMING=0"], root, units, work)
        finished = work / "finished"
        finished.mkdir()
        run_tool([compiler, *objects, "-pthread", "-o", str(finished / EXECUTABLE)], work, "linker")
        if not target.exists():
            finished.replace(target)
    return target / EXECUTABLE


def convert(netlist: Path, work: Path) -> list[str]:
    """Write a netlist as Verilog without instances to ``work/netlist.v``, with Yosys' own models of the cells.

    Returns:
        The names of its ports.
    """
    modules = json.loads(netlist.read_text(encoding="utf-8"))["modules"]
    if not modules:
        raise NetlistError(f"{netlist}: no module in it")
    chosen = CHIP if CHIP in modules else next(iter(modules))
    module = simulable(modules[chosen])
    (work / "netlist.json").write_text(json.dumps({"creator": "askew", "modules": {CHIP: module}}), encoding="utf-8")
    shutil.copyfile(STUBS / "askew_ecp5_ram.sv", work / "askew_ecp5_ram.sv")
    script = [
        "read_verilog -DNO_INCLUDES -overwrite +/ecp5/cells_sim.v",
        "read_verilog -sv askew_ecp5_ram.sv",
        "read_json netlist.json",
        f"hierarchy -check -top {CHIP}",
        "proc",
        "flatten",
        "opt_expr",
        "opt_clean",
        f"write_verilog -noattr {CONVERTED}",
    ]
    (work / "convert.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    command = [find_yosys(), "-q", "-s", "convert.ys"]
    ran = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise NetlistError(f"{netlist}: Yosys cannot read it: {complaint(ran, 'ERROR')}")
    return list(module["ports"])


def _port_names(top: Path) -> list[str]:
    text = top.read_text(encoding="utf-8").split(");")[0]
    return [
        line.strip().rstrip(",").split()[-1]
        for line in text.splitlines()
        if line.strip().startswith(("input", "output"))
    ]


def _pins(ports: list[str]) -> str:
    """What the harness calls the chip's pins."""
    if "reset_i" in ports:
        reset = "chip.reset_i = active"
    elif "rst_ni" in ports:
        reset = "chip.rst_ni = !active"
    else:
        reset = "(void)chip, (void)active"
    return (
        "#define CLOCK clk_i\n#define RECEIVE rx_i\n#define SEND tx_o\n"
        f"inline void hold_reset(Vchip& chip, bool active) {{ {reset}; }}\n"
    )


class SimulatedLine:
    """The serial line to a simulated chip: a ``hw.uart.client.Port``, and a context manager."""

    def __init__(self, executable: Path, folder: Path, bit_cycles: Fraction, patience: int) -> None:
        """Start it.

        Args:
            executable: from ``chip_executable``.
            folder: the chip's, where its memory files are.
            bit_cycles: a bit on the line, in cycles.
            patience: cycles without any answer after which none is waited for.
        """
        command = [str(executable.absolute()), repr(float(bit_cycles)), str(DRIFT_PPM), str(patience)]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._waiting = b""
        self.cycles = 0

    @classmethod
    def of(cls, executable: Path, folder: Path) -> Self:
        """The line to the chip in ``folder``; patience is twice what any answer to the client takes."""
        manifest: dict[str, Any] = json.loads((folder / CHIP_MANIFEST).read_text(encoding="utf-8"))
        bit = Fraction(*manifest["bit_cycles"])
        longest = int(manifest["latency_cycles"] + SIMULATED_REPEATS[-1] * manifest["frame_ii_cycles"] + 100 * bit)
        return cls(executable, folder, bit, 2 * longest)

    def write(self, data: bytes) -> None:
        """Send it; it goes when something is read."""
        self._waiting += data

    def read(self, count: int) -> bytes:
        """So many bytes, or fewer where they do not come."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(struct.pack("<II", len(self._waiting), count) + self._waiting)
            self._process.stdin.flush()
            head = self._process.stdout.read(12)
            length, self.cycles = struct.unpack("<IQ", head)
            self._waiting = b""
            return self._process.stdout.read(length)
        except (OSError, struct.error) as error:
            raise LineError(f"board: the simulated chip ended ({error}); run it again") from error

    def flush(self) -> None:
        """Nothing comes unasked."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
