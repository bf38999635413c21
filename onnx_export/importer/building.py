"""The model that is being built: what a tensor becomes in it, bits or integers, whoever asks first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np

from bnn.nodes import Source
from bnn.stage import Matrix, ModelNode, Quantize, Sign
from onnx_export.absorption.reach import FLOAT32_EXACT, Reach
from onnx_export.importer.arithmetic import bits_of, exactly, lines_of, mean_of, sign_epilogue, step_of
from onnx_export.importer.graph import Node
from onnx_export.importer.levels import NEARLY, Bits, two_levels
from onnx_export.importer.rounding import near_turns
from onnx_export.importer.signal import Base, Numbers, Signal, Steps

ALPHAS = (
    "its channels have scales of their own (XNOR-Net's alpha), so that they lie on no common grid; leave the scales "
    "out, use one power of two for all, or round onto a grid behind them"
)
NO_GRID = (
    "carries real numbers (a batch norm's, say) past the next layer, and their sums are no integers; put them on a "
    "grid in training, floor(x * 2^f + 0.5) / 2^f (a Quant node with a power of two as its scale), and train on"
)


class Building:
    """The nodes of the model so far, and what the tensors have become."""

    def __init__(self) -> None:
        self.nodes: list[Source | ModelNode] = []
        self.rounded: list[str] = []  # where rounding decides
        self._made: dict[tuple[object, ...], Base | None] = {}
        self._names: set[str] = set()

    def unique(self, name: str) -> str:
        """This name, or one like it that no node has; it is taken from now on."""
        number, given = 1, name
        while given in self._names:
            number += 1
            given = f"{name}_{number}"
        self._names.add(given)
        return given

    def add(self, node: Source | ModelNode) -> str:
        """Append a node whose name is unique; gives that."""
        self.nodes.append(node)
        return node.name

    def adding(self, make: Callable[[], Source | ModelNode]) -> Callable[[], str]:
        """``Base.emit`` of a node that is made and appended when it is asked for."""
        return cache(lambda: self.add(make()))

    def read_by(self, last: ModelNode) -> tuple[Source | ModelNode, ...]:
        """The nodes that the last one depends on, and that one."""
        needed, kept = set(last.inputs), [last]
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
                kept.append(node)  # type: ignore[arg-type]
        return tuple(reversed(kept))

    def remembered(self, what: str, signal: Signal, make: Callable[[], Base | None]) -> Base | None:
        """What was made of this tensor before, else of ``make``."""
        key = (what, *signal.key)
        if key not in self._made:
            self._made[key] = make()
            self._made[(key, "keeps")] = signal.base if isinstance(signal.base, Base) else None  # and so its id
        return self._made[key]

    def levels(self, signal: Signal, *, of_bits: bool = False) -> Bits | None:
        """The two values that a tensor has at the ends of every channel, else None.

        A channel that turns once takes no other; ``bits`` refuses one that does.

        Args:
            signal: with a base.
            of_bits: what reads it counts bits, so that a single value is one of 0 and 1.
        """
        base = signal.value
        if base.levels is not None and not signal.operators:
            return base.levels
        values = signal.at(base.ends())
        return Bits(0.0, 1.0) if of_bits and np.isin(values, (0, 1)).all() else two_levels(values)

    def two_values(self, signal: Signal, *, of_bits: bool = False) -> Bits | None:
        """The same, where the tensor has no others in between and is no integer of the model already."""
        levels = self.levels(signal, of_bits=of_bits)
        if levels is None or (signal.value.levels is None and not signal.operators):
            return None
        both = np.array([levels.low, levels.high], np.float32)
        has_others = any(not np.isin(signal.at(numbers), both).all() for numbers, _ in signal.value.spans())
        return None if has_others else levels

    def bits(self, signal: Signal, levels: Bits) -> Base:
        """The tensor as bits of these two levels."""
        base = signal.value
        if base.levels is not None and not signal.operators:
            return base
        key = f"bits {levels} {signal.noise}"
        made = self.remembered(key, signal, lambda: self._bits(self.as_integers(signal), levels))
        assert made is not None
        return made

    def _bits(self, signal: Signal, levels: Bits) -> Base:
        base = signal.value
        assert base.reach is not None
        if base.error.any():
            count = near_turns(signal.at, base.reach, base.error)
            if count:
                self.rounded.append(f"{count} of {base.channels} channels of layer {base.name} turn")
        emit = self.adding(lambda: Sign(self.unique(base.name), (base.emit(),), sign_epilogue(signal, levels)))
        made = bits_of(base.name, signal.last_node, base.shape, emit, levels)
        return replace(made, error=np.full(base.channels, signal.noise))

    def as_integers(self, signal: Signal) -> Signal:
        """Bits that operators have acted on, as integers -1 and +1: each channel alone times a weight of 1."""
        base = signal.value
        if base.reach is not None:
            return signal
        made = self.remembered(
            "integers", replace(signal, operators=()), lambda: self._sums_of_bits(base, (1, 1), (1, 1))
        )
        assert made is not None
        return replace(signal, base=made)

    def _sums_of_bits(self, base: Base, kernel: tuple[int, int], stride: tuple[int, int]) -> Base:
        """The sum of each channel's -1 and +1 in each window; the file's values are those of their mean."""
        height, width, channels = base.shape
        area = kernel[0] * kernel[1]
        levels = base.levels
        assert levels is not None
        name = f"{base.name}.sum" if area > 1 else f"{base.name}.integers"
        weights = np.ones((channels, 1, *kernel), np.float32)
        shape = ((height - kernel[0]) // stride[0] + 1, (width - kernel[1]) // stride[1] + 1, channels)

        def make() -> Matrix:
            unique = self.unique(name)
            return Matrix(unique, (base.emit(),), weights, is_convolution=True, stride=stride, groups=channels)

        emit = self.adding(make)
        steps = Steps(np.array([levels.height / area]), (Fraction(levels.offset) / Fraction(levels.height) * area,))
        ends = np.full(channels, area, np.int64)
        floats = mean_of(Steps(np.array([levels.height]), steps.shift), area)
        return Base(name, base.node, shape, emit, floats, Reach(-ends, ends, 2), np.zeros(channels), steps=steps)

    def sums_of_bits(self, signal: Signal, base: Base, kernel: tuple[int, int], stride: tuple[int, int]) -> Base:
        """As ``_sums_of_bits``, once for each window."""
        made = self.remembered(
            f"sums {kernel} {stride}",
            replace(signal, base=base, operators=()),
            lambda: self._sums_of_bits(base, kernel, stride),
        )
        assert made is not None
        return made

    def on_lines(self, signal: Signal) -> Base | None:
        """The integers that the tensor is in exact arithmetic, a line for each channel; None where it is none."""
        base = signal.value
        if base.steps is None:
            return None
        if not signal.operators:
            return base
        return self.remembered("lines", signal, lambda: lines_of(signal))

    def numbers(self, signal: Signal, node: Node) -> Base:
        """The tensor as integers of one step, for ``node`` to compute with; refused where it is none."""
        return self.found_numbers(signal) or self._refuse(signal, node)

    def found_numbers(self, signal: Signal) -> Base | None:
        """The same; None where it is none."""
        lines = self.on_lines(signal)
        if lines is not None and lines.steps is not None and lines.steps.one_step:
            return lines
        return self.on_grid(signal) or self._of_two_values(signal)

    def on_grid(self, signal: Signal) -> Base | None:
        """What a quantizer has put on a grid as integers; None where there is no quantizer."""
        step = step_of(signal)
        if step is None:
            return None
        return self.remembered("grid", signal, lambda: self._quantized(self.as_integers(signal), step))

    def _of_two_values(self, signal: Signal) -> Base | None:
        levels = self.two_values(signal)
        if levels is None:
            return None
        if not signal.operators:
            return self.as_integers(signal).value
        of_integers = self.as_integers(signal)
        steps = Steps(np.array([levels.height]), (Fraction(levels.offset) / Fraction(levels.height),))
        return self.remembered("two", signal, lambda: self._quantize(of_integers, steps))

    def _quantized(self, signal: Signal, step: float) -> Base | None:
        first = float(signal.at(signal.value.ends())[0, 0]) / step
        shift = Fraction(0) if abs(first - round(first)) < NEARLY else Fraction(first - np.floor(first))
        return self._quantize(signal, Steps(np.array([step]), (shift,)))

    def _quantize(self, signal: Signal, steps: Steps) -> Base | None:
        base, shift = signal.value, steps.shifts
        lowest, highest = np.full(base.channels, np.inf), np.full(base.channels, -np.inf)
        missed = off_grid = 0.0
        for numbers, reached in base.spans():
            values = signal.at(numbers).astype(np.float64)
            if not np.isfinite(values[reached]).all():
                return None
            found = np.rint(values / steps.step - shift)
            off_grid = max(off_grid, float(np.abs(values - steps.at(found))[reached].max()))
            missed = max(missed, float(np.abs(values - steps.at(found).astype(np.float32))[reached].max()))
            lowest = np.minimum(lowest, np.where(reached, found, np.inf).min(axis=0))
            highest = np.maximum(highest, np.where(reached, found, -np.inf).max(axis=0))
        if off_grid > NEARLY * float(steps.step[0]) or max(-lowest.min(), highest.max()) > FLOAT32_EXACT:
            return None
        ends = {"lowest": int(lowest.min()), "highest": int(highest.max())}

        def epilogue(numbers: Numbers) -> Numbers:
            found: Numbers = np.rint(signal.at(numbers) / steps.step - shift).astype(np.float32)
            return found

        if base.error.any():
            self._note_moves(signal)

        def make() -> Quantize:
            return Quantize(self.unique(base.name), (base.emit(),), epilogue, fraction_bits=0, **ends)

        emit = self.adding(make)
        error = np.full(base.channels, missed)
        reach = Reach(lowest.astype(np.int64), highest.astype(np.int64), 1)
        return Base(base.name, signal.last_node, base.shape, emit, exactly(steps), reach, error, steps=steps)

    def _note_moves(self, signal: Signal) -> None:
        base = signal.value
        near = np.zeros(base.channels, bool)
        for numbers, reached in base.spans():
            exact = signal.at(numbers)
            for off in (base.error, -base.error):
                near |= ((signal.at(numbers, off) != exact) & reached).any(axis=0)
        if near.any():
            self.rounded.append(f"{int(near.sum())} of {base.channels} channels of layer {base.name} step")

    def _refuse(self, signal: Signal, node: Node) -> Base:
        lines = self.on_lines(signal)
        if lines is not None and lines is signal.value:
            raise node.refuse(f"adds what {signal.last_node} gives: {ALPHAS}")
        raise node.refuse(f"computes with what {signal.last_node} gives: it {NO_GRID}")
