"""Binary layers for training on Brevitas' quantizers, with the shifted threshold of Kim et al. (CVPR 2021).

Weights are exactly -1 or +1 with no scale, and activations are too, so every accumulator is an exact integer in float32
and whatever scale there is stands in the batch norm behind it, where threshold absorption sees it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812, its name everywhere
from brevitas.inject import ExtendedInjector
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
from brevitas.proxy import ActQuantProxyFromInjector, WeightQuantProxyFromInjector
from torch import Tensor, nn
from torch.autograd import Function

from training.config.settings import ActivationConfig, Estimator, PreActivation

HALF_WIDTH = 1.0  # of the window in which an estimator's derivative is not 0, unless a config says otherwise


class _IdentitySign(Function):
    """sign with sign(0) = +1, and the derivative 1: for latent weights, which are kept within +-1 by clipping."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return sign_from(x, 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _ClippedIdentitySign(Function):
    """sign with hardtanh's derivative: 1 where |x| < w and 0 elsewhere (Hubara et al. 2016, section 1.3: w = 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, half_width: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.half_width = half_width
        return sign_from(x, 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], x, -ctx.half_width, ctx.half_width), None


class _ApproxSign(Function):
    """sign with the derivative 2 - 2|x|/w where |x| < w, 0 elsewhere (Bi-Real Net, Liu et al. 2018, 3.3: w = 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, half_width: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.half_width = half_width
        return sign_from(x, 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * x.abs().mul_(-2.0 / ctx.half_width).add_(2.0).clamp_(min=0.0), None


def sign_from(x: Tensor, threshold: float) -> Tensor:
    """+1 where x >= threshold, -1 elsewhere; no gradient."""
    # the comparison's own bools, made floats, take four times as long
    return torch.ge(x, threshold, out=torch.empty_like(x)).mul_(2.0).sub_(1.0)


class _BinaryQuant(nn.Module):
    """What Brevitas asks of a quantizer: (value, scale, zero point, bit width), here with scale 1."""

    estimator: ClassVar[type[Function]]
    scale: Tensor
    zero_point: Tensor
    bit_width: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, value in (("scale", 1.0), ("zero_point", 0.0), ("bit_width", 1.0)):
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.estimator.apply(x), self.scale, self.zero_point, self.bit_width  # type: ignore[no-untyped-call]


class _WeightBinaryQuant(_BinaryQuant):
    estimator = _IdentitySign


class _ActivationBinaryQuant(_BinaryQuant):
    def __init__(self, half_width: float) -> None:
        super().__init__()
        self.half_width = half_width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        signs = self.estimator.apply(x, self.half_width)  # type: ignore[no-untyped-call]
        return signs, self.scale, self.zero_point, self.bit_width


class _ClippedIdentityQuant(_ActivationBinaryQuant):
    estimator = _ClippedIdentitySign


class _ApproxSignQuant(_ActivationBinaryQuant):
    estimator = _ApproxSign


class BinaryWeight(ExtendedInjector):  # type: ignore[misc]
    """Brevitas quantizer of weights: their sign."""

    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = _WeightBinaryQuant
    signed = True
    narrow_range = True


class ClippedIdentityActivation(ExtendedInjector):  # type: ignore[misc]
    """Brevitas quantizer of activations: their sign, with the clipped identity as its estimator."""

    proxy_class = ActQuantProxyFromInjector
    tensor_quant = _ClippedIdentityQuant
    half_width = HALF_WIDTH
    signed = True
    narrow_range = True


class ApproxSignActivation(ClippedIdentityActivation):
    """The same with Bi-Real Net's piecewise polynomial as its estimator."""

    tensor_quant = _ApproxSignQuant  # type: ignore[assignment]


ACTIVATION_QUANT = {
    Estimator.CLIPPED_IDENTITY: ClippedIdentityActivation,
    Estimator.APPROX_SIGN: ApproxSignActivation,
}


def binary_dense(inputs: int, outputs: int, weight_start: float) -> nn.Module:
    """A dense layer of binary weights without bias, latent weights uniform within +-``weight_start``."""
    return _prepared(QuantLinear(inputs, outputs, bias=False, weight_quant=BinaryWeight), weight_start)


def binary_conv(
    channels_in: int, channels_out: int, kernel: tuple[int, int], stride: tuple[int, int], weight_start: float
) -> nn.Module:
    """A convolution of binary weights without bias or padding, latent weights uniform within +-``weight_start``."""
    conv = QuantConv2d(channels_in, channels_out, kernel, stride, bias=False, weight_quant=BinaryWeight)
    return _prepared(conv, weight_start)


def real_dense(inputs: int, outputs: int) -> nn.Module:
    """A dense layer of real weights without bias, for full-precision twins."""
    return nn.Linear(inputs, outputs, bias=False)


def real_conv(channels_in: int, channels_out: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Module:
    """A convolution of real weights without bias or padding, for full-precision twins."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, bias=False)


def binary_sign(estimator: Estimator, half_width: float | None = None) -> nn.Module:
    """The sign as a Brevitas activation; sign(0) is +1. Gradients pass within +-``half_width``, or +-1 where None."""
    quantizer = ACTIVATION_QUANT[estimator].let(half_width=half_width or HALF_WIDTH)
    return QuantIdentity(act_quant=quantizer)  # type: ignore[no-any-return]


def _prepared(layer: Any, weight_start: float) -> nn.Module:
    nn.init.uniform_(layer.weight, -weight_start, weight_start)
    return layer  # type: ignore[no-any-return]


def hand_out_plain_tensors(model: nn.Module, enabled: bool) -> None:
    """Whether Brevitas' quantizers give plain tensors: wrapping one costs more than the sign that it holds.

    Export needs the wrapped ones.
    """
    for module in model.modules():
        if isinstance(module, (WeightQuantProxyFromInjector, ActQuantProxyFromInjector)):
            module.skip_create_quant_tensor = enabled


def multiply(layer: nn.Module, x: Tensor) -> Tensor:
    """What ``layer`` makes of ``x``, computed in its type; the weights' gradient is float32 as they are."""
    weight: Tensor = latent_weight(layer)
    if isinstance(layer, (QuantConv2d, QuantLinear)):
        weight = _IdentitySign.apply(weight)  # type: ignore[no-untyped-call]
    weight = weight.to(x.dtype)
    return F.conv2d(x, weight, stride=layer.stride) if isinstance(layer, nn.Conv2d) else F.linear(x, weight)


def binary_weights(layer: nn.Module) -> Tensor:
    """The -1 and +1 that a binary layer multiplies with, in PyTorch's order."""
    return sign_from(latent_weight(layer).detach(), 0.0)


def latent_weight(layer: nn.Module) -> nn.Parameter:
    """The real numbers whose signs a binary layer multiplies with."""
    assert isinstance(layer.weight, nn.Parameter)
    return layer.weight


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """PyTorch's batch norm while training; in evaluation exactly two float32 operations, x * scale + offset.

    PyTorch's own evaluation fuses and reorders as its build and the shape please. Two plain operations give the same
    bits in PyTorch, NumPy and onnxruntime, and what training measured is what the hardware will compute.
    Takes (n, c) and (n, c, h, w).
    """

    def __init__(self, channels: int, bias_start: float = 0.0) -> None:
        super().__init__(channels)
        nn.init.constant_(self.bias, bias_start)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002, PyTorch's name
        assert input.dim() in (2, 4)

    def affine_terms(self) -> tuple[Tensor, Tensor]:
        """(scale, offset), each (c,): weight / sqrt(variance + eps) and bias - mean * scale, in float32."""
        assert self.running_var is not None
        assert self.running_mean is not None
        # PyTorch's float32 root may be off by one in the last place, as its math library pleases; rounded from float64
        # it is the root that IEEE 754 asks for, which NumPy and every other machine compute too
        deviation = torch.sqrt((self.running_var + self.eps).double()).float()
        scale = self.weight / deviation
        return scale, self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """(n, c) or (n, c, h, w), normalized."""
        if self.training:
            return super().forward(x)
        scale, offset = (_per_channel(term, x.dim()) for term in self.affine_terms())
        return x * scale + offset


class ThresholdShift(nn.Module):
    """x minus the threshold, so that the sign behind it fires from the threshold on: fixed, or learned per channel.

    The sign's estimator sees the shifted value, so it is centred on the threshold too.
    """

    def __init__(self, start: float, learned_channels: int | None = None) -> None:
        super().__init__()
        if learned_channels is None:
            self.register_buffer("shift", torch.tensor(start))
        else:
            self.shift = nn.Parameter(torch.full((learned_channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c) or (n, c, h, w), shifted."""
        return x - (_per_channel(self.shift, x.dim()) if self.shift.dim() else self.shift)


class ShiftedHardtanh(nn.Module):
    """clip(x - shift_x, -half_width, half_width) + shift_y: hardtanh moved along x, along y, and widened."""

    def __init__(self, shift_x: float, shift_y: float, half_width: float) -> None:
        super().__init__()
        self.shift_x = shift_x
        self.shift_y = shift_y
        self.half_width = half_width

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return F.hardtanh(x - self.shift_x, -self.half_width, self.half_width) + self.shift_y


class ScalarAffine(nn.Module):
    """x * scale + offset with one scale and one offset for all classes, behind the last layer.

    A batch norm there would leave arithmetic outside the hardware; this one cannot change which class is highest
    unless the scale falls to 0 or below. (Brevitas' TensorNorm, with learned terms.)
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(inputs**-0.5))  # a sum of n random signs has deviation sqrt(n)
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """(n, classes) sums to logits."""
        return x * self.scale + self.offset


class ConstantPad(nn.Module):
    """Padding by a constant, since bipolar values have no 0; ``padding`` is (top, left, bottom, right)."""

    def __init__(self, padding: tuple[int, int, int, int], value: float) -> None:
        super().__init__()
        self.padding = padding
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w), padded."""
        top, left, bottom, right = self.padding
        return F.pad(x, (left, right, top, bottom), value=self.value)


def pre_activation(kind: PreActivation, channels: int, slope: float) -> nn.Module | None:
    """The activation between batch norm and shifted sign, or None where there is none."""
    match kind:
        case PreActivation.NONE:
            return None
        case PreActivation.RELU:
            return nn.ReLU()
        case PreActivation.LEAKY_RELU:
            return nn.LeakyReLU(slope)
        case PreActivation.PRELU:
            return nn.PReLU(channels, init=slope)


def activation(config: ActivationConfig, channels: int, shift: float | None) -> OrderedDict[str, nn.Module]:
    """What a channel passes through to become -1 or +1, by name.

    ``activation`` and ``shift`` where there are any, then ``sign``, or ``hardtanh`` in a full-precision twin.

    Args:
        config: describes it.
        channels: of its input.
        shift: of the threshold; learned, one a channel, where None.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    before_sign = pre_activation(config.pre_activation, channels, config.leaky_slope)
    if before_sign is not None:
        parts["activation"] = before_sign
    if shift is None:
        parts["shift"] = ThresholdShift(config.learned_shift_start, channels)
    elif shift:
        parts["shift"] = ThresholdShift(shift)
    if config.hardtanh is None:
        parts["sign"] = binary_sign(config.ste, config.ste_half_width)
    else:
        twin = config.hardtanh
        parts["hardtanh"] = ShiftedHardtanh(twin.shift_x, twin.shift_y, twin.half_width)
    return parts


def _per_channel(term: Tensor, dimensions: int) -> Tensor:
    """(c,) so that it spreads over (n, c) or (n, c, h, w)."""
    return term if dimensions == 2 else term.view(-1, *[1] * (dimensions - 2))
