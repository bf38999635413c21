"""Trained models as graphs: what PyTorch computes of one in float32."""

import math

import numpy as np
import torch
from torch.nn import functional

from bnn.nodes import Encode, Thermometer
from bnn.stage import (
    Add,
    AveragePool,
    Concatenate,
    GlobalSum,
    Logits,
    Matrix,
    MaxPool,
    PadChannels,
    Quantize,
    Sign,
    SumPool,
)
from bnn.stage.operators import Operator
from bnn.values import Bits
from bnn.window import NO_PADDING


class Affine:
    """x * scale + offset a channel, then a sign, a grid or nothing: of rows in NumPy, of images in PyTorch."""

    def __init__(self, scale, offset, *, sign=False, grid=None):
        self.scale, self.offset = (torch.from_numpy(np.asarray(part, np.float32)) for part in (scale, offset))
        self.sign, self.grid = sign, grid  # grid: fraction bits, lowest, highest

    def on_image(self, x):
        view = (1, -1, *[1] * (x.dim() - 2))
        x = x * self.scale.view(view) + self.offset.view(view)
        if self.sign:
            return torch.where(x >= 0, 1.0, -1.0)
        if self.grid:
            fraction_bits, lowest, highest = self.grid
            return torch.floor(x * 2**fraction_bits + 0.5).clamp(lowest, highest) / 2**fraction_bits
        return x

    def __call__(self, rows):
        return self.on_image(torch.from_numpy(np.ascontiguousarray(rows))).numpy()

    @property
    def operators(self):
        """The same for a file; what a sign and a grid do besides is known."""
        return Operator("Mul", "scale", self.scale.numpy()), Operator("Add", "offset", self.offset.numpy())


class Mean:
    """The mean of windows of ``area`` numbers, from their sum, rounded onto the grid 2^-f."""

    def __init__(self, area, fraction_bits):
        self.area, self.fraction_bits = area, fraction_bits

    def __call__(self, rows):
        return rounded_mean(torch.from_numpy(rows), self.area, self.fraction_bits).numpy()

    @property
    def operators(self):
        return (Operator("Mul", "mean", np.float32(1 / self.area).reshape(())),)


def rounded_mean(total, area, fraction_bits):
    """The mean on the grid 2^-f of a sum of ``area`` numbers."""
    return torch.floor(total * np.float32(1 / area) * 2**fraction_bits + 0.5) / 2**fraction_bits


def compute(model, images):
    """Every value of a model by name, (n, c, h, w) float32, of (n, H, W, C) pixels, with PyTorch's own operations."""
    values = {}
    with torch.no_grad():
        for node in model.nodes:
            values[node.name] = _compute(model, node, images, [values[name] for name in node.inputs])
    return values


def _compute(model, node, images, entering):
    x = entering[0] if entering else None
    if isinstance(node, Encode | Thermometer):
        encoded = torch.from_numpy(node.encode(images).astype(np.float32)).permute(0, 3, 1, 2)
        return 2 * encoded - 1 if isinstance(model.values[node.name], Bits) else encoded
    if isinstance(node, Matrix):
        return _product(model, node, x)
    if isinstance(node, Sign | Quantize | Logits):
        return node.epilogue.on_image(x) if isinstance(node.epilogue, Affine) else _by_rows(node.epilogue, x)
    if isinstance(node, Add):
        return sum(entering[1:], start=x)
    if isinstance(node, Concatenate):
        return torch.cat(entering, dim=1)
    if isinstance(node, PadChannels):
        scale = 2.0 ** -getattr(model.values[node.name], "fraction_bits", 0)
        return functional.pad(x, (0, 0, 0, 0, node.before, node.after), value=node.value * scale)
    if isinstance(node, MaxPool):
        return functional.max_pool2d(_padded(x, node.padding, -math.inf), node.kernel, node.stride)
    if isinstance(node, AveragePool):
        total = functional.avg_pool2d(x, node.kernel, node.stride, divisor_override=1)
        return rounded_mean(total, node.kernel[0] * node.kernel[1], model.values[node.name].fraction_bits)
    if isinstance(node, SumPool):
        return functional.avg_pool2d(x, node.kernel, node.stride, divisor_override=1)
    assert isinstance(node, GlobalSum)
    return x.sum(dim=(2, 3), keepdim=True)


def _by_rows(epilogue, x):
    count, channels, height, width = x.shape
    rows = epilogue(np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy()).reshape(-1, channels))
    return torch.from_numpy(rows.reshape(count, height, width, channels)).permute(0, 3, 1, 2)


def _product(model, node, x):
    fraction_bits = getattr(model.values[node.inputs[0]], "fraction_bits", 0)
    weights = torch.from_numpy(node.weights)
    if node.is_convolution:
        padded = _padded(x, node.padding, node.pad_value * 2.0**-fraction_bits)
        return functional.conv2d(padded, weights, stride=node.stride, groups=node.groups)
    return (x.flatten(1) @ weights.flatten(1).T)[:, :, None, None]


def _padded(x, padding, value):
    top, left, bottom, right = padding
    return functional.pad(x, (left, right, top, bottom), value=value) if padding != NO_PADDING else x
