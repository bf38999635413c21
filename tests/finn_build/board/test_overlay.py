"""Our own overlay's driver on a fake pynq. Oracles: the integer network; AXI DMA's registers as PG021 has them."""

import dataclasses
import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

from finn_build.board import validate
from finn_build.board.accelerator import AcceleratorError, Simulated
from finn_build.board.overlay import OverlayAccelerator, OverlayInterface
from finn_build.results.overlay import OverlayFiles, write_overlay_deploy
from tests.finn_build.board.conftest import Buffer

REGISTERS = {"magic": 0x0, "errors": 0x8, "control": 0xC, "frames_in": 0x10, "frames_out": 0x14, "network_hash": 0x40}
MAGIC = 0x41534B57


class Core:
    """The design's registers."""

    def __init__(self, network_hash):
        self.words = {0x40 + 4 * i: int(network_hash[8 * i : 8 * i + 8], 16) for i in range(8)}
        self.words |= {0x0: MAGIC, 0x8: 0, 0x10: 0, 0x14: 0}

    def read(self, address):
        return self.words[address]

    def write(self, address, value):
        if address == 0x8:
            self.words[0x8] &= ~value  # writing 1 clears
        elif address == 0xC:
            assert value == 1
            self.words |= {0x10: 0, 0x14: 0}
        else:
            raise AssertionError(f"{address:#x} cannot be written")


class Dma:
    """AXI DMA in direct register mode: halves at 0x00 and 0x30; running without a transfer it is not idle yet."""

    def __init__(self, board):
        self.board, self.registers, self.status = board, {}, {0x00: 0x0, 0x30: 0x0}  # as pynq leaves it: started

    def read(self, address):
        half, offset = (0x30, address - 0x30) if address >= 0x30 else (0x00, address)
        if offset == 0x04:
            return self.status[half]
        return self.registers.get(address, 0)

    def write(self, address, value):
        assert 0 <= value < 2**32
        half, offset = (0x30, address - 0x30) if address >= 0x30 else (0x00, address)
        if offset == 0x00:
            if value & 0x4:
                self.status = {0x00: 0x1, 0x30: 0x1}
                self.board.resets += 1
            else:
                self.registers[address] = value
                self.status[half] &= ~0x1
            return
        if offset == 0x04:
            self.status[half] &= ~value & 0x7000 | ~0x7000
            return
        self.registers[address] = value
        if offset == 0x28:
            assert not self.status[half] & 0x1, "a length that is written to a halted half does nothing"
            self.status[half] &= ~0x2
            if half == 0x00:
                self.board.stream()

    def buffer(self, half):
        address = self.registers[half + 0x18] | self.registers.get(half + 0x1C, 0) << 32
        (found,) = [one for one in self.board.buffers if one.device_address == address and not one.freed]
        assert self.registers[half + 0x28] == found.nbytes
        return found


class Board:
    """A fake pynq whose accelerator is the integer network."""

    def __init__(self, network):
        self.accelerator, self.shape = Simulated(network, gives_labels=True), network.input.shape
        self.buffers, self.resets, self.lost, self.silent, self.flags, self.error = [], 0, 0, False, 0, 0
        self.core = Core(network.hash)
        self.dma = Dma(self)
        self.ps = SimpleNamespace(Clocks=SimpleNamespace(fclk0_mhz=0.0))

    def Overlay(self, bitfile):
        return SimpleNamespace(dma=self.dma, core=self.core)

    def allocate(self, shape, dtype):
        self.buffers.append(Buffer(shape, dtype))
        return self.buffers[-1]

    def stream(self):
        dma = self.dma
        assert 0x58 in dma.registers, "the writing half must wait before anything is read"
        self.accelerator.load(dma.buffer(0x00).memory.reshape(-1, *self.shape))
        self.accelerator.run()
        labels = self.accelerator.answers()[:, 0].astype("<u4")
        self.core.words |= {0x10: len(labels), 0x14: 0 if self.silent else len(labels) - self.lost, 0x8: self.flags}
        dma.status[0x00] |= 0x1002
        dma.status[0x30] |= self.error
        if self.silent or self.error:
            return
        came = labels[: len(labels) - self.lost].view(np.uint8)
        target = dma.buffer(0x30).memory.reshape(-1)
        target[: len(came)] = came
        dma.registers[0x58] = len(came)
        dma.status[0x30] |= 0x1002


@pytest.fixture
def network(networks):
    return networks("mlp")


@pytest.fixture
def board(network, monkeypatch):
    board = Board(network)
    monkeypatch.setitem(__import__("sys").modules, "pynq", board)
    return board


@pytest.fixture
def interface(network):
    return OverlayInterface(24, "dma", "core", 26, network.hash, MAGIC, REGISTERS, 1)


@pytest.fixture
def loaded(board, network, interface, frames_of, tmp_path):
    accelerator = OverlayAccelerator(tmp_path / "askew_overlay.bit", interface, 100.0)
    accelerator.load(frames_of(network, 6).images)
    return accelerator


def test_labels_come_through_the_dma_in_batches_of_any_size(board, network, interface, frames_of, tmp_path):
    frames = frames_of(network, 30)
    accelerator = OverlayAccelerator(tmp_path / "askew_overlay.bit", interface, 100.0)
    for count in (30, 7, 7, 1):
        accelerator.load(frames.images[:count])
        accelerator.run()
        assert np.array_equal(accelerator.answers()[:, 0], frames.scores[:count].argmax(axis=1))
    assert accelerator.clock_mhz() == 100.0
    assert [buffer.freed for buffer in board.buffers] == [True] * 4 + [False] * 2
    assert board.resets == 1


