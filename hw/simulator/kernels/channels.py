"""Channels of values put side by side, for concatenation and for channels that are added."""

from __future__ import annotations

from hw.simulator.kernels.bits import Words, copy_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.integers import Stored
from hw.simulator.kernels.numbers import TILE, load_numbers, number_at, place_of, put_number, store_numbers


@compiled
def copy_bit_channels(
    source: Words,
    source_frame: int,
    source_position: int,
    channels: int,
    count: int,
    positions: int,
    out: Words,
    out_frame: int,
    out_position: int,
    first: int,
) -> None:
    """Copy the bits of all channels of every position to channels from ``first`` on, which are 0.

    Args:
        source: the bits to copy, and spare words.
        source_frame: bits from one frame to the next; 0 where all positions read the same ones.
        source_position: bits from one position to the next; 0 likewise.
        channels: bits to copy for each position.
        count: number of frames.
        positions: of a frame.
        out: the output bits, and spare words.
        out_frame: bits from one frame of ``out`` to the next.
        out_position: bits from one position of ``out`` to the next.
        first: channel of ``out``.
    """
    for frame in range(count):
        for position in range(positions):
            target = frame * out_frame + position * out_position + first
            copy_bits(out, target, source, frame * source_frame + position * source_position, channels)


@compiled
def copy_number_channels(words: Words, source: Stored, positions: int, result: Stored, first: int) -> None:
    """Copy the integers of all channels of so many positions, of all frames, to channels from ``first`` on."""
    memory = place_of(words)
    whole = source.channels % TILE == 0 and first % TILE == 0
    for position in range(positions):
        read, written = source.first + position * source.stride, result.first + position * result.stride + first
        if whole:
            for channel in range(0, source.channels, TILE):
                numbers = load_numbers(memory, read + channel, source.short)
                store_numbers(memory, written + channel, result.short, numbers)
        else:
            for channel in range(source.channels):
                put_number(memory, written + channel, result.short, number_at(memory, read + channel, source.short))


@compiled
def fill_number_channels(words: Words, number: int, positions: int, result: Stored, first: int, channels: int) -> None:
    """Write an integer to so many channels from ``first`` on of so many positions."""
    memory = place_of(words)
    for position in range(positions):
        written = result.first + position * result.stride + first
        for channel in range(channels):
            put_number(memory, written + channel, result.short, number)
