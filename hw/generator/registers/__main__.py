"""``python -m hw.generator.registers``: write the table of registers as SystemVerilog, C++ and documentation."""

from __future__ import annotations

import sys

from hw.generator.registers.emit import ROOT, emitted


def main() -> int:
    """0."""
    for path, text in emitted().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
