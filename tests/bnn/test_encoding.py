"""Packing bits. Oracle: Python's own big integers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bnn.encoding import from_bipolar, pack_bits, to_bipolar, unpack_bits, word_count


@given(st.lists(st.lists(st.integers(0, 1), min_size=131, max_size=131), min_size=1, max_size=4), st.integers(1, 131))
def test_element_zero_is_the_least_significant_bit(rows, bit_count):
    bits = np.array(rows, np.uint8)[:, :bit_count]
    words = pack_bits(bits)
    assert words.shape == (len(rows), word_count(bit_count))
    for row, packed in zip(bits, words, strict=True):
        number = sum(int(bit) << position for position, bit in enumerate(row))
        assert sum(int(word) << (64 * index) for index, word in enumerate(packed)) == number
    assert np.array_equal(unpack_bits(words, bit_count), bits)


def test_bits_and_signs():
    assert to_bipolar(np.array([0, 1])).tolist() == [-1, 1]
    assert from_bipolar(np.array([-1.0, 0.0, -0.0, 1.0])).tolist() == [0, 1, 1, 1]
