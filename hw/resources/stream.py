"""The units between the matrices: memories are counted; counters, pointers and multiplexers are fitted."""

from __future__ import annotations

from math import ceil, gcd

from hw.resources.count import Resources, counter_bits, lut_ram_luts
from hw.units.rom import bram18_count, rom_luts
from hw.units.units import Conversion, Fifo, LabelSelect, Pool, Quantizer, ScoreMap, WidthConverter, Window

LUT_RAM_BITS = 2048
"""Up to this size Yosys makes LUT RAM of a window's buffer."""

LUT_ROM_BITS = 12_000
"""Up to about this size Yosys makes LUTs of a score table."""


def window_resources(unit: Window) -> Resources:
    """``swu``."""
    width, depth, conv = unit.input.width, unit.buffer_beats, unit.conv
    (_, columns, channels), (kernel_rows, kernel_columns) = unit.shape, conv.kernel
    top, left, _, right = conv.padding
    words = channels // unit.input.lanes
    ahead = (2 * kernel_rows + 2 * conv.stride[0] + 2) * (columns + left + right + 1) * words
    behind = depth + (top * columns + left) * words + 1
    pointer = (max(ahead, behind) - 1).bit_length() + 1  # PointerWidth in askew_swu.sv
    output_rows, output_columns, _ = conv.output_shape(unit.shape)
    sizes = (words, kernel_rows, kernel_columns, output_rows, output_columns)
    counters = sum(counter_bits(size) for size in sizes)
    padded = any(conv.padding)
    luts = 12 + 5.1 * pointer + 2.2 * counters + (23 + 0.8 * width) * padded
    ffs = -8 + 6 * pointer + 0.8 * counters + 12 * padded
    if width * depth > LUT_RAM_BITS:
        return Resources(round(luts), round(ffs), bram18_count(width, depth))
    return Resources(round(luts) + lut_ram_luts(width, depth), round(ffs) + width)


def pool_resources(unit: Pool) -> Resources:
    """``maxpool``."""
    lanes, (kernel_rows, kernel_columns) = unit.input.lanes, unit.pool.kernel
    words = unit.shape[2] // lanes
    _, output_columns, _ = unit.pool.output_shape(unit.shape)
    sizes = (words, *unit.walk_size(unit.pool, unit.shape), output_columns * words)
    counters = sum(counter_bits(size) for size in sizes)
    history = (kernel_columns - 1) * lanes
    shifted = words > 2  # from three places on, Yosys makes a shift register in LUTs of them
    luts = 20 + 0.8 * counters + 2.9 * (kernel_rows - 1) * lanes + 1.6 * history * ceil(words / 16) * shifted
    luts += lut_ram_luts((kernel_rows - 1) * lanes, output_columns * words) if kernel_rows > 1 else 0
    ffs = 8 + 1.1 * counters + lanes + (history * words if not shifted else 0)
    return Resources(round(luts), round(ffs))


def converter_resources(unit: WidthConverter) -> Resources:
    """``width_converter``: shifts up to a wider beat, selects of a wider one, or both where neither width divides."""
    source, sink = unit.input.width, unit.output.width
    step = gcd(source, sink)
    sources, sinks = source // step, sink // step
    if sources == sinks:
        return Resources()
    capacity = sources + sinks - 1
    level = capacity.bit_length()
    if sources == 1:
        return Resources(level + 3, sink + level + 1)
    if sinks == 1:
        return Resources(sink * ceil(sources / 4) + round(5.5 * level), source + level + 1 + counter_bits(sources))
    selected = 1.0 if max(sources, sinks) <= 3 else 1.6 if min(sources, sinks) <= 2 else 2.3
    return Resources(6 + 3 * level + round(selected * capacity * step), capacity * step + level + 1)


def fifo_resources(unit: Fifo) -> Resources:
    """``stream_fifo`` in LUT RAM."""
    address = counter_bits(unit.depth)
    return Resources(
        lut_ram_luts(unit.input.width + 1, unit.depth) + 5 + round(4.8 * address), 3 + round(3.9 * address)
    )


def label_resources(unit: LabelSelect) -> Resources:
    """``label_select``: a comparator and a multiplexer for every lane but one, and for the best so far."""
    score, lanes, label = unit.input.bits, unit.input.lanes, unit.output.bits
    several = unit.input.beats > 1
    luts = (lanes - 1) * (1.65 * score + 2.2) + 1.9 * score * several
    return Resources(round(luts), 2 + score + label * (1 + several))


def score_resources(unit: ScoreMap) -> Resources:
    """``score_map``: a ROM a lane."""
    lanes, bits, words = unit.input.lanes, unit.output.bits, unit.entries * unit.input.beats
    address = counter_bits(words)
    if words * bits > LUT_ROM_BITS:
        return Resources(lanes * address + 4 * address, 2 * address, lanes * bram18_count(bits, words))
    return Resources(lanes * rom_luts(bits, words) + 2 * address, lanes * bits + address * (unit.input.beats > 1) + 2)


def quantizer_resources(unit: Quantizer) -> Resources:
    """``input_quantizer``: nothing, a comparator, or four LUTs a bit of table for every pixel.

    Where channels differ, a lane has a table for every beat of a period, or a comparator with a small ROM.
    """
    lanes, bits = unit.input.lanes, unit.output.bits
    luts = 0
    if unit.conversion is Conversion.THRESHOLD:
        pixel = unit.pixel
        compared = 8 - ((pixel & -pixel).bit_length() - 1)  # the bits above the lowest 1 decide
        luts = 0 if pixel in (0, 256) or compared == 1 else 1 if compared <= 6 else 3
    elif unit.conversion is Conversion.TABLE:
        luts = 4 * bits
    elif unit.conversion is Conversion.THRESHOLDS:
        luts = 3 if unit.period == 1 else min(2 * unit.period, 4 + rom_luts(9, unit.period))
    elif unit.conversion is Conversion.TABLES:
        luts = 4 * bits * unit.period
    counter = counter_bits(unit.period) if unit.period > 1 else 0
    return Resources(lanes * luts + 2 + 2 * counter, lanes * bits + 2 + counter)
