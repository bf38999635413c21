"""What a node may look like, by ONNX's own schemas and by qonnx's: its domain, attributes, inputs and outputs.

What an operator does not know, whoever runs the file refuses or ignores. Here it is refused: a misspelt name would
otherwise leave the attribute at its default without a word, and a tensor too many would be left out of the sum.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import onnx
from qonnx.custom_op.registry import getCustomOp

from onnx_export.importer.onnx_file import ImportRefusedError

STANDARD = {"", "ai.onnx"}
NO_VALUES = {"name", "ref_attr_name", "doc_string", "type"}
VALUE_FIELDS = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.FLOATS: "floats",
    onnx.AttributeProto.INTS: "ints",
    onnx.AttributeProto.STRINGS: "strings",
    onnx.AttributeProto.TENSORS: "tensors",
}
CHANNELS_LAST = "qonnx.custom_op.channels_last"  # has standard operators, with channels last


def check_node(node: onnx.NodeProto, opset: int) -> None:
    """Refuse a node that its operator does not allow: of another domain, or with attributes or tensors that it lacks.

    Raises:
        ImportRefusedError: the message names the node.
    """
    complaint = _attributes(node) or (_tensors(node, opset) if node.domain in STANDARD else _domain(node))
    if complaint:
        raise ImportRefusedError(f"node {node.name or '?'} ({node.op_type}): {complaint}")


def _attributes(node: onnx.NodeProto) -> str | None:
    names = [entry.name for entry in node.attribute]
    known = _known_attributes().get(node.op_type.removesuffix("NHWC"), frozenset())  # FINN's keep what ONNX's had
    if node.domain not in STANDARD:
        known = known | _custom(node)
    unknown = [name for name in names if known and name not in known]
    if unknown:
        return f"has the unknown attribute {unknown[0]}, which would be ignored"
    if len(set(names)) != len(names):
        return "has an attribute twice"
    torn = [entry.name for entry in node.attribute if not _has_one_value(entry)]
    return f"its attribute {torn[0]} has values of two types, or none of its own" if torn else None


def _has_one_value(attribute: onnx.AttributeProto) -> bool:
    """Whether the fields that are set are the one of its type, which may be an empty list."""
    filled = {field.name for field, _ in attribute.ListFields()} - NO_VALUES
    return filled <= {VALUE_FIELDS.get(attribute.type)}


def _tensors(node: onnx.NodeProto, opset: int) -> str | None:
    """Of an operator that ONNX does not have nothing is said here: it is refused where it is met."""
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return "is no operator of ONNX; its domain must say whose it is"
    if not schema.min_input <= len(node.input) <= schema.max_input:
        return f"has {len(node.input)} inputs, must have {schema.min_input} to {schema.max_input}"
    if len(node.output) > schema.max_output:
        return f"has {len(node.output)} outputs, may have {schema.max_output}"
    return None


def _domain(node: onnx.NodeProto) -> str | None:
    if node.domain != CHANNELS_LAST and node.op_type in _known_attributes():
        return f"is an operator of ONNX, in the domain {node.domain}, which has none of this name"
    return None


@cache
def _known_attributes() -> dict[str, frozenset[str]]:
    """Every operator of ONNX with the attributes that it has or had; "" is one for all, so that none has no set."""
    found: dict[str, set[str]] = defaultdict(lambda: {""})
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.domain:
            found[schema.name].update(schema.attributes)
    return {name: frozenset(attributes) for name, attributes in found.items()}


def _custom(node: onnx.NodeProto) -> frozenset[str]:
    try:
        return frozenset({*getCustomOp(node).get_nodeattr_types(), ""})
    except Exception:  # of an older domain, or not of qonnx's: it raises whatever its imports do
        return frozenset()
