"""The hardware units: one class per kind, each a module of ``hw/rtl``: streams, parameters and cycles a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import gcd
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn import ConvLayer, InputEncoding, MaxPoolLayer, Shape
from bnn.folding import LoopOrder
from hw.units.rom import RomStyle, choose_style

PREFIX = "askew_"
"""Of every module, package and macro, so that none collides with a user's own ``popcount`` or ``stream_fifo``."""


def module_name(kind: str) -> str:
    """The SystemVerilog module of a unit's kind, or of any other part of a design."""
    return PREFIX + kind


def package_name(name: str) -> str:
    """A name of the package ``askew_pkg``, such as an enumeration's value."""
    return f"{PREFIX}pkg::{name}"


class PopcountStyle(Enum):
    """How a matrix counts bits; all three give the same."""

    NAIVE = 0
    """A plain sum: fast to simulate."""
    COMPRESSOR = 1
    """A compressor tree."""
    PRIMITIVES = 2
    """A compressor tree out of Xilinx 7-series primitives, which Vivado maps to UltraScale's as well."""

    @classmethod
    def for_family(cls, family: str) -> PopcountStyle:
        """The smallest that a board's family (as in ``hw.boards.board``) can build."""
        return cls.PRIMITIVES if family in {"xc7", "zynquplus"} else cls.COMPRESSOR

    @property
    def literal(self) -> str:
        """In SystemVerilog."""
        return package_name(f"Popcount{self.name.capitalize()}")


class Conversion(Enum):
    """What becomes of a pixel."""

    THRESHOLD = "a comparison"
    TABLE = "an entry of a table"
    PIXEL = "the pixel itself"
    THRESHOLDS = "a comparison for each channel"
    TABLES = "an entry of a table for each channel"


@dataclass(frozen=True)
class Stream:
    """A stream between two units: a beat is ``lanes`` elements of ``bits`` each, a frame is ``beats`` beats."""

    lanes: int
    bits: int
    beats: int

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.bits

    @property
    def elements(self) -> int:
        """Elements of a frame."""
        return self.lanes * self.beats


