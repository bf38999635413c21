"""Where the values of a batch of frames lie: one array of words, in which what nobody reads any more is overwritten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Bits, Network, Value
from bnn.encoding import unpack_bits, word_count
from hw.simulator.fusing import Task, is_pointwise
from hw.simulator.kernels.bits import SPARE_WORDS, Words
from hw.simulator.kernels.integers import Stored
from hw.simulator.kernels.numbers import is_short, padded_channels

LINE_WORDS = 8  # a value begins where a cache line does


@dataclass(frozen=True)
class Layout:
    """How a value lies in memory: bits without a gap, each frame from a word on; or numbers (see ``kernels.numbers``).

    Attributes:
        value: bits or integers.
        is_short: the integers take 16 bits.
    """

    value: Value
    is_short: bool

    @classmethod
    def of(cls, network: Network, name: str) -> Layout:
        """That of one of a network's values: integers in 16 bits where they fit; but scores are of 32 bits."""
        value = network.values[name]
        is_score = name == network.output.name
        return cls(value, not isinstance(value, Bits) and not is_score and is_short(value.lowest, value.highest))

    @property
    def stride(self) -> int:
        """Numbers of a position."""
        return padded_channels(self.value.shape[2])

    @property
    def frame_words(self) -> int:
        """Words of a frame."""
        height, width, channels = self.value.shape
        if isinstance(self.value, Bits):
            return word_count(height * width * channels)
        return height * width * self.stride // (4 if self.is_short else 2)


class Plan:
    """Which part of the memory holds which value, and until when.

    Attributes:
        layouts: by value.
        slots: by value, the number of the part.
        slot_words: of each part, words of a frame.
    """

    def __init__(self, network: Network, tasks: Sequence[Task], kept: Collection[str]) -> None:
        self.layouts = {name: Layout.of(network, name) for task in tasks for name in task.makes}
        self.slots: dict[str, int] = {}
        self.slot_words: list[int] = []
        until = {name: number for number, task in enumerate(tasks) for name in (*task.makes, *task.reads)}
        until |= dict.fromkeys((*kept, network.output.name), len(tasks))
        free: list[int] = []
        for number, task in enumerate(tasks):
            ending = [name for name in dict.fromkeys(task.reads) if until[name] == number]
            for name in task.makes:
                over = self._overwritten(task, name, ending)
                if over is not None:
                    ending.remove(over)
                self.slots[name] = self._slot(free, name) if over is None else self.slots[over]
            free += [self.slots[name] for name in (*ending, *task.makes) if until[name] == number]

    def _overwritten(self, task: Task, name: str, ending: list[str]) -> str | None:
        """A value in whose place the integers can be written: number by number, each after it was read."""
        if name != task.integers:
            return None
        read = (*task.reads[:1], *task.summands) if is_pointwise(task.head) else task.summands
        short = self.layouts[name].is_short
        return next((one for one in read if one in ending and self.layouts[one].is_short == short), None)

    def _slot(self, free: list[int], name: str) -> int:
        """A free part, as small as will do; else the largest, made larger; else a new one."""
        words = self.layouts[name].frame_words
        sizes = self.slot_words
        if free:
            chosen = min((slot for slot in free if sizes[slot] >= words), key=sizes.__getitem__, default=None)
            chosen = max(free, key=sizes.__getitem__) if chosen is None else chosen
            free.remove(chosen)
            sizes[chosen] = max(sizes[chosen], words)
            return chosen
        self.slot_words.append(words)
        return len(self.slot_words) - 1

    @cached_property
    def frame_bytes(self) -> int:
        """Bytes that a frame takes."""
        return 8 * sum(self.slot_words)


class Memory:
    """The values of ``count`` frames. A value's bits end in spare words (see ``hw.simulator.kernels.bits``)."""

    def __init__(self, plan: Plan, count: int) -> None:
        self.plan = plan
        self.count = count
        sizes = [-(-(words * count + SPARE_WORDS) // LINE_WORDS) * LINE_WORDS for words in plan.slot_words]
        self._starts = np.cumsum([0, *sizes]).tolist()
        self.words: Words = aligned_room(self._starts[-1], np.uint64)

    def copy(self) -> Memory:
        """Another memory with the same contents."""
        other = Memory(self.plan, self.count)
        other.words[:] = self.words
        return other

    def start(self, name: str) -> int:
        """At which word a value begins."""
        return int(self._starts[self.plan.slots[name]])

    def frame_words(self, name: str) -> int:
        """Words of a frame of a value."""
        return self.plan.layouts[name].frame_words

    def bits(self, name: str) -> Words:
        """The words of a value of bits."""
        start = self.start(name)
        return self.words[start : start + self.frame_words(name) * self.count + SPARE_WORDS]

    def stored(self, name: str) -> Stored:
        """Where a value of integers lies."""
        layout = self.plan.layouts[name]
        first = self.start(name) * (4 if layout.is_short else 2)
        return Stored(first, layout.is_short, layout.value.shape[2], layout.stride)

    def numbers(self, name: str) -> NDArray[Any]:
        """A value of integers as it lies, (n, H, W, C) int16 or int32: a view."""
        layout = self.plan.layouts[name]
        start = self.start(name)
        words = self.words[start : start + layout.frame_words * self.count]
        numbers = words.view(np.int16 if layout.is_short else np.int32)
        height, width, channels = layout.value.shape
        return numbers.reshape(self.count, height, width, layout.stride)[..., :channels]

    def unpacked(self, name: str) -> NDArray[Any]:
        """A copy of a value, (n, H, W, C): uint8 bits or int32 integers."""
        layout = self.plan.layouts[name]
        if not isinstance(layout.value, Bits):
            return self.numbers(name).astype(np.int32)
        rows = self.bits(name)[:-SPARE_WORDS].reshape(self.count, layout.frame_words)
        return unpack_bits(rows, prod(layout.value.shape)).reshape(self.count, *layout.value.shape)


def aligned_room(size: int, dtype: Any) -> NDArray[Any]:
    """An array of so many elements that starts where a cache line does."""
    itemsize = np.dtype(dtype).itemsize
    room = np.empty(size + 64 // itemsize, dtype)
    start = -room.ctypes.data % 64 // itemsize
    return room[start : start + size]


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy that starts where a cache line does."""
    copy = aligned_room(array.size, array.dtype)
    copy[:] = array.reshape(-1)
    return copy
