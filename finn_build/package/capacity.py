"""Whether a design fits its board, by FINN's own estimate: asked before anything is packaged, not after a night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finn_build.errors import FinnError
from finn_build.worker.costs import UnitCost, total_cost


@dataclass(frozen=True)
class Capacity:
    """What a board has for a design: FINN's kinds of resources."""

    board: str
    luts: int
    bram18: int
    dsp: int


def finn_capacity(board: str) -> Capacity | None:
    """What FINN knows of one of its boards, all dies together; None where it knows nothing."""
    from finn.util.platforms import platforms  # noqa: PLC0415

    if board not in platforms:
        return None
    dies = platforms[board]().compute_resources
    luts, _, bram18, _, dsp = (sum(counts) for counts in zip(*dies, strict=True))
    return Capacity(board, int(luts), int(bram18), int(dsp))


def shortages(cost: UnitCost, capacity: Capacity) -> list[str]:
    """Of which resource how much is missing, in words; empty where the design fits."""
    demands = (
        ("LUTs", cost.luts, capacity.luts),
        ("block RAMs of 18 kbit", cost.bram18, capacity.bram18),
        ("DSPs", cost.dsp, capacity.dsp),
    )
    return [
        f"{taken:,} {what}, {taken - offered:,} more than {capacity.board} has ({offered:,})"
        for what, taken, offered in demands
        if taken > offered
    ]


def verify_fits(
    costs: Mapping[str, Sequence[UnitCost]], capacity: Capacity | None, advice: str, *, over_capacity: bool = False
) -> UnitCost:
    """Raise FinnError, in one line, for a design that FINN cannot build; returns what the design takes.

    Args:
        costs: what ``unit_costs`` gave for the design as it is.
        capacity: of the board; None where it is not known.
        advice: what the user can do.
        over_capacity: let pass what is larger than the board.
    """
    total = total_cost([cost for listed in costs.values() for cost in listed])
    short = shortages(total, capacity) if capacity and not over_capacity else []
    if short:
        raise FinnError(
            f"finn: the design does not fit: FINN estimates {'; and '.join(short)}; {advice}, or add --over-capacity "
            "to package it all the same"
        )
    for name, listed in costs.items():
        for cost in listed:
            if cost.problem:
                raise FinnError(f"finn: {name} cannot be built ({cost.problem.rstrip('.')}); {advice}")
    return total
