"""``fpga/board.json``: golden frames through our own design on a board, over its serial line."""

from __future__ import annotations

from typing import Literal

from finn_build.results.form import Clock, Count, Figures, Frames, Number, Share, says


class BoardRunFigures(Figures):
    """``fpga/board.json``: what a board answered, and how fast."""

    board: str = says("its name")
    frames: Frames = says("golden frames that were sent", "frames")
    mismatches: Count = says("frames with other scores or another label than golden's", "frames")
    first_mismatch: Count | None = says("index of the first such frame; null where there is none", default=None)
    accuracy: Share | None = says("share of frames answered as labelled; null without labels", "0..1", default=None)
    clock_mhz: Clock = says("of the design, as the chip says", "MHz")
    clock_origin: Literal["routed"] = says("a router confirmed it")
    latency_cycles: Count = says("of a frame in the chip, from its first beat to its label: the median", "cycles")
    predicted_latency_cycles: Count = says("by the cycle model", "cycles")
    frame_ii_cycles: Number = says("between labels while one frame streams again and again", "cycles")
    predicted_frame_ii_cycles: Count = says("by the cycle model", "cycles")
    frames_per_second: Number = says("of the chip, at that interval and clock", "frames/s")
    line_frames_per_second: Number = says("with the serial line, which is slower", "frames/s")
    round_trip_seconds: Number = says("of one frame, line and computer included: the median", "s")
