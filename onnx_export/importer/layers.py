"""What each node of the file does to a tensor: matrices, padding, pools, and the image's own way in."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.window import NO_PADDING
from onnx_export.importer.building import Building
from onnx_export.importer.graph import Node
from onnx_export.importer.image import Image, seen
from onnx_export.importer.joins import Joins
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import Bits
from onnx_export.importer.matrices import Matrix, read_matrix, read_window
from onnx_export.importer.meaning import Entering
from onnx_export.importer.names import LayerNames
from onnx_export.importer.pools import Pools
from onnx_export.importer.products import Product
from onnx_export.importer.signal import Base, Lowered, Pad, Pixels, Signal

Constants = list[NDArray[Any] | None]

SEQUENCE = 3  # sizes of a tensor (1, C, L) or (1, L, C)


class Layers:
    """Makes values of the model, node by node of the file.

    Attributes:
        building: the model so far.
        notes: what a user should know of how the file was read.
        image: the image's way in.
    """

    def __init__(self, entering: Entering) -> None:
        self.building = Building()
        self.notes: list[str] = []
        self.image = Image(entering, self.building, self.notes)
        self._names = LayerNames()

    @cached_property
    def joins(self) -> Joins:
        """Where branches meet."""
        return Joins(self.building, self._names, self.notes)

    @cached_property
    def _pools(self) -> Pools:
        return Pools(self.building, self._names)

    def matrix(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        """MatMul, Gemm, Conv, XnorPopcountMatMul; over sequences, (1, C, L) or (1, L, C), as over images of width 1."""
        rank, axis = signal.layout.places.ndim, 3 if node.op == "Conv" else 2
        if rank == SEQUENCE and (node.op == "Conv" or np.prod(signal.layout.places.shape[:-1]) > 1):
            over = signal.moved(Layout(signal.layout.shape, np.expand_dims(signal.layout.places, axis)))
            if node.op != "Conv":
                over = seen(over, channels_last=True)
            found = self.matrix(_over_images(node), over, operand, _widened(node, constants))
            return found.moved(Layout(found.layout.shape, found.layout.places.squeeze(axis)))
        lowered = signal.lowered
        if node.op == "Conv" or lowered:
            signal = seen(signal, channels_last=node.channels_last or lowered is not None)
        elif signal.pad is not None:
            raise signal.pad.node.refuse(f"is followed by {node}; only a convolution can take padding")
        window, value = (lowered.window, lowered.value) if lowered else (None, 0.0)
        padding = NO_PADDING
        if signal.pad is not None:
            padding, value = signal.pad.padding, signal.pad.value
        matrix = read_matrix(node, operand, signal.layout, constants, lowered=window, padding=padding)
        if signal.pad is not None and value and matrix.window and matrix.window.padding != padding:
            raise signal.pad.node.refuse(f"pads with {value:g}, and {node} pads with 0 once more; pad once")
        name = self._names.name(node.name)
        source = self._enters(signal, matrix, value)
        if matrix.counts and source.levels != Bits(0.0, 1.0):
            raise node.refuse("counts equal bits, so its input must be 0 or 1")
        if source.reach is not None and _adds_up_channels(matrix):
            assert matrix.window is not None
            return self._pools.totalled(
                node, Signal(source, signal.layout), matrix.window, matrix.layout, divides=False
            )
        product = Product(self.building, name, matrix, source, value)
        return Signal(product.base(), matrix.layout)

    def _enters(self, signal: Signal, matrix: Matrix, pad: float) -> Base:
        """What a matrix reads: pixels, bits, or integers."""
        node = matrix.node
        if isinstance(signal.base, Pixels):
            return self.image.encoded(node, signal, counts=matrix.counts, pad=pad if matrix.is_padded else None)
        building = self.building
        lines = building.on_lines(signal)
        numbers = lines if lines is not None and lines.steps is not None and lines.steps.one_step else None
        if numbers is not None and not signal.operators:
            return numbers
        two = building.two_values(signal, of_bits=matrix.counts)
        if two is not None:
            return building.bits(signal, two)
        numbers = numbers or building.on_grid(signal)
        if numbers is not None:
            return numbers
        levels = building.levels(signal)
        if levels is None:
            values = np.unique(signal.at(signal.value.ends()))
            shown = ", ".join(f"{value:g}" for value in values[:4]) + (", ..." if len(values) > 4 else "")
            raise signal.last_node.refuse(
                f"layer {signal.value.name} would give {len(values)} values ({shown}), must be two; "
                "only activations of 1 bit, alike for all channels, can become bits"
            )
        return building.bits(signal, levels)

    def max_pool(self, node: Node, signal: Signal, *, of_bits: bool) -> Signal:
        """MaxPool, MaxPoolNHWC, GlobalMaxPool."""
        self._refuse_pad(node, signal)
        if isinstance(signal.base, Pixels):
            signal = self.image.entered(node, seen(signal, channels_last=node.channels_last))
        return self._pools.maximum(node, signal, of_bits=of_bits)

    def mean(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        """AveragePool, GlobalAveragePool."""
        self._refuse_pad(node, signal)
        signal = self.image.entered(node, seen(signal, channels_last=node.channels_last))
        return self._pools.mean(node, signal)

    def reduced(self, node: Node, signal: Signal, constants: Constants, *, keeps_ones: bool) -> Signal:
        """ReduceMean, ReduceSum."""
        self._refuse_pad(node, signal)
        return self._pools.reduced(node, self.image.entered(node, signal), constants, keeps_ones=keeps_ones)

    def _refuse_pad(self, node: Node, signal: Signal) -> None:
        if signal.pad is not None:
            raise signal.pad.node.refuse(f"is followed by {node}; only a convolution can take padding")

    def pad(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        """Of height and width, for the convolution behind it; or of channels."""
        self._refuse_pad(node, signal)
        given = (
            constants[1].tolist() if len(constants) > 1 and constants[1] is not None else node.attributes.get("pads")
        )
        mode = str(node.attributes.get("mode", "constant"))
        if mode != "constant":
            raise node.refuse(f"pads by {mode}; only a constant can be padded with, train with that")
        if len(node.inputs) > 3 or given is None or len(given) != 8 or signal.layout.places.ndim != 4:
            raise node.refuse("only a constant padding of the height and width of a (1, C, H, W) tensor is known")
        value = constants[2] if len(constants) > 2 else None
        pad = float(node.attributes.get("value", 0.0)) if value is None else float(value.reshape(-1)[0])
        if isinstance(signal.base, Base) and signal.layout.is_nchw and any(given[axis] for axis in (1, 5)):
            return self._channels_padded(node, signal, [int(size) for size in given], pad)
        channels_last = bool(given[1] or given[5]) or (isinstance(signal.base, Base) and not signal.layout.is_nchw)
        signal = seen(signal, channels_last=channels_last)
        layout = signal.layout
        if not (layout.is_nhwc if channels_last else layout.is_nchw):
            raise node.refuse(f"pads a tensor of shape {layout.places.shape} that is not an image")
        image_axes = (1, 2) if channels_last else (2, 3)
        top, left, bottom, right = (int(given[axis + end]) for end in (0, 4) for axis in image_axes)
        if sum(map(abs, given)) != top + left + bottom + right or min(given) < 0:
            raise node.refuse(f"pads {list(given)}; only height and width can be padded, by 0 or more")
        return replace(signal, pad=Pad(node, (top, left, bottom, right), pad))

    def _channels_padded(self, node: Node, signal: Signal, given: list[int], value: float) -> Signal:
        before, after = given[1], given[5]
        if min(given) < 0 or sum(given) != before + after:
            raise node.refuse(f"pads {given}; must pad height and width, or channels alone, by 0 or more")
        height, width, channels = signal.layout.shape
        shape = (height, width, before + channels + after)
        around = [(count, value) for count in (before,) if count], [(count, value) for count in (after,) if count]
        base = self.joins.concatenated(node, [*around[0], signal, *around[1]], shape)
        return Signal(base, Layout.nchw(shape))

    def concatenated(self, node: Node, signals: list[Signal], constants: Constants) -> Signal:
        """Concat along the channels."""
        if any(constant is not None for constant in constants):
            raise node.refuse("puts a constant beside a tensor; only tensors that depend on the image are known")
        signals = [self.image.entered(node, signal) for signal in signals]
        layouts = [signal.layout for signal in signals]
        rank = layouts[0].places.ndim
        axis = int(node.attributes.get("axis", 1)) % rank
        is_first = all(own.is_nchw for own in layouts) and axis == 1
        is_last = all(own.is_nhwc for own in layouts) and axis == 3
        vectors = all(own.places.ndim == 2 and own.shape[:2] == (1, 1) for own in layouts) and axis == 1
        sizes = {own.shape[:2] for own in layouts}
        if not (is_first or is_last or vectors) or len(sizes) > 1:
            shapes = ", ".join(str(own.places.shape) for own in layouts)
            raise node.refuse(f"joins tensors of shapes {shapes} along axis {axis}; only channels can be concatenated")
        shape = (*sizes.pop(), sum(own.shape[2] for own in layouts))
        base = self.joins.concatenated(node, signals, shape)
        behind = Layout.vector(shape[2], (1, shape[2])) if vectors else None
        return Signal(base, behind or (Layout.nchw(shape) if is_first else Layout.nhwc(shape)))

    def im2col(self, node: Node, signal: Signal, operand: int, constants: Constants) -> Signal:
        """The windows of a convolution, for the matrix behind it."""
        signal = seen(signal, channels_last=True)
        if not signal.layout.is_nhwc or node.attributes.get("depthwise", 0):
            raise node.refuse("only windows over all channels of a (1, H, W, C) tensor are known")
        kernel = node.attributes["kernel_size"]
        renamed = {"strides": node.attributes["stride"], "pads": node.attributes.get("pad_amount", NO_PADDING)}
        spelled = replace(node, attributes={**node.attributes, **renamed})
        window = read_window(spelled, signal.layout.shape, (int(kernel[0]), int(kernel[1])))
        value = float(node.attributes.get("pad_value", 0))
        if signal.pad is not None:
            if window.padding != NO_PADDING and signal.pad.value != value:
                raise signal.pad.node.refuse(
                    f"pads with {signal.pad.value:g}, and {node} with {value:g} once more; pad once"
                )
            window, value = window.padded(signal.pad.padding), signal.pad.value
        return replace(signal, pad=None, lowered=Lowered(node, window, value))


def _adds_up_channels(matrix: Matrix) -> bool:
    """A convolution that adds up the values of each channel in each window, and no more."""
    alone = matrix.window is not None and matrix.groups == len(matrix.weights) > 0 and matrix.weights.shape[1] == 1
    plain = matrix.bias is None and not matrix.is_padded and bool((matrix.scale == 1).all())
    return alone and plain and bool((matrix.weights == 1).all()) and matrix.weights[0].size > 1


def _over_images(node: Node) -> Node:
    """A convolution over (1, C, L) as one over (1, C, L, 1)."""
    attributes = dict(node.attributes)
    for name in ("kernel_shape", "strides", "dilations"):
        if len(attributes.get(name, ())) == 1:
            attributes[name] = [*attributes[name], 1]
    if len(attributes.get("pads", ())) == 2:
        attributes["pads"] = [attributes["pads"][0], 0, attributes["pads"][1], 0]
    return replace(node, attributes=attributes)


def _widened(node: Node, constants: Constants) -> Constants:
    weights = constants[1] if len(constants) > 1 else None
    if node.op != "Conv" or weights is None or weights.ndim != SEQUENCE:
        return constants
    return [constants[0], weights[..., None], *constants[2:]]
