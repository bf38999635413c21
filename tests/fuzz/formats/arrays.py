"""Arrays: .npy, .npz of a data set, the network, golden answers, IDX."""

import ast
import gzip
import io
import json
import random
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np

from bnn import load_network, save_network
from flow.run.folder import RunFolder
from flow.stages.foreign import load_array
from tests.fuzz import mutate
from tests.fuzz.format import Format
from tests.support.graphs import random_graph
from training.data.sources.idx import read_idx
from training.data.sources.npz import load_npz

GRAPHS = (0, 1, 2, 3)
VERSION_1 = Path(__file__).parents[2] / "bnn" / "data"
SHAPES = ("(-1, 3)", "(2147483647, 2147483647)", "(1099511627776,)", "(0,)", "()", "(True, 5)", "(5, 40)", "((" * 60)
TYPES = ("|O", "<f8", ">i8", "<U1099511627", "|V8", "<M8[s]", "|b1", "|i1", "<c16", "", "U0", "|S5")


def saved(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def saved_all(compressed=False, **arrays) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def of_npy(rng: random.Random, whole: bytes) -> bytes:
    """A change of bytes, or another header in front of the same values."""
    if rng.random() < 0.5:
        return mutate.of_bytes(rng, whole)
    length = int.from_bytes(whole[8:10], "little")
    header = ast.literal_eval(whole[10 : 10 + length].decode())
    texts = {key: repr(value) for key, value in header.items()}
    key = rng.choice(list(texts))
    texts[key] = {"shape": rng.choice(SHAPES), "descr": repr(rng.choice(TYPES))}.get(
        key, rng.choice(("1", "None", "'"))
    )
    if rng.random() < 0.2:
        texts.pop(rng.choice(list(texts)))
    text = ("{" + ", ".join(f"'{key}': {value}" for key, value in texts.items()) + "}\n").encode()
    version, size = (b"\x01\x00", struct.pack("<H", len(text)))
    if rng.random() < 0.2:
        version, size = b"\x02\x00", struct.pack("<I", rng.choice((len(text), 2**32 - 1)))
    return whole[:6] + version + size + text + whole[10 + length :]


def same_arrays(ours, theirs) -> bool:
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


class Npy(Format):
    """Images and labels beside somebody's model."""

    name, share = "npy", 14

    def whole(self):
        rng = np.random.default_rng(1)
        images = rng.integers(0, 256, (5, 8, 5), np.uint8)
        return {
            "images.npy": saved(images),
            "labels.npy": saved(rng.integers(0, 10, 7)),
            "column.npy": saved(np.asfortranarray(rng.standard_normal((3, 4)))),
        }

    def damage(self, rng, name, whole):
        return of_npy(rng, whole)

    def read(self, file, name):
        return load_array(file)

    def truth(self, file, name, ours):
        return np.load(file, allow_pickle=False)

    def equal(self, ours, theirs):
        return same_arrays(ours, theirs)


class DataSet(Format):
    """A data set of the user's own in one .npz."""

    name, share = "npz data set", 10

    def whole(self):
        rng = np.random.default_rng(2)
        arrays = {
            "train_images": rng.integers(0, 256, (8, 4, 4), np.uint8),
            "train_labels": np.arange(8) % 4,
            "test_images": rng.integers(0, 256, (4, 4, 4), np.uint8),
            "test_labels": np.arange(4),
            "class_names": np.array(["a", "b", "c", "d"]),
        }
        bomb = arrays | {"test_images": np.zeros((600 << 6, 128, 128), np.uint8)}
        return {
            "stored.npz": saved_all(**arrays),
            "packed.npz": saved_all(compressed=True, **arrays),
            "bomb.npz": saved_all(compressed=True, **bomb),
        }

    def damage(self, rng, name, whole):
        if rng.random() < 0.6 or name == "bomb.npz":
            return mutate.of_bytes(rng, whole)
        if rng.random() < 0.5:
            return mutate.of_archive(rng, whole)
        contents = mutate.members(whole)
        member = rng.choice(list(contents))
        contents[member] = of_npy(rng, contents[member])
        return mutate.zipped(contents)

    def read(self, file, name):
        found = load_npz(file)
        return [found.train.pixels, found.train.labels, found.test.pixels, found.test.labels, found.class_names]

    def truth(self, file, name, ours):
        with np.load(file, allow_pickle=False) as archive:
            keys = ("train_images", "train_labels", "test_images", "test_labels")
            arrays = [archive[key] for key in keys]
            names = archive["class_names"] if "class_names" in archive.files else np.unique(arrays[1]).astype(str)
        return [*(array.reshape(one.shape) for array, one in zip(arrays, ours, strict=False)), tuple(names.tolist())]

    def equal(self, ours, theirs):
        return all(np.array_equal(a, b) for a, b in zip(ours[:4], theirs[:4], strict=True)) and ours[4] == theirs[4]


class NetworkFile(Format):
    """network.npz, whose hash must be that of its contents: a chain, graphs of every kind of node, and version 1."""

    name, share = "network.npz", 10

    def whole(self):
        files = {"network.npz": (self.run / "network.npz").read_bytes()}
        with tempfile.TemporaryDirectory() as folder:
            for seed in GRAPHS:
                save_network(random_graph(seed), file := Path(folder) / f"graph{seed}.npz")
                files[file.name] = file.read_bytes()
        return files | {file.name: file.read_bytes() for file in VERSION_1.glob("version1-*.npz")}

    def damage(self, rng, name, whole):
        if rng.random() < 0.4:
            return mutate.of_bytes(rng, whole)
        contents = mutate.members(whole)
        member = rng.choice(list(contents))
        if rng.random() < 0.5:
            header = np.load(io.BytesIO(contents["header.npy"])).tobytes().decode()
            tree = mutate.of_tree(rng, json.loads(header)) if rng.random() < 0.7 else None
            text = mutate.of_text(rng, header) if tree is None else mutate.as_json(tree)
            contents["header.npy"] = saved(np.frombuffer(text, np.uint8))
        else:
            contents[member] = of_npy(rng, contents[member])
        return mutate.zipped(contents)

    def read(self, file, name):
        network = load_network(file)
        arrays = {
            f"{number}.{key}": array.tolist()
            for number, node in enumerate(network.nodes)
            for key, array in node.attributes()[1].items()
        }
        return network.hash, [[node.kind, node.name, list(node.inputs)] for node in network.nodes], arrays

    def truth(self, file, name, ours):
        with np.load(file, allow_pickle=False) as archive:
            members = {key: archive[key].tolist() for key in archive.files if key != "header"}
            header = json.loads(archive["header"].tobytes())
        if header["version"] == 1:
            return None
        nodes = [[node["kind"], node["name"], node["inputs"]] for node in header["nodes"]]
        return header["hash"], nodes, {key: members[key] for key in ours[2]}


class GoldenFolder(Format):
    """golden/: a manifest with the checksums of three arrays."""

    name, share = "golden", 5

    def whole(self):
        return {f"golden/{file.name}": file.read_bytes() for file in sorted((self.run / "golden").iterdir())}

    def prepare(self, folder):
        for name in ("config.toml", "network.npz"):
            shutil.copy(self.run / name, folder / name)
        self.network = load_network(self.run / "network.npz")

    def damage(self, rng, name, whole):
        if name.endswith(".npy"):
            return of_npy(rng, whole)
        if rng.random() < 0.4:
            return mutate.as_json(mutate.of_tree(rng, json.loads(whole)))
        return mutate.of_text(rng, whole.decode()) if rng.random() < 0.5 else mutate.of_bytes(rng, whole)

    def read(self, file, name):
        golden = RunFolder.open(file.parent.parent).golden(self.network)
        return [golden.images, golden.labels, golden.scores]

    def equal(self, ours, theirs):
        return all(map(same_arrays, ours, theirs))


class Idx(Format):
    """MNIST's format, gzipped and not."""

    name, share = "idx", 9

    def whole(self):
        rng = np.random.default_rng(3)
        images = struct.pack(">4I", 0x803, 6, 7, 5) + rng.bytes(6 * 7 * 5)
        return {
            "images": images,
            "images.gz": gzip.compress(images, mtime=0),
            "labels.gz": gzip.compress(struct.pack(">2I", 0x801, 9) + rng.bytes(9), mtime=0),
            "bomb.gz": gzip.compress(mutate.bomb(struct.pack(">4I", 0x803, 60000, 280, 280), 700), 1, mtime=0),
        }

    def damage(self, rng, name, whole):
        if name == "bomb.gz" or not name.endswith(".gz") or rng.random() < 0.5:
            return mutate.of_bytes(rng, whole)
        return gzip.compress(mutate.of_bytes(rng, gzip.decompress(whole)), mtime=0)

    def read(self, file, name):
        return read_idx(file, 1 if name == "labels.gz" else 3)

    def truth(self, file, name, ours):
        contents = gzip.decompress(file.read_bytes()) if name.endswith(".gz") else Path(file).read_bytes()
        sizes = struct.unpack_from(f">{contents[3]}I", contents, 4)
        return np.frombuffer(contents[4 + 4 * len(sizes) :], np.uint8).reshape(sizes)

    def equal(self, ours, theirs):
        return same_arrays(ours, theirs)
