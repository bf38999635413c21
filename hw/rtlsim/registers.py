"""What a simulated design's AXI4-Lite registers held at the end of a run (``hw/rtl/askew_axil_regs.sv``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAGIC = int.from_bytes(b"ASKW")
COUNTERS = {
    "frames_in": 0x10,
    "frames_out": 0x14,
    "input_stalls": 0x18,
    "output_stalls": 0x1C,
    "short_frames": 0x20,
    "long_frames": 0x24,
    "cycles": 0x28,
}
PIN_COUNTERS = ("frames_in", "frames_out", "input_stalls", "output_stalls", "cycles")
HASH = range(0x40, 0x60, 4)


@dataclass(frozen=True)
class Registers:
    """The registers, and what the harness itself counted at the design's pins.

    Attributes:
        magic: ``MAGIC``.
        version: Askew's, a byte a number.
        network_hash: the identity registers, 64 hexadecimal digits.
        has_short_frame: error flag.
        has_long_frame: error flag.
        counters: ``COUNTERS`` name to value; they were read one after the other while frames went on streaming.
        at_pins: ``PIN_COUNTERS`` name to the harness's own count in the cycle in which that register was read.
    """

    magic: int
    version: int
    network_hash: str
    has_short_frame: bool
    has_long_frame: bool
    counters: dict[str, int]
    at_pins: dict[str, int]

    @classmethod
    def of(cls, reads: Sequence[tuple[int, int, int]]) -> Registers:
        """From the harness's reads: (address, value, count at the pins) each."""
        values = {address: value for address, value, _ in reads}
        seen = {address: count for address, _, count in reads}
        return cls(
            magic=values[0x00],
            version=values[0x04],
            network_hash="".join(f"{values[address]:08x}" for address in HASH),
            has_short_frame=bool(values[0x08] & 1),
            has_long_frame=bool(values[0x08] & 2),
            counters={name: values[address] for name, address in COUNTERS.items()},
            at_pins={name: seen[COUNTERS[name]] for name in PIN_COUNTERS},
        )
