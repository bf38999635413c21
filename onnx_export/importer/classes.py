"""TopK and ArgMax at the end of a graph: they pick the class, as the network's scores do."""

from __future__ import annotations

from onnx_export.importer.graph import Graph, Node
from onnx_export.importer.layout import MOVES, Layout

CLASS_PICKERS = {"TopK", "ArgMax"}
ORDER_KEEPERS = {"Softmax", "LogSoftmax"}
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
    outputs = set(node.outputs)
    for following in graph.nodes:
        if outputs.intersection(following.inputs):
            if following.op not in _BEHIND_CLASS:
                raise following.refuse(f"computes with the class that {node} picked")
            outputs.update(following.outputs)
