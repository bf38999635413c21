"""Whole random networks: PyTorch's float answer against a naive loop over the absorbed integers, bits and logits."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bnn.chain import as_chain
from bnn.layers import MaxPoolLayer
from bnn.nodes import Encode
from bnn.stage import ChainLayer, Pool, chain_model
from onnx_export.absorb import absorb

torch.set_num_threads(1)


class RandomLayer:
    """One layer as PyTorch computes it on (n, c, h, w), and the stage that describes it."""

    def __init__(self, rng, name, shape, last, integers):
        self.name, self.last = name, last
        height, width, channels = shape
        self.is_convolution = bool(rng.integers(6)) and not last
        self.ends_in_convolution = last and bool(rng.integers(2))
        self.mh = int(rng.integers(2, 5))
        kernel = (height, width)
        self.stride, self.padding, self.pad_value = (1, 1), (0, 0, 0, 0), 0
        if self.is_convolution:
            kernel = (int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1)))
            self.stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
            self.padding = tuple(int(rng.integers(0, kernel[axis % 2])) for axis in range(4))
            self.pad_value = int(rng.integers(-3, 9)) if integers else int(rng.choice([-1, 1]))
            if not any(self.padding):
                self.pad_value = 0
        self.weights = torch.from_numpy(rng.choice([-1.0, 1.0], size=(self.mh, channels, *kernel)).astype(np.float32))
        self.scale, self.offset = (torch.from_numpy(rng.normal(size=self.mh).astype(np.float32)) for _ in range(2))
        self.scale = self.scale * torch.from_numpy(rng.choice([0, 1, 1, 1], size=self.mh).astype(np.float32))
        if last and rng.integers(2):
            self.scale, self.offset = (torch.full((self.mh,), float(value[0])) for value in (self.scale, self.offset))
        self.pool_before = self.pool_after = None
        out = [
            (size + self.padding[i] + self.padding[i + 2] - kernel[i]) // self.stride[i] + 1
            for i, size in enumerate((height, width))
        ]
        if self.is_convolution and rng.integers(4):
            window = tuple(int(rng.integers(1, min(3, size) + 1)) for size in out)
            padding = tuple(int(rng.integers(0, min(2, window[axis % 2]))) for axis in range(4))
            pool = Pool(f"{name}_pool", window, tuple(int(v) for v in rng.integers(1, 3, size=2)), padding)
            if rng.integers(2):
                self.pool_before = pool
            else:
                self.pool_after = pool

    def epilogue(self, accumulators, tail=()):
        view = (1, self.mh, *tail)
        x = accumulators * self.scale.reshape(view) + self.offset.reshape(view)
        return x if self.last else torch.where(x >= 0, 1.0, -1.0)

    def forward(self, x):
        top, left, bottom, right = self.padding
        x = functional.pad(x, (left, right, top, bottom), value=float(self.pad_value))
        x = functional.conv2d(x, self.weights, stride=self.stride)
        x = self.pooled(x, self.pool_before)
        return self.pooled(self.epilogue(x, (1, 1)), self.pool_after)

    @staticmethod
    def pooled(x, pool):
        if pool is None:
            return x
        top, left, bottom, right = pool.padding
        return functional.max_pool2d(
            functional.pad(x, (left, right, top, bottom), value=-np.inf), pool.kernel, pool.stride
        )

    def stage(self):
        return ChainLayer(
            self.name,
            self.weights.numpy(),
            lambda a: self.epilogue(torch.from_numpy(a)).numpy(),
            is_convolution=self.is_convolution or self.ends_in_convolution,
            stride=self.stride,
            padding=self.padding,
            pad_value=self.pad_value,
            pool_before=self.pool_before,
            pool_after=self.pool_after,
        )


def random_model(rng):
    shape = (*(int(size) for size in rng.integers(1, 8, size=2)), int(rng.integers(1, 4)))
    if rng.integers(2):
        encoding = Encode.threshold(shape, int(rng.integers(1, 256)))
    else:
        step = int(rng.integers(1, 64))
        encoding = Encode(shape, (np.arange(256) // step - rng.integers(0, 5)).astype(np.int16), binary=False)
    layers = []
    with torch.no_grad():
        x = torch.zeros(1, shape[2], shape[0], shape[1])
        for index in range(int(rng.integers(0, 4))):
            layers.append(
                RandomLayer(
                    rng,
                    f"layer{index}",
                    tuple(x.shape[i] for i in (2, 3, 1)),
                    False,
                    index == 0 and not encoding.binary,
                )
            )
            x = layers[-1].forward(x)
        layers.append(
            RandomLayer(rng, "last", tuple(x.shape[i] for i in (2, 3, 1)), True, not layers and not encoding.binary)
        )
    return encoding, layers


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_layer_and_the_order_of_the_logits_equal_pytorch(naive_run, same_order, seed):
    rng = np.random.default_rng(seed)
    encoding, layers = random_model(rng)
    network = absorb(chain_model(encoding, [layer.stage() for layer in layers]))
    inversions = {layer.name: layer.inverted for layer in as_chain(network).layers if isinstance(layer, MaxPoolLayer)}
    for image in rng.integers(0, 256, size=(4, *encoding.shape), dtype=np.uint8):
        ours = naive_run(network, image)
        values = encoding.table[image].astype(np.float32)
        x = torch.from_numpy(2 * values - 1 if encoding.binary else values).permute(2, 0, 1)[None]
        for layer in layers:
            with torch.no_grad():
                x = layer.forward(x)
            pool = layer.pool_before or layer.pool_after
            if layer.last:
                assert same_order(ours["last"].reshape(-1), x.numpy().reshape(-1))
            else:
                name = pool.name if pool else layer.name
                bits = ours[name] if inversions.get(name) is None else ours[name] ^ inversions[name]
                np.testing.assert_array_equal(bits, x[0].permute(1, 2, 0).numpy() > 0)
