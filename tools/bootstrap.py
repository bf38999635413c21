"""Make the virtual environment from requirements.lock. Standard library only: it runs before anything is installed.

    python3 tools/bootstrap.py [--venv .venv]

Every file is held to the hashes in the lock, but for torch's, which depends on the index that it comes from
(requirements-torch.txt). Does nothing when the environment already holds this very lock. An interrupted run leaves no
stamp, so that the next one starts over.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
TORCH = ROOT / "requirements-torch.txt"
# PyPI's torch for Linux wants gigabytes of GPU packages; this index holds the CPU build of the same version.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class Pin(NamedTuple):
    """One package of the lock: ``NAME==VERSION``, and its whole entry with the hashes."""

    requirement: str
    entry: str


def canonical(name: str) -> str:
    """A package's name as all its spellings are compared: PyYAML and pyyaml, ml_dtypes and ml-dtypes are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(file: Path) -> dict[str, Pin]:
    """Canonical name to pin, of a lock or of a list without hashes."""
    text = "".join(line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line[:1] != "#")
    entries = re.findall(r"^\S+==(?:.*\\\n)*.*$", text, re.MULTILINE)  # a backslash goes on in the next line
    pins = (Pin(entry.split()[0], entry) for entry in entries)
    return {canonical(pin.requirement.partition("==")[0]): pin for pin in pins}


def torch_index_options() -> list[str]:
    """Point pip at PyTorch's CPU index where it can be reached; elsewhere pip's own configuration must find a torch."""
    try:
        with urllib.request.urlopen(f"{TORCH_CPU_INDEX}/torch/", timeout=5):
            return ["--extra-index-url", TORCH_CPU_INDEX]
    except (OSError, ValueError):
        return []


def install_torch(pip: Sequence[str]) -> None:
    """Install torch, a step of its own: pip holds all files of a step to hashes or none."""
    run([*pip, *torch_index_options(), "--requirement", str(TORCH)])


def install_locked(pip: Sequence[str], lock: Path) -> None:
    """Install what a lock lists, every file held to its hashes."""
    run([*pip, "--require-hashes", "--requirement", str(lock)])


def fail(message: str) -> None:
    """Say in one line what is wrong and stop with status 2."""
    print(f"setup: {message}", file=sys.stderr)
    sys.exit(2)


def run(command: list[str]) -> None:
    """Run one installation step; its own output says more than ours could."""
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        fail(f"this step failed, see above: {' '.join(command)}")


def main() -> None:
    """Create the environment, install the lock and the project itself, and leave a stamp."""
    parser = argparse.ArgumentParser(description="Make Askew's virtual environment from requirements.lock.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where it goes (default: .venv)")
    venv: Path = parser.parse_args().venv
    if sys.version_info < (3, 11):  # noqa: UP036 - it runs before anything could check that
        fail(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}: call make PYTHON=/path/to/python3.11")
    made_from = [LOCK, TORCH, ROOT / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in made_from)).hexdigest()
    stamp = venv / "askew-lock.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"setup: installing the locked packages into {venv} (once, a few minutes)", flush=True)
    stamp.unlink(missing_ok=True)
    if not (venv / "bin" / "python").exists() or not (venv / "bin" / "pip").exists():
        run([sys.executable, "-m", "venv", str(venv)])
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    install_torch(pip)
    install_locked(pip, LOCK)
    run([*pip, "--no-build-isolation", "--editable", str(ROOT)])
    stamp.write_text(wanted)
    print("setup: done", flush=True)


if __name__ == "__main__":
    main()
