"""Our folding as FINN's folding configuration: PE and SIMD of the matrices, and what the units around them need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bnn import Chain, MatrixLayer, MaxPoolLayer
from bnn.folding import Folding, LayerFolding, divisors
from finn_build.compiler.nodes import Compiler, FinnNode, Role, finn_nodes

PeSimd = tuple[int, int]
RamStyles = Mapping[str, Mapping[str, str]]
"""Layer to role ("matrix", "window") to where its memory goes: "block" or "distributed", FINN's words."""

# So shallow a weight memory is a handful of LUTs. Left to itself FINN's estimate counts whole block RAMs for it.
SHALLOW_WORDS = 16


def folding_config(
    network: Chain,
    folding: Mapping[str, PeSimd],
    compiler: Compiler = Compiler.FINN_PLUS,
    ram_styles: RamStyles | None = None,
) -> dict[str, dict[str, Any]]:
    """FINN's ``folding_config.json`` for a network that ``finn_form`` gave.

    A window gives, and the input's threshold and padding pass on, as many elements a cycle as their matrix takes, so
    that no width converter stands between them. Pools keep FINN's choice, all channels at once.

    Raises:
        FoldingError: a layer is missing or unknown, or its PE or SIMD does not divide.
    """
    cycles = max(checked_folding(network, folding).cycles(network).values())
    config: dict[str, dict[str, Any]] = {"Defaults": {}}
    for node in finn_nodes(network, compiler):
        if node.role is Role.LABEL:
            options: dict[str, Any] = {"PE": label_pe(network, cycles)}
        else:
            layer = matrix_beside(network, node)
            style = (ram_styles or {}).get(node.layer, {}).get(node.role.value)
            options = node_options(network, node, folding[layer], style)
        if options:
            config[node.name] = options
    return config


def matrix_beside(network: Chain, node: FinnNode) -> str:
    """The layer whose folding a node follows: its own, and the first matrix for input and pools (which ignore it)."""
    names = [layer.name for layer in network.layers if isinstance(layer, MatrixLayer)]
    return node.layer if node.layer in names else names[0]


def node_options(network: Chain, node: FinnNode, folding: PeSimd, ram_style: str | None = None) -> dict[str, Any]:
    """What FINN's folding configuration says of one node, but for the label; empty where FINN's own choice stands.

    Args:
        network: what ``finn_form`` gave.
        node: one of its nodes.
        folding: of the layer that ``matrix_beside`` names.
        ram_style: of the node's memory; None takes the usual one.
    """
    pe, simd = folding
    layer = next((layer for layer in network.layers if layer.name == node.layer), None)
    memory = {} if ram_style is None else {"ram_style": ram_style}
    if node.role is Role.INPUT:
        is_pool = isinstance(network.layers[0], MaxPoolLayer)
        return {"PE": network.input.shape[2] if is_pool else simd}
    if not isinstance(layer, MatrixLayer):
        return memory
    if node.role is not Role.MATRIX:
        return {"SIMD": simd, **memory}
    words = (layer.mw // simd) * (layer.mh // pe)
    return {"PE": pe, "SIMD": simd, "ram_style": "distributed" if words <= SHALLOW_WORDS else "auto"} | memory


def label_pe(network: Chain, cycles: int) -> int:
    """The smallest PE with which the label takes no longer than the matrices."""
    return next(pe for pe in divisors(network.classes) if network.classes // pe <= cycles)


def checked_folding(network: Chain, folding: Mapping[str, PeSimd]) -> Folding:
    """The folding as ours; raises FoldingError at the first layer that it does not fit."""
    return Folding.of(network, {name: LayerFolding(pe, simd) for name, (pe, simd) in folding.items()})
