"""Commands in the order of the flow, not of the alphabet."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

ORDER = (
    *("doctor", "data", "train", "zoo", "import", "export", "simulate", "ladder", "diff"),
    *("boards", "fold", "rtl", "rtlsim", "implement", "board", "pynq", "shift-cost", "finn", "bitstream", "report"),
    *("run", "status", "runs", "study", "bench"),
)


class InFlowOrder(TyperGroup):
    """A group that lists its commands as a person meets them; what is not in ``ORDER`` comes last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
