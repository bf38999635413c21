"""A network file is whole or refused. Oracle: the file's own bytes, damaged one place at a time."""

import json
from pathlib import Path

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer, Network, Notes, as_chain, nodes
from bnn.encoding import pack_bits
from bnn.serialize import NetworkFileError, load_network, save_network

DATA = Path(__file__).parent / "data"


@pytest.fixture
def network():
    rng = np.random.default_rng(1)
    conv = ConvLayer(
        "conv1",
        pack_bits(rng.integers(0, 2, (70, 18))),
        18,
        rng.integers(0, 20, 70),
        kernel=(3, 3),
        stride=(1, 2),
        padding=(1, 0, 1, 2),
        pad_values=np.array([0, 1]),
    )
    pool = MaxPoolLayer("pool1", (2, 2), (2, 1), inverted=rng.integers(0, 2, 70))
    dense = DenseLayer.from_bits("fc1", rng.integers(0, 2, (3, 2 * 1 * 70)), None, rng.integers(-9, 9, (3, 141)))
    return Chain(Encode.threshold((4, 4, 2), 128), (conv, pool, dense)).network()


@pytest.fixture
def graph():
    """A network of every kind of node."""
    rng = np.random.default_rng(2)

    def conv(name, source, mh, c_in, groups=1, **padded):
        mw = 9 * c_in // groups
        bits = pack_bits(rng.integers(0, 2, (mh, mw)))
        settings = {"padding": (1, 1, 1, 1), "pad_values": np.zeros(c_in)} | padded
        return nodes.Conv(name, (source,), bits, mw, kernel=(3, 3), groups=groups, **settings)

    def grid(name, source, channels):
        factors = {"multipliers": rng.integers(-(2**23), 2**23, channels), "offsets": rng.integers(-99, 99, channels)}
        return nodes.Grid(name, (source,), **factors, shift=18, lowest=-512, highest=511)

    return Network(
        (
            nodes.Thermometer((4, 4, 2), rng.integers(0, 257, (2, 3))),
            conv("conv1", "input", 4, 6, groups=2, pad_values=rng.integers(0, 2, 6)),
            grid("stem", "conv1", 4),
            nodes.Threshold("bits", ("stem",), rng.integers(-512, 513, 4)),
            nodes.MaxPool("largest", ("bits",), kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1)),
            conv("conv2", "largest", 2, 4),
            grid("block", "conv2", 2),
            nodes.PadChannels("wider", ("block",), before=1, after=1, value=-3),
            nodes.Add("sum", ("wider", "stem")),
            nodes.Concatenate("both", ("sum", "stem")),
            nodes.SumPool("total", ("both",), kernel=(4, 4), stride=(1, 1)),
            nodes.Dense.from_bits("fc.accumulator", "total", rng.integers(0, 2, (3, 8))),
            nodes.Scores("fc", ("fc.accumulator",), [1, -1, 2], [0, 5, -9]),
        ),
        Notes({"bits": [0, 1, 1, 0], "block": [1, 0]}),
    )


def assert_same(ours, theirs):
    assert ours.hash == theirs.hash
    assert list(ours.values.items()) == list(theirs.values.items())
    for one, other in zip(ours.nodes, theirs.nodes, strict=True):
        assert (type(one), one.inputs, one.attributes()[0]) == (type(other), other.inputs, other.attributes()[0])
        assert list(one.attributes()[1]) == list(other.attributes()[1])
        for array, same in zip(one.attributes()[1].values(), other.attributes()[1].values(), strict=True):
            assert array.dtype == same.dtype
            np.testing.assert_array_equal(array, same)
    assert {name: mask.tolist() for name, mask in ours.notes.inverted.items()} == {
        name: mask.tolist() for name, mask in theirs.notes.inverted.items()
    }


def test_round_trip(network, graph, tmp_path):
    for one in (network, graph):
        save_network(one, tmp_path / "n.npz")
        assert_same(load_network(tmp_path / "n.npz"), one)
        assert [path.name for path in tmp_path.iterdir()] == ["n.npz"]
    assert {node.kind for node in (*network.nodes, *graph.nodes)} == set(nodes.KINDS)


