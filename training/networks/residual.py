"""ResNets of binary convolutions as XNOR-Net and Bi-Real Net build them, with full-precision shortcuts.

XNOR-Net (Rastegari et al. 2016, section 3.2): batch norm, sign, binary convolution, twice, and one
shortcut around both. Bi-Real Net (Liu et al. 2018, section 3): sign, binary convolution, batch norm,
with a shortcut around each convolution, so that real values reach every sign; it downsamples by a 2 x 2 average pool
and a 1 x 1 convolution, XNOR-Net by a 1 x 1 convolution with stride 2.

In both the first convolution, the 1 x 1 convolutions of the shortcuts and the last dense layer are real, and a binary
convolution's output is scaled by its channel's mean absolute latent weight (XNOR-Net's alpha). No gradient goes through
that mean. XNOR-Net's second scale, K of the input's mean absolute values, is left out, as in Bi-Real Net; the paper
finds that it matters much less than alpha. The papers pad binary convolutions with 0, which is a third value:
here the padding is -1 or +1, as ``pad_bit`` says.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.errors import UserError
from bnn.values import Shape
from training.config.load import Config
from training.config.residual import ResidualVariant
from training.networks import layers
from training.networks.models import as_bits, evaluating, to_pixels
from training.networks.network import TrainableNetwork
from training.networks.residual_plan import STEM_POOL, BlockPlan, ConvPlan, ResidualPlan, plan_residual

PIXEL_CENTRE = 127.5
PIXEL_SPREAD = 63.75  # near the deviation of photographs: scaled pixels have about mean 0 and deviation 1


class ScaledBinaryConv(nn.Module):
    """A padded 3 x 3 convolution of -1 and +1 with binary weights, times each channel's mean |latent weight|."""

    def __init__(self, plan: ConvPlan, pad_value: int, weight_start: float) -> None:
        super().__init__()
        margin = plan.kernel // 2
        self.pad = layers.ConstantPad((margin,) * 4, pad_value)
        kernel, stride = (plan.kernel, plan.kernel), (plan.stride, plan.stride)
        self.matrix = layers.binary_conv(plan.input_shape[2], plan.channels, kernel, stride, weight_start)

    def forward(self, bits: Tensor) -> Tensor:
        """(n, c_in, h, w) of -1 and +1 to (n, c_out, h, w)."""
        scale = layers.latent_weight(self.matrix).detach().abs().mean(dim=(1, 2, 3))
        return self.matrix(self.pad(bits)) * scale[:, None, None]  # type: ignore[no-any-return]


class ResidualBlock(nn.Module):
    """What both variants' blocks consist of: two batch norms, signs and binary convolutions, and the shortcut."""

    def __init__(self, plan: BlockPlan, config: Config) -> None:
        super().__init__()
        residual = config.network.residual
        assert residual is not None
        activation, pad_value, start = config.activation, 2 * residual.pad_bit - 1, config.training.weight_start
        self.norm1 = layers.BatchNorm(self.norm_channels(plan.first), activation.batch_norm_bias_start)
        shift = None if activation.shifts is None else activation.shifts[0]
        self.sign1 = nn.Sequential(layers.activation(activation, plan.first.input_shape[2], shift))
        self.conv1 = ScaledBinaryConv(plan.first, pad_value, start)
        self.norm2 = layers.BatchNorm(self.norm_channels(plan.second), activation.batch_norm_bias_start)
        self.sign2 = nn.Sequential(layers.activation(activation, plan.second.input_shape[2], shift))
        self.conv2 = ScaledBinaryConv(plan.second, pad_value, start)
        self.shortcut = nn.Identity() if plan.downsampling is None else self.downsampling(plan.downsampling)

    def norm_channels(self, conv: ConvPlan) -> int:
        """How many channels the batch norm next to this convolution has."""
        raise NotImplementedError

    def downsampling(self, conv: ConvPlan) -> nn.Module:
        """The shortcut where the image shrinks, around ``conv``, which describes its 1 x 1 convolution."""
        raise NotImplementedError


