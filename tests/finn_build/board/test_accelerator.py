"""The board's side of the DMA. Oracles: FINN's own packing of streams; a register model of its DMA engines."""

import numpy as np
import pytest
from finn.util.data_packing import finnpy_to_packed_bytearray
from qonnx.core.datatype import DataType

from bnn.errors import UserError
from finn_build.board.accelerator import AcceleratorError, PynqAccelerator
from finn_build.board.interface import Interface


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


@pytest.fixture
def loaded(board, networks, frames_of, tmp_path):
    accelerator = PynqAccelerator(tmp_path / "finn-accel.bit", interface(), 100.0)
    accelerator.load(frames_of(networks("mlp"), 4).images)
    return accelerator


@pytest.mark.parametrize(
    ("input_status", "reason"),
    [(0x1, "not all images were read: the bitfile must be of this board"), (0x6, "all images were read, but not all")],
)
def test_an_accelerator_that_is_silent_is_an_error_in_one_line(board, loaded, monkeypatch, input_status, reason):
    """Oracle: the engines' status bits as Vitis HLS defines them."""
    monkeypatch.setattr(board, "silent", True)
    monkeypatch.setattr(board.overlay.idma0, "read", lambda _: input_status)
    with pytest.raises(
        AcceleratorError, match=rf"has not answered 4 frames in 0\.02 s at 100\.0 MHz; {reason}"
    ) as raised:
        loaded.run(0.02)
    assert isinstance(raised.value, UserError)
    assert "\n" not in str(raised.value)


def test_an_answer_that_comes_during_the_last_look_counts(board, loaded, monkeypatch):
    status = iter([0x4, 0x2])  # idle before the start; done when it is looked at after the limit; clear from then on
    monkeypatch.setattr(board.overlay.odma0, "read", lambda _: next(status, 0x4))
    loaded.run(-1.0)


def test_a_driver_of_another_build(board, tmp_path):
    with pytest.raises(AcceleratorError, match="has no DMA engine that driver/ names .*odma7.*of one build"):
        PynqAccelerator(tmp_path / "finn-accel.bit", interface(output_dma="odma7"), 100.0)


def test_what_pynq_raises_is_one_line(board, networks, frames_of, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("No Devices Found")

    monkeypatch.setattr(board, "allocate", refuse)
    accelerator = PynqAccelerator(tmp_path / "finn-accel.bit", interface(), 100.0)
    with pytest.raises(AcceleratorError, match=r"no 240 bytes .*No Devices Found.*--batch"):
        accelerator.load(frames_of(networks("mlp"), 10).images)
    monkeypatch.setattr(board, "Overlay", refuse)
    with pytest.raises(AcceleratorError, match=r"cannot load it \(No Devices Found\); run `sudo XILINX_XRT=/usr "):
        PynqAccelerator(tmp_path / "finn-accel.bit", interface(), 100.0)
