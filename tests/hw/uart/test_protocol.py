"""Packets. Oracles: Python's own CRC-CCITT (binascii.crc_hqx); the constants in the SystemVerilog package."""

from __future__ import annotations

import binascii
import re

import numpy as np
import pytest

from hw.fpga.chip import SHELL_FOLDER
from hw.uart import protocol
from hw.uart.protocol import Identity, LineError, crc16, frame_packet, packet, read_answer


def test_the_check_is_crc_ccitt():
    rng = np.random.default_rng(1)
    for length in (0, 1, 2, 17, 300):
        data = rng.integers(0, 256, length, np.uint8).tobytes()
        assert crc16(data) == binascii.crc_hqx(data, 0xFFFF)
        assert crc16(packet(data)) == 0


def test_both_ends_mean_the_same_by_a_byte():
    text = (SHELL_FOLDER / "askew_uart_pkg.sv").read_text()
    hexadecimal = {name: int(value, 16) for name, value in re.findall(r"logic \[7:0\] (\w+) = 8'h(\w\w);", text)}
    assert hexadecimal == {
        "CommandFrame": protocol.FRAME,
        "CommandIdentify": protocol.IDENTIFY,
        "ReplyLabel": protocol.LABEL,
        "ReplyIdentity": protocol.IDENTITY,
        "ReplyError": protocol.ERROR,
    }
    assert sorted(int(value) for value in re.findall(r"Error\w+ = 8'd(\d)", text)) == sorted(protocol.ERRORS)


def test_an_identity_comes_back_whole():
    identity = Identity("0123456789abcdef" * 4, 784, 10, 11, 50_000, 3_000_000)
    assert Identity.unpack(identity.pack()) == identity
    assert (identity.score_bytes, identity.reply_bytes, identity.request_bytes) == (2, 8 + 20 + 2, 4 + 784 + 2)
    with pytest.raises(LineError, match=r"no Askew design of protocol 1; load the bitstream that `askew implement`"):
        Identity.unpack(b"X" + identity.pack()[1:])


@pytest.mark.parametrize("bits", [3, 8, 11, 20])
def test_scores_are_twos_complement(bits):
    identity = Identity("00" * 32, 4, 3, bits, 1000, 9600)
    scores = [-(1 << (bits - 1)), (1 << (bits - 1)) - 1, -1]
    width = identity.score_bytes
    body = b"L\x07" + (2).to_bytes(2, "little") + (513).to_bytes(4, "little")
    body += b"".join(score.to_bytes(width, "little", signed=True) for score in scores)
    answer = read_answer(packet(body), identity)
    assert (answer.number, answer.label, answer.cycles, answer.scores.tolist()) == (7, 2, 513, scores)


def test_a_frame_goes_with_number_and_repeats():
    sent = frame_packet(258, np.arange(6, dtype=np.uint8).reshape(1, 2, 3), 300)
    assert sent[:-2] == b"F\x02\x2c\x01" + bytes(range(6))
