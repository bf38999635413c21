"""hw/rtl/README.md in Python: for every unit, the registers that matter to timing and what one cycle does.

Data is handled as naively as the contract words it (element by element, nothing packed ahead of time): a model is
the oracle for what a unit sends as well as for when it does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import gcd

import numpy as np


@dataclass
class Beat:
    """A beat as an integer, and whether it ends a frame."""

    value: int
    last: bool


def simulate(model, drive, trace_type):
    """Run a model against a drive exactly as bench.cpp runs the unit."""
    accepted, emitted, beats, lasts = [], [], [], []
    pending, index = None, 0
    model.cycle(None, False)  # the bench's idle cycle after reset
    for cycle, (offer, ready) in enumerate(zip(drive.offer.tolist(), drive.ready.tolist(), strict=True)):
        if pending is None and index < len(drive.beats) and offer:
            pending = Beat(drive.beats[index], drive.lasts[index])
            index += 1
        accept, emit = model.cycle(pending, ready)
        if accept:
            assert pending is not None
            accepted.append(cycle)
            pending = None
        if emit is not None:
            emitted.append(cycle)
            beats.append(emit.value)
            lasts.append(emit.last)
    return trace_type(accepted, emitted, beats, lasts)


@dataclass
class StreamFifo:
    """``depth`` places."""

    depth: int
    held: deque[Beat] = field(default_factory=deque)

    def cycle(self, offered, ready):
        """One cycle: (whether the offered beat is accepted, the emitted beat or None)."""
        accept = offered is not None and len(self.held) < self.depth
        emit = self.held.popleft() if self.held and ready else None
        if accept:
            self.held.append(offered)
        return accept, emit


@dataclass
class WidthConverter:
    """``units`` of gcd(in, out) bits."""

    in_width: int
    out_width: int
    bits: list[int] = field(default_factory=list)
    last: bool = False

    def cycle(self, offered, ready):
        """See StreamFifo."""
        if self.in_width == self.out_width:
            passed = offered is not None and ready
            return passed, offered if passed else None
        unit = gcd(self.in_width, self.out_width)
        out_units = self.out_width // unit
        emit = None
        if len(self.bits) // unit >= out_units and ready:
            value = sum(bit << i for i, bit in enumerate(self.bits[: self.out_width]))
            emit = Beat(value, self.last and len(self.bits) == self.out_width)
            self.bits = self.bits[self.out_width :]
        accept = offered is not None and len(self.bits) // unit < out_units
        if accept:
            self.bits = self.bits + [offered.value >> i & 1 for i in range(self.in_width)]
            self.last = offered.last
        return accept, emit


@dataclass
class OneRegister:
    """A function of one beat, registered: input_quantizer, score_map."""

    function: object
    output: Beat | None = None

    def cycle(self, offered, ready):
        """See StreamFifo."""
        emit = self.output if ready else None
        enabled = self.output is None or ready
        if enabled:
            self.output = None if offered is None else Beat(self.function(offered.value), offered.last)
        return enabled and offered is not None, emit


@dataclass
class MatrixUnit:
    """mvau and mvau_int. ``elements(beat)`` are a beat's inputs: numbers that weights of +-1 multiply, or bits."""

    weights: np.ndarray  # (mh, mw) bits
    start: np.ndarray  # (mh,)
    simd: int
    pe: int
    binary: bool
    elements: object
    threshold: bool
    accumulator_width: int
    order: int = 0
    buffer_beats: int = 0
    stages: int = 0

    def __post_init__(self):
        """Set the registers to their state after reset."""
        self.synapse_fold = self.weights.shape[1] // self.simd
        self.neuron_fold = self.weights.shape[0] // self.pe
        self.replays = self.order == 0 and self.synapse_fold > 1 and self.neuron_fold > 1
        self.depth = self.buffer_beats or 2 * self.synapse_fold
        self.buffer: deque[Beat] = deque()  # from the first beat of the vector in work on
        self.freed = 0  # of those, in the last fold
        self.step = 0  # of the vector
        self.vector: list[int] = []  # the elements seen, where there is no buffer
        self.pipeline: list[Beat | None] = [None] * (2 + self.stages)

    def result(self, vector, fold):
        """The output beat of one neuron fold: the naive dot product."""
        value = 0
        for lane in range(self.pe):
            neuron = fold * self.pe + lane
            row = self.weights[neuron].tolist()
            if self.binary:
                total = sum(w == x for w, x in zip(row, vector, strict=True))
            else:
                total = sum(x if w else -x for w, x in zip(row, vector, strict=True))
            total += int(self.start[neuron])
            if self.threshold:
                value |= (total >= 0) << lane
            else:
                value |= (total & (1 << self.accumulator_width) - 1) << lane * self.accumulator_width
        return value

    def cycle(self, offered, ready):
        """See StreamFifo."""
        emit = self.pipeline[-1] if ready else None
        enabled = self.pipeline[-1] is None or ready
        cycle = self._replay if self.replays else self._hold
        accept, issued = cycle(offered, enabled)
        if enabled:
            self.pipeline = [issued, *self.pipeline[:-1]]
        return accept, emit

    def _replay(self, offered, enabled):
        fold, beat = divmod(self.step, self.synapse_fold)
        accept = offered is not None and len(self.buffer) - self.freed < self.depth
        issued = None
        if enabled and beat < len(self.buffer):
            last_fold = fold == self.neuron_fold - 1
            if beat == self.synapse_fold - 1:
                vector = [x for held in list(self.buffer)[: self.synapse_fold] for x in self.elements(held.value)]
                issued = Beat(self.result(vector, fold), self.buffer[beat].last and last_fold)
            self.freed += last_fold
            self.step += 1
            if self.step == self.synapse_fold * self.neuron_fold:
                for _ in range(self.synapse_fold):
                    self.buffer.popleft()
                self.step = self.freed = 0
        if accept:
            self.buffer.append(offered)
        return accept, issued

    def _hold(self, offered, enabled):
        if offered is None or not enabled:
            return False, None
        beat, fold = divmod(self.step, self.neuron_fold)
        if fold == 0:
            self.vector += self.elements(offered.value)
        issued = None
        if beat == self.synapse_fold - 1:
            issued = Beat(self.result(self.vector, fold), offered.last and fold == self.neuron_fold - 1)
        self.step += 1
        if self.step == self.synapse_fold * self.neuron_fold:
            self.step, self.vector = 0, []
        return fold == self.neuron_fold - 1, issued


