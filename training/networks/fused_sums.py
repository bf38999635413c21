"""Batch norm, grid, shortcut and sign as one differentiable operation, compiled for CPUs.

The plain layers do the same in some fifteen passes over memory. As with ``training.networks.fused``, this is what a
network trains with on a CPU; evaluation, and so threshold absorption, goes through the plain layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from training.networks import kernels, sum_kernels
from training.networks.fused import SignDerivative, channels_last, track
from training.networks.graph.steps import Grid

_UNUSED = np.zeros((1, 1, 1, 1), np.float32)


class _NormGridSum(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        shortcut: Tensor | None,
        shift: Tensor | None,
        eps: float,
        grid: tuple[float, float, float],
        estimator: SignDerivative,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(total, signs, mean, biased variance) of (n, c, h, w) in channels-last memory."""
        values = channels_last(x)
        channels = values.shape[3]
        mean, variance = np.empty(channels), np.empty(channels)
        kernels.channel_moments(values, mean, variance)
        inverse = 1.0 / np.sqrt(variance + eps)
        scale = (weight.detach().numpy() * inverse).astype(np.float32)
        offset = (bias.detach().numpy() - mean * weight.detach().numpy() * inverse).astype(np.float32)
        total = torch.empty(x.shape, memory_format=torch.channels_last)
        signs = torch.empty(0, dtype=dtype)
        if shift is not None:
            signs = torch.empty(x.shape, dtype=dtype, memory_format=torch.channels_last)
        steps = np.array(grid, np.float32)
        threshold = np.zeros(channels, np.float32) if shift is None else shift.detach().numpy()
        sum_kernels.grid_sums(
            values,
            scale,
            offset,
            steps,
            _UNUSED if shortcut is None else channels_last(shortcut),
            shortcut is not None,
            threshold,
            shift is not None,
            channels_last(total),
            _UNUSED if shift is None else channels_last(signs),
        )
        ctx.save_for_backward(x, total)
        ctx.terms = (mean, inverse, scale, offset, steps, threshold, shift is not None, *estimator)
        statistics = torch.from_numpy(mean).float(), torch.from_numpy(variance).float()
        ctx.mark_non_differentiable(*statistics)
        return total, signs, *statistics

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, total = ctx.saved_tensors
        mean, inverse, scale, offset, steps, threshold, has_signs, is_polynomial, half_width = ctx.terms
        values, centre = channels_last(x), mean.astype(np.float32)
        dx, dshortcut = torch.empty_like(x), torch.empty_like(total)  # both keep channels-last memory
        sums = np.empty((3, values.shape[3]))
        arriving = [gradient.contiguous(memory_format=torch.channels_last) for gradient in gradients[: 1 + has_signs]]
        sum_kernels.grid_gradients(
            values,
            centre,
            scale,
            offset,
            steps,
            channels_last(total),
            channels_last(arriving[0]),
            threshold,
            has_signs,
            channels_last(arriving[1]) if has_signs else _UNUSED,
            is_polynomial,
            half_width,
            channels_last(dshortcut),
            channels_last(dx),
            sums,
        )
        count = x.numel() // values.shape[3]
        level = (sums[0] / count).astype(np.float32)
        tilt = (sums[1] * inverse**2 / count).astype(np.float32)
        kernels.norm_gradients(values, channels_last(dx), centre, scale, level, tilt)
        at_weight, at_bias = torch.from_numpy(sums[1] * inverse).float(), torch.from_numpy(sums[0]).float()
        at_shift = torch.from_numpy(-sums[2]).float() if has_signs else None
        at_shortcut = dshortcut if ctx.needs_input_grad[3] else None
        return dx, at_weight, at_bias, at_shortcut, at_shift, None, None, None, None


def norm_grid_sum(
    x: Tensor,
    norm: torch.nn.modules.batchnorm._BatchNorm,
    grid: Grid,
    shortcut: Tensor | None,
    shift: Tensor | None,
    *,
    is_polynomial: bool,
    half_width: float = 1.0,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Batch norm in training mode, put on the grid, plus the shortcut; and the sign of that sum minus the shift.

    Args:
        x: (n, c, h, w), float32 or bfloat16, on the CPU.
        norm: whose parameters, statistics, epsilon and momentum are taken; the statistics are kept in float32.
        grid: on which its output is put.
        shortcut: (n, c, h, w) float32; None for none.
        shift: (c,) of the sign; None where no sign is wanted.
        is_polynomial: the sign's derivative is 2 - 2|z| / half_width in the place of 1, where |z| < half_width.
        half_width: of the window in which that derivative is not 0.
        dtype: of the signs.

    Returns:
        The sum (n, c, h, w) float32, and its signs, which are empty where there is no shift.
    """
    applied: Any = _NormGridSum.apply
    numbers = (2.0**grid.fraction_bits, float(grid.lowest), float(grid.highest))
    spread = x.contiguous(memory_format=torch.channels_last)
    beside = None if shortcut is None else shortcut.contiguous(memory_format=torch.channels_last)
    total, signs, mean, variance = applied(
        spread, norm.weight, norm.bias, beside, shift, norm.eps, numbers, (is_polynomial, half_width), dtype
    )
    track(norm, mean, variance, spread.numel() // spread.shape[1])
    return total, signs
