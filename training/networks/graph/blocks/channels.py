"""Channels side by side: of several layers, or of zeros around those of one."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812, its name everywhere
from torch import Tensor

from bnn.stage import Concatenate, ModelNode, PadChannels
from training.config.layers import PadChannelsConfig
from training.config.load import ConfigError
from training.config.section import MAX_WIDTH
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request
from training.networks.graph.signal import need_alike, need_integers


class ConcatenateBlock(Block):
    """The channels of one layer behind those of another."""

    automatic = "concatenate"

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        key, names, sources = request.key, request.inputs, request.sources
        for name, source in zip(names, sources, strict=True):
            if source.shape[:2] != sources[0].shape[:2]:
                raise ConfigError(
                    f"{key}: {names[0]} is {sources[0].shape} and {name} {source.shape} (H, W, C); side by side they "
                    "need one height and width"
                )
        need_alike(key, "a concatenation", names, sources)
        shape = (*sources[0].shape[:2], sum(source.shape[2] for source in sources))
        output = replace(
            sources[0],
            shape=_checked(key, shape),
            lowest=min(source.lowest for source in sources),
            highest=max(source.highest for source in sources),
            spread=max(source.spread for source in sources),
            is_pixels=False,
        )
        return request.planned(output)

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        return (Concatenate(self.planned.name, self.planned.inputs),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        return torch.cat(values, dim=1)


class PadChannelsBlock(Block):
    """Channels of zeros before and behind those of integers."""

    automatic = "pad"

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        source, around = request.source, request.layer.pad_channels
        need_integers(request.key, "a channel of zeros", source, request.inputs[0])
        if not any(around):
            raise ConfigError(f"{request.key}.pad_channels: [0, 0] adds no channel; leave the layer out")
        shape = _checked(request.key, (*source.shape[:2], source.shape[2] + sum(around)))
        lowest, highest = min(source.lowest, 0), max(source.highest, 0)
        return request.planned(replace(source, shape=shape, lowest=lowest, highest=highest, is_pixels=False))

    @property
    def around(self) -> tuple[int, int]:
        """Channels before and behind."""
        assert isinstance(self.planned.layer, PadChannelsConfig)
        return self.planned.layer.pad_channels

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        before, after = self.around
        return (PadChannels(self.planned.name, self.planned.inputs, before=before, after=after, value=0),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        return F.pad(values[0], (0, 0, 0, 0, *self.around))


def _checked(key: str, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    if shape[2] > MAX_WIDTH:
        raise ConfigError(f"{key}: {shape[2]:,} channels, must be at most {MAX_WIDTH:,}")
    return shape
