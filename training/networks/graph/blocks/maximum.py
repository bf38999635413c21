"""The max pool, of bits or of integers."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F  # noqa: N812, its name everywhere
from torch import Tensor

from bnn.stage import MaxPool, ModelNode
from training.config.layers import PoolPosition
from training.config.load import ConfigError
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request, Window, pair


class MaxPoolBlock(Block):
    """The maximum of windows. Padding is below everything, so that it never is the maximum."""

    automatic = "pool"

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        layer, source = request.layer, request.source
        if layer.position is not PoolPosition.AFTER_ACTIVATION:
            raise ConfigError(
                f"{request.key}.position: in a graph a pool stands behind the layer that it reads; leave it out, and "
                'for a pool before the activation let that layer give "integers" and a batch_norm follow'
            )
        kernel, margin = pair(layer.pool), pair(layer.padding or 0)
        window = Window(kernel, pair(layer.stride or kernel), (*margin, *margin))
        shape = (*window.over(request.key, source.shape), source.shape[2])
        if max(margin) * 2 > min(kernel):
            raise ConfigError(f"{request.key}.padding: {margin} must be at most half of the window {kernel}")
        return request.planned(replace(source, shape=shape, is_pixels=False), window=window)

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        name, inputs, window = self.planned.name, self.planned.inputs, self.planned.window
        return (MaxPool(name, inputs, kernel=window.kernel, stride=window.stride, padding=window.padding),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        window = self.planned.window
        if window.kernel == (1, 1):
            return values[0][:, :, :: window.stride[0], :: window.stride[1]]
        return F.max_pool2d(values[0], window.kernel, window.stride, window.padding[:2])
