"""A unit in one line of text, such as ``mvau mw=64 mh=64 simd=8 pe=8``: its name in commands and in the kept data.

Weights, start values and tables are random, each bit with the same probability, and thresholds lie around the middle,
as trained networks' do: Yosys merges what is equal and simplifies what is regular, so constant weights would cost
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bnn import ConvLayer, InputEncoding, MaxPoolLayer, UserError
from bnn.encoding import word_count
from bnn.folding import LoopOrder
from hw.generator.memory import field_bits, hex_words
from hw.units.units import (
    Fifo,
    LabelSelect,
    Matrix,
    Pool,
    PopcountStyle,
    Quantizer,
    ScoreMap,
    Stream,
    Unit,
    WidthConverter,
    Window,
    signed_bits,
)


class SpecificationError(UserError):
    """A text that names no unit."""


@dataclass(frozen=True)
class Specification:
    """A unit and what its memories hold.

    Attributes:
        text: the normal form: the kind, then ``key=value`` in the order given.
        unit: named ``name`` as its maker was told.
        memories: file name and contents.
    """

    text: str
    unit: Unit
    memories: Mapping[str, str]


class _Values:
    """The numbers of one specification; which were asked for is checked at the end."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.kind, *pairs = text.split()
        self.rng = np.random.default_rng(crc32(text.encode()))
        self.unused: dict[str, int] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals or not value.isdecimal():
                raise SpecificationError(f"unit {text!r}: {pair!r} must be key=number")
            self.unused[key] = int(value)

    def __call__(self, key: str, default: int | None = None) -> int:
        if key in self.unused:
            return self.unused.pop(key)
        if default is None:
            raise SpecificationError(f"unit {self.text!r}: {key} is missing")
        return default

    def random_bits(self, words: int, width: int) -> NDArray[np.uint8]:
        return self.rng.integers(0, 2, (words, width), np.uint8)


def specify(text: str, name: str = "unit") -> Specification:
    """The unit that ``text`` describes; the same text always gets the same random memories.

    Raises:
        SpecificationError: no such module, or a number is missing, unknown or does not fit the others.
    """
    kind = text.split(maxsplit=1)[0] if text.strip() else ""
    if kind not in _MAKERS:
        raise SpecificationError(f"unit {text!r}: no module {kind!r}; there are {', '.join(_MAKERS)}")
    values = _Values(text, name)
    try:
        unit, memories = _MAKERS[kind](values)
    except SpecificationError:
        raise
    except (ZeroDivisionError, AssertionError, UserError) as error:
        raise SpecificationError(f"unit {text!r}: these numbers do not go together") from error
    if values.unused:
        raise SpecificationError(f"unit {text!r}: {min(values.unused)} is none of its numbers")
    return Specification(" ".join(text.split()), unit, memories)


def _made(unit: Unit, **memories: NDArray[np.uint8]) -> tuple[Unit, dict[str, str]]:
    return unit, {f"mem/{unit.name}_{kind}.hex": hex_words(bits) for kind, bits in memories.items()}


