"""The description of trained models refuses what has no exact integers. Oracle: its rules, spelled out case by case."""

import numpy as np
import pytest

from bnn.stage import (
    Add,
    AveragePool,
    Concatenate,
    Encode,
    Floats,
    GlobalSum,
    Logits,
    Matrix,
    MaxPool,
    ModelGraph,
    OnGrid,
    PadChannels,
    Quantize,
    Sign,
)
from bnn.values import Bits, NetworkError


def same(numbers):
    return numbers


def weights(*shape):
    return np.where(np.random.default_rng(0).random(shape) < 0.5, -1.0, 1.0).astype(np.float32)


def quantize(name, source, fraction_bits=4):
    return Quantize(name, (source,), same, fraction_bits=fraction_bits, lowest=-64, highest=63)


def conv(name, source, mh, c_in, **options):
    settings = {"is_convolution": True, "padding": (1, 1, 1, 1), "pad_value": -1} | options
    return Matrix(name, (source,), weights(mh, c_in, 3, 3), **settings)


def nodes():
    return [
        Encode.pixels((4, 4, 3)),
        conv("conv1.accumulator", "input", 6, 3, pad_value=0),
        quantize("stem", "conv1.accumulator"),
        Sign("conv1", ("stem",), same),
        conv("conv2.accumulator", "conv1", 6, 6, stride=(2, 2)),
        quantize("conv2", "conv2.accumulator"),
        AveragePool("halved", ("stem",), kernel=(2, 2), stride=(2, 2), epilogue=same),
        Add("sum", ("conv2", "halved")),
        GlobalSum("total", ("sum",)),
        Matrix("fc.accumulator", ("total",), weights(10, 6)),
        Logits("fc", ("fc.accumulator",), same),
    ]


def replaced(number, *others):
    listed = nodes()
    listed[number : number + 1] = others
    return lambda: ModelGraph(listed)


def test_every_value_has_its_meaning():
    values = ModelGraph(nodes()).values
    assert values["input"] == OnGrid((4, 4, 3), 0, 255, 0)
    assert values["stem"] == values["halved"].__class__((4, 4, 6), -64, 63, 4)
    assert values["conv1"] == Bits((4, 4, 6))
    assert values["conv2.accumulator"] == OnGrid((2, 2, 6), -54, 54, 0)
    assert values["halved"] == OnGrid((2, 2, 6), -64, 63, 4)
    assert values["sum"] == OnGrid((2, 2, 6), -128, 126, 4)
    assert values["total"] == OnGrid((1, 1, 6), -512, 504, 4)
    assert values["fc.accumulator"].fraction_bits == 4
    assert values["fc"] == Floats((1, 1, 10))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            replaced(5, quantize("conv2", "conv2.accumulator", 5)),
            r"add sum: conv2 is on a grid of 2\^-5, halved on one of 2\^-4; must be equal, quantize one of them",
        ),
        (
            replaced(7, Concatenate("both", ("halved", "conv2.accumulator", "conv2")), GlobalSum("sum", ("both",))),
            r"concatenate both: halved is on a grid of 2\^-4, conv2.accumulator on one of 2\^-0",
        ),
        (
            replaced(7, Add("sum", ("conv2", "stem", "halved"))),
            r"add sum: conv2 has shape \(2, 2, 6\), stem has \(4, 4, 6\)",
        ),
        (
            replaced(7, Add("sum", ("halved", "conv2", "conv1"))),
            r"add sum: needs numbers on a grid, its input has bits",
        ),
        (
            replaced(3, Sign("conv1", ("input",), same)),
            r"matrix conv2.accumulator: weights have shape \(6, 6, 3, 3\), must be \(mh, 3 / 1, kh, kw\)",
        ),
        (replaced(3, Sign("conv1", ("stem",), same), Sign("idle", ("stem",), same)), "sign idle: is a dead node"),
        (replaced(2, quantize("stem", "sum")), r"model: a cycle, stem -> "),
        (replaced(4, conv("conv2.accumulator", "conv1", 6, 6, pad_value=0)), "padded with 0, bipolar input must be"),
        (
            lambda: Matrix("conv1.accumulator", ("input",), weights(6, 3, 3, 3) * 0.5, is_convolution=True),
            r"matrix conv1.accumulator: weight -?0.5 at \(0, 0, 0, 0\), must be -1 or \+1",
        ),
        (
            replaced(9, Matrix("fc.accumulator", ("total",), weights(10, 5))),
            r"weights have shape \(10, 5\), must be \(mh, 6\)",
        ),
        (
            replaced(2, Quantize("stem", ("conv1.accumulator",), same, fraction_bits=4, lowest=0, highest=2**25)),
            "quantize stem: integers reach 0..33554432, float32 counts exactly to 16777216 only",
        ),
        (lambda: ModelGraph(nodes()[:-1]), "must be logits"),
        (lambda: Quantize("q", ("x",), same, fraction_bits=-1, lowest=0, highest=1), r"fraction_bits \(-1\)"),
        (
            lambda: PadChannels("p", ("x",), before=0, after=2, value=0).output(Bits((1, 1, 2))),
            r"value \(0\) must be -1",
        ),
        (lambda: Logits("l", ("x",), same).output(OnGrid((2, 2, 3), 0, 1, 0)), "needs a 1 x 1 input"),
        (lambda: MaxPool("m", ("x",), kernel=(2, 2), stride=(2, 2)).output(Floats((4, 4, 1))), "needs bits or numbers"),
    ],
)
def test_contradictions_are_named(build, message):
    with pytest.raises(NetworkError, match=message) as raised:
        build()
    assert "\n" not in str(raised.value)


def test_rows_of_a_matrix_are_channel_last():
    image = np.random.default_rng(1).integers(-5, 6, (2, 3, 4)).astype(np.float32)  # (h, w, c)
    dense = weights(5, 4, 2, 3)  # PyTorch flattens (c, h, w)
    ours = Matrix("m", ("x",), dense).rows((2, 3, 4)) @ image.reshape(-1)
    np.testing.assert_array_equal(ours, dense.reshape(5, -1) @ image.transpose(2, 0, 1).reshape(-1))
