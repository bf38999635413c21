"""FINN's folding configuration. Oracles: the published configuration of TFC; a naive count of cycles."""

import pytest

from bnn import Chain, Encode, MaxPoolLayer, UserError
from bnn.folding import Folding, LayerFolding, load_folding
from finn_build.compiler.form import finn_form
from finn_build.package.folding import checked_folding, folding_config


@pytest.fixture
def tfc(layer_factory):
    make = layer_factory.dense
    layers = (make("fc1", 784, 64), make("fc2", 64, 64), make("fc3", 64, 64), make("fc4", 64, 10, last=True))
    return Chain(Encode.threshold((28, 28, 1), 128), layers)


def plain(folding):
    return {name: (layer.pe, layer.simd) for name, layer in folding.layers.items()}


def test_published_tfc(tfc):
    config = folding_config(tfc, plain(load_folding("finn-tfc", tfc)))
    assert config["Thresholding_rtl_0"] == {"PE": 49}
    assert config["MVAU_hls_0"] == {"PE": 16, "SIMD": 49, "ram_style": "auto"}
    assert config["MVAU_hls_3"] == {"PE": 10, "SIMD": 8, "ram_style": "distributed"}
    assert config["LabelSelect_hls_0"] == {"PE": 1}


def test_label_keeps_up_with_the_matrices(tfc):
    unrolled = plain(Folding.unrolled(tfc))
    assert folding_config(tfc, unrolled)["LabelSelect_hls_0"] == {"PE": 10}


def test_cycles_are_those_of_a_naive_count(networks):
    network = networks("cnn")
    folding = Folding.of(
        network,
        {
            "conv1": LayerFolding(4, 3),
            "conv2": LayerFolding(3, 4),
            "conv3": LayerFolding(2, 6),
            "conv4": LayerFolding(5, 2),
            "fc1": LayerFolding(7, 20),
            "fc2": LayerFolding(2, 7),
        },
    )
    naive = {}
    for layer, shape, _ in network.walk():
        if layer.name in folding.layers:
            chosen = folding.layers[layer.name]
            steps = [(n, s) for n in range(0, layer.mh, chosen.pe) for s in range(0, layer.mw, chosen.simd)]
            height, width, _ = layer.output_shape(shape)
            naive[layer.name] = len(steps) * height * width
    assert checked_folding(network, plain(folding)).cycles(network) == naive


def test_window_and_padding_keep_the_width_of_their_matrix(networks, unfolded):
    network = finn_form(networks("cnn", binary=True)).network
    config = folding_config(network, unfolded(network) | {"conv1": (2, 3), "conv2": (1, 4)})
    assert config["Thresholding_rtl_0"] == {"PE": 3}
    assert config["FMPadding_rtl_1"] == config["ConvolutionInputGenerator_rtl_1"] == {"SIMD": 4}
    assert "Pool_hls_0" not in config
    assert "ConvolutionInputGenerator_rtl_2" not in config  # the pool's


def test_pool_at_the_input(layer_factory):
    layers = (MaxPoolLayer("pool1", (2, 2), (2, 2)), layer_factory.dense("fc", 12, 3, last=True))
    network = Chain(Encode.threshold((4, 4, 3), 9), layers)
    assert folding_config(network, {"fc": (1, 1)})["Thresholding_rtl_0"] == {"PE": 3}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fc9": (1, 1)}, "folding: layer fc9 is not in the network; its layers: conv1, conv2, conv3, conv4, fc1, fc2"),
        ({"conv2": (1, 3)}, r"layer conv2: c_in \(8\) must be divisible by simd \(3\)"),
        ({"fc1": (1, 7)}, r"layer fc1: mw \(60\) must be divisible by simd \(7\)"),
        ({"fc1": (4, 1)}, r"layer fc1: mh \(7\) must be divisible by pe \(4\)"),
        ({"fc1": (0, 1)}, r"layer fc1: mh \(7\) must be divisible by pe \(0\)"),
    ],
)
def test_refuses_what_does_not_fit(networks, unfolded, change, reason):
    network = networks("cnn")
    with pytest.raises(UserError, match=reason):
        folding_config(network, unfolded(network) | change)


def test_refuses_a_missing_layer(networks, unfolded):
    network = networks("cnn")
    folding = unfolded(network)
    del folding["conv3"]
    with pytest.raises(UserError, match="folding: layer conv3 is missing"):
        folding_config(network, folding)