def test_a_bitstream_of_another_network_is_refused(board, interface, tmp_path):
    other = dataclasses.replace(interface, network_hash="ab" * 32)
    with pytest.raises(AcceleratorError, match=rf"is of network {interface.network_hash[:12]}, this .* is of abababab"):
        OverlayAccelerator(tmp_path / "askew_overlay.bit", other, 100.0)
    board.core.words[0] = 0xDEADBEEF
    with pytest.raises(AcceleratorError, match="registers begin with 0xdeadbeef, not with 0x41534b57"):
        OverlayAccelerator(tmp_path / "askew_overlay.bit", interface, 100.0)


def test_silence_is_an_error_that_says_how_far_it_came_and_stops_the_dma(board, loaded):
    board.silent = True
    with pytest.raises(AcceleratorError, match=r"not answered 6 frames in 0\.02 s .* 6 went in, 0 labels came out"):
        loaded.run(0.02)
    assert board.resets == 2


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"lost": 1}, "5 answers came for 6 frames"),
        ({"flags": 0x1}, r"too short or too long \(errors 0x1\)"),
        ({"error": 0x40}, "the DMA reports an error"),
    ],
)
def test_damage_is_never_taken_for_answers(board, loaded, what, words):
    for name, value in what.items():
        setattr(board, name, value)
    with pytest.raises(AcceleratorError, match=words):
        loaded.run(0.02)
    assert board.resets == 2


def test_a_dma_at_work_is_left_alone(board, loaded):
    board.dma.status[0x30] = 0
    with pytest.raises(AcceleratorError, match="the DMA is at work"):
        loaded.run()


def test_more_than_the_dma_moves_at_once_is_refused(board, network, interface, frames_of, tmp_path):
    small = dataclasses.replace(interface, length_bits=8)
    accelerator = OverlayAccelerator(tmp_path / "askew_overlay.bit", small, 100.0)
    accelerator.load(frames_of(network, 10).images)
    with pytest.raises(AcceleratorError, match="moves 255 bytes at once, 11 frames have 264; .* --batch"):
        accelerator.load(frames_of(network, 11).images)
    accelerator.load(frames_of(network, 10).images)
    accelerator.run()


def deployed(tmp_path, network, frames, interface, *, built=True):
    files = None
    if built:
        (tmp_path / "a.bit").write_bytes(b"bits")
        (tmp_path / "a.hwh").write_bytes(b"<xml/>")
        digest = hashlib.sha256(b"bits").hexdigest()
        files = OverlayFiles(tmp_path / "a.bit", tmp_path / "a.hwh", digest)
    build = {"board": "Pynq-Z2", "clock_mhz": 100.0, "cycles": {"latency_cycles": 400, "origin": "our cycle model"}}
    deploy = tmp_path / "pynq" / "deploy"
    write_overlay_deploy(deploy, network, frames, interface, build, files)
    return deploy


def test_the_board_is_held_to_golden_by_the_same_client_with_a_short_last_batch(
    board, network, interface, frames_of, tmp_path, capsys
):
    frames = frames_of(network, 25)
    deploy = deployed(tmp_path, network, frames, interface)
    assert validate.main(deploy, ["--batch", "10"]) == 0
    assert "25 frames, 0 mismatches with golden" in capsys.readouterr().out
    report = json.loads((deploy / "board.json").read_text())
    assert (report["network_hash"], report["frames"], report["mismatches"]) == (network.hash, 25, 0)
    assert (report["board"], report["simulated"], report["clock_mhz"]) == ("Pynq-Z2", False, 100.0)

    wrong = np.load(deploy / "validation" / "scores.npy")
    wrong[3] = np.roll(wrong[3], 1)
    np.save(deploy / "validation" / "scores.npy", wrong)
    assert validate.main(deploy, []) == 1
    report = json.loads((deploy / "board.json").read_text())
    assert (report["mismatches"], report["first_mismatch"]) == (1, 3)


def test_another_bitfile_or_none_is_one_line(board, network, interface, frames_of, tmp_path, capsys):
    deploy = deployed(tmp_path, network, frames_of(network, 5), interface)
    (deploy / "bitfile" / "askew_overlay.bit").write_bytes(b"others")
    assert validate.main(deploy, []) == 2
    assert "is not the bitfile that this folder was made with" in capsys.readouterr().err
    (deploy / "bitfile" / "askew_overlay.bit").unlink()
    assert validate.main(deploy, []) == 2
    assert "there is no bitfile yet" in capsys.readouterr().err


def test_a_bitfile_that_was_put_there_by_hand_stays(board, network, interface, frames_of, tmp_path):
    frames = frames_of(network, 5)
    deploy = deployed(tmp_path, network, frames, interface, built=False)
    for suffix in (".bit", ".hwh"):
        (deploy / "bitfile" / f"askew_overlay{suffix}").write_bytes(b"by hand")
    deployed(tmp_path, network, frames, interface, built=False)
    assert validate.main(deploy, []) == 0
    assert json.loads((deploy / "board.json").read_text())["bitfile_sha256"]
