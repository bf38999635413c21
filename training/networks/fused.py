"""Batch norm, shift, sign and max pool as one differentiable operation, compiled for CPUs.

The plain layers do the same in six passes over memory and keep four tensors for the way back; this does it in two
passes each way and keeps the accumulators alone. It is what a convolutional network trains with on a CPU; evaluation,
and so threshold absorption, goes through the plain layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from training.networks import kernels

SignDerivative = tuple[bool, float]  # is_polynomial and half_width, as ``norm_sign_pool`` describes them


class _NormSignPool(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        estimator: SignDerivative,
        window: tuple[int, int],
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(signs, mean, biased variance) of (n, c, h, w) in channels-last memory; the window is the pool's."""
        values = channels_last(x)
        images, height, width, channels = values.shape
        mean, variance = np.empty(channels), np.empty(channels)
        kernels.channel_moments(values, mean, variance)
        inverse = 1.0 / np.sqrt(variance + eps)
        scale = (weight.detach().numpy() * inverse).astype(np.float32)
        offset = (bias.detach().numpy() - mean * weight.detach().numpy() * inverse).astype(np.float32)
        signs = torch.empty(
            (images, channels, height // window[0], width // window[1]),
            dtype=dtype,
            memory_format=torch.channels_last,
        )
        kernels.normalized_signs(values, scale, offset, window[0], window[1], channels_last(signs))
        ctx.save_for_backward(x)
        ctx.terms = (mean, inverse, scale, offset, *estimator, window)
        statistics = torch.from_numpy(mean).float(), torch.from_numpy(variance).float()
        ctx.mark_non_differentiable(*statistics)
        return signs, *statistics

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        mean, inverse, scale, offset, is_polynomial, half_width, window = ctx.terms
        values = channels_last(x)
        centre = mean.astype(np.float32)
        covers = values.shape[1] % window[0] == 0 and values.shape[2] % window[1] == 0
        dx = torch.empty_like(x) if covers else torch.zeros_like(x)  # both keep channels-last memory
        sums = np.empty((2, values.shape[3]))
        arriving = channels_last(gradients[0].contiguous(memory_format=torch.channels_last))
        kernels.sign_gradients(
            *(values, arriving, centre, scale, offset, is_polynomial, half_width, *window, channels_last(dx), sums)
        )
        count = x.numel() // values.shape[3]
        # with n = (x - mean) * inverse: dx = scale * (dz - mean of dz - n * mean of dz n)
        level = (sums[0] / count).astype(np.float32)
        tilt = (sums[1] * inverse**2 / count).astype(np.float32)
        kernels.norm_gradients(values, channels_last(dx), centre, scale, level, tilt)
        at_weight, at_bias = torch.from_numpy(sums[1] * inverse).float(), torch.from_numpy(sums[0]).float()
        return dx, at_weight, at_bias, None, None, None, None


def norm_sign_pool(
    x: Tensor,
    norm: torch.nn.modules.batchnorm._BatchNorm,
    bias: Tensor,
    *,
    is_polynomial: bool,
    half_width: float = 1.0,
    window: tuple[int, int],
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Batch norm in training mode, sign and max pool of accumulators, with the running statistics kept in float32.

    Args:
        x: (n, c, h, w) or (n, c), float32 or bfloat16, on the CPU.
        norm: whose weight, statistics, epsilon and momentum are taken.
        bias: (c,), in the place of the norm's own, so that a shift of the threshold can be taken from it.
        is_polynomial: the sign's derivative is 2 - 2|z| / half_width in the place of 1, where |z| < half_width.
        half_width: of the window in which that derivative is not 0.
        window: (vertical, horizontal) size and step of the pool; (1, 1) for none.
        dtype: of what it gives; where None, that of ``x``.

    Returns:
        -1 and +1, (n, c, h // vertical, w // horizontal) or (n, c).
    """
    is_image = x.dim() == 4
    spread = x.contiguous(memory_format=torch.channels_last) if is_image else x.contiguous()[:, :, None, None]
    applied: Any = _NormSignPool.apply
    estimator = is_polynomial, half_width
    signs, mean, variance = applied(spread, norm.weight, bias, norm.eps, estimator, window, dtype or x.dtype)
    track(norm, mean, variance, spread.numel() // spread.shape[1])
    answer: Tensor = signs if is_image else signs[:, :, 0, 0]
    return answer


def track(norm: torch.nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    """What PyTorch's batch norm does with a batch's statistics; the variance that it keeps is the unbiased one."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    with torch.no_grad():
        norm.num_batches_tracked.add_(1)
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)


def channels_last(x: Tensor) -> NDArray[Any]:
    """(n, c, h, w) in channels-last memory as the array (n, h, w, c) that the kernels read, sharing its memory."""
    rows = x.detach().permute(0, 2, 3, 1)
    assert rows.is_contiguous()
    array: NDArray[Any] = (rows.view(torch.uint16) if x.dtype is torch.bfloat16 else rows).numpy()
    return array
