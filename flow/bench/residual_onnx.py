"""A network of residual blocks as a float graph in standard ONNX operators, for onnxruntime.

As a person would write it for speed: bits are 0.0 and 1.0, so that a convolution pads with zeros where the network
pads with bit 0; a grid's factor and offset are in the convolution's weights and bias; of a grid there remain Floor and
Clip. All of it is exact in float32 for networks of ``flow.bench.residual``.
"""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bnn import Integers, Network
from bnn.encoding import to_bipolar
from bnn.nodes import Add, Concatenate, Conv, Dense, Encode, Grid, Node, Scores, SumPool, Thermometer, Threshold
from flow.bench.standard_onnx import SignAs

OPSET = 17


def residual_onnx(network: Network, sign_as: SignAs) -> bytes:
    """The model: float32 ``pixels`` (batch, C, H, W) to float32 ``scores`` (batch, classes)."""
    return _Writer(network, sign_as).model()


class _Writer:
    def __init__(self, network: Network, sign_as: SignAs) -> None:
        self.network = network
        self.sign_as = sign_as
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        readers = {name: node for node in network.nodes for name in node.inputs}
        # A grid or scores behind a matrix are a part of it: by matrix, factor and offset of its channels.
        matrices = [node.name for node in network.nodes if isinstance(node, Conv | Dense)]
        self.scales = {name: _scale(readers[name]) for name in matrices}
        self.scaled = {readers[name].name for name, scale in self.scales.items() if scale is not None}

    def model(self) -> bytes:
        """All of it."""
        for node in self.network.nodes:
            self.write(node)
        height, width, channels = self.network.input.shape
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", channels, height, width])
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", self.network.classes])
        graph = helper.make_graph(self.nodes, "residual", [pixels], [scores], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        return model.SerializeToString()  # type: ignore[no-any-return]

    def _constant(self, name: str, array: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _column(self, name: str, numbers: NDArray[np.generic]) -> str:
        """One number a channel, to be broadcast over positions."""
        return self._constant(name, numbers.astype(np.float32)[:, None, None])

    def _put(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _bits(self, source: str, threshold: str, output: str) -> None:
        flags = self._put("GreaterOrEqual", [source, threshold], f"{output}/flags")
        if self.sign_as is SignAs.CAST:
            self._put("Cast", [flags], output, to=TensorProto.FLOAT)
            return
        one, zero = (self._constant(f"{output}/{bit}", np.array(bit, np.float32)) for bit in (1, 0))
        self._put("Where", [flags, one, zero], output)

    @singledispatchmethod
    def write(self, node: Node) -> None:
        """Append a node's operators."""
        raise NotImplementedError(f"{node.where}: no network of this benchmark has one")

    @write.register
    def _(self, node: Encode) -> None:
        assert (node.table == np.arange(256)).all()
        self._put("Identity", ["pixels"], node.name)

    @write.register
    def _(self, node: Thermometer) -> None:
        # (batch, C, H, W) to (batch, C, levels, H, W), and back with C levels channels.
        height, width, channels = node.shape
        thresholds = np.broadcast_to(node.thresholds, (channels, node.levels)).astype(np.float32)
        axes = self._constant(f"{node.name}/axes", np.array([2], np.int64))
        spread = self._put("Unsqueeze", ["pixels", axes], f"{node.name}/spread")
        self._bits(spread, self._constant(f"{node.name}/levels", thresholds[:, :, None, None]), f"{node.name}/bits")
        shape = np.array([0, channels * node.levels, height, width], np.int64)
        self._put("Reshape", [f"{node.name}/bits", self._constant(f"{node.name}/shape", shape)], node.name)

    @write.register
    def _(self, node: Conv) -> None:
        of_bits = not isinstance(self.network.values[node.inputs[0]], Integers)
        weights, bias = self._scaled(node, of_bits=of_bits)
        kernel = weights.reshape(node.mh, *node.kernel, node.c_in).transpose(0, 3, 1, 2).astype(np.float32)
        source, (top, left, bottom, right) = node.inputs[0], node.padding
        pads = [top, left, bottom, right]
        if node.pad_values.any():
            assert (node.pad_values == node.pad_values[0]).all()
            value = self._constant(f"{node.name}/pad", np.array(node.pad_values[0], np.float32))
            edges = self._constant(f"{node.name}/edges", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
            source, pads = self._put("Pad", [source, edges, value], f"{node.name}/padded"), [0, 0, 0, 0]
        inputs = [source, self._constant(f"{node.name}/w", kernel), self._constant(f"{node.name}/b", bias)]
        self._put("Conv", inputs, node.name, strides=list(node.stride), pads=pads)

    @write.register
    def _(self, node: Dense) -> None:
        value = self.network.values[node.inputs[0]]
        height, width, channels = value.shape
        weights, bias = self._scaled(node, of_bits=not isinstance(value, Integers))
        weights *= self._area(node.inputs[0])
        flat = self._put("Flatten", [node.inputs[0]], f"{node.name}/flat")
        # (y, x, c) to (c, y, x)
        matrix = weights.reshape(node.mh, height, width, channels).transpose(3, 1, 2, 0).reshape(node.mw, node.mh)
        inputs = [flat, self._constant(f"{node.name}/w", matrix.astype(np.float32))]
        self._put("Gemm", [*inputs, self._constant(f"{node.name}/b", bias)], node.name)

    def _scaled(self, node: Conv | Dense, *, of_bits: bool) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """(mh, mw) weights and (mh,) bias, with what the node behind multiplies and adds."""
        weights = to_bipolar(node.weight_bits).astype(np.float64)
        bias = np.zeros(node.mh)
        if of_bits:  # P = sum of x w + (1 - x) (1 - w) for bits: x (2 w - 1) + (1 - w)
            bias = node.mw - node.weight_bits.sum(axis=1, dtype=np.float64)
        factor, offset = self.scales[node.name] or (1.0, 0.0)
        return weights * np.reshape(factor, (-1, 1)), (bias * factor + offset).astype(np.float32)

    @write.register
    def _(self, node: Grid) -> None:
        source = node.inputs[0]
        if node.name not in self.scaled:
            factor, offset = node.multipliers * 2.0**-node.shift, node.offsets * 2.0**-node.shift
            factor *= self._area(source)
            if (factor != 1).any():
                source = self._put("Mul", [source, self._column(f"{node.name}/factor", factor)], f"{node.name}/product")
            source = self._put("Add", [source, self._column(f"{node.name}/offset", offset)], f"{node.name}/sum")
        if node.shift:
            source = self._put("Floor", [source], f"{node.name}/floor")
        if self._saturates(node):
            bounds = (("low", node.lowest), ("high", node.highest))
            ends = [self._constant(f"{node.name}/{end}", np.array(bound, np.float32)) for end, bound in bounds]
            source = self._put("Clip", [source, *ends], f"{node.name}/clipped")
        self._put("Identity", [source], node.name)  # onnxruntime leaves it out

    def _saturates(self, node: Grid) -> bool:
        value = self.network.values[node.inputs[0]]
        assert isinstance(value, Integers)
        ends = [(node.multipliers * end + node.offsets) >> node.shift for end in (value.lowest, value.highest)]
        return bool(np.min(ends) < node.lowest or np.max(ends) > node.highest)

    def _area(self, source: str) -> int:
        """What a value is to be multiplied by: a sum pool is written as the mean of its windows."""
        node = next(node for node in self.network.nodes if node.name == source)
        return node.kernel[0] * node.kernel[1] if isinstance(node, SumPool) else 1

    @write.register
    def _(self, node: Add) -> None:
        self._put("Sum" if len(node.inputs) > 2 else "Add", list(node.inputs), node.name)

    @write.register
    def _(self, node: Threshold) -> None:
        self._bits(node.inputs[0], self._column(f"{node.name}/thresholds", node.thresholds), node.name)

    @write.register
    def _(self, node: SumPool) -> None:
        window = {"kernel_shape": list(node.kernel), "strides": list(node.stride)}
        self._put("AveragePool", list(node.inputs), node.name, **window)

    @write.register
    def _(self, node: Concatenate) -> None:
        self._put("Concat", list(node.inputs), node.name, axis=1)

    @write.register
    def _(self, node: Scores) -> None:
        assert node.name in self.scaled
        self._put("Identity", [node.inputs[0]], "scores")


def _scale(node: Node) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Factor and offset of each channel, before anything is rounded; None where a node only compares or adds."""
    if isinstance(node, Grid):
        return node.multipliers * 2.0**-node.shift, node.offsets * 2.0**-node.shift
    if isinstance(node, Scores) and node.multipliers is not None and node.offsets is not None:
        return node.multipliers.astype(np.float64), node.offsets.astype(np.float64)
    return None
