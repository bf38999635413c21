"""Our folding as FINN's folding configuration: PE and SIMD of the matrices, and what the units around them need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bnn import ConvLayer, DenseLayer, MatrixLayer, MaxPoolLayer, Network, UserError
from finn_build.nodes import Compiler, FinnNode, Role, finn_nodes

LayerFolding = tuple[int, int]  # (pe, simd)

# So shallow a weight memory is a handful of LUTs. Left to itself FINN's estimate counts whole block RAMs for it.
SHALLOW_WORDS = 16


def folding_config(
    network: Network, folding: Mapping[str, LayerFolding], compiler: Compiler = Compiler.FINN_PLUS
) -> dict[str, dict[str, Any]]:
    """FINN's ``folding_config.json`` for a network that ``finn_form`` gave.

    A window gives, and the input's threshold and padding pass on, as many elements a cycle as their matrix takes, so
    that no width converter stands between them. Pools keep FINN's choice, all channels at once.

    Raises:
        UserError: a layer is missing or unknown, or its PE or SIMD does not divide.
    """
    verify_folding(network, folding)
    layers = {layer.name: layer for layer in network.layers}
    first = network.layers[0]
    cycles = max(matrix_cycles(network, folding).values())
    config: dict[str, dict[str, Any]] = {"Defaults": {}}
    for node in finn_nodes(network, compiler):
        layer = layers.get(node.layer)
        if node.role is Role.INPUT:
            is_pool = isinstance(first, MaxPoolLayer)
            config[node.name] = {"PE": network.input.shape[2] if is_pool else folding[first.name][1]}
        elif node.role is Role.LABEL:
            config[node.name] = {"PE": next(pe for pe in _divisors(network.classes) if network.classes // pe <= cycles)}
        elif isinstance(layer, MatrixLayer):
            config[node.name] = _around_matrix(node, layer, folding[layer.name])
    return config


def _around_matrix(node: FinnNode, layer: MatrixLayer, folding: LayerFolding) -> dict[str, Any]:
    pe, simd = folding
    if node.role is not Role.MATRIX:
        return {"SIMD": simd}
    words = (layer.mw // simd) * (layer.mh // pe)
    return {"PE": pe, "SIMD": simd, "ram_style": "distributed" if words <= SHALLOW_WORDS else "auto"}


def matrix_cycles(network: Network, folding: Mapping[str, LayerFolding]) -> dict[str, int]:
    """Cycles of one frame in every matrix, as FINN counts them: positions times both folds."""
    cycles = {}
    for layer, shape, _ in network.walk():
        if isinstance(layer, DenseLayer | ConvLayer):
            pe, simd = folding[layer.name]
            height, width, _ = layer.output_shape(shape)
            cycles[layer.name] = (layer.mw // simd) * (layer.mh // pe) * height * width
    return cycles


def verify_folding(network: Network, folding: Mapping[str, LayerFolding]) -> None:
    """Raise UserError at the first layer that the folding does not fit."""
    matrices = {layer.name: layer for layer in network.layers if isinstance(layer, MatrixLayer)}
    for name in folding:
        if name not in matrices:
            raise UserError(f"folding: layer {name} is not in the network; its layers: {', '.join(matrices)}")
    for name, layer in matrices.items():
        if name not in folding:
            raise UserError(f"folding: layer {name} is missing; give its pe and simd")
        pe, simd = folding[name]
        quantity, channels = ("c_in", layer.c_in) if isinstance(layer, ConvLayer) else ("mw", layer.mw)
        if simd < 1 or channels % simd:
            raise UserError(f"layer {name}: {quantity} ({channels}) must be divisible by simd ({simd})")
        if pe < 1 or layer.mh % pe:
            raise UserError(f"layer {name}: mh ({layer.mh}) must be divisible by pe ({pe})")


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
