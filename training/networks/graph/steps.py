"""What becomes of integers: the grid with its straight-through estimator, and the steps from sums to bits or a grid."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from bnn.stage import ModelNode, Quantize, Sign
from training.config.layers import Gives
from training.config.load import Config
from training.config.settings import Estimator
from training.fit.arithmetic import PLAIN, Arithmetic
from training.networks import layers
from training.networks.epilogue import NumpyEpilogue
from training.networks.fused import norm_sign_pool
from training.networks.graph.planned import PlannedLayer
from training.networks.operators import module_operators


class _Grid(Function):
    """floor(x * 2^f + 0.5) / 2^f between lowest and highest steps; the derivative is 1, and 0 where it saturates."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float, lowest: float, highest: float) -> Tensor:
        # products by a power of two are exact, so that this is the same in float32 everywhere
        steps = torch.floor(x * factor + 0.5)
        ctx.save_for_backward((steps >= lowest) & (steps <= highest))
        return steps.clamp_(lowest, highest).mul_(1 / factor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (is_within,) = ctx.saved_tensors
        return gradients[0] * is_within, None, None, None


class Grid(nn.Module):
    """Rounds to multiples of 2^-fraction_bits, halves upwards, and saturates.

    Attributes:
        fraction_bits: the step is 2^-fraction_bits.
        lowest: in steps.
        highest: in steps.
    """

    def __init__(self, fraction_bits: int, lowest: int, highest: int) -> None:
        super().__init__()
        self.fraction_bits = fraction_bits
        self.lowest = lowest
        self.highest = highest

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, float32."""
        return _Grid.apply(x, 2.0**self.fraction_bits, self.lowest, self.highest)  # type: ignore[no-any-return,no-untyped-call]


class _Rounded(Function):
    """floor(x * 2^f + 0.5) / 2^f; the derivative is 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        return torch.floor(x * factor + 0.5).mul_(1 / factor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0], None


def rounded(x: Tensor, fraction_bits: int) -> Tensor:
    """To multiples of 2^-fraction_bits, halves upwards; the derivative is 1."""
    return _Rounded.apply(x, 2.0**fraction_bits)  # type: ignore[no-any-return,no-untyped-call]


class Steps(nn.Sequential):
    """From integers to what a layer gives: norm, activation, shift, sign; or norm, grid; or nothing.

    Attributes:
        gives: bits, grid or integers.
        is_polynomial: the sign's derivative is 2 - 2|z| / half_width in the place of 1.
        half_width: of the window in which that derivative is not 0.
    """

    def __init__(self, gives: Gives | None, planned: PlannedLayer, config: Config, *, has_norm: bool = True) -> None:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        output, gives = planned.output, gives or Gives.BITS
        channels = output.shape[2]
        if has_norm and gives is not Gives.INTEGERS:
            parts["norm"] = layers.BatchNorm(channels, config.activation.batch_norm_bias_start)
        if gives is Gives.GRID:
            parts["grid"] = Grid(output.fraction_bits, output.lowest, output.highest)
        if gives is Gives.BITS:
            parts.update(layers.activation(config.activation, channels, planned.shift))
        super().__init__(parts)
        self.gives = gives
        self.is_polynomial = config.activation.ste is Estimator.APPROX_SIGN
        self.half_width = config.activation.ste_half_width or layers.HALF_WIDTH

    @property
    def batch_norm(self) -> layers.BatchNorm | None:
        """The batch norm, where there is one."""
        found = self._modules.get("norm")
        assert found is None or isinstance(found, layers.BatchNorm)
        return found

    @property
    def threshold_shift(self) -> Tensor | None:
        """Of the threshold, () or (c,); None where there is none."""
        found = self._modules.get("shift")
        return None if found is None else found.shift  # type: ignore[return-value]

    @property
    def is_fusible(self) -> bool:
        """Whether there is nothing but a batch norm, a shift, and a sign or grid."""
        return self.gives is not Gives.INTEGERS and "activation" not in self._modules

    def run(self, x: Tensor, arithmetic: Arithmetic) -> Tensor:
        """(n, c, h, w) of integers, in the arithmetic of a training's step."""
        if arithmetic == PLAIN:
            return self(x)  # type: ignore[no-any-return]
        if arithmetic.fused and self.is_fusible and self.gives is Gives.BITS and self.batch_norm is not None:
            bias = self.batch_norm.bias if self.threshold_shift is None else self.batch_norm.bias - self.threshold_shift
            return norm_sign_pool(
                x,
                self.batch_norm,
                bias,
                is_polynomial=self.is_polynomial,
                half_width=self.half_width,
                window=(1, 1),
                dtype=arithmetic.dtype,
            )
        y: Tensor = self(x.float())
        return y.to(arithmetic.dtype) if self.gives is Gives.BITS else y

    def node(self, name: str, source: str) -> ModelNode:
        """What it does to the value ``source``, as absorption reads it; not for integers, to which it does nothing."""
        epilogue = NumpyEpilogue(self, is_image=True, operators=module_operators(*self))
        if self.gives is Gives.BITS:
            return Sign(name, (source,), epilogue)
        grid = self.get_submodule("grid")
        assert isinstance(grid, Grid)
        bounds = {"lowest": grid.lowest, "highest": grid.highest}
        return Quantize(name, (source,), epilogue, fraction_bits=grid.fraction_bits, **bounds)