@dataclass(frozen=True, eq=False)
class Unit:
    """One instance in the design.

    Attributes:
        kind: what it is called in results and in the kept data of synthesis.
        name: instance name, an identifier.
        layer: the network's layer that it works for, or None.
        input: what it takes.
        output: what it gives.
    """

    kind: ClassVar[str]

    name: str
    layer: str | None
    input: Stream
    output: Stream

    @property
    def module(self) -> str:
        """Its module, and the name of that module's file."""
        return module_name(self.kind)

    @property
    def cycles(self) -> int:
        """Cycles a frame when nothing holds the unit up."""
        return max(self.input.beats, self.output.beats)

    @property
    def buffer_beats(self) -> int:
        """Beats that the unit's buffer holds, where there is a choice; else 0."""
        return 0

    def parameters(self) -> dict[str, int | str]:
        """The module's parameters; texts are SystemVerilog literals."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Quantizer(Unit):
    """Pixels to bits or integers."""

    kind: ClassVar[str] = "input_quantizer"

    encoding: InputEncoding

    @property
    def conversion(self) -> Conversion:
        """A comparison where the table is one, the pixel itself where the table is that, else the table.

        Where channels have tables of their own, comparisons if all are, else tables.
        """
        table = self.encoding.table
        if self.encoding.per_channel:
            is_rising = self.encoding.binary and bool((np.diff(table, axis=1) >= 0).all())
            return Conversion.THRESHOLDS if is_rising else Conversion.TABLES
        if self.encoding.binary:
            return Conversion.THRESHOLD if table[self.pixel :].all() else Conversion.TABLE
        return Conversion.PIXEL if all(int(value) == pixel for pixel, value in enumerate(table)) else Conversion.TABLE

    @property
    def pixel(self) -> int:
        """The lowest pixel that becomes +1, 0 .. 256, where a threshold decides."""
        return 256 - int(self.encoding.table.sum())

    @property
    def period(self) -> int:
        """Beats after which a lane reads the same channel again."""
        channels = len(self.encoding.table) if self.encoding.per_channel else 1
        return channels // gcd(channels, self.input.lanes)

    def parameters(self) -> dict[str, int | str]:
        """Sizes, what becomes of a pixel, and what it is compared with or looked up in."""
        table, bits = self.encoding.table, self.output.bits
        parameters: dict[str, int | str] = {"N": self.input.lanes, "OUT_W": bits}
        parameters["KIND"] = package_name(f"Quantizer{self.conversion.name.capitalize()}")
        if self.encoding.per_channel:
            parameters["PERIOD"] = self.period
            # Lane after lane, what it reads in each beat of a period.
            places = np.arange(self.period) * self.input.lanes + np.arange(self.input.lanes)[:, None]
            table = table[places.reshape(-1) % len(table)]  # (lanes * period, 256)
        match self.conversion:
            case Conversion.THRESHOLD:
                parameters["PIXEL"] = self.pixel
            case Conversion.THRESHOLDS:
                parameters["PIXELS"] = _literal(256 - table.sum(axis=1), 9)
            case Conversion.TABLE | Conversion.TABLES:
                parameters[self.conversion.name] = _literal(table.reshape(-1), bits)
        return parameters


@dataclass(frozen=True, eq=False)
class WidthConverter(Unit):
    """Regroups elements into beats of another width."""

    kind: ClassVar[str] = "width_converter"

    def parameters(self) -> dict[str, int | str]:
        """Bits of a beat on both sides."""
        return {"IN_W": self.input.width, "OUT_W": self.output.width}


@dataclass(frozen=True, eq=False)
class Fifo(Unit):
    """Holds ``depth`` beats."""

    kind: ClassVar[str] = "stream_fifo"

    depth: int

    @property
    def buffer_beats(self) -> int:
        """Its depth."""
        return self.depth

    def parameters(self) -> dict[str, int | str]:
        """Bits of a beat and depth."""
        return {"WIDTH": self.input.width, "DEPTH": self.depth}


@dataclass(frozen=True, eq=False)
class Window(Unit):
    """Sliding window over one layer's input image.

    Attributes:
        conv: the convolution that it feeds.
        shape: (H, W, C) of its image.
        requested_beats: what its buffer should hold at least; 0: a row more than the window needs.
    """

    kind: ClassVar[str] = "swu"

    conv: ConvLayer
    shape: Shape
    requested_beats: int = 0

    @property
    def smallest_beats(self) -> int:
        """Beats without which no window is ever whole."""
        kernel = self.conv.kernel
        return ((kernel[0] - 1) * self.shape[1] + kernel[1]) * self.shape[2] // self.input.lanes

    @property
    def buffer_beats(self) -> int:
        """A power of two."""
        row = self.shape[1] * self.shape[2] // self.input.lanes
        wanted = self.requested_beats or (self.conv.kernel[0] + 1) * row
        return 1 << (max(wanted, self.smallest_beats, 2) - 1).bit_length()

    def parameters(self) -> dict[str, int | str]:
        """The image, the window and the buffer."""
        (height, width, channels), conv, bits = self.shape, self.conv, self.input.bits
        top, left, bottom, right = conv.padding
        pad = sum((int(value) & ((1 << bits) - 1)) << (c * bits) for c, value in enumerate(conv.pad_values))
        return {
            "H": height,
            "W": width,
            "C": channels,
            "SIMD": self.input.lanes,
            "EW": bits,
            "KH": conv.kernel[0],
            "KW": conv.kernel[1],
            "SY": conv.stride[0],
            "SX": conv.stride[1],
            "PT": top,
            "PL": left,
            "PB": bottom,
            "PR": right,
            "PAD": f"{channels * bits}'h{pad:x}",
            "DEPTH": self.buffer_beats,
        }


@dataclass(frozen=True, eq=False)
class Matrix(Unit):
    """Matrix-vector-threshold unit, for bits or for integers.

    Attributes:
        mw: matrix width.
        mh: matrix height.
        order: which loop is the outer one.
        signed: the input integers are two's complement.
        thresholded: gives bits; otherwise accumulators.
        accumulator_bits: bits of an accumulator, two's complement.
        has_start: the accumulators start from other values than 0.
        replay_beats: what the replay buffer holds; 0: two vectors.
        popcount: how bits are counted.
    """

    mw: int
    mh: int
    order: LoopOrder
    signed: bool
    thresholded: bool
    accumulator_bits: int
    has_start: bool
    replay_beats: int = 0
    popcount: PopcountStyle = field(default=PopcountStyle.COMPRESSOR)

    @property
    def kind(self) -> str:  # type: ignore[override]
        """``mvau`` for bits, ``mvau_int`` for integers."""
        return "mvau" if self.is_binary else "mvau_int"

    @property
    def is_binary(self) -> bool:
        """The input is bits."""
        return self.input.bits == 1

    @property
    def synapse_fold(self) -> int:
        """SF = MW / SIMD."""
        return self.mw // self.input.lanes

    @property
    def neuron_fold(self) -> int:
        """NF = MH / PE."""
        return self.mh // self.output.lanes

    @property
    def vectors(self) -> int:
        """Output positions of a frame."""
        return self.input.beats // self.synapse_fold

    @property
    def cycles(self) -> int:
        """One weight word a cycle."""
        return self.input.beats * self.neuron_fold

    @property
    def has_replay(self) -> bool:
        """The input vector is buffered."""
        return self.order is LoopOrder.REPLAY and self.neuron_fold > 1 and self.synapse_fold > 1

    @property
    def buffer_beats(self) -> int:
        """The replay buffer's; 0 where there is none."""
        return max(self.replay_beats or 2 * self.synapse_fold, self.synapse_fold) if self.has_replay else 0

    @property
    def weight_style(self) -> RomStyle:
        """Where the weights are."""
        return choose_style(self.output.lanes * self.input.lanes, self.synapse_fold * self.neuron_fold)

    @property
    def start_style(self) -> RomStyle:
        """Where the start values are."""
        return choose_style(self.output.lanes * self.accumulator_bits, self.neuron_fold)

    @property
    def popcount_stages(self) -> int:
        """Registers within the adder tree: what keeps a step of it short enough for the usual clocks."""
        width = self.input.lanes * (1 if self.is_binary else 4)
        return 0 if width <= 16 else 1 if width <= 256 else 2

    def parameters(self) -> dict[str, int | str]:
        """Sizes, loop order, files and styles."""
        parameters: dict[str, int | str] = {
            "MW": self.mw,
            "MH": self.mh,
            "SIMD": self.input.lanes,
            "PE": self.output.lanes,
        }
        if not self.is_binary:
            parameters |= {"IN_W": self.input.bits, "IN_SIGNED": int(self.signed)}
        return (
            parameters
            | {
                "THRESHOLD": int(self.thresholded),
                "ACC_W": self.accumulator_bits,
                "ORDER": package_name("InputMajor" if self.order is LoopOrder.ACCUMULATE else "OutputMajor"),
                "BUFFER_BEATS": self.buffer_beats,
                "WEIGHT_FILE": f'"mem/{self.name}_weights.hex"',
                "START_FILE": f'"mem/{self.name}_start.hex"' if self.has_start else '""',
                "ROM_STYLE": package_name(f"Rom{self.weight_style.name.capitalize()}"),
                "START_STYLE": package_name(f"Rom{self.start_style.name.capitalize()}"),
                "POP_STAGES": self.popcount_stages,
            }
            | ({"POP_STYLE": self.popcount.literal} if self.is_binary else {})
        )