class XnorBlock(ResidualBlock):
    """Batch norm, [pre-activation, minus the shift,] sign, binary convolution; twice, with one shortcut around both.

    Before each sign stands a batch norm, so that its bias could do what a shift does, as in a plain network.
    """

    def norm_channels(self, conv: ConvPlan) -> int:
        """Those of the convolution's input."""
        return conv.input_shape[2]

    def downsampling(self, conv: ConvPlan) -> nn.Module:
        """1 x 1 convolution with stride 2, batch norm."""
        return _projection(conv, conv.stride)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) real values to the next block's."""
        y = self.conv1(self.sign1(self.norm1(x)))
        y = self.conv2(self.sign2(self.norm2(y)))
        return y + self.shortcut(x)  # type: ignore[no-any-return]


class BiRealBlock(ResidualBlock):
    """[Pre-activation, minus the shift,] sign, binary convolution, batch norm, and a shortcut; twice.

    The sign takes the residual sum, which no batch norm centres: its mean is what the sums so far made it. So the shift
    here is a parameter of its own. The bias of the batch norm before it is not the same thing: what it adds stays in
    the sum and reaches all later signs and the output, where a shift acts on one sign. Hence a
    ``batch_norm_bias_start`` of -t adds up along the shortcuts, which a shift of t does not. That makes this network
    the one in which to compare the two (Kim et al. 2021 shift the activations of Bi-Real Net too).
    """

    def norm_channels(self, conv: ConvPlan) -> int:
        """Those of the convolution's output."""
        return conv.channels

    def downsampling(self, conv: ConvPlan) -> nn.Module:
        """2 x 2 average pool, 1 x 1 convolution, batch norm."""
        # an odd size rounds up, as the binary convolution's does; the last window is then the mean of what it has
        return nn.Sequential(nn.AvgPool2d(conv.stride, conv.stride, ceil_mode=True), *_projection(conv, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) real values to the next block's."""
        x = self.norm1(self.conv1(self.sign1(x))) + self.shortcut(x)
        return self.norm2(self.conv2(self.sign2(x))) + x  # type: ignore[no-any-return]


BLOCKS: dict[ResidualVariant, type[ResidualBlock]] = {
    ResidualVariant.XNOR_NET: XnorBlock,
    ResidualVariant.BI_REAL_NET: BiRealBlock,
}


class ResidualNetwork(TrainableNetwork):
    """A whole network: real first convolution, blocks, mean over the image, real dense layer.

    Pixels are scaled to about mean 0 and deviation 1 before the first convolution, whose padding of 0 is then a middle
    gray. XNOR-Net's blocks end in a sum that nothing has normalized, so that a batch norm and a ReLU come before the
    mean there (as in He et al. 2016, "Identity mappings", whose order XNOR-Net's blocks have).

    Args:
        config: with a ``network.residual`` section.
        shape: (H, W, C) of the images.
        classes: number of logits.

    Raises:
        ConfigError: too many weights.
    """

    def __init__(self, config: Config, shape: Shape, classes: int) -> None:
        super().__init__()
        residual = config.network.residual
        assert residual is not None
        self.shape = shape
        self.classes = classes
        self.plan = plan_residual(config, shape, classes)
        self.refusal = _refusal(self.plan)
        self.stem = _stem(self.plan)
        assert residual.variant is not None
        block = BLOCKS[residual.variant]
        self.body = nn.Sequential(
            OrderedDict((plan.name.replace(".", "_"), block(plan, config)) for plan in self.plan.blocks)
        )
        channels = self.plan.blocks[-1].second.channels
        normalizes = residual.variant is ResidualVariant.XNOR_NET
        self.last_norm = nn.Sequential(layers.BatchNorm(channels), nn.ReLU()) if normalizes else nn.Identity()
        self.classifier = nn.Linear(channels, classes)
        binary = [module.matrix for module in self.modules() if isinstance(module, ScaledBinaryConv)]
        self._keep_in_bounds([layers.latent_weight(matrix) for matrix in binary])
        layers.hand_out_plain_tensors(self, True)  # always: there is no export that would need the wrapped ones

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) float32 pixel values to (n, classes) logits."""
        x = self.stem((pixels - PIXEL_CENTRE) / PIXEL_SPREAD)
        x = self.last_norm(self.body(x))
        return self.classifier(x.mean(dim=(2, 3)))  # type: ignore[no-any-return]

    def matrix_weights(self) -> list[nn.Parameter]:
        """The weights of every convolution, binary and real, and of the dense layer."""
        matrices = [module for module in self.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
        return [layers.latent_weight(matrix) for matrix in matrices]

    def trace(
        self, images: NDArray[np.uint8], batch: int = 256
    ) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.float32]]:
        """As ``TrainableNetwork.trace``: what enters each binary convolution, as ``stage1.block1.sign1``."""
        traces: dict[str, list[NDArray[np.uint8]]] = {}
        logits = []

        def watch(name: str, sign: nn.Module) -> torch.utils.hooks.RemovableHandle:
            return sign.register_forward_hook(lambda _, __, bits: traces.setdefault(name, []).append(as_bits(bits)))

        handles = [
            watch(f"{plan.name}.sign{number}", block.get_submodule(f"sign{number}"))
            for plan, block in zip(self.plan.blocks, self.body, strict=True)
            for number in (1, 2)
        ]
        try:
            with evaluating(self), torch.no_grad():
                for start in range(0, len(images), batch):
                    logits.append(self(to_pixels(images[start : start + batch], self.device)).cpu().numpy())
        finally:
            for handle in handles:
                handle.remove()
        return {name: np.concatenate(parts) for name, parts in traces.items()}, np.concatenate(logits)

    def staged(self) -> Never:
        """Not possible.

        Raises:
            UserError: what the integer network cannot hold.
        """
        raise UserError(str(self.refusal))

    def summary(self) -> str:
        """A line a convolution, and one for the dense layer."""
        lines = [f"input {' x '.join(map(str, self.shape))}"]
        real = {self.plan.stem, *(block.downsampling for block in self.plan.blocks)}
        for conv in self.plan.convolutions:
            kind = f"{'real' if conv in real else 'binary'} conv {conv.kernel}x{conv.kernel}"
            output = " x ".join(map(str, conv.output_shape))
            lines.append(f"{conv.name:22} {kind:15} {conv.weights:,} weights -> {output}")
        dense = self.classifier
        lines.append(f"{'classifier':22} {'real dense':15} {dense.weight.numel():,} weights -> {self.classes}")
        return "\n".join(lines)


def _stem(plan: ResidualPlan) -> nn.Sequential:
    conv = plan.stem
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = _real_conv(conv, conv.stride)
    parts["norm"] = layers.BatchNorm(conv.channels)
    if plan.pools:
        parts["pool"] = nn.MaxPool2d(STEM_POOL, 2, STEM_POOL // 2)
    return nn.Sequential(parts)


def _projection(conv: ConvPlan, stride: int) -> nn.Sequential:
    return nn.Sequential(_real_conv(conv, stride), layers.BatchNorm(conv.channels))


def _real_conv(plan: ConvPlan, stride: int) -> nn.Conv2d:
    conv = nn.Conv2d(plan.input_shape[2], plan.channels, plan.kernel, stride, padding=plan.kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _refusal(plan: ResidualPlan) -> str:
    first = next((block.downsampling.name for block in plan.blocks if block.downsampling), None)
    projections = f", the shortcuts' 1 x 1 convolutions ({first} is the first)" if first else ""
    return (
        f"network.residual: the integer network cannot hold full-precision shortcuts ({plan.blocks[0].name} has the "
        f"first), nor the full-precision weights of the first convolution ({plan.stem.name}){projections} and the last "
        "dense layer (classifier); the model is trained and evaluated, not exported"
    )
