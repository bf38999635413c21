"""The kinds of layers of a graph, one table: a new kind is a file here and its line in ``KINDS``."""

from __future__ import annotations

from training.config.layers import (
    AddConfig,
    AveragePoolConfig,
    BatchNormConfig,
    ConcatenateConfig,
    ConvConfig,
    DenseConfig,
    PadChannelsConfig,
    PoolConfig,
    SignConfig,
)
from training.config.section import Section
from training.networks.graph.blocks.average import AverageBlock
from training.networks.graph.blocks.block import Block
from training.networks.graph.blocks.channels import ConcatenateBlock, PadChannelsBlock
from training.networks.graph.blocks.matrix import ConvBlock, DenseBlock
from training.networks.graph.blocks.maximum import MaxPoolBlock
from training.networks.graph.blocks.norm import BatchNormBlock, SignBlock
from training.networks.graph.blocks.total import AddBlock

KINDS: dict[type[Section], type[Block]] = {
    DenseConfig: DenseBlock,
    ConvConfig: ConvBlock,
    PoolConfig: MaxPoolBlock,
    AddConfig: AddBlock,
    ConcatenateConfig: ConcatenateBlock,
    SignConfig: SignBlock,
    BatchNormConfig: BatchNormBlock,
    AveragePoolConfig: AverageBlock,
    PadChannelsConfig: PadChannelsBlock,
}
