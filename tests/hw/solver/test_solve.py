"""The folding solver. Oracle: brute force over all foldings of small networks, each built and costed as a whole."""

from __future__ import annotations

import dataclasses
import zlib
from fractions import Fraction
from itertools import product

import pytest

from bnn import Chain, Encode, MaxPoolLayer
from bnn.folding import Folding, FoldingError, LayerFolding, LoopOrder, load_folding, matrix_sizes
from hw.boards.board import Board, load_board
from hw.cycles import predict_latency
from hw.cycles.model import CycleModel
from hw.dataflow import build_dataflow
from hw.resources import Resources, dataflow_resources, unit_resources
from hw.solver import latency as latency_search
from hw.solver import space as folding_space
from hw.solver.latency import least_latency, measured
from hw.solver.solve import FoldedDesign, fold_for_latency, fold_for_max_rate, fold_for_rate
from hw.solver.space import Budget, FoldingSpace
from hw.units import PopcountStyle
from tests.support.blank import conv, dense

EVERYTHING = Budget(10**9, 10**4)


def mlp() -> Chain:
    return Chain(
        Encode.threshold((4, 2, 1), 128),
        (dense("fc1", 8, 6), dense("fc2", 6, 4), dense("fc3", 4, 2, last=True)),
    )


def cnn() -> Chain:
    layers = (conv("conv1", 2, 4), MaxPoolLayer("pool1", (2, 2), (2, 2)), dense("fc1", 16, 3), dense("fc2", 3, 3, True))
    return Chain(Encode.pixels((6, 6, 2)), layers)


def tfc() -> Chain:
    layers = (dense("fc1", 784, 64), dense("fc2", 64, 64), dense("fc3", 64, 64), dense("fc4", 64, 10, last=True))
    return Chain(Encode.threshold((28, 28, 1), 128), layers)


def cnv() -> Chain:
    pool = ((2, 2), (2, 2))
    layers = (
        *(conv("conv1", 3, 64), conv("conv2", 64, 64), MaxPoolLayer("pool1", *pool)),
        *(conv("conv3", 64, 128), conv("conv4", 128, 128), MaxPoolLayer("pool2", *pool)),
        *(conv("conv5", 128, 256), conv("conv6", 256, 256)),
        *(dense("fc1", 256, 512), dense("fc2", 512, 512), dense("fc3", 512, 10, last=True)),
    )
    return Chain(Encode.pixels((32, 32, 3)), layers)


def every_folding(network: Chain, *, alike: bool = True) -> list[Folding]:
    """All of them; without ``alike``, one loop order alone where there are no two loops."""
    sizes = matrix_sizes(network)
    layers = [
        [
            LayerFolding(pe, simd, order)
            for pe, simd in size.legal()
            for order in LoopOrder
            if alike or order is LoopOrder.OUTPUT_MAJOR or (pe < size.mh and simd < size.mw)
        ]
        for size in sizes.values()
    ]
    return [Folding.of(network, dict(zip(sizes, chosen, strict=True))) for chosen in product(*layers)]


def made_up(unit) -> Resources:
    """A cost without any regularity, with many block RAMs."""
    key = zlib.crc32(repr((unit.name, sorted(unit.parameters().items()))).encode())
    return Resources(key % 97, key % 89, key % 5)


