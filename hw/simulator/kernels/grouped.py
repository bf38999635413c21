"""Convolutions in groups, of bits and of integers, one output after the other: small matrices fill no vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import SPARE_WORDS, Words, copy_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.integers import Stored
from hw.simulator.kernels.lanes import ones_in
from hw.simulator.kernels.numbers import number_at, place_of, put_number


@compiled
def grouped_bits(
    frames: Words,
    frame_words: int,
    count: int,
    g: Geometry,
    groups: int,
    pads: Words,
    weights: Words,
    mw: int,
    words: Words,
    result: Stored,
) -> None:
    """The popcounts of all outputs of all frames.

    Args:
        frames: the input bits of ``count`` frames of ``frame_words`` words, and spare words.
        frame_words: words of an input frame.
        count: number of frames.
        g: window sizes.
        groups: of the convolution.
        pads: bits that a padded position reads as, and spare words.
        weights: (mh * row words,), the rows one after the other.
        mw: matrix width of a group.
        words: where all values lie.
        result: where the popcounts go.
    """
    row_words, group_channels, outputs = (mw + 63) >> 6, g.channels // groups, result.channels // groups
    row = np.zeros(row_words + SPARE_WORDS, np.uint64)
    target, memory = result.first, place_of(words)
    for frame in range(count):
        for position in range(g.out_height * g.out_width):
            y = position // g.out_width * g.stride_y - g.top
            x = position % g.out_width * g.stride_x - g.left
            for group in range(groups):
                row[:] = 0
                bit, channel = 0, group * group_channels
                for in_y in range(y, y + g.kernel_y):
                    for in_x in range(x, x + g.kernel_x):
                        if 0 <= in_y < g.height and 0 <= in_x < g.width:
                            place = frame * frame_words * 64 + (in_y * g.width + in_x) * g.channels + channel
                            copy_bits(row, bit, frames, place, group_channels)
                        else:
                            copy_bits(row, bit, pads, channel, group_channels)
                        bit += group_channels
                for output in range(group * outputs, (group + 1) * outputs):
                    differing = 0
                    for word in range(row_words):
                        differing += ones_in(row[word] ^ weights[output * row_words + word])
                    put_number(memory, target + output, result.short, mw - differing)
            target += result.stride


@compiled
def grouped_numbers(
    words: Words,
    source: Stored,
    count: int,
    g: Geometry,
    groups: int,
    pads: NDArray[np.int32],
    signs: NDArray[np.int8],
    result: Stored,
) -> None:
    """The sums of +-x of all outputs of all frames.

    Args:
        words: where all values lie.
        source: the value that is read.
        count: number of frames.
        g: window sizes.
        groups: of the convolution.
        pads: (c_in,) what a padded position reads as.
        signs: (mh * mw,), -1 and +1, the rows one after the other.
        result: where the sums go.
    """
    group_channels, outputs = g.channels // groups, result.channels // groups
    target, memory = result.first, place_of(words)
    for frame in range(count):
        first = source.first + frame * g.height * g.width * source.stride
        for position in range(g.out_height * g.out_width):
            y = position // g.out_width * g.stride_y - g.top
            x = position % g.out_width * g.stride_x - g.left
            for output in range(result.channels):
                channel = output // outputs * group_channels
                total, weight = 0, output * g.kernel_y * g.kernel_x * group_channels
                for in_y in range(y, y + g.kernel_y):
                    for in_x in range(x, x + g.kernel_x):
                        inside = 0 <= in_y < g.height and 0 <= in_x < g.width
                        place = first + (in_y * g.width + in_x) * source.stride
                        for one in range(channel, channel + group_channels):
                            number = number_at(memory, place + one, source.short) if inside else np.int64(pads[one])
                            total += signs[weight] * number
                            weight += 1
                put_number(memory, target + output, result.short, total)
            target += result.stride
