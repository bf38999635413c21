"""The AXI4-Stream and AXI4-Lite shell of a generated design: frames of a wrong length, identity, counters.

Oracles: the simulator on the image that a wrong frame amounts to; the harness's own count at the pins; the hash.
"""

import numpy as np
import pytest

from bnn.version import VERSION
from hw.cycles import predict_cycles
from hw.generator import Design
from hw.rtlsim import Effort, simulate_design
from hw.rtlsim.registers import MAGIC
from hw.simulator import simulate

FAST = {"effort": Effort.FAST_BUILD, "assertions": True}
WRONG = {2: 1, 3: 5, 7: 7, 8: 40, 9: 2, 15: 13}  # frame -> beats; 6 are right


@pytest.fixture(scope="module")
def design(small_mlp):
    network, folding = small_mlp
    return Design.for_simulation(network, folding, stall_gates=True)


def images_for(network, count):
    return np.random.default_rng(8).integers(0, 256, (count, *network.input.shape), np.uint8)


@pytest.mark.parametrize("stall", [0, 0.3])
def test_wrong_frames_are_flagged_and_the_next_ones_are_right(design, build_dir, stall):
    """A short frame counts as one of zeros from there on, a long one as its beginning; each gives one label."""
    images = images_for(design.network, 20)
    result = simulate_design(design, images, build_dir=build_dir, beats_of_frames=WRONG, stall=stall, seed=4, **FAST)
    meant = images.copy()
    for frame, beats in WRONG.items():
        meant[frame].reshape(-1)[beats * 5 :] = 0
    golden = simulate(design.network.network(), meant)
    assert np.array_equal(result.scores, golden)
    assert np.array_equal(result.labels, golden.argmax(axis=1))
    registers = result.registers
    assert (registers.counters["short_frames"], registers.counters["long_frames"]) == (3, 3)
    assert registers.has_short_frame
    assert registers.has_long_frame
    for name, count in registers.at_pins.items():
        assert registers.counters[name] == count, name


def test_right_frames_raise_no_flag_and_the_shell_costs_no_cycle(design, build_dir):
    images = images_for(design.network, 9)
    result = simulate_design(design, images, build_dir=build_dir, **FAST)
    registers = result.registers
    assert (registers.counters["short_frames"], registers.counters["long_frames"]) == (0, 0)
    assert not registers.has_short_frame
    assert not registers.has_long_frame
    assert registers.at_pins == {name: registers.counters[name] for name in registers.at_pins}
    assert registers.counters["frames_out"] >= 9
    assert registers.counters["input_stalls"] > 0
    assert registers.counters["output_stalls"] == 0
    assert result.label_cycles == predict_cycles(design.dataflow, frames=9).label_cycles


def test_back_pressure_is_counted(design, build_dir):
    result = simulate_design(design, images_for(design.network, 9), build_dir=build_dir, stall=0.6, seed=1, **FAST)
    assert result.registers.counters["output_stalls"] == result.registers.at_pins["output_stalls"] > 0


def test_the_registers_say_what_the_design_is(design, build_dir):
    registers = simulate_design(design, images_for(design.network, 3), build_dir=build_dir, **FAST).registers
    assert registers.magic == MAGIC == 0x41534B57
    assert registers.network_hash == design.network.hash
    assert registers.version == sum(int(part) << 8 * (2 - i) for i, part in enumerate(VERSION.split(".")))
