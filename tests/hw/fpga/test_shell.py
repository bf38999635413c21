"""The whole chip before synthesis, bits in and bits out. Oracle: the integer network in NumPy; the cycle model."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bnn.classes import classes_of
from hw.cycles import predict_cycles
from hw.fpga.simulated import SIMULATED_REPEATS, SimulatedLine, chip_executable
from hw.rtlsim import Effort
from hw.rtlsim.simulation import scores_of_stream
from hw.simulator import Backend, simulate
from hw.uart.client import Client
from hw.uart.protocol import LineError, crc16, frame_packet, identify_packet


@pytest.fixture(scope="module")
def executable(source, build_dir):
    return chip_executable(source, build_dir, effort=Effort.FAST_BUILD)


@pytest.fixture
def line(executable, source):
    with SimulatedLine.of(executable, source) as opened:
        yield opened


def test_frames_come_back_as_the_network_has_them(chip, line, images):
    network, seen = chip.design.network, []
    client = Client(line)
    assert client.identity == chip.identity
    assert client.identity.network_hash == network.hash
    answers = client.run(images, seen.append, SIMULATED_REPEATS)
    golden = simulate(network.network(), images, backend=Backend.NUMPY)
    np.testing.assert_array_equal(scores_of_stream(network, answers.scores), golden)
    np.testing.assert_array_equal(answers.labels, classes_of(golden))
    predicted = predict_cycles(chip.design.dataflow)
    assert set(answers.cycles.tolist()) == {predicted.latency_cycles}
    assert answers.frame_ii_cycles == predicted.frame_ii_cycles
    assert sum(seen) == len(images)


def test_a_damaged_packet_is_refused_and_the_next_one_answered(chip, line, images):
    sent = bytearray(frame_packet(1, images[0]))
    sent[9] ^= 4
    line.write(bytes(sent))
    error = line.read(4)
    assert (error[:2], crc16(error)) == (b"E\x01", 0)
    line.write(b"\x00\xff noise ")  # none of these begins a packet
    line.write(frame_packet(2, images[1]))
    answer = line.read(chip.identity.reply_bytes)
    assert (answer[:2], crc16(answer)) == (b"L\x02", 0)


def test_a_packet_that_stops_is_given_up(chip, executable, source):
    """The oracle: a tenth of a second of the chip's clock, after which a new packet is a new packet."""
    patience = int(chip.clock_hz / 8)
    with SimulatedLine(executable, source, chip.bit_cycles, patience) as line:
        line.write(frame_packet(1, np.zeros((4, 8, 1), np.uint8))[:20])
        before = line.cycles
        assert line.read(4)[:2] == b"E\x03"
        assert line.cycles - before > chip.clock_hz / 10
        line.write(identify_packet())
        assert line.read(57)[:5] == b"IASKW"


def test_frames_that_come_too_early_are_refused_and_harm_nothing(chip, line, images):
    """The first is repeated so often that it streams while two more come; then there is room again."""
    line.write(frame_packet(1, images[0], 1000) + frame_packet(2, images[1]) + frame_packet(3, images[2]))
    replies = line.read(chip.identity.reply_bytes + 8)
    assert (replies[:2], replies[4:6], len(replies)) == (b"E\x02", b"E\x02", chip.identity.reply_bytes + 8)
    line.write(frame_packet(4, images[1]))
    golden = classes_of(simulate(chip.design.network.network(), images[:2], backend=Backend.NUMPY))
    second = line.read(chip.identity.reply_bytes)
    assert (replies[8:10], replies[10]) == (b"L\x01", golden[0])
    assert (second[:2], second[2]) == (b"L\x04", golden[1])


def test_a_client_does_not_hurry_a_slow_chip(line):
    """A frame that is on the line for less than it is in the chip, or whose answer is longer, goes alone."""
    client = Client(line)
    on_line = client.identity.request_bytes * chip_cycles(client.identity)
    assert (client._frames_ahead(int(on_line) - 1), client._frames_ahead(int(on_line) + 1)) == (2, 1)


def chip_cycles(identity):
    """Cycles that a byte is on the line."""
    return 10_000 * identity.clock_khz / identity.baud


def test_a_line_to_nothing_and_at_another_speed_is_said(chip, executable, source):
    with (
        SimulatedLine(executable, source, chip.bit_cycles * 3, 20_000) as line,
        pytest.raises(LineError, match=r"nothing answers|damaged answer|the chip says"),
    ):
        Client(line)


def test_the_chip_keeps_time_with_any_clock(chip):
    """A bit lasts clock over baud, to a hundredth of what a serial line allows (5 % over ten bits)."""
    assert abs(float(chip.bit_cycles * 3_000_000 / chip.clock_hz) - 1) < 5e-4
    assert Fraction(chip.clock_hz) == 30_000_000
