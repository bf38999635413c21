"""`finn/folding.json`: a folding in FINN's own cost as a file, which `--folding` takes as well."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from bnn import Chain, MatrixLayer, UserError
from bnn.version import VERSION
from finn_build.package.space import MEMORIES, FinnFolding


def finn_version() -> str:
    """Whose estimates these are."""
    return f"finn-plus {importlib.metadata.version('finn-plus')}"


def describe(network: Chain, folding: FinnFolding) -> dict[str, Any]:
    """What the folding is and takes: ``layers`` (the matrices), ``others``, ``ram_styles`` and the totals."""
    layers: dict[str, dict[str, Any]] = {}
    others: dict[str, dict[str, Any]] = {}
    for name, choice in folding.choices.items():
        if choice.folding is None:
            others[name] = {"cycles": choice.cost.cycles, **choice.cost.resources()}
        else:
            (pe, simd), matrix = choice.folding, choice.units["matrix"]
            layers[name] = {"pe": pe, "simd": simd, "cycles": matrix.cycles, **choice.cost.resources()}
    total = folding.cost
    return {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "finn_version": finn_version(),
        "layers": layers,
        "others": others,
        "ram_styles": folding.ram_styles,
        **total.resources(),
        "frame_ii_cycles": total.cycles,
    }


def read_ram_styles(described: Mapping[str, Any], network: Chain, where: str) -> dict[str, dict[str, str]]:
    """The memories of a folding file; empty where it names none. UserError names what is wrong and ``where``."""
    found: dict[str, dict[str, str]] = {}
    styles = described.get("ram_styles", {})
    names = [layer.name for layer in network.layers]
    if not isinstance(styles, dict):
        raise UserError(f"{where}: ram_styles must be a table of layers")
    for name, roles in styles.items():
        if name not in names:
            raise UserError(f"{where}: ram_styles: layer {name} is not in the network; its layers: {', '.join(names)}")
        if not isinstance(roles, dict):
            raise UserError(f"{where}: ram_styles of layer {name} must be a table of matrix and window")
        legal = ("matrix", "window") if isinstance(_layer(network, name), MatrixLayer) else ("window",)
        for role, style in roles.items():
            if role not in legal or style not in MEMORIES:
                raise UserError(
                    f"{where}: ram_styles of layer {name}: {role} = {style!r} must be one of {', '.join(legal)} with "
                    f"one of {', '.join(MEMORIES)}"
                )
        found[name] = dict(roles)
    return found


def _layer(network: Chain, name: str) -> object:
    return next(layer for layer in network.layers if layer.name == name)
