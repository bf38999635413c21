"""FINN's graph of the integer network, built from its integers: every matrix, every threshold, nothing to round.

FINN usually takes the trained float graph and moves its scales into thresholds by algebra on real numbers. Here
absorption has been done, exactly, so FINN is given what it would arrive at: XNOR-popcount matrices and one threshold a
channel, with the integers of ``bnn.Chain``. Its own transformations do the rest, and whatever they make can be held
to the integer network layer by layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
from numpy.typing import NDArray
from qonnx.core.data_layout import NHWC
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from bnn import Chain, ConvLayer, DenseLayer, MatrixLayer, MaxPoolLayer, Shape
from bnn.version import VERSION
from finn_build.compiler.nodes import gives_labels, has_window, input_shape

QONNX_DOMAIN = "qonnx.custom_op.general"
OPSET = 13
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
INPUT = "pixels"
LABEL = "label"


def build_graph(network: Chain, network_hash: str) -> ModelWrapper:
    """The graph as FINN-ONNX.

    Args:
        network: what ``finn_form`` gave.
        network_hash: of the network that it was given; goes into the metadata.
    """
    graph = _Graph(input_shape(network))
    if network.input.binary:
        pixel = int((network.input.table == 0).sum())  # bit = pixel value >= this
        graph.threshold("input", np.array([[pixel]]), "UINT16")
    for layer, _, value_range in network.walk():
        if isinstance(layer, MaxPoolLayer):
            graph.pool(layer)
            continue
        assert isinstance(layer, DenseLayer | ConvLayer)
        if isinstance(layer, DenseLayer):
            graph.flatten(layer)
        elif has_window(layer):
            graph.window(layer)
        graph.matrix(layer, is_binary=value_range is None)
        if layer.thresholds is not None:
            graph.threshold(layer.name, layer.thresholds[:, None], "INT32")
    if gives_labels(network):
        graph.label()
    return graph.model(network_hash)


class _Graph:
    """A chain of nodes in the making, and its end: a tensor with its shape and FINN's type of its values."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._values: dict[str, onnx.ValueInfoProto] = {}
        self._constants: list[onnx.TensorProto] = []
        self._dtypes: dict[str, str] = {}
        self._new(INPUT, shape, "UINT8")

    def threshold(self, name: str, thresholds: NDArray[np.generic], dtype: str) -> None:
        """A bit for every element: accumulator >= threshold. thresholds: (channels or 1, 1)."""
        constant = self._constant(f"{name}_thresholds", thresholds.astype(np.float32), dtype)
        layout = "NC" if len(self._shape) == 2 else "NHWC"
        attributes = {"out_dtype": "BINARY", "out_scale": 1.0, "out_bias": 0.0, "data_layout": layout}
        self._append("MultiThreshold", f"{name}_bits", self._shape, "BINARY", constant, **attributes)

    def pool(self, layer: MaxPoolLayer) -> None:
        """A max pool of bits."""
        shape = (1, *layer.output_shape(self._image))
        attributes = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": layer.padding}
        self._append("MaxPoolNHWC", f"{layer.name}_bits", shape, "BINARY", **attributes)

    def window(self, layer: ConvLayer) -> None:
        """The inputs of every position, (1, H_out, W_out, mw)."""
        height, width, _ = layer.output_shape(self._image)
        attributes = {
            "kernel_size": layer.kernel,
            "stride": layer.stride,
            "pad_amount": layer.padding,
            "pad_value": 0,
            "input_shape": "(" + ",".join(str(size) for size in self._shape) + ")",
        }
        self._append("Im2Col", f"{layer.name}_windows", (1, height, width, layer.mw), self._dtype, **attributes)

    def flatten(self, layer: DenseLayer) -> None:
        """(1, H, W, C) to (1, mw) where that is not its shape yet."""
        if len(self._shape) == 4:
            shape = self._constant(f"{layer.name}_shape", np.array([1, layer.mw], np.int64), None)
            self._append("Reshape", f"{layer.name}_flat", (1, layer.mw), self._dtype, shape)

    def matrix(self, layer: MatrixLayer, *, is_binary: bool) -> None:
        """The accumulators: P of binary input, sums of +-x of integers."""
        bits = layer.weight_bits.T.astype(np.float32)  # (mw, mh)
        shape = (*self._shape[:-1], layer.mh)
        weights, output = f"{layer.name}_weights", f"{layer.name}_accumulators"
        if is_binary:
            self._append("XnorPopcountMatMul", output, shape, "UINT32", self._constant(weights, bits, "BINARY"))
        else:
            self._append("MatMul", output, shape, "INT32", self._constant(weights, 2 * bits - 1, "BIPOLAR"))

    def label(self) -> None:
        """The index of the highest accumulator; ties go to the lower one."""
        count = self._constant("label_count", np.array([1], np.int64), None)
        shape, inputs = (*self._shape[:-1], 1), [self._tensor, count]
        score, label = self._new("label_score", shape, self._dtype), self._new(LABEL, shape, "UINT32", INT64)
        node = onnx.helper.make_node("TopK", inputs, [score, label], name=LABEL, axis=-1, largest=1, sorted=1)
        self._nodes.append(node)

    def model(self, network_hash: str) -> ModelWrapper:
        """The whole graph, checked by ONNX, with FINN's types."""
        ends = [self._values.pop(INPUT)], [self._values.pop(self._tensor)]
        graph = onnx.helper.make_graph(
            self._nodes, "askew", *ends, self._constants, value_info=list(self._values.values())
        )
        opsets = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(QONNX_DOMAIN, 1)]
        proto = onnx.helper.make_model(graph, producer_name="askew", producer_version=VERSION, opset_imports=opsets)
        onnx.helper.set_model_props(proto, {"network_hash": network_hash, "askew_version": VERSION})
        onnx.checker.check_model(proto)
        model = ModelWrapper(proto)
        model.set_metadata_prop("network_hash", network_hash)  # FINN keeps what stands in the graph, not in the model
        for tensor, dtype in self._dtypes.items():
            model.set_tensor_datatype(tensor, DataType[dtype])
        if len(model.get_tensor_shape(INPUT)) == 4:
            model.set_tensor_layout(INPUT, NHWC)  # FINN takes an image without a layout for (1, C, H, W)
        return model

    @property
    def _image(self) -> Shape:
        _, height, width, channels = self._shape
        return height, width, channels

    def _new(self, name: str, shape: tuple[int, ...], dtype: str, element: int = FLOAT) -> str:
        self._values[name] = onnx.helper.make_tensor_value_info(name, element, shape)
        self._dtypes[name] = dtype
        self._tensor, self._shape, self._dtype = name, shape, dtype
        return name

    def _constant(self, name: str, values: NDArray[Any], dtype: str | None) -> str:
        self._constants.append(onnx.numpy_helper.from_array(values, name))
        if dtype is not None:
            self._dtypes[name] = dtype
        return name

    def _append(
        self, op_type: str, output: str, shape: tuple[int, ...], dtype: str, *constants: str, **attributes: Any
    ) -> None:
        domain = "" if op_type in ("MatMul", "Reshape") else QONNX_DOMAIN
        inputs = [self._tensor, *constants]
        self._new(output, shape, dtype)
        node = onnx.helper.make_node(op_type, inputs, [output], name=output, domain=domain, **attributes)
        self._nodes.append(node)
