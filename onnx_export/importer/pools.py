"""Max pools, average pools and sums over positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import ACCUMULATOR
from bnn.stage import MaxPool, Quantize, SumPool
from bnn.values import Shape
from bnn.window import NO_PADDING
from onnx_export.absorption.reach import Reach
from onnx_export.importer.arithmetic import bits_of, mean_of
from onnx_export.importer.building import Building
from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.matrices import read_window
from onnx_export.importer.names import LayerNames
from onnx_export.importer.rounding import EPSILON
from onnx_export.importer.signal import Base, Numbers, Signal, Steps
from onnx_export.importer.windows import Window

MAXIMA = {"MaxPool", "MaxPoolNHWC", "GlobalMaxPool"}
WINDOW_MEANS = {"AveragePool", "GlobalAveragePool"}
REDUCTIONS = {"ReduceMean", "ReduceSum"}
IMAGE_RANK = 4  # sizes of a tensor of images

Constants = list[NDArray[Any] | None]


@dataclass(frozen=True, eq=False)
class Pools:
    """Makes values of the model of pooled tensors."""

    building: Building
    names: LayerNames

    def maximum(self, node: Node, signal: Signal, *, of_bits: bool) -> Signal:
        """The maximum of each window.

        Args:
            node: one of MAXIMA.
            signal: with a base.
            of_bits: others read the tensor too, so that its bits are there anyway.
        """
        channels_last = node.channels_last or node.op == "MaxPoolNHWC"
        shape = _image(node, signal, channels_last)
        window = _window(node, shape, whole=node.op == "GlobalMaxPool")
        if node.attributes.get("ceil_mode", 0):
            window = window.rounded_up(shape)
        pooled: Shape = (*window.positions(node, shape), shape[2])
        layout = Layout.nhwc(pooled) if channels_last else Layout.nchw(pooled)
        is_bits = signal.value.levels is not None and not signal.operators
        levels = self.building.two_values(signal) if is_bits or of_bits else None
        if levels is not None:
            source, name = self.building.bits(signal, levels), self.names.name(node.name)
            emit = self._maximum(name, source, window)
            return Signal(bits_of(name, node, pooled, emit, levels), layout)
        signal = self.building.as_integers(signal)
        source = self._rising(node, signal)
        name = self.names.name(node.name)
        emit = self._maximum(name + ACCUMULATOR, source, window)
        base = replace(source, name=name, node=node, shape=pooled, emit=emit, turned=None, ordered=None, pixels=None)
        return Signal(base, layout, signal.operators)

    def _maximum(self, name: str, source: Base, window: Window) -> Any:
        def make() -> MaxPool:
            sizes = {"kernel": window.kernel, "stride": window.stride, "padding": window.padding}
            return MaxPool(self.building.unique(name), (source.emit(),), **sizes)  # type: ignore[arg-type]

        return self.building.adding(make)

    def _rising(self, node: Node, signal: Signal) -> Base:
        """The base, its numbers negated in channels whose values fall with it.

        Then all that the pool compares rises with the numbers, so that it may compare these: max(f(a), f(b)) =
        f(max(a, b)) for rising f, rounding included.
        """
        base, last = signal.value, np.empty((0, signal.value.channels), np.float32)
        rises, falls = np.ones(base.channels, bool), np.ones(base.channels, bool)
        for numbers, reached in base.spans():
            values = np.concatenate([last, signal.at(numbers)])
            known = reached[len(reached) - len(values) + 1 :]
            rises &= ((values[1:] >= values[:-1]) | ~known).all(axis=0)
            falls &= ((values[1:] <= values[:-1]) | ~known).all(axis=0)
            last = values[-1:]
        neither = ~(rises | falls)
        if neither.any():
            raise node.refuse(
                f"layer {base.name} channel {int(np.argmax(neither))}: what it takes the maximum of neither rises nor "
                "falls with the accumulator, so it is no maximum of bits"
            )
        falling = falls & ~rises
        if not falling.any():
            return base
        return (base.turned or (lambda channels: self._turned(base, channels)))(falling)

    def _turned(self, base: Base, channels: NDArray[np.bool_]) -> Base:
        assert base.reach is not None
        signs = np.where(channels, np.float32(-1), np.float32(1))
        ends = np.sort(np.stack([base.reach.lowest, base.reach.highest]) * signs.astype(np.int64), axis=0)
        bounds = {"lowest": int(ends.min()), "highest": int(ends.max())}
        name = f"{base.name}.negated"

        def make() -> Quantize:
            made = self.building.unique(name)
            return Quantize(made, (base.emit(),), lambda numbers: numbers * signs, fraction_bits=0, **bounds)

        def floats(numbers: Numbers) -> Numbers:
            return base.floats(numbers * signs)

        emit, reach = self.building.adding(make), Reach(ends[0], ends[1], base.reach.step)
        return replace(base, emit=emit, floats=floats, reach=reach, steps=None, signs=signs, pixels=None)

    def mean(self, node: Node, signal: Signal) -> Signal:
        """An average pool over windows or the whole image."""
        shape = _image(node, signal, node.channels_last)
        window = _window(node, shape, whole=node.op == "GlobalAveragePool")
        ceiled = window.rounded_up(shape) if node.attributes.get("ceil_mode", 0) else window
        if ceiled.padding != NO_PADDING:
            raise node.refuse(
                f"averages over padding {ceiled.padding}, so that windows at the border differ from those within; "
                "leave the padding and ceil_mode out"
            )
        pooled: Shape = (*window.positions(node, shape), shape[2])
        layout = Layout.nhwc(pooled) if node.channels_last else Layout.nchw(pooled)
        if window.kernel == (1, 1):
            if window.stride == (1, 1):
                return signal
            raise node.refuse("takes every other value and averages none; use a MaxPool of kernel 1 and that stride")
        return self.totalled(node, signal, window, layout, divides=True)

    def reduced(self, node: Node, signal: Signal, constants: Constants, *, keeps_ones: bool) -> Signal:
        """ReduceMean and ReduceSum over height and width; a sum over one position is kept if it is asked for."""
        layout, rank = signal.layout, signal.layout.places.ndim
        given = constants[1].tolist() if len(constants) > 1 and constants[1] is not None else None
        axes = sorted(axis % rank for axis in node.attributes.get("axes", given or []))
        image_axes = {(2, 3): layout.is_nchw, (1, 2): layout.is_nhwc}
        if rank != IMAGE_RANK or len(axes) != 2 or not image_axes.get((axes[0], axes[1]), False):
            raise node.refuse(f"reduces axes {axes} of shape {layout.places.shape}; only height and width are known")
        shape = layout.shape
        ones: Shape = (1, 1, shape[2])
        behind = Layout.nchw(ones) if axes == [2, 3] else Layout.nhwc(ones)
        if not node.attributes.get("keepdims", 1):
            behind = Layout.vector(shape[2], (1, shape[2]))
        if shape[:2] == (1, 1) and not keeps_ones:
            return signal.moved(behind)
        window = Window((shape[0], shape[1]), (shape[0], shape[1]))
        return self.totalled(node, signal, window, behind, divides=node.op == "ReduceMean")

    def totalled(self, node: Node, signal: Signal, window: Window, layout: Layout, *, divides: bool) -> Signal:
        """The sum or the mean of each window, in a tensor of that layout."""
        area = window.kernel[0] * window.kernel[1]
        name = self.names.name(node.name)
        source = self.building.on_lines(signal) or self.building.on_grid(signal)
        levels = self.building.two_values(signal) if source is None else None
        if levels is not None:
            source = self.building.bits(signal, levels)
            total, step = (
                self.building.sums_of_bits(signal, source, window.kernel, window.stride),
                np.array([levels.height]),
            )
        else:
            source = source or self.building.numbers(signal, node)
            assert source.steps is not None
            total, step = self._summed(name, source, window, layout.shape), source.steps.step
        assert total.steps is not None
        assert total.reach is not None
        whole = Steps(step, total.steps.shift)
        largest = float(np.abs(whole.at(np.stack([total.reach.lowest, total.reach.highest]))).max())
        exact = all(own.denominator == 1 for own in whole.shift) and not source.error.any() and _is_binary(step)
        base = replace(
            total,
            name=name,
            node=node,
            shape=layout.shape,
            floats=mean_of(whole, area if divides else 1),
            steps=total.steps if divides else whole,
            error=source.error * (1 if divides else area) + (0.0 if exact else EPSILON * largest),
        )
        return Signal(base, layout)

    def _summed(self, name: str, source: Base, window: Window, shape: Shape) -> Base:
        """The sums of windows; their steps are those of the mean."""
        assert source.reach is not None
        assert source.steps is not None
        area = window.kernel[0] * window.kernel[1]

        def make() -> SumPool:
            unique = self.building.unique(name + ".sum")
            return SumPool(unique, (source.emit(),), kernel=window.kernel, stride=window.stride)

        reach = Reach(source.reach.lowest * area, source.reach.highest * area, source.reach.step)
        steps = Steps(source.steps.step / area, tuple(own * Fraction(area) for own in source.steps.shift))
        return replace(
            source, shape=shape, emit=self.building.adding(make), reach=reach, steps=steps,
            turned=None, ordered=None, pixels=None, signs=None,
        )  # fmt: skip


def _is_binary(step: NDArray[np.float64]) -> bool:
    return bool((np.frexp(np.abs(step))[0] == 0.5).all())


def _image(node: Node, signal: Signal, channels_last: bool) -> Shape:
    layout = signal.layout
    if not (layout.is_nhwc if channels_last else layout.is_nchw):
        raise node.refuse(f"slides over an input of shape {layout.places.shape} that is not an image")
    return layout.shape


def _window(node: Node, shape: Shape, *, whole: bool) -> Window:
    kernel = shape[:2] if whole else tuple(node.attributes.get("kernel_shape", ()))
    if len(kernel) != 2:
        raise node.refuse(f"kernel {kernel}, must have two sizes")
    return read_window(node, shape, (int(kernel[0]), int(kernel[1])))
