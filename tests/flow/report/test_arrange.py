"""Where nodes stand in the drawing. Oracle: what a reader must see, checked node by node and line by line, naively."""

import numpy as np
import pytest

from flow.report.arrange import arrange

SHORTCUT = {"i": [], "a": ["i"], "s": ["a"], "c": ["s"], "add": ["c", "a"], "out": ["add"]}
BRANCHES = {"i": [], "half": ["i"], "wide": ["half", "half"], "s": ["i"], "c": ["s"], "add": ["c", "wide"]}


def random_inputs(seed):
    """Names and what they read: each node of up to three before it, near ones oftener."""
    rng = np.random.default_rng(seed)
    inputs = {"0": []}
    for number in range(1, int(rng.integers(2, 40))):
        count = int(rng.integers(1, 4))
        read = np.maximum(number - 1 - rng.geometric(0.5, count) + 1, 0)
        inputs[str(number)] = [str(source) for source in read]
    return inputs


GRAPHS = [SHORTCUT, BRANCHES, *(random_inputs(seed) for seed in range(60))]


@pytest.mark.parametrize("inputs", GRAPHS)
def test_everything_is_below_what_it_reads_and_nothing_is_hidden(inputs):
    found = arrange(inputs)
    places = found.places
    assert list(places) == list(inputs)
    assert len({(place.row, place.column) for place in places.values()}) == len(places)
    assert [(edge.source, edge.target) for edge in found.edges] == [
        (source, target) for target, read in inputs.items() for source in read
    ]
    for edge in found.edges:
        start, end = places[edge.source], places[edge.target]
        assert start.row < end.row
        if edge.lane is None:  # straight down the source's column
            between = range(start.row + 1, end.row)
            assert not [name for name, at in places.items() if at.column == start.column and at.row in between]
        else:
            assert 0 <= edge.lane < found.lanes[edge.column]


@pytest.mark.parametrize("inputs", GRAPHS)
def test_lines_of_different_values_share_no_lane_at_one_height(inputs):
    found = arrange(inputs)
    seen = {}
    for edge in found.edges:
        if edge.lane is not None:
            for row in range(found.places[edge.source].row, found.places[edge.target].row):
                assert seen.setdefault((edge.column, edge.lane, row), edge.source) == edge.source


def test_a_shortcut_passes_beside_a_straight_column():
    found = arrange(SHORTCUT)
    assert {place.column for place in found.places.values()} == {0}
    assert [edge.lane for edge in found.edges if (edge.source, edge.target) == ("a", "add")] == [0]
    assert found.lanes == [1]


def test_branches_stand_beside_each_other():
    places = arrange(BRANCHES).places
    assert (places["half"].row, places["wide"].row) == (places["s"].row, places["c"].row) == (1, 2)
    assert (places["s"].column, places["half"].column) == (0, 1)
    assert places["add"].column == 0


def test_a_chain_is_one_column():
    found = arrange({"a": [], "b": ["a"], "c": ["b"]})
    assert [(place.row, place.column) for place in found.places.values()] == [(0, 0), (1, 0), (2, 0)]
    assert found.lanes == [0]
