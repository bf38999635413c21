"""Dense layers and convolutions with integer input: sums of +-x.

Vectors run over output positions, or over frames in a dense layer, so that an input is one vector. The 16 sums that
four inputs can make are made once; then each output needs one addition for every four inputs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import Words, low_bits, set_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import add, fill, item, load, put_item, shift_in_sign, store, subtract
from hw.simulator.kernels.numbers import TILE, load_long, number_at, place_of, store_numbers, transpose

GROUP = 4  # inputs whose sums are made at once
ENTRIES = 1 << GROUP
BLOCK_GROUPS = 8  # groups whose sums are held at once: 8 KiB

Sums = NDArray[Any]  # int16 where all accumulators fit, else int32


class Stored(NamedTuple):
    """A value of integers among ``words``; see ``hw.simulator.kernels.numbers``.

    Attributes:
        first: at which number it begins; -1 where there is none.
        short: whether its numbers are short.
        channels: of a position, the real ones.
        stride: numbers of a position.
    """

    first: int
    short: bool
    channels: int
    stride: int


@compiled
def make_group_sums(table: Sums, planes: Sums, taps: NDArray[np.int64], first_tap: int, place: int, lanes: int) -> None:
    """Entry e of each of ``BLOCK_GROUPS`` groups is the sum of its inputs, those whose bit in e is 0 negated."""
    for group in range(BLOCK_GROUPS):
        start = group * ENTRIES * lanes
        tap = first_tap + group * GROUP
        lowest = fill(table, 0)
        for index in range(GROUP):
            lowest = subtract(lowest, load(planes, item(taps, tap + index) + place))
        store(table, start, lowest)
        for index in range(GROUP):
            values = load(planes, item(taps, tap + index) + place)
            twice = add(values, values)
            for entry in range(1 << index):
                changed = add(load(table, start + entry * lanes), twice)
                store(table, start + (entry + (1 << index)) * lanes, changed)


@compiled
def accumulate(
    sums: Sums,
    table: Sums,
    planes: Sums,
    taps: NDArray[np.int64],
    place: int,
    entries: NDArray[np.int32],
    starts: Sums,
    lanes: int,
) -> None:
    """The sums (mh, lanes) of the positions from ``place`` on; the rest is as in ``integer_kernel``."""
    all_groups = len(taps) // GROUP
    for first in range(0, all_groups, BLOCK_GROUPS):
        make_group_sums(table, planes, taps, first * GROUP, place, lanes)
        for channel in range(len(starts)):
            total = load(sums, channel * lanes) if first else fill(sums, starts[channel])
            chosen = channel * all_groups + first
            for group in range(BLOCK_GROUPS):
                total = add(total, load(table, item(entries, chosen + group)))
            store(sums, channel * lanes, total)


@compiled
def sign_bits(marks: Sums, sums: Sums, lanes: int, width: int) -> None:
    """Signs of the sums, as many channels in an element as it has bits: marks (channels / width, lanes)."""
    for word in range(len(marks) // lanes):
        signs = fill(marks, 0)
        for bit in range(width):
            signs = shift_in_sign(signs, load(sums, (word * width + bit) * lanes))
        store(marks, word * lanes, signs)


@compiled
def load_image(planes: Sums, pixels: NDArray[np.uint8], values: Sums, g: Geometry, pads: Sums) -> None:
    """One frame's pixels (H, W, C) as padded planes (C, high, wide)."""
    high = (g.out_height - 1) * g.stride_y + g.kernel_y
    wide = (g.out_width - 1) * g.stride_x + g.kernel_x
    rows, columns = min(g.height, high - g.top), min(g.width, wide - g.left)
    for channel in range(g.channels):
        plane, table = channel * high * wide, channel * 256 % len(values)
        if rows < high or columns < wide:
            planes[plane : plane + high * wide] = pads[channel]
        for y in range(rows):
            first = plane + (y + g.top) * wide + g.left
            line = planes[first : first + columns]
            source = y * g.width * g.channels + channel
            for x in range(columns):
                line[x] = item(values, table + item(pixels, source + x * g.channels))


