"""Runs FINN's graphs in Python and finds our layers in them. Imported only where FINN is: in the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from finn.core.onnx_exec import execute_onnx
from finn.util.verification import despecialize_model
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.errors import FinnError

MATRICES = ("MatMul", "XnorPopcountMatMul", "MVAU")
POOLS = ("MaxPoolNHWC", "Pool")
THRESHOLDS = ("MultiThreshold", "Thresholding")

Trace = dict[str, NDArray[Any]]


class GraphRunner:
    """One of FINN's graphs, executed node by node with the Python behaviour that FINN gives each of its units."""

    def __init__(self, file: str, layers: list[str]) -> None:
        """Read a graph.

        Args:
            file: one of FINN's intermediate models.
            layers: our layers in order, ``input`` first where its bits are computed.

        Raises:
            FinnError: the graph does not hold exactly these layers.
        """
        self._model = despecialize_model(ModelWrapper(file))
        self._tensors = self._find(file, layers)
        self._input = self._model.graph.input[0].name
        self._output = self._model.graph.output[0].name
        self._shape = self._model.get_tensor_shape(self._input)

    def run(self, image: NDArray[np.uint8]) -> tuple[Trace, NDArray[Any]]:
        """Every layer's output for one (H, W, C) image, flat, and what the graph gives."""
        frame = image.reshape(self._shape).astype(np.float32)
        context = execute_onnx(self._model, {self._input: frame}, return_full_exec_context=True)
        traced = {layer: context[tensor].reshape(-1) for layer, tensor in self._tensors.items()}
        return traced, context[self._output].reshape(-1)

    def _find(self, file: str, layers: list[str]) -> dict[str, str]:
        found: list[str] = []
        for node in self._model.graph.node:
            if node.op_type in THRESHOLDS:
                if found and found[-1] == node.input[0]:
                    found[-1] = node.output[0]  # the thresholds of the matrix before
                else:
                    found.append(node.output[0])
            elif node.op_type in MATRICES + POOLS:
                found.append(node.output[0])
        if len(found) != len(layers):
            raise FinnError(f"{file}: holds {len(found)} layers, the network has {len(layers)}")
        return dict(zip(layers, found, strict=True))


def check_graph(
    runner: GraphRunner, images: NDArray[np.uint8], golden: Mapping[str, NDArray[Any]], progress: Callable[[int], None]
) -> dict[str, Any]:
    """Hold every layer of a graph to golden on every frame.

    Args:
        runner: the graph.
        images: (n, H, W, C).
        golden: layer name to (n, ...), and ``answer`` for what the graph gives.
        progress: called with 1 after every frame.

    Returns:
        frames, mismatches (frames with any difference) and first_mismatch: frame and layer, or None.
    """
    mismatches, first = 0, None
    for index, image in enumerate(images):
        traced, answer = runner.run(image)
        values = {**traced, "answer": answer}
        wrong = [name for name, value in values.items() if not np.array_equal(value, golden[name][index].reshape(-1))]
        if wrong:
            mismatches += 1
            first = first or {"frame": index, "layer": wrong[0]}
        progress(1)
    return {"frames": len(images), "mismatches": mismatches, "first_mismatch": first}
