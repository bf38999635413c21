"""Write requirements.lock anew: every pinned package with the hashes of all files of that version.

    .venv/bin/python tools/lock.py [NAME==VERSION ...]

Keeps the versions that stand there, puts those that are given in their place or adds them, and takes the hashes from
the package index that uv (an installer, as pip is) is set up for. Nothing is resolved: a new package's own requirements
must be named too; `uv pip compile pyproject.toml` lists them.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

import bootstrap

HEADER = """\
# Every package at the version that was tested together, with the SHA-256 of every file of that version. Installed with
# --no-deps and --require-hashes by tools/bootstrap.py, so nothing outside this list can enter, and nothing else under
# its name. torch is not here but in requirements-torch.txt. Written by tools/lock.py: do not edit the hashes.
# finn-plus asks for an older brevitas, and for cmake, pybind11 and cbcbox that only its multi-FPGA parts use:
# `pip check` mentions them, harmlessly.
"""


def main() -> None:
    """Ask for the hashes and write the file, whole or not at all."""
    if importlib.util.find_spec("uv") is None:
        bootstrap.fail(f"uv is not installed; run `{sys.executable} -m pip install uv`")
    pins = {name: pin.requirement for name, pin in bootstrap.read_lock(bootstrap.LOCK).items()}
    for requirement in sys.argv[1:]:
        name, separator, _ = requirement.partition("==")
        if not separator:
            bootstrap.fail(f"{requirement}: must be NAME==VERSION")
        pins[bootstrap.canonical(name)] = requirement
    pins.pop("torch", None)
    with tempfile.TemporaryDirectory() as folder:
        wanted, locked = Path(folder) / "wanted.in", Path(folder) / "locked.txt"
        wanted.write_text("".join(f"{pins[name]}\n" for name in sorted(pins)), encoding="utf-8")
        uv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-deps", "--generate-hashes"]
        options = ["--no-header", "--no-annotate", "--python-version", "3.11", "--output-file", str(locked)]
        bootstrap.run([*uv, *options, str(wanted)])
        text = HEADER + locked.read_text(encoding="utf-8")
    temporary = bootstrap.LOCK.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(bootstrap.LOCK)
    print(f"lock: {len(pins)} packages in {bootstrap.LOCK.name}")


if __name__ == "__main__":
    main()
