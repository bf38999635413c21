"""What a simulated design's AXI4-Lite registers (``hw.generator.registers``) held at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hw.generator.registers import REGISTERS

MAGIC = REGISTERS["magic"].value
COUNTERS = {name: register.address for name, register in REGISTERS.items() if register.counter}
PIN_COUNTERS = ("frames_in", "frames_out", "input_stalls", "output_stalls", "cycles")


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
        errors = REGISTERS["errors"]
        flags = {field.name: bool(values[errors.address] >> field.bit & 1) for field in errors.fields}
        return cls(
            magic=values[REGISTERS["magic"].address],
            version=values[REGISTERS["version"].address],
            network_hash="".join(f"{values[address]:08x}" for address in REGISTERS["network_hash"].addresses),
            has_short_frame=flags["short_frame"],
            has_long_frame=flags["long_frame"],
            counters={name: values[address] for name, address in COUNTERS.items()},
            at_pins={name: seen[COUNTERS[name]] for name in PIN_COUNTERS},
        )