# Written by the last release that wrote version 1, with the hash that it said.
VERSION_1 = {
    "version1-bits": "d68469f7adabe98d1e7d8ab88fb75a11085e53b25339cb13add108b8a095bc99",
    "version1-integers": "c573913eed2499f48d41750c3b833ccce970e122d81d1cb2dd38ba98811be187",
}


@pytest.mark.parametrize("name", VERSION_1)
def test_files_of_version_1_are_read(name, tmp_path):
    file = DATA / f"{name}.npz"
    with np.load(file) as archive:
        header = json.loads(archive["header"].tobytes())
        members = dict(archive)
    assert (header["version"], header["hash"]) == (1, VERSION_1[name])
    network = load_network(file)
    layers = as_chain(network).layers
    assert [layer.name for layer in layers] == [layer["name"] for layer in header["network"]["layers"]]
    for index, layer in enumerate(layers):
        for attribute in ("weights", "thresholds", "score_table", "pad_values", "inverted"):
            written = members.get(f"{index}.{attribute}")
            np.testing.assert_array_equal(getattr(layer, attribute, None), written)
    save_network(network, tmp_path / "n.npz")
    assert_same(load_network(tmp_path / "n.npz"), network)


def test_a_damaged_file_of_version_1_is_refused(tmp_path):
    file = tmp_path / "n.npz"
    file.write_bytes((DATA / "version1-bits.npz").read_bytes())
    rewritten(file, lambda header, _: header["network"]["layers"][0].update(name="conv"))
    with pytest.raises(NetworkFileError, match="damaged network file: its contents hash to"):
        load_network(file)


def test_every_truncation_is_refused(network, tmp_path):
    file = tmp_path / "n.npz"
    save_network(network, file)
    whole = file.read_bytes()
    for length in [0, 1, 3, 50, len(whole) // 2, len(whole) - 30, len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(NetworkFileError, match=r"n\.npz: not a whole network file.*export it again"):
            load_network(file)


def test_every_flipped_byte_is_refused_or_harmless(network, tmp_path):
    file = tmp_path / "n.npz"
    save_network(network, file)
    whole = file.read_bytes()
    refused = 0
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        file.write_bytes(bytes(damaged))
        try:
            assert load_network(file).hash == network.hash  # a byte that means nothing, such as a time stamp
        except NetworkFileError:
            refused += 1
    assert refused > len(whole) / 7 / 2


def rewritten(file, change):
    with np.load(file) as archive:
        contents = dict(archive)
    header = json.loads(contents["header"].tobytes())
    change(header, contents)
    contents["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(file, **contents)


def flip_threshold(_, contents):
    contents["2.thresholds"] = contents["2.thresholds"][::-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, _: header.update(version=3), "version 3 .* reads versions 1 and 2; update askew"),
        (lambda header, _: header.update(version="2"), "version 2 .* reads versions 1 and 2; update askew"),
        (lambda header, _: header.update(version={}), "version {} .* reads versions 1 and 2; update askew"),
        (lambda header, _: header.update(format="other"), "format is 'other'"),
        (flip_threshold, "hash to"),
        (lambda _, contents: contents.pop("4.weights"), "damaged network file"),
        (lambda header, _: header["nodes"][1].update(kind="lstm"), "damaged network file"),
        (lambda header, _: header["nodes"][1].update(inputs=["conv1"]), "damaged network file.*cycle"),
        (lambda header, _: header["nodes"][1]["attributes"].update(stride=[1.5, 1]), "damaged network file.*whole"),
        (lambda header, _: header["nodes"][1]["attributes"].update(more=1), "damaged network file"),
        (lambda header, _: header["nodes"][2].update(name="input"), "damaged network file.*two producers"),
        (lambda header, _: header["nodes"][0]["attributes"].update(shape=[2**20, 2**20, 2]), "damaged network file"),
    ],
)
def test_wrong_contents_are_named(network, tmp_path, change, message):
    file = tmp_path / "n.npz"
    save_network(network, file)
    rewritten(file, change)
    with pytest.raises(NetworkFileError, match=message):
        load_network(file)


def test_another_kind_of_file(tmp_path):
    np.save(tmp_path / "n.npz", np.zeros(3))
    (tmp_path / "n.npz.npy").rename(tmp_path / "n.npz")
    with pytest.raises(NetworkFileError, match="not a whole network file"):
        load_network(tmp_path / "n.npz")
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "none.npz")
