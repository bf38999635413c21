"""Run by hand on the board; see ``finn_build/board/validate.py``, which is copied beside it."""

import sys
from pathlib import Path

from finn_build.board.validate import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))