@compiled
def load_frames(planes: Sums, pixels: NDArray[np.uint8], values: Sums, size: int, lanes: int) -> None:
    """The pixels of as many frames as there are, at most one a lane, as planes (size, lanes)."""
    channels = len(values) // 256
    for frame in range(len(pixels) // size):
        if channels == 1:
            for index in range(size):
                planes[index * lanes + frame] = values[pixels[frame * size + index]]
            continue
        for index in range(size):
            planes[index * lanes + frame] = values[index % channels * 256 + pixels[frame * size + index]]


@compiled
def load_stored_image(planes: Sums, words: int, first: int, source: Stored, g: Geometry, pads: Sums) -> None:
    """One frame's integers, from number ``first`` of the place ``words`` on, as ``load_image`` does."""
    high = (g.out_height - 1) * g.stride_y + g.kernel_y
    wide = (g.out_width - 1) * g.stride_x + g.kernel_x
    rows, columns = min(g.height, high - g.top), min(g.width, wide - g.left)
    for channel in range(g.channels):
        plane = channel * high * wide
        if rows < high or columns < wide:
            planes[plane : plane + high * wide] = pads[channel]
        for y in range(rows):
            target = plane + (y + g.top) * wide + g.left
            place = first + y * g.width * source.stride + channel
            for x in range(columns):
                planes[target + x] = number_at(words, place + x * source.stride, source.short)


@compiled
def load_stored_frames(
    planes: Sums, words: int, first: int, source: Stored, frames: int, size: int, lanes: int
) -> None:
    """The integers of so many frames, at most one a lane, as ``load_frames`` does."""
    for frame in range(frames):
        for index in range(size):
            position, channel = divmod(index, source.channels)
            place = first + (frame * (size // source.channels) + position) * source.stride + channel
            planes[index * lanes + frame] = number_at(words, place, source.short)


@compiled
def load_pixels(
    planes: Sums, pixels: NDArray[np.uint8], values: Sums, g: Geometry, pads: Sums, lanes: int, lanes_are_frames: bool
) -> None:
    """The pixels of one frame as ``load_image`` does, or of up to ``lanes`` frames as ``load_frames`` does."""
    if lanes_are_frames:
        size = g.height * g.width * g.channels
        load_frames(planes, pixels[: lanes * size], values, size, lanes)
    else:
        load_image(planes, pixels, values, g, pads)


@compiled
def load_stored(
    planes: Sums,
    words: int,
    source: Stored,
    frame: int,
    frames: int,
    g: Geometry,
    pads: Sums,
    lanes: int,
    lanes_are_frames: bool,
) -> None:
    """Stored integers from ``frame`` on, of which there are ``frames``, likewise."""
    size = g.height * g.width * g.channels
    first = source.first + frame * (size // source.channels) * source.stride
    if lanes_are_frames:
        load_stored_frames(planes, words, first, source, min(lanes, frames), size, lanes)
    else:
        load_stored_image(planes, words, first, source, g, pads)


@compiled
def aligned(count: int, like: Sums) -> Sums:
    """Zeros of the type of ``like`` that start where a cache line does."""
    room = np.zeros(count + 64 // like.itemsize, like.dtype)
    start = -room.ctypes.data % 64 // like.itemsize
    return room[start : start + count]


@compiled
def give_bits(out: Words, out_marks: Sums, places: NDArray[np.int64], marks: Sums, mh: int) -> None:
    """Write the output bits of every lane's position, from bit ``places[lane]`` on: 1 where the sum is not negative.

    ``out_marks`` is ``out``, seen as elements of the type of ``marks``.
    """
    lanes, width = len(places), marks.itemsize * 8
    shift = 4 if width == 16 else 5
    for word in range(len(marks) // lanes):
        used = min(width, mh - word * width)
        for lane in range(lanes):
            signs = item(marks, word * lanes + lane)
            if places[lane] >= 0 and mh % 32 == 0:
                put_item(out_marks, (places[lane] >> shift) + word, ~signs)
            elif places[lane] >= 0:
                set_bits(out, places[lane] + word * width, ~np.uint64(signs) & low_bits(used))


@compiled
def give_numbers(
    words: int, places: NDArray[np.int64], short: bool, sums: Sums, mh: int, square: NDArray[np.int32]
) -> None:
    """Write the sums of every lane's position, from number ``places[lane]`` on; ``square`` has room for 16 x 16."""
    lanes, turned = len(places), place_of(square)
    for channel in range(0, mh, TILE):
        for first in range(0, lanes, TILE):
            transpose(sums, channel * lanes + first, lanes, turned)
            for lane in range(TILE):
                place = places[first + lane]
                if place >= 0:
                    store_numbers(words, place + channel, short, load_long(turned, lane * TILE))


@compiled
def integer_kernel(
    pixels: NDArray[np.uint8],
    values: Sums,
    words: Words,
    source: Stored,
    count: int,
    g: Geometry,
    pads: Sums,
    taps: NDArray[np.int64],
    positions: NDArray[np.int64],
    entries: NDArray[np.int32],
    starts: Sums,
    out: Words,
    out_words: int,
    result: Stored,
) -> None:
    """Compute all output positions of all frames: bits into ``out``, or the sums as ``result``.

    Args:
        pixels: pixel values of ``count`` frames, or none where ``source`` is read.
        values: (256,) what they become, or (c * 256,), the first channel's 256 first, where channels differ; of the
            type that all sums here have.
        words: where all values lie.
        source: what is read in place of pixels.
        count: number of frames.
        g: window sizes.
        pads: (c,) what a padded position reads as.
        taps: input t of the position in lane j of the vector at ``place`` lies at ``taps[t] + place + j`` of the
            planes; those too many to fill a block of groups are the place of zeros.
        positions: the output position of every place, -1 where there is none; empty where lanes are frames.
        entries: (mh * groups,) where in the table lies that one of a group's 16 sums that an output takes.
        starts: (mh,) what a sum starts from; an output bit is 1 where the sum is not negative.
        out: the output bits of ``count`` frames of ``out_words`` words and spare words, all 0.
        out_words: words of an output frame.
        result: where the sums go in place of ``out``.
    """
    mh = len(starts)
    lanes, width = 64 // values.itemsize, values.itemsize * 8
    lanes_are_frames = len(positions) == 0
    size = g.height * g.width * g.channels
    marks_per_lane = (mh + width - 1) // width
    table = aligned(BLOCK_GROUPS * ENTRIES * lanes, values)
    sums = aligned(marks_per_lane * width * lanes, values)
    marks = aligned(marks_per_lane * lanes, values)
    planes = aligned(taps[-1] + max(len(positions), lanes), values)
    places, square = np.zeros(lanes, np.int64), np.zeros(TILE * TILE, np.int32)
    out_marks, memory = out.view(values.dtype), place_of(words)
    for first in range(0, count, lanes if lanes_are_frames else 1):
        if source.first < 0:
            load_pixels(planes, pixels[first * size :], values, g, pads, lanes, lanes_are_frames)
        else:
            load_stored(planes, memory, source, first, count - first, g, pads, lanes, lanes_are_frames)
        for place in range(0, max(len(positions), 1), lanes):
            accumulate(sums, table, planes, taps, place, entries, starts, lanes)
            for lane in range(lanes):
                frame = first + lane if lanes_are_frames else first
                position = 0 if lanes_are_frames else positions[place + lane]
                if frame >= count or position < 0:
                    places[lane] = -1
                elif result.first >= 0:
                    places[lane] = result.first + (frame * g.out_height * g.out_width + position) * result.stride
                else:
                    places[lane] = frame * out_words * 64 + position * mh
            if result.first >= 0:
                give_numbers(memory, places, result.short, sums, mh, square)
            else:
                sign_bits(marks, sums, lanes, width)
                give_bits(out, out_marks, places, marks, mh)
