"""An ONNX graph while it is written, node by node, under names that a person can follow in Netron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from bnn.stage.operators import Operator
from bnn.values import Shape
from onnx_export.naming import INPUT_NAME, OUTPUT_NAME, QUANTIZERS

QONNX_DOMAIN = "qonnx.custom_op.general"
CUSTOM = QUANTIZERS | {"MultiThreshold"}


class GraphNodes:
    """Nodes and constants so far.

    Attributes:
        nodes: in order.
        constants: by name.
        tensors: by value of the model, the tensor that it is.
        flat: tensors of shape (1, C); all others are (1, C, H, W).
    """

    def __init__(self, values: Sequence[str]) -> None:
        """Start.

        Args:
            values: names of the model's values, each of which a tensor will have.
        """
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.tensors: dict[str, str] = {}
        self.flat: set[str] = set()
        self._taken = {*values, INPUT_NAME, OUTPUT_NAME}

    def unique(self, name: str) -> str:
        """This name, or one like it that no tensor and no node has."""
        given, number = name, 1
        while given in self._taken:
            number += 1
            given = f"{name}{number}"
        self._taken.add(given)
        return given

    def constant(self, name: str, value: Any, dtype: type[Any] = np.float32) -> str:
        """A constant tensor; its name."""
        given = self.unique(name)
        self.constants[given] = np.asarray(value, dtype)
        return given

    def add(self, op: str, name: str, inputs: Sequence[str], *, tensor: str | None = None, **attributes: Any) -> str:
        """Append a node; the tensor that it gives.

        Args:
            op: ONNX's or QONNX's.
            name: of the node.
            inputs: tensors.
            tensor: its name; None: that of the node.
            attributes: ONNX's.
        """
        given = self.unique(name)
        output = tensor or given
        domain = QONNX_DOMAIN if op in CUSTOM else ""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=given, domain=domain, **attributes))
        if set(inputs) & self.flat:
            self.flat.add(output)
        return output

    def operators(self, layer: str, tensor: str, operators: Sequence[Operator], last: str | None = None) -> str:
        """Operators of an epilogue behind a tensor.

        Args:
            layer: what their names begin with.
            tensor: that they begin with.
            operators: in order.
            last: the name of the last one's tensor; None: its own.
        """
        for number, operator in enumerate(operators, 1):
            inputs = [tensor]
            if operator.constant is not None:
                inputs.append(self.constant(f"{layer}_{operator.role}_by", self.spread(tensor, operator.constant)))
            name = last if number == len(operators) else None
            tensor = self.add(operator.op, f"{layer}_{operator.role}", inputs, tensor=name, **operator.attributes)
        return tensor

    def spread(self, tensor: str, constant: NDArray[np.float32]) -> NDArray[np.float32]:
        """() or (C,) so that it goes over the channels of a tensor."""
        return constant if constant.ndim == 0 else constant.reshape((1, -1) if tensor in self.flat else (1, -1, 1, 1))

    def as_image(self, tensor: str, shape: Shape) -> str:
        """The tensor as (1, C, H, W)."""
        if tensor not in self.flat:
            return tensor
        height, width, channels = shape
        name = self.unique(f"{tensor}_image")
        size = self.constant(f"{name}_shape", [1, channels, height, width], np.int64)
        image = self.add("Reshape", f"{name}_reshape", [tensor, size], tensor=name)
        self.flat.discard(image)
        return image

    def as_row(self, tensor: str) -> str:
        """The tensor as (1, C * H * W)."""
        if tensor in self.flat:
            return tensor
        row = self.add("Flatten", f"{tensor}_flatten", [tensor], axis=1)
        self.flat.add(row)
        return row

    def graph(self, shape: Shape, classes: int) -> onnx.GraphProto:
        """All of it, from pixels (1, C, H, W) to logits (1, classes)."""
        height, width, channels = shape
        float32 = onnx.TensorProto.FLOAT
        return helper.make_graph(
            self.nodes,
            "askew",
            [helper.make_tensor_value_info(INPUT_NAME, float32, [1, channels, height, width])],
            [helper.make_tensor_value_info(OUTPUT_NAME, float32, [1, classes])],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
