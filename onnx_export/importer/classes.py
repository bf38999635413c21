"""What stands behind the logits of a graph: it picks the class, as the network's scores do, or keeps their order."""

from __future__ import annotations

from onnx_export.importer.graph import Graph, Node
from onnx_export.importer.layout import MOVES, Layout

CLASS_PICKERS = {"TopK", "ArgMax"}
ORDER_KEEPERS = {"Softmax", "LogSoftmax", "Sigmoid"}
_BEHIND_CLASS = MOVES | {"Identity", "Cast"}


def check_class_picker(graph: Graph, node: Node, layout: Layout) -> None:
    """Refuse a TopK or ArgMax that picks anything but the first of the highest logits, or whose class is used on."""
    if node.op == "TopK" and not node.attributes.get("largest", 1):
        raise node.refuse("picks the smallest; only the largest logit is known as the class")
    if node.op == "ArgMax" and node.attributes.get("select_last_index", 0):
        raise node.refuse("picks the last of equal logits; the network picks the first")
    axis = int(node.attributes.get("axis", -1 if node.op == "TopK" else 0))
    sizes = layout.places.shape
    if not -len(sizes) <= axis < len(sizes) or sizes[axis] != layout.places.size:
        raise node.refuse(f"looks along axis {axis} of shape {sizes}, which is not that of the classes")
    if layout.places.size == 1:
        raise node.refuse("picks the highest of one value, which is always class 0; export the model without it")
    outputs = set(node.outputs)
    for following in graph.nodes:
        if outputs.intersection(following.inputs):
            if following.op not in _BEHIND_CLASS:
                raise following.refuse(f"computes with the class that {node} picked")
            outputs.update(following.outputs)


def left_out(node: Node, layout: Layout) -> str:
    """The note that one of ORDER_KEEPERS is left out; refused where it would change the class."""
    if layout.places.size > 1:
        return f"{node} is left out: it keeps the order of the classes, but for its own rounding"
    if node.op == "Sigmoid":
        return f"{node} is left out: it is above 0.5 where the logit is above 0, but for its own rounding"
    raise node.refuse("of one value is always the same; a classifier of one logit ends in that or in a Sigmoid")
