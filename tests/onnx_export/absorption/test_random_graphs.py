"""Absorption of whole random graphs: every value, and the logits' order. Oracle: PyTorch's float32 answer."""

import numpy as np
import pytest
import torch

from bnn.counts import count_widths
from bnn.nodes import Conv
from bnn.values import Bits
from hw.simulator.reference import walk
from onnx_export.absorb import AbsorptionError, absorb
from tests.support.model_graphs import compute
from tests.support.random_models import RandomModel

torch.set_num_threads(1)


def check(seed):
    """Absorb the random model of a seed and compare every value that both have; which kinds of node there were."""
    rng = np.random.default_rng(seed)
    model = RandomModel(rng).model
    try:
        network = absorb(model)
    except AbsorptionError as refusal:
        if "falls between max pools" not in str(refusal):
            raise
        return {"refused"}
    images = rng.integers(0, 256, size=(6, *network.input.shape), dtype=np.uint8)
    expected = {name: value.permute(0, 2, 3, 1).numpy() for name, value in compute(model, images).items()}
    widths = count_widths(network)
    compared = set()
    for node, ours in walk(network, images):
        if node.name not in model.values:
            continue
        compared.add(node.name)
        theirs, message = expected[node.name], f"seed {seed}, {node.name}"
        if node is network.output:
            assert all(same_order(*pair) for pair in zip(ours, theirs[:, 0, 0], strict=True)), message
            continue
        inverted = network.notes.inverted.get(node.name, np.zeros(ours.shape[-1], bool))
        if isinstance(model.values[node.name], Bits):
            np.testing.assert_array_equal(ours ^ inverted, theirs > 0, message)
        else:
            integers = 2 * ours.astype(np.int64) - widths[node.name] if node.name in widths else ours.astype(np.int64)
            exact = theirs * 2.0 ** model.values[node.name].fraction_bits
            np.testing.assert_array_equal(np.where(inverted, -integers, integers), exact, message)
    left_out = set(model.values) - compared  # a max pool that moved behind its sign has no integers in the network
    assert all(node.kind == "max_pool" for node in model.nodes if node.name in left_out)
    return made_of(network)


def same_order(ours, theirs):
    return np.array_equal(np.unique(ours, return_inverse=True)[1], np.unique(theirs, return_inverse=True)[1])


def padded(node):
    return isinstance(node, Conv) and any(node.padding)


def made_of(network):
    kinds = {node.kind for node in network.nodes}
    kinds |= {"negated" for node in network.nodes if node.name.endswith(".negated")}
    kinds |= {"doubled" for node in network.nodes if node.name.endswith(".bipolar")}
    kinds |= {"moved pool" for node in network.nodes if ".threshold" in node.name}
    kinds |= {"inverted" for name in network.notes.inverted if isinstance(network.values[name], Bits)}
    kinds |= {"row flip" for name in network.notes.inverted if name.startswith(("conv", "fc"))}
    kinds |= {"table" if network.output.table is not None else "affine scores"}
    inverted = network.notes.inverted
    kinds |= {"inverted padding" for node in network.nodes if padded(node) and node.inputs[0] in inverted}
    kinds |= {"groups" for node in network.nodes if getattr(node, "groups", 1) > 1}
    counts = set(count_widths(network))
    kinds |= {f"{node.kind} of counts" for node in network.nodes if node.name in counts}
    return kinds


EVERY_KIND = {
    *("encode", "thermometer", "dense", "conv", "threshold", "grid", "add", "max_pool", "sum_pool", "concatenate"),
    *("pad_channels", "scores", "negated", "doubled", "moved pool", "inverted", "row flip", "table", "affine scores"),
    *("inverted padding", "groups", "add of counts", "sum_pool of counts", "max_pool of counts"),
}


def test_every_value_of_random_graphs_equals_pytorch():
    met = [check(seed) for seed in range(60)]
    assert set().union(*met) >= EVERY_KIND
    assert met.count({"refused"}) < 6


@pytest.mark.slow
def test_every_value_of_500_random_graphs_equals_pytorch():
    met = [check(seed) for seed in range(1000, 1540)]
    assert len(met) - met.count({"refused"}) >= 500
