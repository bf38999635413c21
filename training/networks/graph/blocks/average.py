"""The average pool of integers, which stays on their grid."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F  # noqa: N812, its name everywhere
from torch import Tensor

from bnn.stage import AveragePool, ModelNode
from training.networks.epilogue import NumpyEpilogue
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request, Window, pair
from training.networks.graph.signal import check_exact, need_integers
from training.networks.graph.steps import rounded
from training.networks.operators import factor


class AverageBlock(Block):
    """floor(sum * (1 / size) * 2^f + 0.5) / 2^f of windows without padding, where f is the grid's.

    For 2 x 2 that is (sum + 2) >> 2 in integers. Sums are exact; where a window has no power of two of places, 1 / size
    is a float32 like the model's other terms.
    """

    automatic = "average"

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        source = request.source
        need_integers(request.key, "an average", source, request.inputs[0])
        kernel = pair(request.layer.average_pool)
        window = Window(kernel, pair(request.layer.stride or kernel))
        shape = (*window.over(request.key, source.shape), source.shape[2])
        check_exact(request.key, "the sum of a window", window.size * source.magnitude + window.size // 2)
        return request.planned(replace(source, shape=shape, is_pixels=False), window=window)

    def finish(self, sums: Tensor) -> Tensor:
        """From the sums of windows to their rounded means."""
        return rounded(sums * (1.0 / self.planned.window.size), self.planned.output.fraction_bits)

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        name, inputs, window = self.planned.name, self.planned.inputs, self.planned.window
        operators = (factor("mean_mul", 1.0 / window.size),)
        epilogue = NumpyEpilogue(self.finish, is_image=True, operators=operators)
        return (AveragePool(name, inputs, kernel=window.kernel, stride=window.stride, epilogue=epilogue),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        window = self.planned.window
        return self.finish(F.avg_pool2d(values[0], window.kernel, window.stride, divisor_override=1))
