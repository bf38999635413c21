"""Names by which a person can follow an exported graph in Netron: every node and tensor says its layer and its role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import onnx
from qonnx.core.modelwrapper import ModelWrapper

INPUT_NAME = "pixels"
OUTPUT_NAME = "logits"

MATRIX_OPS = {"MatMul": "matmul", "Gemm": "matmul", "Conv": "conv"}
QUANTIZERS = {"BipolarQuant", "Quant"}

_PREPARING_ROLES = {
    "Pad": ("pad", ("pad_margins", "pad_value")),
    "Reshape": ("reshape", ("reshape_shape",)),
    "Flatten": ("flatten", ()),
    "Transpose": ("transpose", ()),
}

# What a node does between a matrix and the sign, and what its constant inputs are.
_HIDDEN_ROLES = {
    "Mul": ("batchnorm_mul", ("batchnorm_scale",)),
    "Add": ("batchnorm_add", ("batchnorm_offset",)),
    "BatchNormalization": (
        "batchnorm",
        ("batchnorm_scale", "batchnorm_offset", "batchnorm_mean", "batchnorm_variance"),
    ),
    "Sub": ("threshold_sub", ("threshold_shift",)),
    "Relu": ("activation", ()),
    "LeakyRelu": ("activation", ()),
    "PRelu": ("activation", ("activation_slope",)),
    "BipolarQuant": ("sign", ("sign_scale",)),
}
_INPUT_ROLES = {"Sub": ("threshold_sub", ("threshold_shift",)), "BipolarQuant": ("sign", ("sign_scale",))}
_LAST_ROLES = {"Mul": ("affine_mul", ("affine_scale",)), "Add": ("affine_add", ("affine_offset",))}


def rename(model: ModelWrapper, layer_names: Sequence[str] | None = None) -> None:
    """Name nodes and tensors in place: fc1_weight, fc1_matmul, fc1_batchnorm_scale, fc1_threshold_shift, fc1_sign...

    A tensor has the name of the node that makes it, a constant that of its role. What stands in front of the first
    matrix belongs to ``input``; a max pool has a name of its own.

    Args:
        model: one chain of nodes, topologically sorted.
        layer_names: of the matrices and max pools, in order; None takes a matrix's from the module that made it and
            counts pools.
    """
    names = _unique(list(_node_names(model, list(layer_names) if layer_names is not None else None)))
    tensors: dict[str, str] = {}
    for node, (name, constants) in zip(model.graph.node, names, strict=True):
        node.name = name
        weights = [tensor for tensor in node.input if model.get_initializer(tensor) is not None]
        for index, tensor in enumerate(weights):
            tensors[tensor] = constants[index] if index < len(constants) else f"{name}_constant{index}"
        for index, tensor in enumerate(node.output):
            tensors[tensor] = name if index == 0 else f"{name}_output{index}"
    tensors[model.graph.input[0].name] = INPUT_NAME
    tensors[model.graph.output[0].name] = OUTPUT_NAME
    _rename_tensors(model.graph, tensors)


def _rename_tensors(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    assert len(set(names.values())) == len(names), "two tensors with one name"
    for node in graph.node:
        node.input[:] = [names.get(tensor, tensor) for tensor in node.input]
        node.output[:] = [names.get(tensor, tensor) for tensor in node.output]
    for named in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        named.name = names.get(named.name, named.name)
    for annotation in graph.quantization_annotation:
        annotation.tensor_name = names.get(annotation.tensor_name, annotation.tensor_name)


def _node_names(model: ModelWrapper, layer_names: list[str] | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name of every node in order, and of its constant inputs."""
    nodes = list(model.graph.node)
    matrices = [node for node in nodes if node.op_type in MATRIX_OPS]
    layers = _layer_of_nodes(nodes)
    layer_of = _layer_names(nodes, layer_names)
    for node, matrix in zip(nodes, layers, strict=True):
        if node.op_type == "MaxPool":
            yield layer_of[node.name], ()
            continue
        layer = "input" if matrix is None else layer_of[matrix.name]
        if node in matrices:
            yield f"{layer}_{MATRIX_OPS[node.op_type]}", (f"{layer}_weight", f"{layer}_bias")
        elif node.op_type in QUANTIZERS and model.get_initializer(node.input[0]) is not None:
            layer = layer_of[model.find_consumers(node.output[0])[0].name]
            yield f"{layer}_weight_quant", (f"{layer}_weight", f"{layer}_weight_scale")
        else:
            roles = _INPUT_ROLES if matrix is None else _LAST_ROLES if matrix == matrices[-1] else _HIDDEN_ROLES
            role, constants = (_PREPARING_ROLES | roles).get(node.op_type, (node.op_type.lower(), ()))
            yield f"{layer}_{role}", tuple(f"{layer}_{constant}" for constant in constants)


def _layer_of_nodes(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto | None]:
    """For every node the matrix that it belongs to: the one before it, or the next where it only prepares that one."""
    owners: list[onnx.NodeProto | None] = []
    current = None
    for index, node in enumerate(nodes):
        if node.op_type in MATRIX_OPS:
            current = node
        if node.op_type in _PREPARING_ROLES:
            owners.append(next((later for later in nodes[index:] if later.op_type in MATRIX_OPS), current))
        else:
            owners.append(current)
    return owners


def _layer_names(nodes: list[onnx.NodeProto], given: list[str] | None) -> dict[str, str]:
    """Layer name by node name, for matrices and max pools."""
    layers = [node for node in nodes if node.op_type in MATRIX_OPS or node.op_type == "MaxPool"]
    if given is None:
        pools = Counter[str]()
        given = []
        for node in layers:
            pools[node.op_type] += 1
            scope = node.name.strip("/").split("/")
            counted = f"{'pool' if node.op_type == 'MaxPool' else 'layer'}{pools[node.op_type]}"
            given.append(counted if node.op_type == "MaxPool" or len(scope) < 2 else scope[0].replace(".", "_"))
    assert len(given) == len(layers), f"{len(given)} names for {len(layers)} matrices and pools"
    return dict(zip((node.name for node in layers), given, strict=True))


def _unique(names: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Number what would otherwise be called alike: fc1_batchnorm_mul, fc1_batchnorm_mul2."""
    seen = Counter[str]()
    unique = []
    for name, constants in names:
        seen[name] += 1
        suffix = "" if seen[name] == 1 else str(seen[name])
        unique.append((name + suffix, tuple(constant + suffix for constant in constants)))
    return unique