@dataclass(frozen=True, eq=False)
class Pool(Unit):
    """Max pool of bits."""

    kind: ClassVar[str] = "maxpool"

    pool: MaxPoolLayer
    shape: Shape

    @staticmethod
    def walk_size(pool: MaxPoolLayer, shape: Shape) -> tuple[int, int]:
        """Rows and columns that the unit walks: the image's, and those below and right of it that complete a window."""
        output = pool.output_shape(shape)
        rows, columns = (
            max(shape[axis], (output[axis] - 1) * pool.stride[axis] + pool.kernel[axis] - pool.padding[axis])
            for axis in (0, 1)
        )
        return rows, columns

    @property
    def cycles(self) -> int:
        """One position and group of lanes a cycle."""
        rows, columns = self.walk_size(self.pool, self.shape)
        return rows * columns * (self.shape[2] // self.input.lanes)

    def parameters(self) -> dict[str, int | str]:
        """The image and the window."""
        height, width, channels = self.shape
        top, left, bottom, right = self.pool.padding
        return {
            "H": height,
            "W": width,
            "C": channels,
            "SIMD": self.input.lanes,
            "KH": self.pool.kernel[0],
            "KW": self.pool.kernel[1],
            "SY": self.pool.stride[0],
            "SX": self.pool.stride[1],
            "PT": top,
            "PL": left,
            "PB": bottom,
            "PR": right,
        }


@dataclass(frozen=True, eq=False)
class ScoreMap(Unit):
    """The last layer's accumulators to scores, by a table of ``entries`` a channel."""

    kind: ClassVar[str] = "score_map"

    entries: int

    def parameters(self) -> dict[str, int | str]:
        """The table's sizes and file."""
        return {
            "PE": self.input.lanes,
            "NEURON_FOLD": self.input.beats,
            "ACC_W": self.input.bits,
            "SCORE_W": self.output.bits,
            "TABLE_FILE": f'"mem/{self.name}_table.hex"',
            "ENTRIES": self.entries,
        }


@dataclass(frozen=True, eq=False)
class LabelSelect(Unit):
    """The class with the highest score."""

    kind: ClassVar[str] = "label_select"

    def parameters(self) -> dict[str, int | str]:
        """Scores and label."""
        return {
            "CLASSES": self.input.elements,
            "PE": self.input.lanes,
            "SCORE_W": self.input.bits,
            "LABEL_W": self.output.bits,
        }


def _literal(values: NDArray[np.integer[Any]], bits: int) -> str:
    """Values of so many bits each, the first lowest, as one SystemVerilog number."""
    packed = sum((int(value) & ((1 << bits) - 1)) << (index * bits) for index, value in enumerate(values))
    return f"{len(values) * bits}'h{packed:x}"


def value_bits(low: int, high: int) -> tuple[int, bool]:
    """Bits of a stream element that holds ``low`` .. ``high``, and whether it is two's complement.

    At least 2: one bit means a bipolar bit.
    """
    if low < 0:
        return max(2, signed_bits(low, high)), True
    return max(2, high.bit_length()), False


def signed_bits(low: int, high: int) -> int:
    """Bits of two's complement that hold ``low`` .. ``high``."""
    return 1 + max(high.bit_length() if high >= 0 else 0, (-low - 1).bit_length() if low < 0 else 0)
