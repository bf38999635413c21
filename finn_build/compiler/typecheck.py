"""Holds the types in one of FINN's graphs to every value that can reach them; a type too narrow wraps in hardware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from bnn import Chain
from finn_build.compiler.nodes import MATRICES, THRESHOLDS, Compiler, general_type
from finn_build.compiler.widths import Accumulator, accumulators
from finn_build.errors import FinnError, TypesError

REMEDY = (
    "the hardware can give wrong answers where Python does not; write the package again with `askew finn package`, "
    "which sets the types, and if it comes out the same build with the finn-plus that requirements.lock names"
)
UNSET_ACCUMULATOR = "INT32"  # what FINN takes a unit without this attribute to have
BIT = (0, 1)
PIXEL = (0, 255)

Types = dict[str, dict[str, str]]


@dataclass(frozen=True)
class _Held:
    """A type somewhere in the graph, and the values that it must hold."""

    where: str
    name: str
    low: int
    high: int


def check_types(file: Path, form: Chain, compiler: Compiler = Compiler.FINN_PLUS) -> Types:
    """Check every accumulator, threshold and output type of a graph that FINN's compiler made.

    Args:
        file: the graph.
        form: the network that it was made of, as ``finn_form`` gave it.
        compiler: whose FINN made it.

    Returns:
        Layer name to ``accumulator`` and, where it has thresholds, ``threshold``: the names of the types. Empty for a
        graph without matrices, as FINN leaves where it has put its units into partitions.

    Raises:
        TypesError: a type does not hold every reachable value, or a threshold has been changed; the message names node,
            layer and figures.
        FinnError: the graph holds other matrices than the network.
    """
    model = ModelWrapper(str(file))
    reached = accumulators(form)
    nodes = [node for node in model.graph.node if general_type(node.op_type) in MATRICES]
    if not nodes:
        return {}
    if len(nodes) != len(reached):
        raise FinnError(f"{file.stem}: holds {len(nodes)} matrices, the network has {len(reached)}")
    if form.input.binary:
        _check_input(file.stem, model)
    types: Types = {}
    for node, accumulator in zip(nodes, reached, strict=True):
        held = list(_held(model, node, accumulator, form.classes, compiler))
        for one in held:
            _check(f"{file.stem}: {node.name} (layer {accumulator.layer})", one)
        _check_thresholds(file.stem, model, node, accumulator)
        named = {one.where: one.name for one in held}
        types[accumulator.layer] = {"accumulator": named.get("accDataType") or named["its output"]}
        if "its thresholds" in named:
            types[accumulator.layer]["threshold"] = named["its thresholds"]
    return types


def check_models(folder: Path, form: Chain, compiler: Compiler) -> None:
    """``check_types`` of every graph that a build left in ``folder``; FinnError also where it left none to check."""
    types = [check_types(file, form, compiler) for file in sorted(folder.glob("*.onnx"))]
    if not any(types):
        raise FinnError(f"{folder}: holds no graph whose types could be checked; build again")


def _held(
    model: ModelWrapper, node: NodeProto, accumulator: Accumulator, classes: int, compiler: Compiler
) -> Iterator[_Held]:
    low, high = accumulator.low, accumulator.high
    own = _type_attributes(node)
    threshold = _threshold_node(model, node)
    thresholds = _threshold_tensor(model, node)
    if "accDataType" in own:
        yield _Held("accDataType", own["accDataType"], low, high)
    if thresholds is not None:
        values = model.get_initializer(thresholds)
        ends = min(low, int(values.min())), max(high, int(values.max()))
        yield _Held("its thresholds", model.get_tensor_datatype(thresholds).name, *ends)
        if "accDataType" in own and compiler is Compiler.FINN:
            yield _Held("accDataType, in which its thresholds are kept,", own["accDataType"], *ends)
    if thresholds is not None and threshold is None:  # the node itself compares, and gives bits
        yield _Held("outputDataType", own["outputDataType"], *BIT)
        return
    yield _Held("its output", model.get_tensor_datatype(node.output[0]).name, low, high)
    if "outputDataType" in own:
        yield _Held("outputDataType", own["outputDataType"], low, high)
    for consumer in model.find_consumers(node.output[0]) or []:
        more = _type_attributes(consumer)
        if "inputDataType" in more:
            yield _Held(f"inputDataType of {consumer.name}", more["inputDataType"], low, high)
        if general_type(consumer.op_type) == "LabelSelect":
            yield _Held(f"outputDataType of {consumer.name}", more["outputDataType"], 0, classes - 1)


def _check_input(graph: str, model: ModelWrapper) -> None:
    """The threshold of the pixels."""
    node = next(node for node in model.graph.node if general_type(node.op_type) in THRESHOLDS)
    values = model.get_initializer(node.input[1])
    own = _type_attributes(node)
    ends = int(values.min()), int(values.max())  # pixels beyond the type are saturated there, not wrapped
    held = [
        _Held("its input", model.get_tensor_datatype(node.input[0]).name, *PIXEL),
        _Held("its thresholds", model.get_tensor_datatype(node.input[1]).name, *ends),
    ]
    if "inputDataType" in own:
        held.append(_Held("inputDataType", own["inputDataType"], *PIXEL))
        held.append(_Held("weightDataType", own["weightDataType"], *ends))
    for one in held:
        _check(f"{graph}: {node.name} (layer input)", one)


def _check(where: str, held: _Held) -> None:
    datatype = DataType[held.name]
    if datatype.min() > held.low or datatype.max() < held.high:
        raise TypesError(
            f"{where}: {held.where} is {held.name}, {datatype.min():.0f}..{datatype.max():.0f}, the values there reach "
            f"{held.low}..{held.high}; {REMEDY}"
        )


def _check_thresholds(graph: str, model: ModelWrapper, node: NodeProto, accumulator: Accumulator) -> None:
    """Every threshold decides as the network's does; FINN clips them to the range that it takes the values to have."""
    tensor = _threshold_tensor(model, node)
    if tensor is None or accumulator.thresholds is None:
        return
    lowest, never = accumulator.low, accumulator.high + 1
    found = np.broadcast_to(model.get_initializer(tensor).reshape(-1), accumulator.thresholds.shape)
    wanted = accumulator.thresholds
    wrong = np.clip(found, lowest, never) != np.clip(wanted, lowest, never)
    if wrong.any():
        channel = int(np.flatnonzero(wrong)[0])
        raise TypesError(
            f"{graph}: {node.name} (layer {accumulator.layer}): the threshold of channel {channel} is "
            f"{found[channel]:.0f}, the network's is {wanted[channel]}, and accumulators reach {accumulator.low}.."
            f"{accumulator.high}: FINN has clipped it to a narrower range; {REMEDY}"
        )


def _threshold_tensor(model: ModelWrapper, node: NodeProto) -> str | None:
    """The thresholds of a matrix, in the node itself or in the one behind it."""
    behind = _threshold_node(model, node)
    if behind is not None:
        return str(behind.input[1])
    return str(node.input[2]) if len(node.input) > 2 else None


def _threshold_node(model: ModelWrapper, node: NodeProto) -> NodeProto | None:
    consumers = model.find_consumers(node.output[0]) or []
    is_alone = len(node.input) == 2  # with a third input the node has compared already
    return next((c for c in consumers if is_alone and general_type(c.op_type) in THRESHOLDS), None)


def _type_attributes(node: NodeProto) -> dict[str, str]:
    unset = {"accDataType": UNSET_ACCUMULATOR} if general_type(node.op_type) == "MVAU" else {}
    return unset | {one.name: one.s.decode() for one in node.attribute if one.name.endswith("DataType")}
