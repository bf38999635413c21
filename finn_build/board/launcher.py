"""Run by hand on the board; see ``finn_build/board/validate.py``, which is copied beside it."""

import sys
from pathlib import Path

from finn_build.board.command import COMMAND, OLDEST_PYTHON


def launch() -> int:
    """Status 2 with one line under a Python that cannot run the rest; else what the rest gives."""
    reason = ""
    if sys.version_info < OLDEST_PYTHON:
        reason = f"needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or later"
    else:
        try:
            import numpy  # noqa: F401, PLC0415 - only asked for
        except ImportError:
            reason = "NumPy is not installed"
    if reason:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.stderr.write(
            f"validate: {reason}, this is Python {version} at {sys.executable}; on a board with PYNQ 3.0 or later run "
            f"`{COMMAND}`\n"
        )
        return 2
    from finn_build.board.validate import main  # noqa: PLC0415 - an older Python cannot read it

    return main(Path(__file__).resolve().parent)


if __name__ == "__main__":
    sys.exit(launch())
