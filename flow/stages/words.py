"""What a stage says on standard output."""

from __future__ import annotations

from rich.console import Console


def say(text: str) -> None:
    """One line, whatever its length, as it is."""
    Console(soft_wrap=True, highlight=False, markup=False).print(text)
