"""What bounds a design besides its network: the share of the board that it may take, and how fast pixels arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bnn.chain import Chain
from hw.boards.board import Board
from hw.boards.rates import clock_hz


@dataclass(frozen=True)
class InputLimit:
    """How fast a board's memory can give frames to a design.

    Attributes:
        frame_bytes: of one frame, a byte a pixel and channel.
        bytes_per_second: that the memory gives at most.
        cycles: of the design's clock that a frame takes to arrive.
    """

    frame_bytes: int
    bytes_per_second: Fraction
    cycles: Fraction

    @property
    def frames_per_second(self) -> float:
        """No design is fed faster."""
        return float(self.bytes_per_second / self.frame_bytes)

    def describe(self) -> dict[str, Any]:
        """As in `folding.json`."""
        return {
            "frame_bytes": self.frame_bytes,
            "bytes_per_second": float(self.bytes_per_second),
            "frames_per_second": self.frames_per_second,
            "cycles": float(self.cycles),
        }


def input_limit(network: Chain, board: Board, clock_mhz: float, port_bits: int | None = None) -> InputLimit | None:
    """The limit of a network's frames on a board; None where the board does not say how fast it reads.

    Args:
        network: whose frames.
        board: whose memory.
        clock_mhz: the design's.
        port_bits: of the board's port that the shell uses; None for all.
    """
    bytes_per_second = board.input_bytes_per_second(clock_mhz, port_bits)
    if bytes_per_second is None:
        return None
    frame_bytes = math.prod(network.input.shape)
    return InputLimit(frame_bytes, bytes_per_second, frame_bytes * clock_hz(clock_mhz) / bytes_per_second)


def limits(network: Chain, board: Board | None, clock_mhz: float | None, utilization: float | None) -> dict[str, Any]:
    """The keys of `folding.json` that say what bounded the solver; None where nothing did.

    ``utilization``: share of the board that it might take. ``budget``: that share in LUTs, flip-flops and block RAMs.
    ``input_limit``: what ``InputLimit.describe`` gives.
    """
    share = board.share(utilization) if board and utilization is not None else None
    limit = input_limit(network, board, clock_mhz) if board and clock_mhz is not None else None
    return {
        "utilization": utilization if share else None,
        "budget": {"luts": share.luts, "ffs": share.ffs, "bram18": share.bram18} if share else None,
        "input_limit": limit.describe() if limit else None,
    }


def limit_lines(described: dict[str, Any], board: str | None) -> list[str]:
    """What bounded a folding, in words: one line for the board's share, one for its input."""
    lines = []
    if (share := described.get("utilization")) is not None:
        rest = ": the rest is for the shell around it and for routing; --utilization changes that" if share < 1 else ""
        lines.append(
            f"within {share:.0%} of {board} ({described['budget']['luts']:,} LUTs, {described['budget']['bram18']:,} "
            f"block RAMs of 18 kbit){rest}"
        )
    if limit := described.get("input_limit"):
        line = (
            f"input: {board} reads {limit['bytes_per_second'] / 1e6:,.0f} MB/s at most, {limit['frame_bytes']:,} bytes "
            f"a frame: {limit['frames_per_second']:,.0f} frames/s"
        )
        rate = described.get("frames_per_second")
        if rate is not None and rate > limit["frames_per_second"]:
            line += f"; no more of the design's {rate:,.0f} can come from there"
        lines.append(line)
    return lines
