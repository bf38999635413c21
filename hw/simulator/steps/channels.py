"""Concatenation, and channels that are added: both put channels side by side."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from bnn import Bits, Network
from bnn.encoding import word_count
from bnn.nodes import Concatenate, PadChannels
from hw.simulator.fusing import Task
from hw.simulator.kernels.bits import SPARE_WORDS
from hw.simulator.kernels.channels import copy_bit_channels, copy_number_channels, fill_number_channels
from hw.simulator.memory import Memory
from hw.simulator.steps.pointwise import NO_BITS
from hw.simulator.steps.step import Run, Step

Part = str | tuple[int, int]
"""Channels to be put down: those of a value, or (number, channels), so many of one number."""


class ChannelsStep(Step):
    """The channels of values and constants, one after the other."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Concatenate | PadChannels)
        self._shape = network.values[node.name].shape
        self._of_bits = isinstance(network.values[node.name], Bits)
        self._channels = {name: network.values[name].shape[2] for name in node.inputs}
        self._parts: tuple[Part, ...] = node.inputs
        if isinstance(node, PadChannels):
            before, after = (node.value, node.before), (node.value, node.after)
            self._parts = (before, node.inputs[0], after)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        bits = memory.bits(self.name) if self._of_bits else NO_BITS
        put = self._put_bits if self._of_bits else self._put_numbers

        def run(_pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            first = 0
            for part in self._parts:
                put(memory, part, first)
                first += self._channels[part] if isinstance(part, str) else part[1]

        return run

    def _put_bits(self, memory: Memory, part: Part, first: int) -> None:
        positions = prod(self._shape[:2])
        if isinstance(part, str):
            channels = self._channels[part]
            source, frame, position = memory.bits(part), memory.frame_words(part) * 64, channels
        else:
            number, channels = part
            source = np.full(word_count(channels) + SPARE_WORDS, np.uint64(2**64 - 1) if number else 0, np.uint64)
            frame, position = 0, 0
        out, out_frame = memory.bits(self.name), memory.frame_words(self.name) * 64
        copy_bit_channels(
            source, frame, position, channels, memory.count, positions, out, out_frame, self._shape[2], first
        )

    def _put_numbers(self, memory: Memory, part: Part, first: int) -> None:
        result, positions = memory.stored(self.name), memory.count * prod(self._shape[:2])
        if isinstance(part, str):
            copy_number_channels(memory.words, memory.stored(part), positions, result, first)
        else:
            fill_number_channels(memory.words, part[0], positions, result, first, part[1])
