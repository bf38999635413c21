"""Cells and tables of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Table = tuple[list[str], list[tuple[str, ...]]]
"""Header and rows."""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(header) - 1)) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def percent(fraction: float | None) -> str:
    """A share as a percentage with two digits; a dash where it is not known."""
    return "-" if fraction is None else f"{fraction:.2%}"


def signed(fraction: float | None) -> str:
    """A difference of two shares in percentage points, with its sign; a dash where it is not known."""
    return "-" if fraction is None else f"{round(100 * fraction, 2) + 0.0:+.2f}"  # no -0.00


def number(value: float | None) -> str:
    """A number with commas, at most two digits after the point; a dash where it is not known."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
