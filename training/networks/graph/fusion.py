"""Which layers of a graph train as one compiled operation: a matrix onto a grid, the sum behind it, the sum's sign."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.config.layers import AddConfig, Gives, SignConfig
from training.networks.fused_sums import norm_grid_sum
from training.networks.graph.blocks.block import Block
from training.networks.graph.blocks.matrix import MatrixBlock
from training.networks.graph.blocks.norm import SignBlock
from training.networks.graph.plan import GraphPlan
from training.networks.graph.steps import Grid
from training.networks.layers import HALF_WIDTH


@dataclass(frozen=True)
class Fusion:
    """One operation.

    Attributes:
        matrix: the layer onto a grid; where there is a sum, its value is the accumulators.
        total: the sum of two; the matrix itself where it is not read by such a sum alone.
        shortcut: what the sum adds; None where there is no sum.
        sign: of the sum; None where nothing reads it so.
    """

    matrix: str
    total: str
    shortcut: str | None
    sign: str | None


def find_fusions(plan: GraphPlan, blocks: dict[str, Block]) -> dict[str, Fusion]:
    """All of a graph, by the name of the sum that they give."""
    readers, layers = plan.consumers(), {layer.name: layer for layer in plan.layers}
    found: dict[str, Fusion] = {}
    for name, block in blocks.items():
        if not isinstance(block, MatrixBlock) or block.steps.gives is not Gives.GRID:
            continue
        total, shortcut = name, None
        reader = layers.get(readers[name][0]) if len(readers[name]) == 1 else None
        if reader is not None and isinstance(reader.layer, AddConfig) and len(reader.inputs) == 2:
            other = reader.inputs[1 - reader.inputs.index(name)]
            if reader.name not in found:
                total, shortcut = reader.name, other
        signs = [one for one in readers[total] if one in layers and isinstance(layers[one].layer, SignConfig)]
        sign = next((one for one in signs if _is_fusible(blocks[one])), None)
        found[total] = Fusion(name, total, shortcut, sign)
    return found


def _is_fusible(block: Block) -> bool:
    return isinstance(block, SignBlock) and block.steps.is_fusible


def compute(fusion: Fusion, blocks: dict[str, Block], sums: Tensor, shortcut: Tensor | None) -> dict[str, Tensor]:
    """The sum, and its signs where there are any, by name; ``sums`` are the matrix's accumulators."""
    matrix = blocks[fusion.matrix]
    assert isinstance(matrix, MatrixBlock)
    norm, grid = matrix.steps.batch_norm, matrix.steps.get_submodule("grid")
    assert norm is not None
    assert isinstance(grid, Grid)
    shift, is_polynomial, half_width = None, False, HALF_WIDTH
    if fusion.sign is not None:
        sign = blocks[fusion.sign]
        assert isinstance(sign, SignBlock)
        given = sign.steps.threshold_shift
        shift = (torch.zeros(()) if given is None else given).expand(sums.shape[1]).contiguous()
        is_polynomial, half_width = sign.steps.is_polynomial, sign.steps.half_width
    total, signs = norm_grid_sum(
        sums,
        norm,
        grid,
        shortcut,
        shift,
        is_polynomial=is_polynomial,
        half_width=half_width,
        dtype=matrix.arithmetic.dtype,
    )
    return {fusion.total: total, **({} if fusion.sign is None else {fusion.sign: signs})}
