"""Pixels as thermometers: a tensor with one more axis, compared with a threshold for each place on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_export.importer.graph import Graph, Node
from onnx_export.importer.signal import Pixels, Signal

RANK = 5  # of (1, C, n, H, W)


@dataclass(frozen=True, eq=False)
class ThermometerNodes:
    """Four nodes that make bits of each pixel: Unsqueeze, Sub, BipolarQuant, Reshape.

    Attributes:
        nodes: they.
        signal: the pixels, (1, C, H, W).
        thresholds: (1, n) or (C, n) float32, subtracted.
    """

    nodes: tuple[Node, ...]
    signal: Signal
    thresholds: NDArray[np.float32]

    @property
    def tensor(self) -> str:
        """What they give."""
        return self.nodes[-1].outputs[0]

    def pixels(self, values: NDArray[np.float32]) -> NDArray[np.int16]:
        """The first pixel value, of those given (256, C or 1), of which each bit is 1: (n,), or (C, n).

        Refused where there is no such: a bit that turns to 0 again.
        """
        reached = values[:, :, None] - self.thresholds >= 0  # (256, C, n)
        if (np.diff(reached.astype(np.int8), axis=0) < 0).any():
            raise self.nodes[1].refuse("compares pixels that fall with thresholds; a thermometer's bits must rise")
        first = np.where(reached.any(axis=0), reached.argmax(axis=0), 256).astype(np.int16)
        return first[0] if len(first) == 1 else first


def read_thermometer(graph: Graph, node: Node, signal: Signal) -> ThermometerNodes | None:
    """The nodes from this Unsqueeze on, where they are a thermometer."""
    layout = signal.layout
    if not isinstance(signal.base, Pixels) or not layout.is_nchw or _axes(graph, node) != [2]:
        return None
    nodes = [node]
    for wanted in ("Sub", "BipolarQuant", "Reshape"):
        readers = [other for other in graph.nodes if nodes[-1].outputs[0] in other.inputs]
        if len(readers) != 1 or readers[0].op != wanted or readers[0].inputs[0] != nodes[-1].outputs[0]:
            return None
        nodes.append(readers[0])
    thresholds, scale, target = (graph.constants.get(one.inputs[1]) for one in nodes[1:])
    if thresholds is None or scale is None or target is None or thresholds.dtype != np.float32:
        return None
    height, width, channels = layout.shape
    if thresholds.ndim < 3 or thresholds.shape[-2:] != (1, 1):
        return None
    bits = thresholds.shape[-3]
    is_axis = thresholds.ndim <= RANK and thresholds.size in {bits, bits * channels}
    is_axis = is_axis and thresholds.shape[:-4] in {(), (1,)} and thresholds.shape[-4:-3] in {(), (1,), (channels,)}
    fits = target.tolist() in ([1, channels * bits, height, width], [-1, channels * bits, height, width])
    if not is_axis or not fits or not np.array_equal(scale.reshape(-1), [1.0]):
        return None
    return ThermometerNodes(tuple(nodes), signal, thresholds.reshape(-1, bits))


def _axes(graph: Graph, node: Node) -> list[Any]:
    given = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    return list(node.attributes.get("axes", [])) if given is None else list(given.reshape(-1).tolist())
