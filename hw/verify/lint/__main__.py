"""``python -m hw.verify.lint``: every SystemVerilog module alone, with Verilator and slang."""

from __future__ import annotations

import sys

from bnn import UserError
from hw.verify.lint.check import lint_with_slang, lint_with_verilator
from hw.verify.lint.modules import modules, settings


def main() -> int:
    """0 when nothing is wrong, 1 when something is, 2 when a linter is missing."""
    try:
        wrong = [*lint_with_verilator(), *lint_with_slang()]
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for text in wrong:
        sys.stdout.write(f"{text}\n")
    if not wrong:
        count = sum(len(settings(module)) for module in modules())
        sys.stdout.write(
            f"{len(modules())} modules with {count} sets of parameters: Verilator and slang find nothing\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