@dataclass(frozen=True)
class Window:
    """The geometry of swu and maxpool."""

    shape: tuple[int, int, int]
    simd: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, left, bottom, right

    @property
    def words(self):
        """Words of a pixel."""
        return self.shape[2] // self.simd

    @property
    def positions(self):
        """Rows and columns of windows."""
        top, left, bottom, right = self.padding
        height = (self.shape[0] + top + bottom - self.kernel[0]) // self.stride[0] + 1
        return height, (self.shape[1] + left + right - self.kernel[1]) // self.stride[1] + 1


@dataclass
class SlidingWindow:
    """swu: every word ever written is kept, and found by its number."""

    window: Window
    pads: list[int]  # the pad word for every word of a pixel
    depth: int
    written: list[int] = field(default_factory=list)
    oldest: int = 0
    frame: int = 0
    output: Beat | None = None

    def __post_init__(self):
        """Start the walk over the first frame."""
        self.walk = self._walk()
        self.place = next(self.walk)

    def _walk(self):
        """Every beat of a frame: (its word in the frame or None, its word of a pixel, oldest word after it, last)."""
        (height, width, _), (top, left, _, _) = self.window.shape, self.window.padding
        words, (rows, columns) = self.window.words, self.window.positions
        (kernel_y, kernel_x), (step_y, step_x) = self.window.kernel, self.window.stride
        origins = [(oy * step_y - top, ox * step_x - left) for oy in range(rows) for ox in range(columns)]
        while True:
            for index, (y0, x0) in enumerate(origins):
                for ky in range(kernel_y):
                    for kx in range(kernel_x):
                        for word in range(words):
                            y, x = y0 + ky, x0 + kx
                            inside = 0 <= y < height and 0 <= x < width
                            at = (y * width + x) * words + word if inside else None
                            ends = (ky, kx, word) == (kernel_y - 1, kernel_x - 1, words - 1)
                            after = None
                            if ends:
                                following = origins[(index + 1) % len(origins)]
                                after = 0 if following[0] < 0 else following[0] * width + max(following[1], 0)
                            yield at, word, after, ends and index == len(origins) - 1

    def cycle(self, offered, ready):
        """See StreamFifo."""
        emit = self.output if ready else None
        accept = offered is not None and len(self.written) - self.oldest != self.depth
        height, width, _ = self.window.shape
        frame_words = height * width * self.window.words
        if self.output is None or ready:
            at, word, after, last = self.place
            base = self.frame * frame_words
            self.output = None
            if at is None or base + at < len(self.written):
                self.output = Beat(self.pads[word] if at is None else self.written[base + at], last)
                self.frame += last
                if after is not None:
                    self.oldest = self.frame * frame_words + after * self.window.words
                self.place = next(self.walk)
        if accept:
            self.written.append(offered.value)
        return accept, emit


