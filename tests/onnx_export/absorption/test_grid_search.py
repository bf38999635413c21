"""M, B and s of a table of integers. Oracle: every (M, B) of a small range, tried one by one in Python's integers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx_export.absorption import grid_search
from onnx_export.absorption.bounds import Table
from onnx_export.absorption.grid_search import LARGEST_SHIFT, SUM_BITS, feasible_at, find_affine


def table_of(columns, lowest, highest, x=None):
    """A table of channels of unequal length, all at x = 0, 1, 2, ... or at the given x."""
    count = max(len(column) for column in columns)
    reached = np.array([[row < len(column) for column in columns] for row in range(count)])
    values = np.array([[column[row] if row < len(column) else lowest for column in columns] for row in range(count)])
    places = np.arange(count) if x is None else np.array(x)
    return Table.of(np.repeat(places[:, None], len(columns), axis=1), values, lowest, highest, reached)


def saturated(value, lowest, highest):
    return max(lowest, min(highest, value))


def serves(multiplier, offset, shift, x, column, lowest, highest):
    return all(
        saturated((multiplier * place + offset) >> shift, lowest, highest) == wanted
        for place, wanted in zip(x, column, strict=True)
    )


@st.composite
def small_tables(draw):
    """Columns that some line gives, some of them damaged, so that about half of them have no pair."""
    lowest, highest = sorted(draw(st.tuples(st.integers(-6, 3), st.integers(-3, 6))))
    start, step, count = draw(st.integers(-9, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 9))
    x = [start + step * index for index in range(count)]
    slope, offset = draw(st.floats(-2, 2)), draw(st.floats(-9, 9))
    column = [saturated(int(np.floor(slope * place + offset)), lowest, highest) for place in x]
    if draw(st.booleans()):
        place = draw(st.integers(0, count - 1))
        column[place] = saturated(column[place] + draw(st.sampled_from([-1, 1])), lowest, highest)
    return x, column, lowest, highest


@settings(max_examples=150, deadline=None)
@given(small_tables(), st.integers(0, 3))
def test_a_pair_is_found_exactly_where_trying_all_pairs_finds_one(case, shift):
    x, column, lowest, highest = case
    bits = 3
    reach = (max(map(abs, x)) * 2**bits) + (max(abs(lowest), abs(highest)) + 2 << shift)
    exists = any(
        serves(multiplier, offset, shift, x, column, lowest, highest)
        for multiplier, offset in itertools.product(range(-(2**bits) + 1, 2**bits), range(-reach, reach + 1))
    )
    found = feasible_at(table_of([column], lowest, highest, x), shift, bits)
    assert bool(found.found[0]) == exists
    if exists:
        multiplier, offset = int(found.multiplier[0]), int(found.offset[0])
        assert abs(multiplier) < 2**bits
        assert serves(multiplier, offset, shift, x, column, lowest, highest)


def test_a_real_interval_of_multipliers_without_an_integer_is_no_pair():
    # x // 2 needs M = 2^s / 2, which is no integer at s = 0, where real M in (0.4, 0.67) would serve
    table = table_of([[0, 0, 1, 1, 2, 2, 3]], -100, 100)
    assert not feasible_at(table, 0).found[0]
    pair = feasible_at(table, 1)
    assert (pair.found[0], pair.multiplier[0]) == (True, 1)


def test_the_smallest_shift_that_serves_all_channels_is_taken():
    columns = [[2 * x - 3 for x in range(8)], [x // 2 for x in range(8)], [x // 4 for x in range(8)], [5] * 8]
    affine, _ = find_affine(table_of(columns, -100, 100))
    assert affine is not None
    assert affine.shift == 2
    x = np.repeat(np.arange(8)[:, None], 4, axis=1)
    np.testing.assert_array_equal(affine.at(x, -100, 100).T, columns)


@pytest.mark.parametrize("constant", [-8, -3, 0, 7])
def test_a_constant_channel_needs_no_shift(constant):
    affine, _ = find_affine(table_of([[constant] * 5], -8, 7))
    assert affine is not None
    assert affine.shift == 0
    assert affine.at(np.arange(5)[:, None], -8, 7).ravel().tolist() == [constant] * 5


def test_falling_channels_have_negative_multipliers():
    affine, _ = find_affine(table_of([[-3 * x // 2 for x in range(9)]], -100, 100))
    assert affine is not None
    assert affine.multiplier[0] < 0


def test_channels_without_a_pair_are_named():
    columns = [[0, 1, 2, 3], [0, 1, 3, 9], [0, 0, 1, 1], [3, 0, 0, 0]]
    affine, in_the_way = find_affine(table_of(columns, -100, 100))
    assert affine is None
    assert in_the_way.tolist() == [1, 3]


def test_a_channel_that_runs_out_of_bits_at_the_others_shift_is_named(monkeypatch):
    steep, flat = [5 * x for x in range(9)], [x // 8 for x in range(9)]
    assert find_affine(table_of([steep], -100, 100), multiplier_bits=3)[0].shift == 0
    assert find_affine(table_of([flat], -100, 100), multiplier_bits=3)[0].shift == 3
    monkeypatch.setattr(grid_search, "WIDE_MULTIPLIER_BITS", 3)
    affine, in_the_way = find_affine(table_of([flat, steep], -100, 100), multiplier_bits=3)
    assert affine is None
    assert in_the_way.tolist() == [1]


def test_wider_multipliers_are_taken_where_narrow_ones_are_not_enough():
    columns = [[x // 8 for x in range(9)], [5 * x for x in range(9)]]
    affine, _ = find_affine(table_of(columns, -100, 100), multiplier_bits=3)
    assert affine is not None
    assert affine.shift == 3
    np.testing.assert_array_equal(affine.at(np.repeat(np.arange(9)[:, None], 2, axis=1), -100, 100).T, columns)


def test_sums_stay_in_the_48_bits_of_the_adder():
    # one step at x = 2^24 in 2^25 values: the slope may be as small as it likes, the sums may not grow without end
    x = np.array([0, 2**24 - 1, 2**24, 2**25])
    values = np.array([0, 0, 2**22, 2**22])
    table = Table.of(x[:, None], values[:, None], 0, 2**22, np.ones((4, 1), bool))
    for shift in range(LARGEST_SHIFT + 1):
        pair = feasible_at(table, shift, 62 - 25)
        if pair.found[0]:
            sums = [int(pair.multiplier[0]) * int(place) + int(pair.offset[0]) for place in (*x, 0)]
            assert max(abs(total) for total in sums) <= 2 ** (SUM_BITS - 1)
    assert find_affine(table)[0] is not None


def test_a_table_in_parts_is_the_table_in_one():
    rng = np.random.default_rng(0)
    x = np.repeat(np.arange(200)[:, None], 7, axis=1)
    values = np.clip(np.floor(x * rng.normal(size=7) / 4 + rng.normal(size=7)).astype(np.int64), -50, 60)
    reached = x < rng.integers(160, 201, size=7)
    whole = Table.of(x, values, -50, 60, reached)
    parts = [Table.of(x[i : i + 40], values[i : i + 40], -50, 60, reached[i : i + 40]) for i in range(0, 200, 40)]
    joined = parts[0].joined(parts[1]).joined(parts[2].joined(parts[3])).joined(parts[4])
    for shift in (0, 8, 16):
        one, other = feasible_at(joined, shift), feasible_at(whole, shift)
        np.testing.assert_array_equal(one.found, other.found)
        np.testing.assert_array_equal(one.multiplier[one.found], other.multiplier[one.found])
        np.testing.assert_array_equal(one.offset[one.found], other.offset[one.found])
    assert find_affine(whole)[0] is not None
