"""An ONNX file as plain nodes: read, checked, folded down to what depends on the image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from onnx_export.importer.onnx_file import (
    ImportRefusedError,
    as_python,
    finite_size,
    load_model,
    to_array,
    type_name,
)
from onnx_export.importer.schemas import check_node

__all__ = ["Graph", "ImportRefusedError", "Node", "read_graph"]

OLDEST_OPSET, NEWEST_OPSET = 9, 23
ONNX_DOMAINS = {"", "ai.onnx"}
NHWC_DOMAIN = "qonnx.custom_op.channels_last"
QONNX_DOMAINS = {
    "qonnx.custom_op.general",
    "qonnx.custom_op.channels_last",
    "finn.custom_op.general",
    "finn",
    "onnx.brevitas",
}
MAX_PIXELS = 1 << 24  # values of one image
INPUT_TYPES = {TensorProto.FLOAT, TensorProto.UINT8}


@dataclass(frozen=True, eq=False)
class Node:
    """One operation. ``inputs`` and ``outputs`` are tensor names, "" where an optional one is left out."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    channels_last: bool = False

    def __str__(self) -> str:
        return f"node {self.name} ({self.op})"

    def refuse(self, reason: str) -> ImportRefusedError:
        """The error that names this node."""
        return ImportRefusedError(f"{self}: {reason}")


@dataclass(frozen=True, eq=False)
class Graph:
    """The whole file.

    Attributes:
        nodes: topologically sorted, as the file has them.
        constants: by tensor name.
        input: name of the only input.
        input_shape: with a batch of 1 in front.
        batch: that the file was made for, 0 where it is open; Reshape nodes may have it in their sizes.
        input_is_uint8: the input is of that type, or annotated with it.
        input_annotation: FINN's name of the input's type, None where there is none.
        outputs: names, and how many values each is said to have; None where that is open.
        opset: of the standard operators.
        metadata: of the model.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    input: str
    input_shape: tuple[int, ...]
    batch: int
    input_is_uint8: bool
    input_annotation: str | None
    outputs: dict[str, int | None]
    opset: int
    metadata: dict[str, str]


def read_graph(path: Path) -> Graph:
    """Read a file with its external data.

    Raises:
        FileNotFoundError: there is no such file.
        ImportRefusedError: damaged, of an opset outside 9..23, without its external data, or with sizes left open.
    """
    model = load_model(path)
    opset = _opset(model)
    graph = model.graph
    constants = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    if len(constants) != len(graph.initializer):
        raise ImportRefusedError("two of its constants have the same name")
    if graph.sparse_initializer:
        raise ImportRefusedError(f"constant {graph.sparse_initializer[0].values.name}: sparse, must be dense")
    inputs = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise ImportRefusedError(f"has {len(inputs)} inputs ({names}), must have one, the image")
    source = inputs[0]
    if source.type.tensor_type.elem_type not in INPUT_TYPES:
        given = type_name(source.type.tensor_type.elem_type)
        raise ImportRefusedError(f"input {source.name}: type {given}, must be FLOAT or UINT8")
    shape, batch = _input_shape(source)
    return Graph(
        nodes=tuple(_nodes(graph, opset)),
        constants=constants,
        input=source.name,
        input_shape=shape,
        batch=batch,
        input_is_uint8=source.type.tensor_type.elem_type == TensorProto.UINT8
        or _annotation(graph, source.name) == "UINT8",
        input_annotation=_annotation(graph, source.name),
        outputs={entry.name: _stated_size(entry) for entry in graph.output},
        opset=opset,
        metadata={entry.key: entry.value for entry in (*graph.metadata_props, *model.metadata_props)},
    )


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ONNX_DOMAINS]
    opset = versions[0] if versions else 0
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ImportRefusedError(
            f"opset {opset}, must be {OLDEST_OPSET} to {NEWEST_OPSET}; export it again with opset_version=18"
        )
    return int(opset)


def _input_shape(source: onnx.ValueInfoProto) -> tuple[tuple[int, ...], int]:
    """The shape with a batch of 1, and the batch that the file was made for (0: open)."""
    dimensions = source.type.tensor_type.shape.dim
    sizes = [dimension.dim_value for dimension in dimensions]
    if len(sizes) < 2 or min(sizes[1:], default=0) < 1:
        shown = ", ".join(str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in dimensions)
        raise ImportRefusedError(
            f"input {source.name}: shape ({shown}), must be a batch and fixed sizes; export it with fixed sizes"
        )
    if not finite_size(sizes[1:], MAX_PIXELS):
        raise ImportRefusedError(f"input {source.name}: shape {sizes}, an image may have {MAX_PIXELS:,} values")
    return (1, *sizes[1:]), max(sizes[0], 0)


def _stated_size(output: onnx.ValueInfoProto) -> int | None:
    """Values of one image's output; None where a size is open."""
    sizes = [dimension.dim_value for dimension in output.type.tensor_type.shape.dim][1:]
    return math.prod(sizes) if sizes and min(sizes) > 0 else None


def _annotation(graph: onnx.GraphProto, tensor: str) -> str | None:
    for annotation in graph.quantization_annotation:
        for entry in annotation.quant_parameter_tensor_names:
            if annotation.tensor_name == tensor and entry.key == "finn_datatype":
                return str(entry.value)
    return None


def _nodes(graph: onnx.GraphProto, opset: int) -> Iterator[Node]:
    made = {tensor.name for tensor in graph.initializer}
    for index, proto in enumerate(graph.node):
        name = proto.name or (proto.output[0] if proto.output else f"number {index}")
        if proto.domain not in ONNX_DOMAINS | QONNX_DOMAINS:
            raise ImportRefusedError(f"node {name} ({proto.op_type}): of the domain {proto.domain}, which is not known")
        check_node(proto, opset)
        attributes = {entry.name: as_python(helper.get_attribute_value(entry)) for entry in proto.attribute}
        inputs, outputs = tuple(proto.input), tuple(proto.output)
        doubled = [tensor for tensor in outputs if tensor in made]
        if doubled or not outputs or not outputs[0]:
            raise ImportRefusedError(
                f"node {name} ({proto.op_type}): gives {', '.join(doubled) or 'nothing'}, must give a new tensor"
            )
        made.update(tensor for tensor in outputs if tensor)
        yield Node(name, proto.op_type, inputs, outputs, attributes, proto.domain == NHWC_DOMAIN)
