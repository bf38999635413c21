"""Where a float sum's rounding decides. Oracle: float32 sums of the layer's own terms in many orders of addition."""

import re

import numpy as np
import pytest

from onnx_export.importer import import_qonnx

ORDERS = 60


def layers(build, bipolar, rng, alpha, offsets, inputs=48):
    graph = build((1, inputs))
    graph.node("Sub", 0.5)
    graph.node("BipolarQuant", alpha)
    channels = len(offsets)
    graph.dense(bipolar(rng, channels, inputs) * np.float32(alpha), name="first")
    if np.any(offsets):
        graph.node("Add", np.float32(offsets))
    graph.node("BipolarQuant", 1.0)
    graph.dense(bipolar(rng, 3, channels), name="second")
    return graph


def float_sums(rng, alpha, accumulator, inputs):
    """The sums that float32 gives for terms of +-alpha * alpha that add up to ``accumulator`` of them."""
    plus = (inputs + accumulator) // 2
    terms = np.float32(alpha) * np.float32(alpha) * np.where(np.arange(inputs) < plus, 1, -1).astype(np.float32)
    for _ in range(ORDERS):
        total = np.float32(0)
        for term in rng.permutation(terms):
            total = np.float32(total + term)
        yield total


def told(notes, layer):
    found = [re.search(rf"(\d+) of (\d+) (?:channels|logits) of layer {layer} ", note) for note in notes]
    return next((int(match[1]) for match in found if match), 0)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5, 0.125])
@pytest.mark.parametrize("inputs", [48, 47])
def test_channels_that_turn_within_rounding_are_counted(build, bipolar, tmp_path, alpha, inputs):
    rng = np.random.default_rng(41)
    square = float(np.float32(alpha)) ** 2
    # Turns at a sum that is reached, far from all, and a float32's width beside one.
    offsets = [0.0, -2 * square, square, 0.7 * square, -4 * square * (1 + 1e-7), 3 * square, 0.3, -100.0]
    imported = import_qonnx(layers(build, bipolar, rng, alpha, offsets, inputs).save(tmp_path / "m.onnx"))
    uncertain = 0
    for offset in np.float32(offsets):
        for accumulator in range(-inputs, inputs + 1, 2):
            signs = {bool(total + offset >= 0) for total in float_sums(rng, alpha, accumulator, inputs)}
            if len(signs) == 2:
                uncertain += 1
                break
    count = told(imported.notes, "first")
    if alpha in {0.5, 0.125}:  # powers of two: exact in every order, the channel a float32 beside included
        assert (count, uncertain) == (0, 0)
        assert not any("rounding" in note for note in imported.notes)
    else:
        assert uncertain <= count < len(offsets) - 1
        assert (count > 0) == (uncertain > 0)


def test_logits_that_tie_within_rounding_are_counted(build, bipolar, tmp_path):
    def notes(scale, *bias):
        rng = np.random.default_rng(42)
        graph = build((1, 9))
        graph.node("Sub", 0.5)
        graph.node("BipolarQuant", 1.0)
        graph.dense(bipolar(rng, 3, 9) * np.float32(scale), name="only")
        if bias:
            graph.node("Add", np.float32(bias))
        return import_qonnx(graph.save(tmp_path / "m.onnx")).notes

    assert told(notes(0.1), "only") == 3
    assert told(notes(0.1, 0, 0.05, 0.2), "only") == 2  # 0 and 0.2 are one step apart, 0.05 is between two
    assert told(notes(0.1, 0, 0.05, 0.13), "only") == 0
    assert told(notes(0.25), "only") == 0
    assert "here sums are exact, so the file executed in float may differ there" in notes(0.1)[-1]


def test_one_logit_near_0(build, bipolar, tmp_path):
    for width, expected in ((8, 1), (9, 0)):
        graph = build((1, width))
        graph.node("Sub", 0.5)
        graph.sign()
        graph.dense(bipolar(np.random.default_rng(43), 1, width) * np.float32(0.3), name="only")
        assert told(import_qonnx(graph.save(tmp_path / "m.onnx")).notes, "only") == expected
