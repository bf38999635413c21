"""The chip after synthesis and after place and route, bits in and bits out. Oracle: the integer network in NumPy.

It runs Yosys, nextpnr and ecppack: minutes.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnn.classes import classes_of
from hw.fpga import ecp5
from hw.fpga.cells import NetlistError, simulable
from hw.fpga.programs import ECPPACK, NEXTPNR_ECP5
from hw.fpga.simulated import SIMULATED_REPEATS, SimulatedLine, chip_executable
from hw.rtlsim import Effort
from hw.rtlsim.simulation import scores_of_stream
from hw.simulator import Backend, simulate
from hw.uart.client import Client


@pytest.fixture(scope="module")
def implemented(chip, source, tmp_path_factory):
    if NEXTPNR_ECP5.path() is None or ECPPACK.path() is None:
        pytest.skip("needs nextpnr-ecp5 and ecppack")
    work, said = tmp_path_factory.mktemp("work"), []
    found = ecp5.implement(chip, source, work, (1,), said.append)
    assert said == ["synthesis", "place and route, seed 1", "bitstream"]
    said.clear()
    assert ecp5.implement(chip, source, work, (1,), said.append) == found
    assert said == []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("which", ["netlist", "routed"])
def test_what_is_on_the_chip_gives_goldens_scores(chip, source, implemented, which, images, build_dir):
    netlist = getattr(implemented, which)
    executable = chip_executable(source, build_dir, netlist, Effort.FAST_BUILD)
    with SimulatedLine.of(executable, source) as line:
        client = Client(line)
        assert client.identity == chip.identity
        answers = client.run(images, None, SIMULATED_REPEATS)
    golden = simulate(chip.design.network.network(), images, backend=Backend.NUMPY)
    np.testing.assert_array_equal(scores_of_stream(chip.design.network, answers.scores), golden)
    np.testing.assert_array_equal(answers.labels, classes_of(golden))


@pytest.mark.slow
def test_a_table_that_is_wrong_is_seen(chip, source, implemented, images, build_dir, tmp_path):
    """One bit of one table behind the first layer's accumulators is turned; some score must differ."""
    netlist = json.loads(implemented.routed.read_text())
    (module,) = netlist["modules"].values()
    tables = [cell for name, cell in module["cells"].items() if "fc2_matrix" in name and cell["type"] == "TRELLIS_COMB"]
    for cell in tables:
        init = cell["parameters"]["INITVAL"]
        cell["parameters"]["INITVAL"] = "".join("10"[int(bit)] for bit in init)
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps(netlist))
    executable = chip_executable(source, build_dir, damaged, Effort.FAST_BUILD)
    with SimulatedLine.of(executable, source) as line:
        answers = Client(line).run(images, None, SIMULATED_REPEATS)
    golden = simulate(chip.design.network.network(), images, backend=Backend.NUMPY)
    assert (scores_of_stream(chip.design.network, answers.scores) != golden).any()


def test_a_cell_without_a_model_is_refused():
    with pytest.raises(NetlistError, match=r"no model of cell x of type MULT18X18D; it cannot be simulated"):
        simulable({"ports": {}, "cells": {"x": {"type": "MULT18X18D", "parameters": {}, "connections": {}}}})
