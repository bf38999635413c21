"""A network file is whole or refused. Oracle: the file's own bytes, damaged one place at a time."""

import json

import numpy as np
import pytest

from bnn import (
    ConvLayer,
    DenseLayer,
    InputEncoding,
    MaxPoolLayer,
    Network,
    NetworkFileError,
    load_network,
    save_network,
)
from bnn.encoding import pack_bits


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
    return Network(InputEncoding.threshold((4, 4, 2), 128), (conv, pool, dense))


def test_round_trip(network, tmp_path):
    save_network(network, tmp_path / "n.npz")
    loaded = load_network(tmp_path / "n.npz")
    assert loaded.hash == network.hash
    assert [path.name for path in tmp_path.iterdir()] == ["n.npz"]
    for ours, theirs in zip(network.describe()[1].items(), loaded.describe()[1].items(), strict=True):
        assert ours[0] == theirs[0]
        assert np.array_equal(ours[1], theirs[1])


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
    contents["0.thresholds"] = contents["0.thresholds"][::-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, _: header.update(version=2), "version 2 .* reads version 1; update askew"),
        (lambda header, _: header.update(format="other"), "format is 'other'"),
        (flip_threshold, "hash to"),
        (lambda _, contents: contents.pop("2.weights"), "damaged network file"),
        (lambda header, _: header["network"]["layers"][0].update(kind="lstm"), "damaged network file"),
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
