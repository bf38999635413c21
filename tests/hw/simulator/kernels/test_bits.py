"""Bits at any place of an array of words, against Python's own big integers."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from bnn.encoding import pack_bits
from hw.simulator.kernels.bits import SPARE_WORDS, bits_at, copy_bits, encode_bits, set_bits

WORDS = 6


def random_words(rng):
    words = np.zeros(WORDS + SPARE_WORDS, np.uint64)
    words[:WORDS] = rng.integers(0, 2**64, WORDS, dtype=np.uint64)
    return words


def as_integer(words):
    return int.from_bytes(words.astype("<u8").tobytes(), "little")


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), bit=st.integers(0, 64 * WORDS - 1))
def test_bits_are_read_and_set_at_any_place(seed, bit):
    rng = np.random.default_rng(seed)
    words = random_words(rng)
    assert int(bits_at(words, bit)) == (as_integer(words) >> bit) & (2**64 - 1)
    value = rng.integers(0, 2**64, dtype=np.uint64)
    expected = as_integer(words) | (int(value) << bit)
    set_bits(words, bit, value)
    assert as_integer(words) == expected


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_bits_are_copied_from_any_place_to_any_place(seed, data):
    source = random_words(np.random.default_rng(seed))
    places = st.one_of(st.sampled_from([0, 64, 128]), st.integers(0, 150))
    source_bit, target_bit, count = data.draw(places), data.draw(places), data.draw(places)
    target = np.zeros(WORDS + SPARE_WORDS, np.uint64)
    copy_bits(target, target_bit, source, source_bit, count)
    assert as_integer(target) == ((as_integer(source) >> source_bit) & ((1 << count) - 1)) << target_bit


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 200), count=st.integers(1, 4))
def test_pixels_become_the_bits_of_their_table(seed, size, count):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 2, 256) if seed % 2 else np.arange(256) >= rng.integers(0, 257)
    pixels = rng.integers(0, 256, (count, size), dtype=np.uint8)
    steps = (np.flatnonzero(np.diff(table.astype(int))) + 1).astype(np.uint8)
    out = np.zeros(count * -(-size // 64) + SPARE_WORDS, np.uint64)
    encode_bits(pixels.reshape(-1), size, steps, int(table[0]), out)
    np.testing.assert_array_equal(out[:-SPARE_WORDS].reshape(count, -1), pack_bits(table[pixels]))
    assert not out[-SPARE_WORDS:].any()
