"""The board's side of the DMA. Oracles: FINN's own packing of streams; a register model of its DMA engines."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from finn.util.data_packing import finnpy_to_packed_bytearray
from qonnx.core.datatype import DataType

from finn_build.board.accelerator import Interface, PynqAccelerator, Simulated


def interface(**changed):
    usual = {
        "input_bytes": 24, "output_values": 1, "output_bits": 8, "output_signed": False, "output_width": 1,
        "input_dma": "idma0", "output_dma": "odma0",
    }  # fmt: skip
    return Interface(**usual | changed)


def packed_by_finn(values, dtype):
    return finnpy_to_packed_bytearray(values.astype(np.float32), dtype, reverse_endian=True, reverse_inner=True)


@pytest.mark.parametrize(
    ("dtype", "values", "width"),
    [("UINT8", 1, 1), ("UINT16", 10, 1), ("UINT5", 12, 4), ("INT11", 10, 5), ("INT24", 6, 6), ("UINT8", 10, 2)],
)
def test_unpacks_what_finn_packs(rng, dtype, values, width):
    kind = DataType[dtype]
    answers = rng.integers(int(kind.min()), int(kind.max()) + 1, (7, values))
    packed = packed_by_finn(answers.reshape(7, values // width, width), kind).reshape(7, -1)
    described = interface(
        output_values=values, output_bits=kind.bitwidth(), output_signed=kind.signed(), output_width=width
    )
    assert packed.shape[1] == described.output_bytes
    assert np.array_equal(described.unpack(packed.astype(np.uint8)), answers)


@pytest.mark.parametrize("simd", [1, 3, 24])
def test_pixels_are_packed_as_they_lie_in_memory(rng, simd):
    images = rng.integers(0, 256, (5, 4, 6, 1), dtype=np.uint8)
    packed = packed_by_finn(images.reshape(5, 24 // simd, simd), DataType["UINT8"])
    assert np.array_equal(packed.ravel(), images.ravel())


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
        self.accelerator, self.kind = Simulated(network, gives_labels=True), kind
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
            self.done = True


@pytest.fixture
def board(networks, monkeypatch):
    board = Board(networks("mlp"))
    monkeypatch.setitem(__import__("sys").modules, "pynq", board)
    return board


def test_answers_come_through_the_engines(board, networks, frames_of, tmp_path):
    frames = frames_of(networks("mlp"), 30)
    accelerator = PynqAccelerator(tmp_path / "finn-accel.bit", interface(), 100.0)
    for count in (30, 7, 7):
        accelerator.load(frames.images[:count])
        accelerator.run()
        assert np.array_equal(accelerator.answers()[:, 0], frames.scores[:count].argmax(axis=1))
    assert board.loaded == [str(tmp_path / "finn-accel.bit")]
    assert accelerator.clock_mhz() == 100.0
    assert [buffer.freed for buffer in board.buffers] == [True, True, False, False]


def test_a_busy_engine_is_an_error(board, networks, frames_of, tmp_path, monkeypatch):
    accelerator = PynqAccelerator(tmp_path / "finn-accel.bit", interface(), 100.0)
    accelerator.load(frames_of(networks("mlp")).images)
    monkeypatch.setattr(board.overlay.odma0, "read", lambda _: 0)
    with pytest.raises(RuntimeError, match="the output engine is not idle"):
        accelerator.run()
