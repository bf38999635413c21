"""Every node of a network in PyTorch, in int64 and float64, which holds all these sums exactly."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from bnn import Bits


def torch_trace(network, images):
    """Every node in PyTorch on (n, c, h, w) tensors; bits are -1 and +1 there."""
    pixels = torch.from_numpy(images.astype(np.int64)).permute(0, 3, 1, 2)
    values = {}
    for node in network.nodes:
        inputs = [values[name] for name in node.inputs]
        binary = [isinstance(network.values[name], Bits) for name in node.inputs]
        values[node.name] = computed(node, network, pixels, inputs, bool(binary and binary[0]))
    last = network.output.name
    found = {name: as_contract(value, network.values[name]) for name, value in values.items()}
    return {**found, last: found[last][:, 0, 0]}


def as_contract(value, meaning):
    array = value.permute(0, 2, 3, 1).numpy()
    return (array > 0).astype(np.int64) if isinstance(meaning, Bits) else array


def computed(node, network, pixels, inputs, is_binary):
    match node.kind:
        case "encode":
            tables = torch.from_numpy(np.broadcast_to(node.table, (node.shape[2], 256)).astype(np.int64))
            found = torch.stack([table[pixels[:, channel]] for channel, table in enumerate(tables)], dim=1)
            return 2 * found - 1 if node.binary else found
        case "thermometer":
            thresholds = np.broadcast_to(node.thresholds, (node.shape[2], node.levels))
            rows = [pixels[:, c] >= int(t) for c, row in enumerate(thresholds) for t in row]
            return 2 * torch.stack(rows, dim=1).long() - 1
        case "dense":
            weights = torch.from_numpy(2.0 * node.weight_bits - 1)
            dot = functional.linear(inputs[0].permute(0, 2, 3, 1).flatten(1).double(), weights)[:, :, None, None]
        case "conv":
            dot = convolved(node, inputs[0], is_binary)
        case "threshold":
            return torch.where(inputs[0] >= column(node.thresholds), 1, -1)
        case "grid":
            scaled = torch.div(
                column(node.multipliers) * inputs[0] + column(node.offsets), 2**node.shift, rounding_mode="floor"
            )
            return scaled.clamp(node.lowest, node.highest)
        case "add":
            return torch.stack(inputs).sum(dim=0)
        case "max_pool":
            top, left, bottom, right = node.padding
            lowest = -(2.0**40)
            padded = functional.pad(inputs[0].double(), (left, right, top, bottom), value=lowest)
            return functional.max_pool2d(padded, node.kernel, node.stride).long()
        case "sum_pool":
            return functional.avg_pool2d(inputs[0].double(), node.kernel, node.stride, divisor_override=1).long()
        case "concatenate":
            return torch.cat(inputs, dim=1)
        case "pad_channels":
            value = 2 * node.value - 1 if is_binary else node.value
            return functional.pad(inputs[0], (0, 0, 0, 0, node.before, node.after), value=value)
        case "scores":
            if node.table is None:
                return column(node.multipliers) * inputs[0] + column(node.offsets)
            lowest = network.values[node.inputs[0]].lowest
            index = (inputs[0][:, :, 0, 0] - lowest).T
            return torch.from_numpy(node.table.astype(np.int64)).gather(1, index).T[:, :, None, None]
    return ((dot + node.mw) / 2).long() if is_binary else dot.long()


def column(numbers):
    return torch.from_numpy(numbers.astype(np.int64))[:, None, None]


def convolved(node, value, is_binary):
    top, left, bottom, right = node.padding
    pads = column(node.pad_values).double()
    pads = 2 * pads - 1 if is_binary and any(node.padding) else pads
    padded = functional.pad(value.double() - pads, (left, right, top, bottom)) + pads
    bits = 2.0 * node.weight_bits - 1
    kernel = torch.from_numpy(bits.reshape(node.mh, *node.kernel, node.c_in // node.groups)).permute(0, 3, 1, 2)
    return functional.conv2d(padded, kernel, stride=node.stride, groups=node.groups)


def images_for(network, seed, count):
    return np.random.default_rng(seed).integers(0, 256, (count, *network.input.shape), dtype=np.uint8)
