"""A register model of the board: FINN's DMA engines, memory behind caches, and the integer network between them."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from finn.util.data_packing import finnpy_to_packed_bytearray
from qonnx.core.datatype import DataType

from finn_build.board.accelerator import Simulated


def packed_by_finn(values, dtype):
    return finnpy_to_packed_bytearray(values.astype(np.float32), dtype, reverse_endian=True, reverse_inner=True)


class Buffer(np.ndarray):
    """Memory that is written back and read again only when asked to, at a 40-bit address of its own."""

    pages = itertools.count()

    def __new__(cls, shape, dtype):
        buffer = np.zeros(shape, dtype).view(cls)
        buffer.memory = np.full(shape, 0xEE, dtype)
        buffer.device_address = 0x12_3456_7000 + 0x1000 * next(cls.pages)
        buffer.freed = False
        return buffer

    def __array_finalize__(self, source):
        self.memory = getattr(source, "memory", None)

    def flush(self):
        self.memory[:] = self

    def invalidate(self):
        self[:] = self.memory

    def freebuffer(self):
        self.freed = True


class Engine:
    """FINN's DMA engine as far as software sees it; the writing one answers once the reading one has been started."""

    def __init__(self, board, name):
        self.board, self.name = board, name
        self.registers = dict.fromkeys((0x00, 0x10, 0x14, 0x1C), 0)

    def read(self, address):
        return 0x6 if self.name == "odma0" and self.board.done else 0x4

    def write(self, address, value):
        assert 0 <= value < 2**32
        self.registers[address] = value
        if address == 0 and value == 1:
            self.board.start(self)


class Board:
    """A fake pynq whose accelerator is the integer network and whose stream is packed by FINN."""

    def __init__(self, network, kind=DataType["UINT8"]):
        self.accelerator, self.kind, self.silent = Simulated(network, gives_labels=True), kind, False
        self.shape = network.input.shape
        self.buffers, self.started, self.done = [], [], False
        self.overlay = SimpleNamespace(idma0=Engine(self, "idma0"), odma0=Engine(self, "odma0"))
        self.ps = SimpleNamespace(Clocks=SimpleNamespace(fclk0_mhz=0.0))
        self.loaded = []

    def Overlay(self, bitfile):
        self.loaded.append(bitfile)
        return self.overlay

    def allocate(self, shape, dtype):
        self.buffers.append(Buffer(shape, dtype))
        return self.buffers[-1]

    def at(self, engine):
        address = engine.registers[0x10] | engine.registers[0x14] << 32
        (buffer,) = [one for one in self.buffers if one.device_address == address and not one.freed]
        assert engine.registers[0x1C] == len(buffer)
        return buffer

    def start(self, engine):
        self.started.append(engine.name)
        self.done = False
        if engine.name == "idma0":
            assert self.started[-2] == "odma0", "the writer must wait before anything is read"
            self.accelerator.load(self.at(engine).memory.reshape(-1, *self.shape))
            self.accelerator.run()
            answers = self.accelerator.answers()
            self.at(self.overlay.odma0).memory[:] = packed_by_finn(answers, self.kind)
            self.done = not self.silent


@pytest.fixture
def board(networks, monkeypatch):
    board = Board(networks("mlp"))
    monkeypatch.setitem(__import__("sys").modules, "pynq", board)
    return board
