"""The frames worth a slow check. Oracle: matches counted in naive loops."""

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from finn_build.board.evaluator import accumulator_ends
from finn_build.package import extremes
from finn_build.package.extremes import extreme_frames


@pytest.fixture
def network(rng):
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (8, 12)), np.full(8, 6)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (3, 8)), None),
    )
    return Chain(Encode.threshold((1, 1, 12), 128), layers)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (400, 1, 1, 12), dtype=np.uint8)


def counted(network, image):
    """Popcounts of both layers, one match after the other."""
    bits = [int(pixel >= 128) for pixel in image.ravel()]
    first, last = network.layers
    popcounts = []
    for layer in (first, last):
        found = [sum(int(bit == weight) for bit, weight in zip(bits, row, strict=True)) for row in layer.weight_bits]
        popcounts.append(found)
        if layer is first:
            bits = [int(count >= threshold) for count, threshold in zip(found, layer.thresholds, strict=True)]
    return popcounts


def test_ends_of_the_accumulators(network, images):
    ends = accumulator_ends(network, images[:40])
    for index, image in enumerate(images[:40]):
        for layer, found in zip(network.layers, counted(network, image), strict=True):
            assert tuple(ends[layer.name][index]) == (min(found), max(found))


def test_every_end_is_among_the_frames(network, images):
    chosen = extreme_frames(network, images, 4)
    assert list(chosen) == sorted(set(chosen.tolist()))
    everything = [counted(network, image) for image in images]
    for layer in (0, 1):
        for end in (max, min):
            wanted = end(end(found[layer]) for found in everything)
            assert wanted == end(end(everything[index][layer]) for index in chosen)


def test_the_closest_end_comes_first(network, images):
    (chosen,) = extreme_frames(network, images, 1)
    slack = [
        min(1 - max(found) / mw for found, mw in zip(counted(network, one), (12, 8), strict=True)) for one in images
    ]
    assert slack[chosen] == min(slack)


def test_the_highest_popcount_of_every_layer_comes_before_the_lowest_of_any(network, images):
    chosen = extreme_frames(network, images, 2)
    everything = [counted(network, image) for image in images]
    for layer in (0, 1):
        highest = max(max(found[layer]) for found in everything)
        assert highest == max(max(everything[index][layer]) for index in chosen)


def test_integers_reach_both_ends(rng):
    """Sums of pixels are as likely to leave a type below as above."""
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (3, 6)), np.zeros(3)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (2, 3)), None),
    )
    network = Chain(Encode.pixels((1, 1, 6)), layers)
    images = rng.integers(0, 256, (200, 1, 1, 6), dtype=np.uint8)
    sums = images.reshape(-1, 6).astype(int) @ (2 * layers[0].weight_bits.T.astype(int) - 1)
    chosen = extreme_frames(network, images, 3)
    assert sums.max() == sums[chosen].max()
    assert sums.min() == sums[chosen].min()


def test_as_many_as_asked_for(network, images):
    assert len(extreme_frames(network, images, 100)) == 100
    assert list(extreme_frames(network, images[:7], 7)) == list(range(7))
    constant = np.repeat(images[:1], 9, axis=0)  # one frame is every end
    assert list(extreme_frames(network, constant, 3)) == [0, 1, 2]


def test_a_large_network_is_searched_in_part(network, images, monkeypatch):
    products = 8 * 12 + 3 * 8
    monkeypatch.setattr(extremes, "MOST_PRODUCTS", 50 * products)
    assert list(extreme_frames(network, images, 4)) == list(extreme_frames(network, images[:50], 4))
