"""Folding in FINN's cost. Oracles: brute force over whole folding configurations; FINN's own builder's reports."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bnn import Chain, ConvLayer, Encode, MatrixLayer, MaxPoolLayer, UserError
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import finn_nodes
from finn_build.package.folding import folding_config
from finn_build.package.settings import BuildSettings
from finn_build.package.space import Budget, FinnSpace, every_option
from finn_build.worker.costs import UnitCost, total_cost, unit_costs
from finn_build.worker.estimate import estimate
from hw.synth.networks import NETWORKS

EVERYTHING = Budget(10**9, 10**4)
MEMORIES = ("block", "distributed")


def tiny_mlp(make):
    layers = (make.dense("fc1", 6, 4), make.dense("fc2", 4, 4), make.dense("fc3", 4, 2, last=True))
    return Chain(Encode.threshold((3, 2, 1), 100), layers)


def tiny_cnn(make):
    layers = (
        make.conv("conv1", 2, 4, (2, 2), padding=(1, 1, 1, 1)),
        MaxPoolLayer("pool1", (2, 2), (2, 2)),
        make.dense("fc1", 36, 2, last=True),
    )
    return Chain(Encode.threshold((5, 5, 2), 100), layers)


def made_up(node: str, attributes) -> UnitCost:
    """A cost without any regularity; the label's does not depend on its PE, as in FINN."""
    if node.startswith("LabelSelect"):
        return UnitCost(2 // attributes["PE"], 0, 0)
    key = zlib.crc32(repr((node, sorted(attributes.items()))).encode())
    return UnitCost(key % 13 + 2, key // 13 % 97, key // 1300 % 4)


def every_design(network) -> list[UnitCost]:
    """Brute force: every (pe, simd) of every matrix and every memory of every node that has one, as FINN reads them."""
    matrices = [layer for layer in network.layers if isinstance(layer, MatrixLayer)]
    foldings = [
        [
            (pe, simd)
            for pe in range(1, layer.mh + 1)
            for simd in range(1, layer.mw + 1)
            if layer.mh % pe == 0 and (layer.c_in if isinstance(layer, ConvLayer) else layer.mw) % simd == 0
        ]
        for layer in matrices
    ]
    nodes = [node for node in finn_nodes(network) if node.role.value in ("matrix", "window")]
    designs = set()
    for chosen in product(*foldings):
        folding = {layer.name: pair for layer, pair in zip(matrices, chosen, strict=True)}
        for styles in product(MEMORIES, repeat=len(nodes)):
            memories: dict[str, dict[str, str]] = {}
            for node, style in zip(nodes, styles, strict=True):
                memories.setdefault(node.layer, {})[node.role.value] = style
            config = folding_config(network, folding, ram_styles=memories)
            costs = [made_up(node.name, config.get(node.name, {})) for node in finn_nodes(network)]
            designs.add(total_cost(costs))
    return sorted(designs, key=lambda cost: cost.luts)


@pytest.mark.parametrize("build", [tiny_mlp, tiny_cnn])
def test_the_cheapest_and_the_fastest_are_those_of_brute_force(layer_factory, build):
    network = finn_form(build(layer_factory)).network
    options = every_option(network)
    space = FinnSpace(network, {name: [made_up(name, tried) for tried in listed] for name, listed in options.items()})
    designs = every_design(network)
    assert space.cycles[0] == min(design.cycles for design in designs)
    rams = sorted({design.bram18 for design in designs})
    luts = [design.luts for design in designs]
    for bram18 in (rams[0], rams[len(rams) // 3], rams[-1]):
        for cycles in (space.cycles[0] - 1, *space.cycles):
            fitting = [(d.luts, d.bram18) for d in designs if d.cycles <= cycles and d.bram18 <= bram18]
            found = space.cheapest(cycles, Budget(10**9, bram18))
            if not fitting:
                assert found is None
                continue
            assert found is not None
            assert (found.cost.luts, found.cost.bram18) == min(fitting)
            assert found.cost.cycles <= cycles
            assert space.cheapest(cycles, Budget(found.cost.luts - 1, bram18)) is None
        for lut in (luts[0] - 1, luts[0], luts[len(luts) // 2], luts[-1]):
            held = [d for d in designs if d.luts <= lut and d.bram18 <= bram18]
            fastest = space.fastest(Budget(lut, bram18))
            if not held:
                assert fastest is None
                continue
            assert fastest is not None
            least = min(design.cycles for design in held)
            assert (fastest.cost.cycles, fastest.cost.luts) == min((d.cycles, d.luts) for d in held)
            fed = space.fastest(Budget(lut, bram18), input_cycles=least + 2)
            assert fed is not None
            assert fed.cost.luts == min(d.luts for d in held if d.cycles <= least + 2)


def test_no_bram_to_give(layer_factory):
    network = finn_form(tiny_mlp(layer_factory)).network
    options = every_option(network)
    space = FinnSpace(network, {name: [UnitCost(1, 1, 1)] * len(listed) for name, listed in options.items()})
    assert space.cheapest(10**9, Budget(10**9, -1)) is None
    assert space.cheapest(10**9, Budget(10**9, 0)) is None


@pytest.mark.parametrize("pick", ["cheapest", "random"])
def test_finn_builds_what_was_foretold(networks, frames_of, unfolded, pynq_z2, tmp_path, pick):
    """FINN's reports on the folding, memories included, name the very cycles and resources that chose it."""
    network = networks("cnn", binary=True)
    frames = frames_of(network)
    settings = BuildSettings(pynq_z2, 100.0, unfolded(network))
    space = FinnSpace.of(network, frames, settings, tmp_path)
    folding = space.cheapest(space.cycles[len(space.cycles) // 3], EVERYTHING)
    assert folding is not None
    if pick == "random":
        rng = np.random.default_rng(7)
        chosen = {name: choices[rng.integers(len(choices))] for name, choices in space.choices.items()}
        folding = space.with_label(chosen)
    chosen_settings = BuildSettings(pynq_z2, 100.0, folding.layers, ram_styles=folding.ram_styles)
    figures = estimate(network, frames, chosen_settings, tmp_path, count=1)
    cost = folding.cost
    assert figures["mismatches"] == 0
    assert figures["frame_ii_cycles"] == cost.cycles
    assert figures["resources"] == {"lut": cost.luts, "bram18": cost.bram18, "uram": cost.uram, "dsp": cost.dsp}
    for name, choice in folding.choices.items():
        roles = {role: figures["layers"]["input" if role == "input" else name]["nodes"][role] for role in choice.units}
        assert {role: node["cycles"] for role, node in roles.items()} == {
            role: unit.cycles for role, unit in choice.units.items()
        }
    applied = json.loads((tmp_path / "estimate" / "output" / "report" / "applied_folding_config.json").read_text())
    nodes = {(node.layer, node.role.value): node.name for node in finn_nodes(finn_form(network).network)}
    for name, styles in folding.ram_styles.items():
        for role, style in styles.items():
            assert applied[nodes[name, role]]["ram_style"] == style
    assert not (tmp_path / "costs").exists()


def test_what_finn_cannot_generate_is_not_chosen(layer_factory, frames_of, pynq_z2, tmp_path):
    """FINN's documentation: SIMD at least MW / 1024, and no stream of more than 8191 bits."""
    network = Chain(
        Encode.threshold((64, 64, 1), 100),
        (layer_factory.dense("fc1", 4096, 8), layer_factory.dense("fc2", 8, 3, last=True)),
    )
    frames = frames_of(network, 1)
    space = FinnSpace.of(network, frames, BuildSettings(pynq_z2, 100.0, {"fc1": (1, 4), "fc2": (1, 1)}), tmp_path)
    found = {choice.folding for choice in space.choices["fc1"]}
    legal = {(pe, simd) for pe in (1, 2, 4, 8) for simd in (2**n for n in range(13)) if simd >= 4 and pe * simd <= 8191}
    # The input's stream is 8 bits an element, but that unit is RTL, which has no such limit.
    assert found == legal
    illegal = BuildSettings(pynq_z2, 100.0, {"fc1": (8, 2048), "fc2": (1, 1)})
    (cost,) = unit_costs(network, frames, illegal, tmp_path)["MVAU_hls_0"]
    assert "maximum allowed is 8191" in (cost.problem or "")


def test_a_layer_that_finn_cannot_build_at_all(layer_factory):
    network = finn_form(tiny_mlp(layer_factory)).network
    options = every_option(network)
    costs = {name: [UnitCost(1, 1, 1)] * len(listed) for name, listed in options.items()}
    costs["MVAU_hls_1"] = [replace(cost, problem="too wide") for cost in costs["MVAU_hls_1"]]
    with pytest.raises(UserError, match=r"layer fc2: FINN can build no folding of it \(too wide\)"):
        FinnSpace(network, costs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published_cycles", "share"), [("tfc", 64, 0.7), ("cnv", 32_768, 0.7), ("lfc", 512, 1.0)]
)
def test_as_fast_as_the_published_foldings_within_the_board(
    frames_of, unfolded, pynq_z2, tmp_path, name, published_cycles, share
):
    """FINN's and BNN-PYNQ's foldings for this board, and its 53,200 LUTs and 280 block RAMs; FINN's own reports."""
    network = NETWORKS[name]()
    frames = frames_of(network, 1)
    space = FinnSpace.of(network, frames, BuildSettings(pynq_z2, 100.0, unfolded(network)), tmp_path)
    folding = space.fastest(Budget(int(share * 53_200), int(share * 280)))
    assert folding is not None
    chosen = BuildSettings(pynq_z2, 100.0, folding.layers, ram_styles=folding.ram_styles)
    figures = estimate(network, frames, chosen, tmp_path, count=1)
    assert figures["frame_ii_cycles"] <= published_cycles
    assert figures["resources"]["lut"] <= share * 53_200
    assert figures["resources"]["bram18"] <= share * 280
    if share < 1:
        assert figures["frame_ii_cycles"] < published_cycles
