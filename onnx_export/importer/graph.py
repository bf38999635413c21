"""An ONNX file as plain nodes: read, checked, folded down to what depends on the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from bnn.errors import UserError

OLDEST_OPSET, NEWEST_OPSET = 9, 20
ONNX_DOMAINS = {"", "ai.onnx"}
NHWC_DOMAIN = "qonnx.custom_op.channels_last"
QONNX_DOMAINS = {
    "qonnx.custom_op.general",
    "qonnx.custom_op.channels_last",
    "finn.custom_op.general",
    "finn",
    "onnx.brevitas",
}
INPUT_TYPES = {TensorProto.FLOAT, TensorProto.UINT8}


class ImportRefusedError(UserError):
    """A file that cannot become an integer network; the message names the node and says why."""


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
        outputs: names.
        opset: of the standard operators.
        metadata: of the model.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    input: str
    input_shape: tuple[int, ...]
    batch: int
    input_is_uint8: bool
    outputs: tuple[str, ...]
    opset: int
    metadata: dict[str, str]


def read_graph(path: Path) -> Graph:
    """Read a file with its external data.

    Raises:
        FileNotFoundError: there is no such file.
        ImportRefusedError: damaged, of an opset outside 9..20, without its external data, or with sizes left open.
    """
    model = _load(path)
    opset = _opset(model)
    graph = model.graph
    constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
    if graph.sparse_initializer:
        raise ImportRefusedError(f"constant {graph.sparse_initializer[0].values.name}: sparse, must be dense")
    inputs = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise ImportRefusedError(f"has {len(inputs)} inputs ({names}), must have one, the image")
    source = inputs[0]
    if source.type.tensor_type.elem_type not in INPUT_TYPES:
        given = TensorProto.DataType.Name(source.type.tensor_type.elem_type)
        raise ImportRefusedError(f"input {source.name}: type {given}, must be FLOAT or UINT8")
    shape, batch = _input_shape(source)
    return Graph(
        nodes=tuple(_nodes(graph)),
        constants=constants,
        input=source.name,
        input_shape=shape,
        batch=batch,
        input_is_uint8=source.type.tensor_type.elem_type == TensorProto.UINT8
        or _annotation(graph, source.name) == "UINT8",
        outputs=tuple(entry.name for entry in graph.output),
        opset=opset,
        metadata={entry.key: entry.value for entry in (*graph.metadata_props, *model.metadata_props)},
    )


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf raises errors of its own kind
        raise ImportRefusedError(f"not a whole ONNX file ({error})") from error
    if not model.graph.node or not model.graph.output:
        raise ImportRefusedError("not a whole ONNX file (it has no nodes)")
    held_by_nodes = [entry.t for node in model.graph.node for entry in node.attribute if entry.HasField("t")]
    for tensor in (*model.graph.initializer, *held_by_nodes):
        if external_data_helper.uses_external_data(tensor):
            _load_external(tensor, path.parent)
    if model.functions:
        from onnx import inliner  # noqa: PLC0415 - few files need it

        model = inliner.inline_local_functions(model)
    return model


def _load_external(tensor: TensorProto, folder: Path) -> None:
    location = external_data_helper.ExternalDataInfo(tensor).location
    if not (folder / location).is_file():
        raise ImportRefusedError(
            f"constant {tensor.name}: its values are in the file {location}, which is not in {folder}; copy it there"
        )
    try:
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
        numpy_helper.to_array(tensor)
    except Exception as error:
        raise ImportRefusedError(f"constant {tensor.name}: cannot be read from {location} ({error})") from error


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ONNX_DOMAINS]
    opset = versions[0] if versions else 0
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ImportRefusedError(
            f"opset {opset}, must be {OLDEST_OPSET} to {NEWEST_OPSET}; export it again with opset_version=13"
        )
    return int(opset)


def _array(tensor: TensorProto) -> NDArray[Any]:
    array: NDArray[Any] = numpy_helper.to_array(tensor)
    return array


def _input_shape(source: onnx.ValueInfoProto) -> tuple[tuple[int, ...], int]:
    """The shape with a batch of 1, and the batch that the file was made for (0: open)."""
    dimensions = source.type.tensor_type.shape.dim
    sizes = [dimension.dim_value for dimension in dimensions]
    if len(sizes) < 2 or min(sizes[1:], default=0) < 1:
        shown = ", ".join(str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in dimensions)
        raise ImportRefusedError(
            f"input {source.name}: shape ({shown}), must be a batch and fixed sizes; export it with fixed sizes"
        )
    return (1, *sizes[1:]), max(sizes[0], 0)


def _annotation(graph: onnx.GraphProto, tensor: str) -> str | None:
    for annotation in graph.quantization_annotation:
        for entry in annotation.quant_parameter_tensor_names:
            if annotation.tensor_name == tensor and entry.key == "finn_datatype":
                return str(entry.value)
    return None


def _nodes(graph: onnx.GraphProto) -> Iterator[Node]:
    for index, proto in enumerate(graph.node):
        name = proto.name or (proto.output[0] if proto.output else f"number {index}")
        if proto.domain not in ONNX_DOMAINS | QONNX_DOMAINS:
            raise ImportRefusedError(f"node {name} ({proto.op_type}): of the domain {proto.domain}, which is not known")
        attributes = {entry.name: _decoded(helper.get_attribute_value(entry)) for entry in proto.attribute}
        inputs, outputs = tuple(proto.input), tuple(proto.output)
        yield Node(name, proto.op_type, inputs, outputs, attributes, proto.domain == NHWC_DOMAIN)


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
