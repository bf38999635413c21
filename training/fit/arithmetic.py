"""In what arithmetic a network trains. What it is evaluated in, and absorbed from, is float32 always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from training.config.layers import ConvConfig
from training.config.load import Config
from training.config.settings import Precision


@dataclass(frozen=True)
class Arithmetic:
    """How the steps of a training compute; the parameters, their gradients and all statistics stay float32.

    Products of +-1 are exact in bfloat16, sums beyond 256 are rounded: an accumulator of a training step may be off by
    a part in 512. The evaluation's never are.

    Attributes:
        dtype: of activations, accumulators and their gradients: float32 or bfloat16.
        fused: batch norm, shift, sign and pool are one compiled operation, on channels-last memory; for CPUs alone.
    """

    dtype: torch.dtype = torch.float32
    fused: bool = False

    @property
    def name(self) -> str:
        """As checkpoints hold it, and ``from_name`` reads it."""
        return f"{str(self.dtype).removeprefix('torch.')}{' fused' if self.fused else ''}"

    @classmethod
    def from_name(cls, name: str) -> Arithmetic:
        """The one of that name."""
        dtype, _, fused = name.partition(" ")
        return cls(getattr(torch, dtype), bool(fused))


PLAIN = Arithmetic()


def choose_arithmetic(config: Config, on_gpu: bool) -> Arithmetic:
    """What ``training.precision`` asks for; where it is left to us, what is fastest on this machine.

    That is the fused operation for binary networks with convolutions on a CPU, and bfloat16 there where the CPU
    computes in it. Dense networks are so small that a step is mostly other things: they keep plain float32.
    """
    network = config.network
    is_exact_residual = network.residual is not None and network.is_graph
    is_convolutional = is_exact_residual or any(isinstance(layer, ConvConfig) for layer in network.layers)
    fused = is_convolutional and not on_gpu and config.activation.hardtanh is None
    match config.training.precision:
        case Precision.FLOAT32:
            return Arithmetic(torch.float32, fused)
        case Precision.BFLOAT16:
            return Arithmetic(torch.bfloat16, fused)
        case None:
            return Arithmetic(torch.bfloat16 if fused and cpu_has_bfloat16() else torch.float32, fused)


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself: AVX-512 BF16, AMX, or Arm's. Others would emulate it, slowly."""
    has: Mapping[str, Any] = torch.cpu.get_capabilities()
    return any(has.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))