@pytest.mark.parametrize("build", [mlp, cnn])
@pytest.mark.parametrize("cost_of", [unit_resources, made_up])
def test_the_cheapest_is_that_of_brute_force(build, cost_of, monkeypatch) -> None:
    network = build()
    monkeypatch.setattr(folding_space, "unit_resources", cost_of)
    space = FoldingSpace(network)
    designs = []
    for folding in every_folding(network, alike=cost_of is not made_up):
        units = build_dataflow(network, folding)
        total = sum((cost_of(unit) for unit in units), folding_space.TOP_OVERHEAD)
        designs.append((units.bottleneck_cycles, total.luts, total.bram18))
    slowest = max(cycles for cycles, _, _ in designs)
    assert min(cycles for cycles, _, _ in designs) == space.cycles[0]
    rams = sorted({ram for _, _, ram in designs})
    for cycles in {*space.cycles[::3], space.cycles[0] - 1, slowest}:
        for bram18 in {0, rams[0], rams[len(rams) // 4], rams[len(rams) // 2], rams[-1]}:
            allowed = [(luts, ram) for c, luts, ram in designs if c <= cycles and ram <= bram18]
            chosen = space.cheapest(cycles, Budget(10**9, bram18))
            if not allowed:
                assert chosen is None
                continue
            assert chosen is not None
            total = space.cost(chosen)
            assert (total.luts, total.bram18) == min(allowed)
            built = build_dataflow(network, space.folding(chosen))
            assert sum((cost_of(unit) for unit in built), folding_space.TOP_OVERHEAD) == total
            assert built.bottleneck_cycles <= cycles
            assert space.cheapest(cycles, Budget(total.luts - 1, bram18)) is None


@pytest.mark.parametrize("build", [mlp, cnn])
def test_the_least_latency_is_that_of_brute_force(build, monkeypatch) -> None:
    network = build()
    designs = []
    for folding in every_folding(network, alike=False):
        units = build_dataflow(network, folding)
        designs.append((predict_latency(units), dataflow_resources(units)))
    space = FoldingSpace(network)
    costs = sorted(cost.luts for _, cost in designs)
    for exhaustive in (10**9, 0):
        monkeypatch.setattr(latency_search, "EXHAUSTIVE_FOLDINGS", exhaustive)
        for luts in (costs[0], costs[len(costs) // 20], costs[len(costs) // 3], costs[-1]):
            least = min(latency for latency, cost in designs if cost.luts <= luts)
            chosen = least_latency(space, Budget(luts, 100))
            assert chosen is not None
            assert space.cost(chosen).luts <= luts
            # The search of large networks proves nothing; on these it comes close.
            assert least <= measured(space, chosen) <= (least if exhaustive else max(least + 2, 1.1 * least))
    assert least_latency(space, Budget(costs[0] - 1, 100)) is None


def long_run(design: FoldedDesign) -> float:
    model = CycleModel(design.dataflow)
    labels = [model.next_label() for _ in range(300)]
    return (labels[-1] - labels[149]) / 150


@pytest.mark.parametrize("build", [mlp, cnn, tfc])
def test_rates_are_those_of_a_long_run(build) -> None:
    network, board = build(), load_board("Pynq-Z2")
    fastest = fold_for_max_rate(network, board)
    assert long_run(fastest) == fastest.frame_ii
    for cycles in (fastest.frame_ii, 2 * fastest.frame_ii, 300):
        design = fold_for_rate(network, board, float(100_000_000 / cycles), 100)
        assert long_run(design) == design.frame_ii <= cycles


@pytest.mark.parametrize("build", [mlp, cnn])
def test_no_faster_than_frames_arrive(build) -> None:
    """Oracle: brute force over all foldings, each built with the buffers that it needs."""
    network, board = build(), load_board("Pynq-Z2")
    fastest = fold_for_max_rate(network, board)
    for arrives in (fastest.frame_ii, fastest.frame_ii + Fraction(1, 2), 2 * fastest.frame_ii):
        design = fold_for_max_rate(network, board, arrives)
        assert design.frame_ii <= arrives
        assert design.resources.luts <= fastest.resources.luts
        for folding in every_folding(network, alike=False)[::97]:
            built = FoldedDesign.of(network, folding, PopcountStyle.for_family(board.family))
            assert built.frame_ii > arrives or built.resources.luts >= design.resources.luts
    slow = fold_for_max_rate(network, board, fastest.frame_ii / 2)  # frames come faster than the board can take them
    assert slow.frame_ii == fastest.frame_ii


def test_the_cnv_of_a_board_is_as_fast_as_its_slowest_layer() -> None:
    network, board = cnv(), load_board("Pynq-Z2")
    design = fold_for_max_rate(network, board)
    assert design.frame_ii == max(design.folding.cycles(network).values()) == 900 * 9
    design.verify(board)


def test_shipped_cnv_foldings_keep_their_promises() -> None:
    network, board = cnv(), load_board("Pynq-Z2")
    finn = FoldedDesign.of(network, load_folding("finn-cnv", network))
    assert finn.frame_ii == 32_768
    assert finn.latency_cycles <= 110_000
    fast = FoldedDesign.of(network, load_folding("latency-cnv-pynq-z2", network))
    assert fast.latency_cycles <= 20_000
    fast.verify(board)


def test_finns_tfc_keeps_its_rate() -> None:
    network = tfc()
    assert FoldedDesign.of(network, load_folding("finn-tfc", network)).frame_ii == 64


@pytest.mark.slow
def test_the_search_finds_a_cnv_of_low_latency() -> None:
    network, board = cnv(), load_board("Pynq-Z2")
    design = fold_for_latency(network, board.share(0.7))
    assert design.latency_cycles <= 12_000
    design.verify(board.share(0.7))


def small_board(**changes) -> Board:
    return dataclasses.replace(load_board("Pynq-Z2"), name="tiny", **changes)


def test_an_impossible_rate_names_the_fastest_possible() -> None:
    with pytest.raises(
        FoldingError,
        match=r"^folding: 1,000,000,000 frames/s at 100 MHz are not possible on board Pynq-Z2; the fastest possible is "
        r"100,000,000 frames/s, a frame every 1 cycle$",
    ):
        fold_for_rate(mlp(), load_board("Pynq-Z2"), 1e9, 100)


@pytest.mark.parametrize("solve", [fold_for_max_rate, fold_for_latency])
def test_a_board_that_holds_nothing(solve) -> None:
    space = FoldingSpace(mlp(), PopcountStyle.PRIMITIVES)
    chosen = space.cheapest(max(space.cycles), EVERYTHING)
    assert chosen is not None
    luts = FoldedDesign.of(mlp(), space.folding(chosen), space.popcount).resources.luts
    match = (
        rf"board tiny holds no folding of this network: the one with the fewest LUTs takes {luts} LUTs \(it has 10\)"
    )
    with pytest.raises(FoldingError, match=match):
        solve(mlp(), small_board(luts=10))


def test_over_the_budget_says_which_and_by_how_much() -> None:
    design = FoldedDesign.of(mlp(), Folding.unrolled(mlp()))
    luts, ffs = design.resources.luts, design.resources.ffs
    with pytest.raises(
        FoldingError,
        match=rf"does not fit board tiny: takes {luts} LUTs, {luts - 9} more than it has \(9\); and "
        rf"{ffs} flip-flops, {ffs - 8} more than it has \(8\); give layers smaller pe",
    ):
        design.verify(small_board(luts=9, ffs=8))
    design.verify(small_board(luts=luts, ffs=ffs))
    design.verify(small_board(luts=4 * luts, lut_inputs=4))
    with pytest.raises(FoldingError, match="LUTs of 6 inputs"):
        design.verify(small_board(luts=4 * luts - 4, lut_inputs=4))


def test_what_the_solver_gives_fits_with_its_real_buffers() -> None:
    for solve in (fold_for_max_rate, fold_for_latency):
        generous = solve(cnn(), load_board("Pynq-Z2")).resources.luts
        for share in (0.4, 0.6, 0.8):
            board = small_board(luts=500 + int(share * (generous - 500)))
            solve(cnn(), board).verify(board)


def test_a_board_with_more_block_rams_than_any_design_takes_is_no_more_work() -> None:
    space = FoldingSpace(cnn())
    most = sum(max(choice.resources.bram18 for choice in choices) for choices in space.choices)
    for cycles in space.cycles:
        plenty, absurd = (space.cheapest(cycles, Budget(10**9, rams)) for rams in (most + 1000, 10**13))
        assert plenty == absurd  # 10**13 of them one by one would be 80 TB