@dataclass
class MaxPool:
    """maxpool: the walk over the padded grid, with the whole image kept."""

    window: Window
    image: dict[tuple[int, int, int], int] = field(default_factory=dict)
    position: int = 0
    output: Beat | None = None

    def __post_init__(self):
        """Lay out the walk: (y, x, word) in image coordinates."""
        (height, width, _), (top, left, _, _) = self.window.shape, self.window.padding
        rows, columns = self.window.positions
        end_y = max(height, (rows - 1) * self.window.stride[0] + self.window.kernel[0] - top)
        end_x = max(width, (columns - 1) * self.window.stride[1] + self.window.kernel[1] - left)
        self.grid = [(y, x, c) for y in range(end_y) for x in range(end_x) for c in range(self.window.words)]

    def cycle(self, offered, ready):
        """See StreamFifo."""
        emit = self.output if ready else None
        if not (self.output is None or ready):
            return False, emit
        y, x, word = self.grid[self.position]
        (height, width, _), (top, left, _, _) = self.window.shape, self.window.padding
        self.output = None
        inside = y < height and x < width
        if inside:
            if offered is None:
                return False, emit
            self.image[y, x, word] = offered.value
        rows, columns = self.window.positions
        y0, x0 = y + top - self.window.kernel[0] + 1, x + left - self.window.kernel[1] + 1  # padded coordinates
        (oy, over_y), (ox, over_x) = divmod(y0, self.window.stride[0]), divmod(x0, self.window.stride[1])
        if 0 <= oy < rows and 0 <= ox < columns and over_y == over_x == 0:
            value = 0
            for ky in range(self.window.kernel[0]):
                for kx in range(self.window.kernel[1]):
                    value |= self.image.get((y0 + ky - top, x0 + kx - left, word), 0)
            self.output = Beat(value, (oy, ox, word) == (rows - 1, columns - 1, self.window.words - 1))
        self.position = (self.position + 1) % len(self.grid)
        if self.position == 0:
            self.image = {}
        return inside, emit


@dataclass
class LabelSelect:
    """label_select: the first index of the maximum."""

    classes: int
    scores_of: object  # beat -> list of scores
    stages: int = 0  # registers on the way to the scores
    scores: list[int] = field(default_factory=list)
    output: Beat | None = None
    moving: deque[Beat | None] = field(default_factory=deque)  # the oldest first

    def cycle(self, offered, ready):
        """See StreamFifo."""
        emit = self.output if ready else None
        if not (self.output is None or ready):
            return False, emit
        self.output = None
        self.moving.append(offered)
        beat = self.moving.popleft() if len(self.moving) > self.stages else None
        if beat is not None:
            self.scores += self.scores_of(beat.value)
        if len(self.scores) == self.classes:
            self.output = Beat(self.scores.index(max(self.scores)), beat.last)
            self.scores = []
        return offered is not None, emit
