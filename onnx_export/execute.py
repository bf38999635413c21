"""Run an exported file with qonnx's own executor: an answer of which no line is ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from bnn.errors import UserError
from onnx_export.metadata import NETWORK_HASH_KEY, VALUES_KEY

Progress = Callable[[int], None]


class QonnxExecutor:
    """A file that `export_qonnx` wrote, executed node by node.

    Raises UserError where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._model = ModelWrapper(str(path))
        except Exception as error:  # protobuf raises errors of its own kind
            raise UserError(f"{path}: not a whole ONNX file ({error}); export it again with --force") from error
        self.network_hash: str | None = self._model.get_metadata_prop(NETWORK_HASH_KEY)
        values = self._model.get_metadata_prop(VALUES_KEY)
        self._values: dict[str, tuple[str, int | None]] | None = None if values is None else json.loads(values)
        self._input = self._model.graph.input[0].name
        self._output = self._model.graph.output[0].name

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.float32]:
        """(n, classes) logits of (n, H, W, C) images, one image at a time."""
        logits = []
        for image in images:
            logits.append(self._execute(image)[self._output][0])
            if progress:
                progress(1)
        return np.stack(logits)

    def trace(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Bits (n, H, W, C) of every layer by its name, and the logits (n, classes) under the last layer's.

        Of a file of a graph: every value of the model, bits and integers (its numbers times 2^fraction_bits).
        """
        if self._values is not None:
            return self._trace_values(images, self._values)
        tensors = list(self._layer_outputs())
        last = tensors[-1][0]
        traced: dict[str, list[NDArray[Any]]] = {name: [] for name, _ in tensors}
        for image in images:
            context = self._execute(image, whole=True)
            for name, tensor in tensors:
                values = context[tensor][0]
                traced[name].append(values if name == last else _bits(values))
        return {name: np.stack(values) for name, values in traced.items()}

    def _trace_values(
        self, images: NDArray[np.uint8], values: dict[str, tuple[str, int | None]]
    ) -> dict[str, NDArray[Any]]:
        last = next(name for name, (tensor, _) in values.items() if tensor == self._output)
        traced: dict[str, list[NDArray[Any]]] = {name: [] for name in values}
        for image in images:
            context = self._execute(image, whole=True)
            for name, (tensor, fraction_bits) in values.items():
                found = context[tensor][0]
                if name != last:
                    found = _bits(found) if fraction_bits is None else _integers(found, fraction_bits)
                traced[name].append(found)
        return {name: np.stack(found) for name, found in traced.items()}

    def _execute(self, image: NDArray[np.uint8], whole: bool = False) -> dict[str, NDArray[np.float32]]:
        pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
        context: dict[str, NDArray[np.float32]] = execute_onnx(
            self._model, {self._input: pixels}, return_full_exec_context=whole
        )
        return context

    def _layer_outputs(self) -> Iterator[tuple[str, str]]:
        """Layer names with the tensors that hold their outputs; the last is the logits.

        A pool between a matrix and its sign is one layer with the sign behind it, and has the pool's name.
        """
        layer = pool = ""
        for node in self._model.graph.node:
            if node.op_type in {"MatMul", "Conv", "Gemm"}:
                layer, pool = node.name.removesuffix("_matmul").removesuffix("_conv"), ""
            elif node.op_type == "MaxPool":
                pool = node.name
                if not node.input[0].startswith(f"{layer}_sign"):
                    continue  # its sign is still to come
                yield pool, node.output[0]
            elif node.op_type == "BipolarQuant" and node.name.endswith("_sign"):
                yield pool or node.name.removesuffix("_sign"), node.output[0]
        yield layer, self._output


def _bits(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return _channel_last(values > 0).astype(np.uint8)


def _integers(values: NDArray[np.float32], fraction_bits: int) -> NDArray[np.int64]:
    """The integers of numbers on a grid, which they are exactly."""
    integers = np.ldexp(values.astype(np.float64), fraction_bits)
    assert (integers == np.rint(integers)).all()
    return _channel_last(integers).astype(np.int64)


def _channel_last(values: NDArray[Any]) -> NDArray[Any]:
    image = values[:, None, None] if values.ndim == 1 else values
    return np.ascontiguousarray(image.transpose(1, 2, 0))
