"""Files of graphs: shortcuts, average pools, groups, channels side by side. Oracle: qonnx on the file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.simulator import Backend, simulate
from onnx_export.importer import import_qonnx


@pytest.fixture(scope="session")
def check(file_logits, same_order):
    """Import a file, hold its answers to qonnx's, and give what was imported."""

    def run(path, *, frames=4, seed=3):
        imported = import_qonnx(path)
        images = np.random.default_rng(seed).integers(0, 256, (frames, *imported.network.input.shape), np.uint8)
        scores = simulate(imported.network, images, backend=Backend.NUMPY)
        for ours, logits in zip(scores, file_logits(path, imported, images), strict=True):
            assert same_order(ours, logits)
        return imported

    return run


class Pieces:
    """Parts of networks, on a builder."""

    def __init__(self, graph, rng):
        self.graph, self.rng = graph, rng

    def bits(self, *shape):
        return self.rng.choice([-1.0, 1.0], size=shape).astype(np.float32)

    def start(self, channels, kernel=1):
        self.graph.node("Sub", 0.5)
        self.graph.sign()
        return self.conv(self.graph.input_shape[1], channels, kernel)

    def conv(self, inputs, outputs, kernel=1, **attributes):
        weights = self.bits(outputs, inputs // attributes.get("group", 1), kernel, kernel)
        return self.graph.node("Conv", weights, kernel_shape=[kernel, kernel], **attributes)

    def norm(self, channels):
        rng = self.rng
        terms = rng.normal(size=channels), rng.normal(size=channels), rng.normal(0, 3, channels)
        return self.graph.node("BatchNormalization", *terms, rng.uniform(1, 20, channels))

    def grid(self, bits=6, step=0.125):
        self.graph.node("Add", step / 2)
        return self.graph.node("Quant", step, 0.0, float(bits), signed=1, narrow=0, rounding_mode="FLOOR")

    def finish(self, width, classes=4):
        self.graph.node("Flatten", axis=1)
        self.graph.dense(self.bits(classes, width))
        return self.graph


@pytest.fixture
def pieces(build):
    """``pieces(shape)``: parts to put together."""
    return lambda shape=(1, 2, 6, 6), seed=5: Pieces(build(shape), np.random.default_rng(seed))


def test_zeros_around_bits_are_the_mean_of_both_paddings(pieces, check, tmp_path):
    net = pieces()
    net.start(4)
    net.norm(4)
    net.graph.sign()
    net.conv(4, 5, 3, pads=[1, 1, 1, 1])
    net.norm(5)
    net.graph.sign()
    network = check(net.finish(180).save(tmp_path / "m.onnx"), frames=20).network
    assert [node.pad_values.max() for node in network.nodes if node.kind == "conv"] == [0, 0, 1]


@pytest.mark.parametrize("group", [2, 4])
def test_groups(pieces, check, tmp_path, group):
    net = pieces()
    net.start(4)
    net.norm(4)
    net.graph.sign()
    net.conv(4, 8, 3, group=group, strides=[2, 2])
    net.norm(8)
    net.graph.sign()
    network = check(net.finish(32).save(tmp_path / "m.onnx")).network
    assert [node.groups for node in network.nodes if node.kind == "conv"] == [1, group]


@pytest.mark.parametrize("op", ["GlobalAveragePool", "ReduceMean", "ReduceSum"])
@pytest.mark.parametrize("behind", ["sums", "norm", "bits", "grid"])
def test_the_mean_of_the_whole_image(pieces, check, tmp_path, op, behind):
    net = pieces((1, 2, 5, 5))
    net.start(6)
    if behind != "sums":
        net.norm(6)
    if behind == "bits":
        net.graph.sign()
    if behind == "grid":
        net.grid()
    if op == "GlobalAveragePool":
        net.graph.node(op)
    elif op == "ReduceMean":
        net.graph.node(op, axes=[2, 3])
    else:
        net.graph.raw(op, [net.graph.tensor, net.graph.constant([2, 3], np.int64)], keepdims=1)
    graph = net.finish(6) if behind in {"bits", "grid"} else net.graph
    check(graph.save(tmp_path / "m.onnx"), frames=8)


def test_average_pool_between_layers(pieces, check, tmp_path):
    net = pieces()
    net.start(4)
    net.graph.node("AveragePool", kernel_shape=[3, 2], strides=[3, 2])
    net.norm(4)
    net.graph.sign()
    check(net.finish(24).save(tmp_path / "m.onnx"), frames=10)


def test_batch_norm_after_the_last_layer_becomes_a_table(pieces, check, tmp_path):
    net = pieces((1, 2, 3, 3))
    net.start(4)
    net.norm(4)
    net.graph.sign()
    net.finish(36, classes=5)
    net.norm(5)
    network = check(net.graph.save(tmp_path / "m.onnx"), frames=10).network
    assert network.output.table is not None


@pytest.mark.parametrize("kind", ["bits", "integers", "grid"])
def test_a_shortcut_around_a_convolution(pieces, check, tmp_path, kind):
    net = pieces()
    net.start(4)
    if kind != "integers":
        net.norm(4)
    net.grid() if kind == "grid" else None
    net.graph.sign() if kind == "bits" else None
    shortcut = net.graph.tensor
    if kind != "bits":
        net.graph.sign()
    net.conv(4, 4)
    if kind != "integers":
        net.norm(4)
    net.grid() if kind == "grid" else None
    net.graph.sign() if kind == "bits" else None
    net.graph.raw("Add", [net.graph.tensor, shortcut])
    net.norm(4)
    net.graph.sign()
    network = check(net.finish(144).save(tmp_path / "m.onnx"), frames=10).network
    assert "add" in {node.kind for node in network.nodes}


@pytest.mark.parametrize("kind", ["plain", "clipped", "square"])
def test_straight_through_estimators(pieces, file_logits, tmp_path, kind):
    """The file's own logits are sums of -1 and +1 but for float32's rounding, which a note tells."""
    net = pieces((1, 36))
    graph = net.graph
    graph.node("Sub", 0.5)
    graph.sign()
    graph.dense(net.bits(24, 36))
    net.norm(24)
    x = beside = graph.tensor
    if kind == "clipped":
        beside = graph.node("Clip", -1.0, 1.0)
    if kind == "square":
        beside = graph.raw("Mul", [x, x])
    graph.tensor = x
    graph.sign()
    graph.raw("Add", [graph.raw("Sub", [graph.tensor, beside]), beside])
    graph.dense(net.bits(10, 24))
    path = graph.save(tmp_path / "m.onnx")
    imported = import_qonnx(path)
    assert [node.kind for node in imported.network.nodes] == ["encode", "dense", "threshold", "dense", "scores"]
    images = np.random.default_rng(3).integers(0, 256, (30, *imported.network.input.shape), np.uint8)
    logits = file_logits(path, imported, images)
    np.testing.assert_allclose(logits, np.rint(logits), atol=1e-5)
    scores = simulate(imported.network, images, backend=Backend.NUMPY)
    np.testing.assert_array_equal(scores, np.rint(logits))
    is_rounded = (logits != np.rint(logits)).any()
    assert any("straight-through estimator" in note for note in imported.notes) >= is_rounded
    assert any("logits of layer MatMul" in note and "can tie" in note for note in imported.notes) >= is_rounded


def test_sequences_are_images_of_width_1(pieces, check, tmp_path):
    net = pieces((1, 2, 20))
    net.graph.node("Sub", 0.5)
    net.graph.sign()
    net.graph.node("Conv", net.bits(6, 2, 5), kernel_shape=[5], strides=[2], pads=[0, 0])
    net.norm(6)
    net.graph.sign()
    assert check(net.finish(48).save(tmp_path / "m.onnx")).network.input.shape == (20, 1, 2)


def test_a_matrix_over_the_last_axis_of_a_sequence(pieces, check, tmp_path):
    net = pieces((1, 5, 16))
    net.graph.node("Sub", 0.5)
    net.graph.sign()
    net.graph.node("MatMul", net.bits(16, 8))
    net.graph.node("Sub", 1.0)
    net.graph.sign()
    check(net.finish(40).save(tmp_path / "m.onnx"))


class RandomBranches(Pieces):
    """A trunk whose values are carried past layers, added, put side by side and pooled."""

    def __init__(self, graph, rng):
        super().__init__(graph, rng)
        self.channels, self.size = int(rng.integers(2, 5)), graph.input_shape[2]
        self.start(self.channels)
        self.step = float(2.0 ** -rng.integers(0, 5))
        self.on_grid()
        for _ in range(int(rng.integers(1, 4))):
            getattr(self, str(rng.choice(["block", "halve", "widen", "side_by_side"])))()
        if rng.integers(2):
            graph.node("GlobalAveragePool")
            self.size = 1
        if rng.integers(2):
            self.sign()
        self.finish(self.channels * self.size**2)
        if rng.integers(2):
            self.norm(4)

    def on_grid(self):
        self.norm(self.channels)
        self.grid(int(self.rng.integers(4, 8)), self.step)

    def sign(self):
        if self.rng.integers(2):
            self.graph.node("Sub", np.float32(self.rng.normal(size=(self.channels, 1, 1))))
        self.graph.sign()

    def block(self):
        shortcut = self.graph.tensor
        self.sign()
        self.conv(self.channels, self.channels, 3, pads=[1, 1, 1, 1])
        self.on_grid()
        self.graph.raw(str(self.rng.choice(["Add", "Sub"])), [self.graph.tensor, shortcut])

    def halve(self):
        if self.size % 2 == 0:
            self.graph.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
            self.size //= 2
            if self.rng.integers(2):
                self.grid(8, self.step)

    def widen(self):
        margins = self.graph.constant([0, 1, 0, 0, 0, 1, 0, 0], np.int64)
        self.graph.raw("Pad", [self.graph.tensor, margins, self.graph.constant(0.0)])
        self.channels += 2

    def side_by_side(self):
        source = self.graph.tensor
        self.sign()
        self.conv(self.channels, self.channels, group=self.channels)
        self.on_grid()
        self.graph.raw("Concat", [self.graph.tensor, source], axis=1)
        self.channels *= 2


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_random_branches(build, check, tmp_path_factory, seed):
    net = RandomBranches(build((1, 2, 4, 4)), np.random.default_rng(seed))
    check(net.graph.save(tmp_path_factory.mktemp("graph") / "m.onnx"), seed=seed)
