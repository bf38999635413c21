"""Somebody's file, executed as it stands: the reference of a run that was imported from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bnn.errors import UserError
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import ImportRefusedError, read_graph
from onnx_export.importer.meaning import find_meaning
from onnx_export.importer.walk import Walk
from onnx_export.pixel_meaning import Number, Numbers

Progress = Callable[[int], None]


class ForeignFile:
    """An ONNX file that `import_qonnx` takes, executed node by node by qonnx: no line of the answer is ours."""

    def __init__(
        self,
        path: Path,
        input_scale: Number | None = None,
        input_mean: Numbers | None = None,
        input_std: Numbers | None = None,
    ) -> None:
        """Open a file; the arguments, and what is refused, are those of ``import_qonnx``."""
        try:
            graph = fold_constants(read_graph(path))
            self._entering = find_meaning(graph, input_scale, input_mean, input_std)
            walk = Walk(graph, self._entering)
        except UserError as error:
            raise ImportRefusedError(f"{path}: {error}") from error
        self._arrangement, self.logits, self._shape = walk.arrangement, walk.logits, graph.input_shape
        self._model = ModelWrapper(str(path)).transform(InferShapes())
        given = self._model.graph.input[0]
        self._input = given.name
        self._takes_bytes = given.type.tensor_type.elem_type == TensorProto.UINT8

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.float32]:
        """(n, classes) logits of (n, H, W, C) pixel values; of one logit the pair 0 and that logit."""
        self._entering.check(images)
        logits = []
        for image in images:
            context: dict[str, Any] = execute_onnx(
                self._model, {self._input: self._tensor(image)}, return_full_exec_context=True
            )
            logits.append(np.asarray(context[self.logits], np.float32).reshape(-1))
            if progress:
                progress(1)
        found = np.stack(logits)
        return np.concatenate([np.zeros_like(found), found], axis=1) if found.shape[1] == 1 else found

    def _tensor(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """The file's input of one (H, W, C) image, in the file's own order."""
        values = self._entering.values
        channels = np.arange(image.shape[2]) % values.shape[1]
        flat = np.empty(image.size, np.float32)
        flat[self._arrangement] = values[image, channels].reshape(-1)
        tensor = flat.reshape(self._shape)
        return tensor.astype(np.uint8) if self._takes_bytes else tensor


def copy_file(source: Path, target: Path) -> None:
    """A copy of an ONNX file with its external data inside of it; the target must be a temporary name."""
    onnx.save(onnx.load(source), target)
