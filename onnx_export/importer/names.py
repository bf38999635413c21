"""Layers' names from nodes' names."""

from __future__ import annotations

import re

# What every such node ends in: fc1_matmul, /features.2/MatMul; what precedes it says more.
_ENDING = re.compile(
    r"([/_.](MatMul|Gemm|Conv|XnorPopcountMatMul|MaxPool|matmul|gemm|conv|maxpool|concat|add|sum|mean|pad))+$"
)


class LayerNames:
    """Gives every layer a name of its own."""

    def __init__(self) -> None:
        self._given = {"input"}

    def name(self, node_name: str) -> str:
        """Letters, digits and underscores; numbered where it was given before."""
        stem = _ENDING.sub("", node_name.strip("/").removeprefix("node_")) or node_name
        name = re.sub(r"\W+", "_", stem).strip("_") or "layer"
        number = 1
        unique = name
        while unique in self._given:
            number += 1
            unique = f"{name}_{number}"
        self._given.add(unique)
        return unique
