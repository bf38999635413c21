"""Where branches meet: sums and differences, and channels side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bnn.stage import Add, Concatenate, PadChannels, Quantize
from bnn.values import Shape
from onnx_export.absorption.reach import FLOAT32_EXACT, Reach, joined, summed
from onnx_export.importer.arithmetic import bits_of, exactly
from onnx_export.importer.building import Building
from onnx_export.importer.elementwise import BINARY, Elementwise
from onnx_export.importer.graph import Node
from onnx_export.importer.names import LayerNames
from onnx_export.importer.rounding import EPSILON, lowest_bit
from onnx_export.importer.signal import Base, Numbers, Signal, Steps

FARTHEST = 2**16  # steps of one branch in a step of another


@dataclass(frozen=True, eq=False)
class Joins:
    """Makes values of the model of what several branches give."""

    building: Building
    names: LayerNames
    notes: list[str]

    def elementwise(self, node: Node, signals: list[Signal]) -> Signal:
        """A node that computes element by element with several tensors.

        Tensors that are made of one value are one function of it. Others can be added.
        """
        first = signals[0]
        for other in signals[1:]:
            if not np.array_equal(first.layout.places, other.layout.places) or first.layout.shape != other.layout.shape:
                raise node.refuse(
                    f"joins tensors of shapes {first.layout.places.shape} and {other.layout.places.shape}, whose "
                    "elements must stand in the same places"
                )
        of_one = signals[0].base is signals[-1].base and any(signal.operators for signal in signals)
        if len(signals) == 2 and node.op in BINARY and of_one:
            return self._of_one_value(node, signals[0], signals[1])
        if node.op not in {"Add", "Sum", "Sub"}:
            raise node.refuse("joins two branches; what branches give can be added, subtracted or concatenated")
        made = self._sum(node, [self.building.numbers(signal, node) for signal in signals], negated=node.op == "Sub")
        return Signal(made, first.layout)

    def _of_one_value(self, node: Node, one: Signal, other: Signal) -> Signal:
        taken = self._straight_through(node, one, other)
        if taken is not None:
            return taken
        operation = BINARY[node.op]
        uniform = all(operator.uniform for operator in (*one.operators, *other.operators))
        both = Elementwise(node, lambda values: operation(one.applied(values), other.applied(values)), uniform)
        difference = (one, other) if node.op == "Sub" else None
        return replace(one, operators=(both,), difference=difference)

    def _straight_through(self, node: Node, one: Signal, other: Signal) -> Signal | None:
        """Where x + (y - x) is y: what a straight-through estimator leaves in a file. Float32 rounds on the way."""
        for x, rest in ((one, other), (other, one)):
            if node.op == "Add" and rest.difference is not None and rest.difference[1].key == x.key:
                y = rest.difference[0]
                spans = y.value.spans()
                off = max(float(np.abs(x.at(numbers) + rest.at(numbers) - y.at(numbers)).max()) for numbers, _ in spans)
                if off:
                    self.notes.append(
                        f"{node} is x + (y - x), a straight-through estimator, and taken for y; the file's own float32 "
                        f"is up to {off:.1g} off, by rounding alone"
                    )
                return replace(y, noise=max(y.noise, off))
        return None

    def _sum(self, node: Node, summands: list[Base], *, negated: bool) -> Base:
        """The sum, or the first less the second."""
        steps = [float(summand.steps.step[0]) for summand in summands if summand.steps is not None]
        finest = min(steps)
        factors = [round(step / finest) for step in steps]
        if any(step != finest * factor or factor > FARTHEST for step, factor in zip(steps, factors, strict=True)):
            shown = " and ".join(f"{step:g}" for step in dict.fromkeys(steps))
            raise node.refuse(
                f"adds numbers whose steps are {shown}, none of which is a multiple of the other; put all branches on "
                "one grid (one scale for their Quant nodes, a power of two)"
            )
        if negated:
            factors[1] = -factors[1]
        parts = [self._times(summand, factor) for summand, factor in zip(summands, factors, strict=True)]
        name = self.names.name(node.name)
        reach = summed([part.reach for part in parts if part.reach is not None])
        together = Steps(np.array([finest]), _total([part.steps for part in parts if part.steps is not None]))
        emit = self.building.adding(lambda: Add(self.building.unique(name), tuple(part.emit() for part in parts)))
        error = np.sum([part.error + _drift(part) for part in parts], axis=0) + _rounding(together, reach)
        return Base(name, node, parts[0].shape, emit, exactly(together), reach, error, steps=together)

    def _times(self, base: Base, factor: int) -> Base:
        """The same on a step that is so many times smaller; or on its negative."""
        if factor == 1:
            return base
        assert base.reach is not None
        assert base.steps is not None
        ends = np.sort(np.stack([base.reach.lowest, base.reach.highest]) * factor, axis=0)
        reach = Reach(ends[0], ends[1], base.reach.step * abs(factor))
        name = f"{base.name}.{'negated' if factor < 0 else 'scaled'}"

        def node() -> Quantize:
            bounds = {"lowest": int(ends.min()), "highest": int(ends.max())}
            made = self.building.unique(name)
            return Quantize(made, (base.emit(),), lambda x: x * np.float32(factor), fraction_bits=0, **bounds)

        shift = tuple(own * factor for own in base.steps.shift)
        steps = Steps(base.steps.step / abs(factor), shift)
        return replace(
            base, name=name, emit=self.building.adding(node), floats=exactly(steps), reach=reach, steps=steps,
            turned=None, signs=None, ordered=None, pixels=None,
        )  # fmt: skip

    def concatenated(self, node: Node, parts: Sequence[Signal | tuple[int, float]], shape: Shape) -> Base:
        """Channels side by side.

        Args:
            node: of the file.
            parts: tensors, and between them so many channels of one value.
            shape: (H, W, C) of all.
        """
        tensors = [part for part in parts if isinstance(part, Signal)]
        name = self.names.name(node.name)
        levels = [self.building.two_values(tensor) for tensor in tensors]
        added = [part[1] for part in parts if isinstance(part, tuple)]
        first = levels[0]
        if first is not None and all(own == first for own in levels) and {*added} <= {first.low, first.high}:
            bits = [self.building.bits(tensor, first) for tensor in tensors]
            fills = [1 if value == first.high else -1 for value in added]
            return bits_of(name, node, shape, self._beside(name, bits, parts, fills), first)
        return self._numbers_beside(node, name, tensors, parts, shape)

    def _numbers_beside(
        self, node: Node, name: str, tensors: list[Signal], parts: Sequence[Signal | tuple[int, float]], shape: Shape
    ) -> Base:
        found = [self.building.found_numbers(tensor) for tensor in tensors]
        steps = {float(own.steps.step[0]) for own in found if own is not None and own.steps is not None}
        on_one = None not in found and len(steps) == 1
        signals = [
            Signal(own, tensor.layout) if on_one and own is not None else self.building.as_integers(tensor)
            for own, tensor in zip(found, tensors, strict=True)
        ]
        waiting, columns = iter(signals), []
        for part in parts:
            columns.append(next(waiting) if isinstance(part, Signal) else part)
        step = steps.pop() if on_one else None
        fills = [self._fill(node, part[1], signals, step) for part in columns if isinstance(part, tuple)]
        emit = self._beside(name, [signal.value for signal in signals], parts, fills)
        ends, error, shift, filling = [], [], [], iter(fills)
        for part in columns:
            if isinstance(part, tuple):
                fill = np.full(part[0], next(filling), np.int64)
                ends.append(Reach(fill, fill, 1))
                error.append(np.zeros(part[0]))
                shift += [Fraction(part[1]) / Fraction(step) - int(fill[0]) if step else Fraction(0)] * part[0]
            else:
                reach, steps_of = part.value.reach, part.value.steps
                assert reach is not None
                ends.append(reach)
                error.append(part.value.error)
                own = steps_of.shift if steps_of is not None else (Fraction(0),)
                shift += [own[channel % len(own)] for channel in range(part.value.channels)]

        def floats(numbers: Numbers) -> Numbers:
            start, values = 0, []
            for part in columns:
                width = part[0] if isinstance(part, tuple) else part.value.channels
                own = numbers[:, start : start + width]
                values.append(np.full_like(own, part[1]) if isinstance(part, tuple) else part.at(own))
                start += width
            return np.concatenate(values, axis=1)

        one = Steps(np.array([step]), tuple(shift)) if step else None
        return Base(name, node, shape, emit, floats, joined(ends), np.concatenate(error), steps=one)

    def _fill(self, node: Node, value: float, signals: list[Signal], step: float | None) -> int:
        """The integer that added channels have, whose value is known anyway."""
        if step is None:
            return 0
        steps = signals[0].value.steps
        assert steps is not None
        shift = steps.shift[0] if len(set(steps.shift)) == 1 else Fraction(0)
        return round(Fraction(value) / Fraction(step) - shift)

    def _beside(
        self, name: str, bases: list[Base], parts: Sequence[Signal | tuple[int, float]], fills: list[int]
    ) -> Callable[[], str]:
        """``Base.emit`` of tensors side by side, or of one with constant channels before and behind it."""

        def node() -> Concatenate | PadChannels:
            unique = self.building.unique(name)
            if not fills:
                return Concatenate(unique, tuple(base.emit() for base in bases))
            before, after = (part[0] if isinstance(part, tuple) else 0 for part in (parts[0], parts[-1]))
            return PadChannels(unique, (bases[0].emit(),), before=before, after=after, value=fills[0])

        return self.building.adding(node)


def _total(steps: list[Steps]) -> tuple[Fraction, ...]:
    count = max(len(own.shift) for own in steps)
    return tuple(sum((own.shift[c % len(own.shift)] for own in steps), Fraction(0)) for c in range(count))


def _drift(base: Base) -> float:
    """How far the file's float32 values are from exact steps."""
    assert base.steps is not None
    if base.pixels is not None:
        return float(np.abs(base.pixels.floats.T - base.steps.at(base.pixels.table.T)).max())
    return max(float(np.abs(base.floats(numbers) - base.steps.at(numbers)).max()) for numbers, _ in base.spans())


def _rounding(steps: Steps, reach: Reach) -> float:
    """What float32 may be off where it adds numbers of these steps: 0 where it holds all of them."""
    largest = float(np.abs(steps.at(np.stack([reach.lowest, reach.highest]))).max())
    values: NDArray[np.float64] = np.array([float(steps.step[0])])
    exact = all(own.denominator == 1 for own in steps.shift) and largest <= FLOAT32_EXACT * 2.0 ** lowest_bit(values)[0]
    return 0.0 if exact else EPSILON * largest
