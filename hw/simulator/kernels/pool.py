"""Pools: the OR of bits, the maximum or the sum of integers."""

from __future__ import annotations

import numpy as np

from hw.simulator.kernels.bits import Words, bits_at, low_bits, set_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.integers import Stored
from hw.simulator.kernels.lanes import add, largest
from hw.simulator.kernels.numbers import TILE, load_numbers, place_of, store_numbers


@compiled
def pool_bits(frames: Words, frame_words: int, count: int, g: Geometry, out: Words, out_words: int) -> None:
    """The OR of every window of every frame; positions outside the image are left out, as bit 0 changes nothing.

    Args:
        frames: the input bits of ``count`` frames of ``frame_words`` words, and spare words.
        frame_words: words of an input frame.
        count: number of frames.
        g: window sizes.
        out: the output bits of ``count`` frames of ``out_words`` words and spare words, all 0.
        out_words: words of an output frame.
    """
    whole_words = g.channels % 64 == 0
    for frame in range(count):
        for y in range(g.out_height):
            top = max(y * g.stride_y - g.top, 0)
            bottom = min(y * g.stride_y - g.top + g.kernel_y, g.height)
            for x in range(g.out_width):
                left = max(x * g.stride_x - g.left, 0)
                right = min(x * g.stride_x - g.left + g.kernel_x, g.width)
                target = frame * out_words * 64 + (y * g.out_width + x) * g.channels
                for channel in range(0, g.channels, 64):
                    bits = np.uint64(0)
                    for in_y in range(top, bottom):
                        source = frame * frame_words * 64 + (in_y * g.width + left) * g.channels + channel
                        for _ in range(left, right):
                            bits |= frames[source >> 6] if whole_words else bits_at(frames, source)
                            source += g.channels
                    if whole_words:
                        out[(target + channel) >> 6] = bits
                    else:
                        set_bits(out, target + channel, bits & low_bits(min(64, g.channels - channel)))


@compiled
def pool_numbers(words: Words, source: Stored, result: Stored, count: int, g: Geometry, is_sum: bool) -> None:
    """The sum or the maximum of every window of every frame, of each channel; only positions inside the image count.

    Args:
        words: where all values lie.
        source: the value that is read.
        result: where the pooled value goes.
        count: number of frames.
        g: window sizes.
        is_sum: the sum, not the maximum.
    """
    memory = place_of(words)
    for frame in range(count):
        first = source.first + frame * g.height * g.width * source.stride
        target = result.first + frame * g.out_height * g.out_width * result.stride
        for y in range(g.out_height):
            top = max(y * g.stride_y - g.top, 0)
            bottom = min(y * g.stride_y - g.top + g.kernel_y, g.height)
            for x in range(g.out_width):
                left = max(x * g.stride_x - g.left, 0)
                right = min(x * g.stride_x - g.left + g.kernel_x, g.width)
                for channel in range(0, source.stride, TILE):
                    place = first + (top * g.width + left) * source.stride + channel
                    pooled = load_numbers(memory, place, source.short)
                    for in_y in range(top, bottom):
                        # The first of a window is in already.
                        for in_x in range(left + (in_y == top), right):
                            place = first + (in_y * g.width + in_x) * source.stride + channel
                            found = load_numbers(memory, place, source.short)
                            pooled = add(pooled, found) if is_sum else largest(pooled, found)
                    store_numbers(memory, target + channel, result.short, pooled)
                target += result.stride
