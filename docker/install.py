"""Install some of requirements.lock into the environment that runs this: those that a list names, at its versions.

python docker/install.py docker/finn-packages.txt
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import bootstrap  # noqa: E402 - it lies beside, not in a package


def chosen(lock: str, names: list[str]) -> list[str]:
    """The lines of ``lock`` for ``names``; SystemExit where it has none for one of them."""
    pinned = {line.partition("==")[0].lower(): line for line in lock.splitlines() if "==" in line}
    missing = [name for name in names if name.lower() not in pinned]
    if missing:
        sys.exit(f"install: requirements.lock has no {', '.join(missing)}")
    return [pinned[name.lower()] for name in names]


def main() -> None:
    """Install the chosen lines without their dependencies: the lock is complete."""
    names = Path(sys.argv[1]).read_text(encoding="utf-8").split()
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("\n".join(chosen(bootstrap.LOCK.read_text(encoding="utf-8"), names)))
        requirements.flush()
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-cache-dir"]
        bootstrap.run([*pip, "--no-deps", *bootstrap.torch_index_options(), "--requirement", requirements.name])


if __name__ == "__main__":
    main()
