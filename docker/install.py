"""Install some of requirements.lock into the environment that runs this: those that a list names, at its versions.

python docker/install.py docker/finn-packages.txt
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import bootstrap  # noqa: E402 - it lies beside, not in a package


def chosen(lock: Path, names: list[str]) -> list[str]:
    """The entries of ``lock`` for ``names``, hashes and all; SystemExit where it has none for one of them."""
    pins = bootstrap.read_lock(lock)
    missing = [name for name in names if bootstrap.canonical(name) not in pins]
    if missing:
        sys.exit(f"install: {lock.name} has no {', '.join(missing)}")
    return [pins[bootstrap.canonical(name)].entry for name in names]


def main() -> None:
    """Install the chosen entries without their dependencies: the lock is complete."""
    names = Path(sys.argv[1]).read_text(encoding="utf-8").split()
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-cache-dir",
        "--no-deps",
    ]
    if "torch" in names:  # without hashes, as requirements-torch.txt says
        names.remove("torch")
        bootstrap.install_torch(pip)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
        requirements.write("\n".join(chosen(bootstrap.LOCK, names)) + "\n")
        requirements.flush()
        bootstrap.install_locked(pip, Path(requirements.name))


if __name__ == "__main__":
    main()
