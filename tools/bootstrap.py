"""Make the virtual environment from requirements.lock. Standard library only: it runs before anything is installed.

    python3 tools/bootstrap.py [--venv .venv]

Does nothing when the environment already holds this very lock. An interrupted run leaves no stamp, so that the next
one starts over.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
# PyPI's torch for Linux wants gigabytes of GPU packages; this index holds the CPU build of the same version.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def torch_index_options() -> list[str]:
    """Point pip at PyTorch's CPU index where it can be reached; elsewhere pip's own configuration must find a torch."""
    try:
        with urllib.request.urlopen(f"{TORCH_CPU_INDEX}/torch/", timeout=5):
            return ["--extra-index-url", TORCH_CPU_INDEX]
    except (OSError, ValueError):
        return []


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
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = venv / "askew-lock.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"setup: installing the locked packages into {venv} (once, a few minutes)", flush=True)
    stamp.unlink(missing_ok=True)
    if not (venv / "bin" / "python").exists() or not (venv / "bin" / "pip").exists():
        run([sys.executable, "-m", "venv", str(venv)])
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    run([*pip, *torch_index_options(), "--requirement", str(LOCK)])
    run([*pip, "--no-build-isolation", "--editable", str(ROOT)])
    stamp.write_text(wanted)
    print("setup: done", flush=True)


if __name__ == "__main__":
    main()
