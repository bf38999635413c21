"""Foldings are checked against the divisors that a naive loop finds, and against FINN's published cycle counts."""

from __future__ import annotations

import json

import pytest

from bnn import Chain, Encode, MaxPoolLayer
from bnn.folding import (
    Folding,
    FoldingError,
    LayerFolding,
    LoopOrder,
    divisors,
    load_folding,
    matrix_sizes,
    save_folding,
    shipped_foldings,
)
from tests.support.blank import conv, dense


@pytest.fixture
def tfc() -> Chain:
    layers = (dense("fc1", 784, 64), dense("fc2", 64, 64), dense("fc3", 64, 64), dense("fc4", 64, 10, last=True))
    return Chain(Encode.threshold((28, 28, 1), 128), layers)


@pytest.fixture
def cnv() -> Chain:
    pool = ((2, 2), (2, 2))
    layers = (
        conv("conv1", 3, 64),
        conv("conv2", 64, 64),
        MaxPoolLayer("pool1", *pool),
        conv("conv3", 64, 128),
        conv("conv4", 128, 128),
        MaxPoolLayer("pool2", *pool),
        conv("conv5", 128, 256),
        conv("conv6", 256, 256),
        dense("fc1", 256, 512),
        dense("fc2", 512, 512),
        dense("fc3", 512, 10, last=True),
    )
    return Chain(Encode.pixels((32, 32, 3)), layers)


def test_divisors_are_those_of_a_naive_loop() -> None:
    for number in range(1, 300):
        assert divisors(number) == [d for d in range(1, number + 1) if number % d == 0]


def test_finn_foldings_have_finns_cycles(tfc: Chain, cnv: Chain) -> None:
    assert shipped_foldings() == ["finn-cnv", "finn-tfc", "latency-cnv-pynq-z2"]
    assert max(load_folding("finn-tfc", tfc).cycles(tfc).values()) == 64
    cycles = load_folding("finn-cnv", cnv).cycles(cnv)
    assert max(cycles.values()) == 32_768
    assert cycles["conv1"] == 32_400
    assert cycles["conv4"] == 28_800


def test_shipped_files_state_the_right_cycles(tfc: Chain, cnv: Chain) -> None:
    from bnn.folding import FOLDING_FOLDER

    for name, network in (("finn-tfc", tfc), ("finn-cnv", cnv), ("latency-cnv-pynq-z2", cnv)):
        described = json.loads((FOLDING_FOLDER / f"{name}.json").read_text())["layers"]
        assert {layer: entry["cycles"] for layer, entry in described.items()} == load_folding(name, network).cycles(
            network
        )


def test_save_and_load_give_the_same_folding(cnv: Chain, tmp_path) -> None:
    layers = dict(load_folding("finn-cnv", cnv).layers)
    layers["fc2"] = LayerFolding(2, 16, LoopOrder.INPUT_MAJOR)
    folding = Folding.of(cnv, layers)
    save_folding(folding, cnv, tmp_path / "folding.json")
    assert load_folding(tmp_path / "folding.json", cnv) == folding
    written = json.loads((tmp_path / "folding.json").read_text())
    assert written["network_hash"] == cnv.hash
    assert written["layers"]["fc2"] == {"pe": 2, "simd": 16, "order": "input-major", "cycles": 256 * 32}


def test_unrolled_and_sequential_are_the_extremes(cnv: Chain) -> None:
    sizes = matrix_sizes(cnv)
    fastest, slowest = Folding.unrolled(cnv).cycles(cnv), Folding.sequential(cnv).cycles(cnv)
    for name, size in sizes.items():
        every = [size.cycles(LayerFolding(pe, simd)) for pe, simd in size.legal()]
        assert (min(every), max(every)) == (fastest[name], slowest[name])


@pytest.mark.parametrize(
    ("layer", "folding", "message"),
    [
        (
            "fc1",
            LayerFolding(16, 36),
            r"layer fc1: mw \(784\) must be divisible by simd \(36\); nearest legal: 28, 49$",
        ),
        ("fc1", LayerFolding(48, 49), r"layer fc1: mh \(64\) must be divisible by pe \(48\); nearest legal: 32, 64$"),
        ("fc4", LayerFolding(20, 8), r"layer fc4: mh \(10\) must be divisible by pe \(20\); nearest legal: 10$"),
        ("fc4", LayerFolding(0, 8), r"layer fc4: mh \(10\) must be divisible by pe \(0\); nearest legal: 1$"),
    ],
)
def test_what_does_not_divide_names_the_nearest(tfc: Chain, layer: str, folding: LayerFolding, message: str) -> None:
    layers = dict(load_folding("finn-tfc", tfc).layers) | {layer: folding}
    with pytest.raises(FoldingError, match=message):
        Folding.of(tfc, layers)


def test_a_convolutions_simd_divides_its_channels(cnv: Chain) -> None:
    layers = dict(load_folding("finn-cnv", cnv).layers) | {"conv2": LayerFolding(32, 96)}
    with pytest.raises(
        FoldingError, match=r"layer conv2: c_in \(64\) must be divisible by simd \(96\); nearest legal: 64"
    ):
        Folding.of(cnv, layers)


def test_missing_and_unknown_layers(tfc: Chain, cnv: Chain) -> None:
    with pytest.raises(FoldingError, match="layer fc4 is missing"):
        Folding.of(tfc, {f"fc{i}": LayerFolding(1, 1) for i in (1, 2, 3)})
    with pytest.raises(FoldingError, match="layer conv1 is not in the network; its layers: fc1, fc2, fc3, fc4"):
        load_folding("finn-cnv", tfc)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a folding file"),
        ('{"layers": {"fc1": 3}}', "layer fc1: must be a table with pe and simd"),
        ('{"layers": {"fc1": {"pe": 2}}}', r"layer fc1: simd \(None\) must be a whole number"),
        (
            '{"layers": {"fc1": {"pe": 2, "simd": 2, "order": "up"}}}',
            r"order \('up'\) must be one of output-major, input-major",
        ),
        ('{"network_hash": "abc", "layers": {}}', "made for network abc, this network is"),
    ],
)
def test_files_that_cannot_be_used(tfc: Chain, tmp_path, text: str, message: str) -> None:
    (tmp_path / "folding.json").write_text(text)
    with pytest.raises(FoldingError, match=message):
        load_folding(tmp_path / "folding.json", tfc)


def test_names_that_do_not_exist(tfc: Chain, tmp_path) -> None:
    with pytest.raises(FoldingError, match="shipped: finn-cnv, finn-tfc, latency-cnv-pynq-z2"):
        load_folding("fin-tfc", tfc)
    with pytest.raises(FoldingError, match="does not exist"):
        load_folding(tmp_path / "none.json", tfc)
