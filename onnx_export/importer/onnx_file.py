"""The one reader of ONNX files: whole, every constant as long as its shape says, and nothing in it that could explode.

protobuf takes any bytes for text and any number for an enum, a shape is only a claim, and functions that call each
other double with every level. What a file claims is compared here with what it holds, before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, external_data_helper, helper, numpy_helper

from bnn.errors import UserError
from bnn.readers import in_one_line

MAX_NODES = 100_000  # also behind the inlining of functions
CONTROL_FLOW = {AttributeProto.GRAPH, AttributeProto.GRAPHS}
TYPE_NAMES = dict(zip(TensorProto.DataType.values(), TensorProto.DataType.keys(), strict=True))


class ImportRefusedError(UserError):
    """A file that cannot become an integer network; the message names the node and says why."""


def load_model(path: Path) -> onnx.ModelProto:
    """A file with its external data and its functions inlined.

    Raises:
        OSError: it cannot be opened.
        ImportRefusedError: damaged, without its external data, or of a size that it does not have.
    """
    model = load_proto(path)
    if not model.graph.node or not model.graph.output:
        raise ImportRefusedError("not a whole ONNX file (it has no nodes)")
    held_by_nodes = [entry.t for node in _nodes(model) for entry in node.attribute if entry.HasField("t")]
    for tensor in (*model.graph.initializer, *held_by_nodes):
        if external_data_helper.uses_external_data(tensor):
            _load_external(tensor, path.parent)
        check_tensor(tensor)
    _check_texts(model)
    if model.functions:
        from onnx import inliner  # noqa: PLC0415 - few files need it

        _check_functions(model)
        model = inliner.inline_local_functions(model)
    if len(model.graph.node) > MAX_NODES:
        raise ImportRefusedError(f"has {len(model.graph.node):,} nodes, may have {MAX_NODES:,}")
    return model


def load_proto(path: Path) -> onnx.ModelProto:
    """The file's message alone, as it is; ImportRefusedError where it is none, OSError where it cannot be opened."""
    try:
        return onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf raises errors of its own kind
        raise ImportRefusedError(f"not a whole ONNX file ({in_one_line(error)})") from error


def to_array(tensor: TensorProto) -> NDArray[Any]:
    """The values of a constant that `check_tensor` has let pass."""
    array: NDArray[Any] = numpy_helper.to_array(tensor)
    return array


def type_name(number: int) -> str:
    """What ONNX calls the type of a tensor; the number where it has no name."""
    return str(TYPE_NAMES.get(number, f"number {number}"))


def check_tensor(tensor: TensorProto) -> None:
    """Refuse a constant whose values are fewer or more than its shape says, or of no type with values of its own."""
    where = f"constant {tensor.name or '?'}"
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except KeyError:
        named = type_name(tensor.data_type)
        raise ImportRefusedError(f"{where}: its type is {named}, which holds no numbers") from None
    if any(size < 0 for size in tensor.dims):
        raise ImportRefusedError(f"{where}: its shape {list(tensor.dims)} has a negative size")
    wanted = math.prod(tensor.dims)
    if dtype.kind not in "biuf":  # texts, complex numbers, two numbers a byte: no file that can be imported needs them
        if wanted > 2 * tensor.ByteSize():
            raise ImportRefusedError(f"{where}: its shape {list(tensor.dims)} is larger than the constant itself")
        return
    fields = [tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data]
    if tensor.HasField("raw_data"):
        there, unit, wanted = len(tensor.raw_data), "bytes", wanted * dtype.itemsize
    else:
        there, unit = sum(map(len, fields)), "values"
    if there != wanted or (tensor.HasField("raw_data") and any(map(len, fields))):
        raise ImportRefusedError(f"{where}: its shape {list(tensor.dims)} takes {wanted:,} {unit}, it has {there:,}")


def _load_external(tensor: TensorProto, folder: Path) -> None:
    location = external_data_helper.ExternalDataInfo(tensor).location
    if not (folder / location).is_file():
        raise ImportRefusedError(
            f"constant {tensor.name}: its values are in the file {location}, which is not in {folder}; copy it there"
        )
    try:
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    except Exception as error:
        raise ImportRefusedError(
            f"constant {tensor.name}: cannot be read from {location} ({in_one_line(error)})"
        ) from error
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node of the graph and of the functions; ImportRefusedError for one that holds a graph of its own."""
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        for attribute in node.attribute:
            if attribute.type in CONTROL_FLOW or attribute.HasField("g") or attribute.graphs:
                raise ImportRefusedError(
                    f"node {node.name or '?'} ({node.op_type}): holds a graph of its own; only networks without "
                    "branches and loops are known"
                )
        yield node


def _check_functions(model: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, or that become too many nodes."""
    functions = {(function.domain, function.name): function.node for function in model.functions}
    sizes: dict[tuple[str, str], int | None] = {}

    def size(nodes: Iterable[onnx.NodeProto], depth: int) -> int:
        total = 0
        for node in nodes:
            key = node.domain, node.op_type
            if key not in functions:
                total += 1
                continue
            if key not in sizes:
                sizes[key] = None  # until it is known: who meets it so has come round
                sizes[key] = size(functions[key], depth + 1)
            inner = sizes[key]
            if inner is None or depth > 100:
                raise ImportRefusedError(f"function {node.op_type}: calls itself, or others more than 100 levels deep")
            total += inner
        return total

    total = size(model.graph.node, 0)
    if total > MAX_NODES:
        raise ImportRefusedError(f"its functions become {total:,} nodes, may become {MAX_NODES:,}")


def _check_texts(model: onnx.ModelProto) -> None:
    """Refuse names that are no UTF-8, which protobuf lets pass in some fields and not in others."""
    for node in model.graph.node:
        for attribute in node.attribute:
            for text in (attribute.s, *attribute.strings):
                try:
                    text.decode()
                except UnicodeDecodeError:
                    raise ImportRefusedError(
                        f"node {node.name or '?'} ({node.op_type}): its attribute {attribute.name} is no text in UTF-8"
                    ) from None


def as_python(value: Any) -> Any:
    """An attribute's value: text, number, list of them, or an array."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, TensorProto):
        return to_array(value)
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [text.decode() for text in value]
    return value


def finite_size(shape: Iterable[int], most: int) -> bool:
    """Whether the sizes are positive and their product is at most ``most``; whole numbers of any length."""
    sizes = [int(size) for size in shape]
    return min(sizes, default=1) >= 0 and math.prod(sizes) <= most
