"""Networks of well-known shapes with random weights: what synthesis and its estimates are measured on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer
from bnn.encoding import pack_bits


def random_tfc(seed: int = 0) -> Chain:
    """784-64-64-64-10, pixels cut to bits: FINN's TFC (FINN paper, FPGA 2017)."""
    return _random_mlp(seed, 64)


def random_lfc(seed: int = 0) -> Chain:
    """784-1024-1024-1024-10, pixels cut to bits: FINN's LFC (FINN paper, FPGA 2017)."""
    return _random_mlp(seed, 1024)


def random_cnv(seed: int = 0) -> Chain:
    """FINN's CNV: six 3x3 convolutions without padding, two pools, three dense layers, on 32x32x3 8-bit pixels."""
    rng = np.random.default_rng(seed)
    layers: list[ConvLayer | MaxPoolLayer] = []
    channels = 3
    for index, mh in enumerate((64, 64, 128, 128, 256, 256)):
        mw = 9 * channels
        thresholds = _thresholds(rng, mw, mh)
        if index == 0:  # a sum of +-pixels, whose deviation is that of a pixel times the root of their number
            thresholds = rng.normal(0, 150 * mw**0.5, mh).round().astype(np.int32)
        weights, pad = pack_bits(rng.integers(0, 2, (mh, mw))), np.zeros(channels, np.int16)
        layers.append(ConvLayer(f"conv{index + 1}", weights, mw, thresholds, kernel=(3, 3), pad_values=pad))
        channels = mh
        if index in (1, 3):
            layers.append(MaxPoolLayer(f"pool{index // 2 + 1}", (2, 2), (2, 2)))
    dense = (_dense(rng, "fc1", 256, 512, True), _dense(rng, "fc2", 512, 512, True), _dense(rng, "fc3", 512, 10, False))
    return Chain(Encode.pixels((32, 32, 3)), (*layers, *dense))


def _random_mlp(seed: int, width: int) -> Chain:
    rng = np.random.default_rng(seed)
    layers = [_dense(rng, f"fc{index + 1}", mw, width, True) for index, mw in enumerate((784, width, width))]
    return Chain(Encode.threshold((28, 28, 1), 128), (*layers, _dense(rng, "fc4", width, 10, False)))


def _dense(rng: np.random.Generator, name: str, mw: int, mh: int, thresholded: bool) -> DenseLayer:
    weights = rng.integers(0, 2, (mh, mw))
    return DenseLayer.from_bits(name, weights, _thresholds(rng, mw, mh) if thresholded else None)


def _thresholds(rng: np.random.Generator, mw: int, mh: int) -> NDArray[np.int32]:
    """Around half of the inputs, as those of trained networks are."""
    return rng.normal(mw / 2, mw**0.5, mh).round().clip(0, mw + 1).astype(np.int32)


NETWORKS: dict[str, Callable[[], Chain]] = {"tfc": random_tfc, "cnv": random_cnv, "lfc": random_lfc}
