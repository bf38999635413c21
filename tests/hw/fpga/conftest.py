"""A small network on a board with a serial line, its chip written once for all tests."""

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from bnn.folding import Folding, LayerFolding
from hw.boards.board import load_board
from hw.fpga.chip import Chip
from hw.generator import Design

SHAPE = (4, 8, 1)


def small_network(seed=3):
    rng = np.random.default_rng(seed)
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (8, 32)), rng.integers(12, 19, 8)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, 8)), None),
    )
    return Chain(Encode.threshold(SHAPE, 100), layers)


def small_chip(network=None, board="ULX3S-85F", clock_mhz=30.0):
    network = network or small_network()
    folding = Folding.of(network, {"fc1": LayerFolding(4, 8), "fc2": LayerFolding(2, 4)})
    return Chip(Design.of(network, folding), load_board(board), clock_mhz)


@pytest.fixture(scope="session")
def chip():
    return small_chip()


@pytest.fixture(scope="session")
def source(chip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chip") / "chip"
    chip.replace(folder)
    return folder


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(4).integers(0, 256, (6, *SHAPE), np.uint8)
