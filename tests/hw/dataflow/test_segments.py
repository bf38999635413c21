"""What stands between the matrices. Oracle: the rules of hw/rtl/README.md, written out by hand for small networks."""

from __future__ import annotations

import pytest

from bnn import Chain, Encode, MaxPoolLayer
from bnn.folding import Folding, LayerFolding, LoopOrder
from hw.cycles import steady_frame_ii
from hw.dataflow import Segments, build_dataflow
from tests.support.blank import dense


def mlp(simd: int, pe: int, order: LoopOrder) -> tuple[Chain, Folding]:
    network = Chain(Encode.threshold((8, 1, 1), 100), (dense("fc1", 8, 16), dense("fc2", 16, 4, True)))
    return network, Folding.of(network, {"fc1": LayerFolding(2, 8), "fc2": LayerFolding(pe, simd, order)})


@pytest.mark.parametrize(
    ("simd", "pe", "order", "held"),
    [
        (16, 1, LoopOrder.OUTPUT_MAJOR, True),  # one beat a vector, kept for 4 neurons
        (8, 1, LoopOrder.INPUT_MAJOR, True),
        (8, 1, LoopOrder.OUTPUT_MAJOR, False),  # the replay buffer takes it off the converter
        (16, 4, LoopOrder.OUTPUT_MAJOR, False),  # taken at once
        (8, 4, LoopOrder.INPUT_MAJOR, False),
        (2, 1, LoopOrder.INPUT_MAJOR, False),  # no converter
        (1, 1, LoopOrder.INPUT_MAJOR, False),  # to fewer lanes
    ],
)
def test_a_hold_stands_where_a_converter_would_wait_for_its_matrix(simd, pe, order, held) -> None:
    network, folding = mlp(simd, pe, order)
    names = [unit.name for unit in build_dataflow(network, folding)]
    assert ("fc2_hold" in names) == held
    if held:
        at = names.index("fc2_hold")
        assert names[at - 1 : at + 2] == ["fc2_convert", "fc2_hold", "fc2_matrix"]
        assert "fc2_hold" not in [unit.name for unit in build_dataflow(network, folding, {"fc2_hold": 0})]


def test_a_hold_saves_the_converters_cycles() -> None:
    """fc1 gives a beat of 2 a cycle, 8 a frame; fc2 keeps the whole vector for 8 steps: 8 cycles a frame with a hold.

    Without it, the converter gathers 8 beats, of which the first comes as fc2 takes the last vector: 8 + 7.
    """
    network = Chain(Encode.threshold((8, 1, 1), 100), (dense("fc1", 8, 16), dense("fc2", 16, 8, True)))
    folding = Folding.of(network, {"fc1": LayerFolding(2, 8), "fc2": LayerFolding(1, 16)})
    assert steady_frame_ii(build_dataflow(network, folding)) == 8
    assert steady_frame_ii(build_dataflow(network, folding, {"fc2_hold": 0})) == 15


def test_segments_end_behind_the_pools_of_a_matrix() -> None:
    pool = MaxPoolLayer("pool1", (1, 1), (1, 1))
    network = Chain(
        Encode.threshold((8, 1, 1), 100),
        (dense("fc1", 8, 16), pool, dense("fc2", 16, 4), dense("fc3", 4, 2, True)),
    )
    folding = Folding.of(network, {name: LayerFolding(2, 4) for name in ("fc1", "fc2", "fc3")})
    segments = Segments(network)
    assert segments.names == ["fc1", "fc2", "fc3"]
    units = [
        [unit.name for unit in segments.units(index, folding.layers[name], 2)]
        for index, name in enumerate(segments.names)
    ]
    assert units == [
        ["quantizer", "fc1_matrix", "pool1_pool"],
        ["fc2_convert", "fc2_matrix"],
        ["fc3_convert", "fc3_matrix", "label"],
    ]
    assert [unit.name for unit in build_dataflow(network, folding)] == [name for part in units for name in part]
