"""Somebody's file, executed as it stands: the reference of a run that was imported from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.infer_shapes import InferShapes

from bnn.errors import UserError
from bnn.readers import door, in_one_line, printable
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import Graph, ImportRefusedError, read_graph
from onnx_export.importer.meaning import find_meaning
from onnx_export.importer.onnx_file import load_model
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
        with door(path, "damaged, or of a form that the import does not know", "import it again", ImportRefusedError):
            try:
                graph = fold_constants(read_graph(path))
                self._entering = find_meaning(graph, input_scale, input_mean, input_std)
                walk = Walk(graph, self._entering)
            except UserError as error:
                raise ImportRefusedError(f"{path}: {printable(str(error))}") from error
        self._path, self._input, self._shape = path, graph.input, graph.input_shape
        self._arrangement, self._logits = walk.arrangement, walk.logits
        try:
            self._model = _for_one_image(load_model(path), graph)
        except Exception as error:  # qonnx raises errors of all kinds
            raise self._refused(error) from error
        self._takes_bytes = (
            self._model.get_tensor_valueinfo(graph.input).type.tensor_type.elem_type == TensorProto.UINT8
        )

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.float32]:
        """(n, classes) logits of (n, H, W, C) pixel values; of one logit the pair 0 and that logit.

        Raises:
            UserError: a pixel that the file's input does not hold, or qonnx cannot execute the file.
        """
        self._entering.check(images)
        logits = []
        for image in images:
            logits.append(self._execute(image))
            if progress:
                progress(1)
        found = np.stack(logits)
        return np.concatenate([np.zeros_like(found), found], axis=1) if found.shape[1] == 1 else found

    def _execute(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        given = {self._input: self._tensor(image)}
        try:
            context: dict[str, Any] = execute_onnx(self._model, given, return_full_exec_context=True)
        except Exception as error:  # qonnx raises errors of all kinds
            raise self._refused(error) from error
        return np.asarray(context[self._logits], np.float32).reshape(-1)

    def _tensor(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """The file's input of one (H, W, C) image, in the file's own order."""
        values = self._entering.values
        channels = np.arange(image.shape[2]) % values.shape[1]
        flat = np.empty(image.size, np.float32)
        flat[self._arrangement] = values[image, channels].reshape(-1)
        tensor = flat.reshape(self._shape)
        return tensor.astype(np.uint8) if self._takes_bytes else tensor

    def _refused(self, error: Exception) -> UserError:
        reason = printable(in_one_line(error))
        return UserError(f"{self._path}: qonnx cannot execute it ({reason}); leave this rung out")


def _for_one_image(model: onnx.ModelProto, graph: Graph) -> ModelWrapper:
    """The file for qonnx, which wants every shape fixed: a batch that is open or of many images becomes one of 1."""
    for entry in [entry for entry in model.metadata_props if entry.key == "exec_mode"]:
        model.metadata_props.remove(entry)  # FINN's word for simulators of its own
    if graph.batch != 1:
        source = next(entry for entry in model.graph.input if entry.name == graph.input)
        source.type.tensor_type.shape.dim[0].dim_value = 1
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        _reshape_one_image(model, graph)
    wrapped = ModelWrapper(model)
    for transformation in (InferShapes(), *(() if graph.batch == 1 else (FoldConstants(), InferShapes()))):
        wrapped = wrapped.transform(transformation)
    return wrapped


def _reshape_one_image(model: onnx.ModelProto, graph: Graph) -> None:
    """Where a Reshape names the batch's size, it gets the size for one image."""
    sizes = {node.outputs[0]: graph.constants.get(node.inputs[1]) for node in graph.nodes if node.op == "Reshape"}
    for node in model.graph.node:
        size = sizes.get(node.output[0]) if node.op_type == "Reshape" else None
        if size is not None:
            name = f"{node.output[0]}_size_for_one_image"
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(size, np.int64), name))
            node.input[1] = name
