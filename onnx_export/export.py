"""A Brevitas model as one QONNX file that qonnx, FINN and Netron read, with the identity of its network in it."""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveUniqueParameterTensors,
    RemoveStaticGraphInputs,
    RemoveUnusedTensors,
)
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

from bnn.files import atomic_path
from bnn.values import Shape
from bnn.version import VERSION
from onnx_export.metadata import INPUT_SCALE_KEY, NETWORK_HASH_KEY, VERSION_KEY, read_metadata
from onnx_export.naming import INPUT_NAME, QUANTIZERS, rename

__all__ = ["INPUT_SCALE_KEY", "NETWORK_HASH_KEY", "VERSION_KEY", "export_qonnx", "read_metadata"]

OPSET = 13  # FINN's front end goes no further


def export_qonnx(
    model: torch.nn.Module,
    image_shape: Shape,
    path: Path,
    *,
    network_hash: str,
    layer_names: Sequence[str] | None = None,
    input_scale: float = 1.0,
) -> None:
    """Write ``model`` in evaluation mode to ``path``, atomically; the same model gives the same bytes.

    The graph takes ``pixels`` (1, C, H, W), float32 annotated as UINT8, and gives ``logits`` (1, classes).

    Args:
        model: of Brevitas layers; left as it is.
        image_shape: (H, W, C).
        path: of the ``.onnx`` file.
        network_hash: of the integer network that the model was absorbed into; goes into the metadata.
        layer_names: of the network's matrices and max pools in order; None derives them from the model's modules.
        input_scale: what a pixel value 0..255 is multiplied with before it enters the graph; goes into the metadata.
    """
    height, width, channels = image_shape
    wrapped = _brevitas_export(model, torch.zeros(1, channels, height, width))
    wrapped = _clean(wrapped)
    _keep_signs_alone(wrapped)
    _weights_beside_their_matrices(wrapped)
    rename(wrapped, layer_names)
    wrapped.set_tensor_datatype(INPUT_NAME, DataType["UINT8"])
    metadata = {NETWORK_HASH_KEY: network_hash, VERSION_KEY: VERSION, INPUT_SCALE_KEY: repr(float(input_scale))}
    for key, value in metadata.items():
        wrapped.model.metadata_props.add(key=key, value=value)
        wrapped.set_metadata_prop(key, value)  # on the graph, where qonnx 1.0 looks for it
    wrapped.model.graph.name = "askew"
    onnx.checker.check_model(wrapped.model)
    with atomic_path(path) as temporary:
        temporary.write_bytes(wrapped.model.SerializeToString(deterministic=True))


def _brevitas_export(model: torch.nn.Module, example: torch.Tensor) -> ModelWrapper:
    from brevitas.export import export_qonnx as brevitas_export  # noqa: PLC0415 - takes seconds

    copied = copy.deepcopy(model).cpu().eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the tracing exporter, which is the one that FINN can read
        path = Path(folder) / "model.onnx"
        brevitas_export(copied, example, str(path), opset_version=OPSET, dynamo=False)
        return ModelWrapper(str(path))


def _clean(model: ModelWrapper) -> ModelWrapper:
    """The clean-up of qonnx, but for its numbering of nodes, from whose names the layers' are taken."""
    for node in model.graph.node:
        node.doc_string = ""  # where in the program it was traced
        del node.metadata_props[:]
    for transformation in (
        InferShapes(),
        GiveUniqueParameterTensors(),
        FoldConstants(exclude_op_types=list(QUANTIZERS)),
        FoldTransposeIntoQuantInit(),
        RemoveUnusedTensors(),
        RemoveStaticGraphInputs(),
    ):
        model = model.transform(transformation)
    return model


def _keep_signs_alone(model: ModelWrapper) -> None:
    """Put -1 and +1 in place of latent weights: the quantizer behind them gives the same, and the file shows them."""
    for node in model.get_nodes_by_op_type("BipolarQuant"):
        latent = model.get_initializer(node.input[0])
        if latent is not None:
            model.set_initializer(node.input[0], np.where(latent >= 0, 1, -1).astype(np.float32))


def _weights_beside_their_matrices(model: ModelWrapper) -> None:
    """Order the nodes so that each quantizer of weights stands right in front of the node that uses it."""
    ordered: list[onnx.NodeProto] = []
    quantizers = {node.output[0]: node for node in model.graph.node if model.get_initializer(node.input[0]) is not None}
    for node in model.graph.node:
        if node.output[0] not in quantizers:
            ordered += [quantizers[tensor] for tensor in node.input if tensor in quantizers]
            ordered.append(node)
    assert len(ordered) == len(model.graph.node)
    copies = [copy.deepcopy(node) for node in ordered]
    del model.graph.node[:]
    model.graph.node.extend(copies)
