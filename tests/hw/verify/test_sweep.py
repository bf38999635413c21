"""Random networks under random foldings: a sample of `python -m hw.verify.sweep`.

Oracles: the simulator's NumPy reference and the cycle model. The sweep of 200 is run by hand; this holds its parts.
"""

import dataclasses

import numpy as np
import pytest

from bnn import ConvLayer, MaxPoolLayer
from bnn.folding import LoopOrder
from hw.generator import Design
from hw.rtlsim import simulation
from hw.verify.random_networks import random_network
from hw.verify.sweep import main, make_case, run_case


@pytest.mark.parametrize("index", range(6))
def test_rtl_equals_golden_and_the_cycle_model(index, build_dir):
    outcome = run_case(7, index, build_dir, frames=8)
    assert outcome.is_right, outcome


def test_a_seed_names_a_network():
    (one, folding), (other, same) = make_case(3, 14), make_case(3, 14)
    assert one.hash == other.hash
    assert folding.layers == same.layers
    assert make_case(3, 15)[0].hash != one.hash


def test_the_sweep_covers_what_the_contract_knows():
    cases = [make_case(0, index) for index in range(200)]
    networks = [network for network, _ in cases]
    layers = [layer for network in networks for layer in network.layers]
    convolutions = [layer for layer in layers if isinstance(layer, ConvLayer)]
    seen = {
        "bits": sum(network.input.binary for network in networks),
        "integers": sum(not network.input.binary for network in networks),
        "negative inputs": sum(network.input.table.min() < 0 for network in networks),
        "score tables": sum(network.layers[-1].score_table is not None for network in networks),
        "pools": sum(isinstance(layer, MaxPoolLayer) for layer in layers),
        "pad bits": sum(bool(layer.pad_values.any()) for layer in convolutions),
        "strides": sum(layer.stride != (1, 1) for layer in convolutions),
        "without a convolution": sum(not any(isinstance(x, ConvLayer) for x in n.layers) for n in networks),
        "kernels larger than the image": sum(
            layer.kernel[0] > shape[0] for n in networks for layer, shape, _ in n.walk() if isinstance(layer, ConvLayer)
        ),
    }
    assert min(seen.values()) >= 5, seen
    orders = [layer.order for _, folding in cases for layer in folding.layers.values()]
    assert min(orders.count(order) for order in LoopOrder) > 100
    rng = np.random.default_rng(1)
    assert len({random_network(rng).hash for _ in range(50)}) == 50


class OffByOne(Design):
    """One bit of the first matrix is wrong."""

    def memories(self):
        files = dict(super().memories())
        name = next(name for name in files if name.endswith("weights.hex"))
        first, rest = files[name].split("\n", 1)
        return iter((files | {name: f"{int(first, 16) ^ 1:0{len(first)}x}\n{rest}"}).items())


def test_a_wrong_weight_and_a_wrong_cycle_do_not_pass(build_dir, monkeypatch, capsys):
    """The sweep sees what it is there to see."""
    monkeypatch.setattr("hw.verify.sweep.Design", OffByOne)
    outcomes = [run_case(7, index, build_dir, frames=8) for index in (0, 1, 2)]
    assert any(outcome.mismatches for outcome in outcomes)
    monkeypatch.undo()
    original = simulation.simulate_design

    def later(*arguments, **options):
        result = original(*arguments, **options)
        return dataclasses.replace(result, latency_cycles=result.latency_cycles + 1)

    monkeypatch.setattr("hw.verify.sweep.simulate_design", later)
    outcome = run_case(7, 0, build_dir, frames=8)
    assert not outcome.is_right
    assert "latency_cycles: predicted" in outcome.deviations[0]
    monkeypatch.setattr("hw.verify.sweep.run_case", lambda *arguments: outcome)
    assert main(["--only", "0", "--seed", "7"]) == 1
    assert "1 networks with cycles other than predicted" in capsys.readouterr().out