def _matrix(v: _Values) -> tuple[Unit, dict[str, str]]:
    mw, mh, simd, pe = v("mw"), v("mh"), v("simd"), v("pe")
    bits = v("bits", 8) if v.kind == "mvau_int" else 1
    signed, thresholded = bool(v("signed", 0)), bool(v("threshold", 1))
    assert mw % simd == 0
    assert mh % pe == 0
    deviation = mw**0.5 * (1 if bits == 1 else 2**bits / 2)
    middle = mw / 2 if bits == 1 else 0
    thresholds = v.rng.normal(middle, deviation / 2, mh).round().astype(np.int64)
    largest = mw * (1 if bits == 1 else 2**bits - 1)
    low = 0 if bits == 1 else -largest
    if thresholded:
        accumulator = signed_bits(low - int(thresholds.max()), largest - int(thresholds.min()))
    else:
        accumulator = signed_bits(low, largest)
    unit = Matrix(
        v.name,
        "layer",
        Stream(simd, bits, mw // simd),
        Stream(pe, 1 if thresholded else accumulator, mh // pe),
        mw=mw,
        mh=mh,
        order=LoopOrder.ACCUMULATE if v("accumulate", 0) else LoopOrder.REPLAY,
        signed=signed,
        thresholded=thresholded,
        accumulator_bits=accumulator,
        has_start=thresholded or bits > 1,
        replay_beats=v("replay", 0),
        popcount=PopcountStyle(v("style", PopcountStyle.PRIMITIVES.value)) if bits == 1 else PopcountStyle.COMPRESSOR,
    )
    weights = v.random_bits(unit.synapse_fold * unit.neuron_fold, pe * simd)
    if not unit.has_start:
        return _made(unit, weights=weights)
    start = field_bits(-thresholds.reshape(unit.neuron_fold, pe), accumulator)
    return _made(unit, weights=weights, start=start)


def _window(v: _Values) -> tuple[Unit, dict[str, str]]:
    size, channels, simd, bits, kernel = v("size"), v("c"), v("simd"), v("bits", 1), v("k", 3)
    stride, padding, depth = v("s", 1), v("p", 0), v("depth", 0)
    mw = kernel * kernel * channels
    weights = np.zeros((1, word_count(mw)), np.uint64)
    pads = (v.rng.integers(0, 2, channels) * (padding > 0)).astype(np.int16)
    layer = ConvLayer(
        "layer",
        weights,
        mw,
        np.zeros(1, np.int32),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(padding,) * 4,
        pad_values=pads,
    )
    shape = (size, size, channels)
    positions = int(np.prod(layer.output_shape(shape)[:2]))
    source = Stream(simd, bits, size * size * channels // simd)
    return _made(Window(v.name, "layer", source, Stream(simd, bits, positions * mw // simd), layer, shape, depth))


def _pool(v: _Values) -> tuple[Unit, dict[str, str]]:
    size, channels, simd, kernel = v("size"), v("c"), v("simd"), v("k", 2)
    padding, stride = v("p", 0), v("s", kernel)
    layer = MaxPoolLayer("layer", (kernel, kernel), (stride, stride), (padding,) * 4)
    shape = (size, size, channels)
    output = Stream(simd, 1, int(np.prod(layer.output_shape(shape))) // simd)
    return _made(Pool(v.name, "layer", Stream(simd, 1, size * size * channels // simd), output, layer, shape))


def _converter(v: _Values) -> tuple[Unit, dict[str, str]]:
    source, sink = v("in"), v("out")
    return _made(WidthConverter(v.name, "layer", Stream(source, 1, sink), Stream(sink, 1, source)))


def _fifo(v: _Values) -> tuple[Unit, dict[str, str]]:
    stream = Stream(v("width"), 1, 1)
    return _made(Fifo(v.name, "layer", stream, stream, v("depth")))


def _label(v: _Values) -> tuple[Unit, dict[str, str]]:
    classes, lanes, bits = v("classes"), v("pe"), v("bits")
    assert classes % lanes == 0
    label = Stream(1, max(1, (classes - 1).bit_length()), 1)
    return _made(LabelSelect(v.name, None, Stream(lanes, bits, classes // lanes), label))


def _scores(v: _Values) -> tuple[Unit, dict[str, str]]:
    lanes, beats, entries, bits = v("pe"), v("beats"), v("entries"), v("bits")
    stream = Stream(lanes, signed_bits(0, entries - 1), beats)
    unit = ScoreMap(v.name, "layer", stream, Stream(lanes, bits, beats), entries)
    # What such a table is for: rising scores, a slope and an offset a channel.
    slope, offset = v.rng.normal(1, 0.3, (lanes * beats, 1)), v.rng.normal(0, entries / 8, (lanes * beats, 1))
    scores = (slope * (np.arange(entries) - entries / 2) + offset) * (2 ** (bits - 2) / entries)
    table = scores.round().astype(np.int64).clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    words = table.reshape(beats, lanes, entries).transpose(0, 2, 1).reshape(-1, lanes)
    return _made(unit, table=field_bits(words, bits))


def _quantizer(v: _Values) -> tuple[Unit, dict[str, str]]:
    lanes, pixel, bits, channels = v("n"), v("pixel", 0), v("bits", 1), v("channels", 1)
    shape, size = (1, lanes, channels), (channels, 256)
    if pixel:
        nearby = pixel + v.rng.integers(-9, 10, (channels, 1)) * (channels > 1)
        encoding = InputEncoding(shape, (np.arange(256) >= nearby).astype(np.int16), binary=True)
    elif v("table", 0):
        high = 2**bits if bits > 1 else 2
        encoding = InputEncoding(shape, v.rng.integers(0, high, size).astype(np.int16), binary=bits == 1)
    else:
        encoding, bits = InputEncoding.pixels(shape), 8
    beats = channels // gcd(channels, lanes)
    return _made(Quantizer(v.name, None, Stream(lanes, 8, beats), Stream(lanes, bits, beats), encoding))


_MAKERS: dict[str, Callable[[_Values], tuple[Unit, dict[str, str]]]] = {
    "mvau": _matrix,
    "mvau_int": _matrix,
    "swu": _window,
    "maxpool": _pool,
    "width_converter": _converter,
    "stream_fifo": _fifo,
    "label_select": _label,
    "score_map": _scores,
    "input_quantizer": _quantizer,
}
