"""``mvau`` and ``mvau_int``: matrix, vector and threshold, for bits and for integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from bnn import MatrixLayer
from bnn.folding import LoopOrder
from hw.units.cost import SMALL_TABLES, Resources, counter_bits, lut_ram_luts, rom_resources
from hw.units.matrix_sizes import MatrixSizes
from hw.units.memory import field_bits
from hw.units.popcount import PopcountStyle, chain_tables, integer_sum_resources, popcount_resources, shared_luts
from hw.units.rom import RomStyle
from hw.units.specification import Draw, Numbers
from hw.units.unit import MEMORY_FILE as WORDS
from hw.units.unit import Memories, Parameters, Stream, package_name, signed_bits


@dataclass(frozen=True, eq=False)
class Matrix(MatrixSizes):
    """Matrix-vector-threshold unit, for bits or for integers."""

    gives_layer: ClassVar[bool] = True
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        "mvau": (
            {"WEIGHT_FILE": WORDS, "START_FILE": WORDS, "ROM_STYLE": "RomLut", "START_STYLE": "RomLut"},
            {"WEIGHT_FILE": WORDS, "ORDER": "InputMajor", "ROM_STYLE": "RomBlock", "THRESHOLD": 0, "POP_STAGES": 2},
            {"WEIGHT_FILE": WORDS, "MW": 9, "MH": 2, "SIMD": 9, "PE": 2, "POP_STYLE": "PopcountPrimitives"},
            {"WEIGHT_FILE": WORDS, "SIMD": 16, "POP_STYLE": "PopcountNaive"},
            {"WEIGHT_FILE": WORDS, "SIMD": 16, "POP_STYLE": "PopcountCarry", "POP_STAGES": 2},
            {"WEIGHT_FILE": WORDS, "MH": 2, "SIMD": 4, "PE": 2},
            {"MW": 1, "MH": 1, "SIMD": 1, "PE": 1},
        ),
        "mvau_int": (
            {"WEIGHT_FILE": WORDS, "START_FILE": WORDS, "ACC_W": 16, "ROM_STYLE": "RomLut", "START_STYLE": "RomLut"},
            {"WEIGHT_FILE": WORDS, "ACC_W": 16, "IN_SIGNED": 1, "ORDER": "InputMajor", "THRESHOLD": 0, "POP_STAGES": 1},
            {"WEIGHT_FILE": WORDS, "ACC_W": 16, "MH": 2, "SIMD": 64, "PE": 2, "IN_W": 1},
        ),
    }
    samples: ClassVar[Mapping[str, str]] = {
        "mvau": "mw=64 mh=64 simd=1 pe=1; mw=64 mh=64 simd=2 pe=4; mw=64 mh=64 simd=4 pe=8; "
        "mw=64 mh=64 simd=8 pe=8; mw=64 mh=64 simd=16 pe=2; mw=64 mh=64 simd=32 pe=4; mw=64 mh=64 simd=64 pe=8; "
        "mw=64 mh=16 simd=64 pe=16; mw=784 mh=64 simd=7 pe=4; mw=784 mh=64 simd=14 pe=8; "
        "mw=784 mh=64 simd=28 pe=16; mw=784 mh=64 simd=49 pe=4; mw=784 mh=64 simd=98 pe=2; "
        "mw=784 mh=16 simd=196 pe=1; mw=256 mh=256 simd=4 pe=1; mw=256 mh=64 simd=16 pe=4; "
        "mw=256 mh=32 simd=128 pe=4; mw=288 mh=32 simd=32 pe=8; mw=576 mh=64 simd=32 pe=16; "
        "mw=576 mh=64 simd=64 pe=4; mw=1152 mh=64 simd=32 pe=4; mw=1152 mh=128 simd=64 pe=2; "
        "mw=27 mh=16 simd=3 pe=4; mw=90 mh=6 simd=15 pe=3; mw=45 mh=10 simd=9 pe=5; mw=512 mh=10 simd=1 pe=5; "
        "mw=512 mh=10 simd=8 pe=2; mw=64 mh=64 simd=64 pe=64; mw=128 mh=16 simd=128 pe=16; "
        "mw=30 mh=12 simd=30 pe=12; mw=784 mh=4 simd=784 pe=4; mw=64 mh=64 simd=8 pe=8 style=1; "
        "mw=784 mh=32 simd=49 pe=4 style=1; mw=288 mh=32 simd=32 pe=8 style=1; "
        "mw=128 mh=16 simd=128 pe=2 style=1; mw=90 mh=6 simd=15 pe=3 style=1; "
        "mw=64 mh=64 simd=8 pe=8 input_major=1; mw=288 mh=64 simd=16 pe=4 input_major=1; "
        "mw=512 mh=64 simd=4 pe=8 input_major=1; mw=90 mh=32 simd=15 pe=2 input_major=1; "
        "mw=256 mh=128 simd=16 pe=1 input_major=1; mw=64 mh=10 simd=8 pe=10 threshold=0; "
        "mw=512 mh=10 simd=1 pe=5 threshold=0; mw=256 mh=10 simd=16 pe=2 threshold=0; "
        "mw=128 mh=20 simd=32 pe=4 threshold=0; mw=256 mh=64 simd=16 pe=4 replay=16; "
        "mw=256 mh=64 simd=4 pe=4 replay=200",
        "mvau_int": "mw=27 mh=64 simd=3 pe=16 bits=8; mw=27 mh=64 simd=1 pe=4 bits=8; "
        "mw=27 mh=16 simd=3 pe=2 bits=4; mw=75 mh=12 simd=3 pe=4 bits=8; mw=784 mh=16 simd=4 pe=4 bits=8; "
        "mw=784 mh=16 simd=16 pe=2 bits=8; mw=64 mh=32 simd=8 pe=4 bits=2; mw=64 mh=32 simd=8 pe=4 bits=6; "
        "mw=64 mh=32 simd=2 pe=4 bits=8; mw=27 mh=64 simd=3 pe=16 bits=8 signed=1; "
        "mw=27 mh=64 simd=3 pe=16 bits=8 input_major=1; mw=784 mh=10 simd=4 pe=2 bits=8 threshold=0",
    }

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
                "ORDER": package_name("InputMajor" if self.order is LoopOrder.INPUT_MAJOR else "OutputMajor"),
                "BUFFER_BEATS": self.buffer_beats,
                "WEIGHT_FILE": f'"{self.memory_file("weights")}"',
                "START_FILE": f'"{self.memory_file("start")}"' if self.has_start else '""',
                "ROM_STYLE": package_name(f"Rom{self.weight_style.name.capitalize()}"),
                "START_STYLE": package_name(f"Rom{self.start_style.name.capitalize()}"),
                "POP_STAGES": self.stages,
            }
            | ({"POP_STYLE": self.popcount.literal} if self.is_binary else {})
        )

    def memories(self, layer: MatrixLayer, value_range: tuple[int, int] | None) -> Memories:
        """Weights, and what each accumulator starts from.

        ``weights``, (SF * NF, PE * SIMD) bits: bit pe * SIMD + s is the weight of output nf * PE + pe for input
        sf * SIMD + s. ``start``, (NF, PE * ACC_W) bits: minus its threshold, so that the comparison is with 0; before a
        score table minus its lowest sum, so that it ends as the table's index. The unit for integers sums ~x where the
        weight is -1, and -x = ~x + 1: those ones are here.
        """
        pe, simd = self.output.lanes, self.input.lanes
        folded = layer.weight_bits.reshape(self.neuron_fold, pe, self.synapse_fold, simd)
        axes = (0, 2, 1, 3) if self.order is LoopOrder.OUTPUT_MAJOR else (2, 0, 1, 3)
        weights = np.ascontiguousarray(folded.transpose(axes)).reshape(-1, pe * simd)
        if not self.has_start:
            return {"weights": weights}
        start = np.zeros(layer.mh, np.int64)
        if layer.thresholds is not None:
            start -= layer.thresholds
        elif layer.score_table is not None:
            start -= layer.accumulator_range(value_range)[0]
        if value_range is not None:
            start += layer.mw - layer.weight_bits.sum(axis=1, dtype=np.int64)
        return {"weights": weights, "start": field_bits(start.reshape(self.neuron_fold, pe), self.accumulator_bits)}

    @property
    def xnors(self) -> int:
        """PE x SIMD, where it counts bits."""
        return self.output.lanes * self.input.lanes * self.is_binary

    def busy(self, instance: str) -> str:
        """It takes a step."""
        return f"({instance}.step && {instance}.ce)"

    def resources(self) -> Resources:
        """Adders, accumulators and memories are counted, the control around them is fitted."""
        simd, pe, width = self.input.lanes, self.output.lanes, self.accumulator_bits
        synapse_fold, neuron_fold = self.synapse_fold, self.neuron_fold
        steps = synapse_fold * neuron_fold
        interleaved = self.order is LoopOrder.INPUT_MAJOR and synapse_fold > 1 and neuron_fold > 1

        adders = self._lane_sum(constant=steps == 1)
        luts = pe * self._lane_luts(adders.luts, constant=steps == 1)
        if steps == 1:  # constant weights and start values
            luts += shared_luts(simd, pe) * self.is_binary - 2 * pe
        ffs = pe * (adders.ffs + (1 if self.thresholded else width)) + self.input.width
        if synapse_fold > 1 and not interleaved:
            ffs += pe * width
        control = counter_bits(steps)
        if self.has_replay:
            luts += lut_ram_luts(self.input.width + 1, self.buffer_beats) + 12 + 11 * counter_bits(synapse_fold)
            ffs += 4 + round(3.4 * control) + round(3.5 * counter_bits(self.buffer_beats))
        else:
            luts += 10
            ffs += 3 * control
        if interleaved:
            luts += lut_ram_luts(pe * width, neuron_fold)

        total = Resources(luts, ffs) + self._rom(pe * simd, steps, self.weight_style)
        if self.has_start:
            total += self._rom(pe * width, neuron_fold, self.start_style)
        return total

    def _lane_luts(self, adders: int, *, constant: bool) -> int:
        """A lane's sum and accumulator."""
        width = self.accumulator_bits
        if self.popcount is PopcountStyle.CARRY and self.is_binary and not constant:
            return ceil((adders + width + chain_tables(width)) / SMALL_TABLES)  # a multiplexer in front of a chain
        return adders + width

    def _rom(self, width: int, depth: int, style: RomStyle) -> Resources:
        """A memory that is only read; of tables of 4 inputs, 16 words each, it takes more."""
        rom = rom_resources(width, depth, style)
        if self.popcount is PopcountStyle.CARRY and style is RomStyle.LUT:
            return Resources(ceil(rom.ffs * ceil(depth / 16) / SMALL_TABLES), rom.ffs)
        return rom

    def _lane_sum(self, *, constant: bool) -> Resources:
        """One lane's sum of a step."""
        stages, simd = self.stages, self.input.lanes
        if self.is_binary:
            return popcount_resources(simd, self.popcount, constant, stages)
        return integer_sum_resources(simd, self.input.bits, self.signed, stages)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Matrix, Memories]:
        """``mw``, ``mh``, ``simd``, ``pe``; ``threshold``, ``input_major``, ``replay`` beats, popcount's ``style``.

        Of integers also ``bits`` and ``signed``. Thresholds lie around the middle, as trained networks' do.
        """
        mw, mh, simd, pe = numbers("mw"), numbers("mh"), numbers("simd"), numbers("pe")
        bits = numbers("bits", 8) if numbers.kind == "mvau_int" else 1
        signed, thresholded = bool(numbers("signed", 0)), bool(numbers("threshold", 1))
        order = LoopOrder.INPUT_MAJOR if numbers("input_major", 0) else LoopOrder.OUTPUT_MAJOR
        assert mw % simd == 0
        assert mh % pe == 0
        deviation = mw**0.5 * (1 if bits == 1 else 2**bits / 2)
        middle = mw / 2 if bits == 1 else 0
        thresholds = numbers.rng.normal(middle, deviation / 2, mh).round().astype(np.int64)
        largest = mw * (1 if bits == 1 else 2**bits - 1)
        low = 0 if bits == 1 else -largest
        if thresholded:
            accumulator = signed_bits(low - int(thresholds.max()), largest - int(thresholds.min()))
        else:
            accumulator = signed_bits(low, largest)
        source, sink = Stream(simd, bits, mw // simd), Stream(pe, 1 if thresholded else accumulator, mh // pe)
        style = numbers("style", PopcountStyle.PRIMITIVES.value) if bits == 1 else PopcountStyle.COMPRESSOR
        unit = cls(
            *(numbers.name, "layer", source, sink, mw, mh, order, signed, thresholded, accumulator),
            has_start=thresholded or bits > 1,
            replay_beats=numbers("replay", 0),
            popcount=PopcountStyle(style),
        )
        weights = numbers.random_bits(unit.synapse_fold * unit.neuron_fold, pe * simd)
        if not unit.has_start:
            return unit, {"weights": weights}
        return unit, {
            "weights": weights,
            "start": field_bits(-thresholds.reshape(unit.neuron_fold, pe), accumulator),
        }

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """Of bits, of either loop order or not, and of integers."""
        sizes, rng = f"mw={draw.mw} mh={draw.mh}", draw.rng
        folded = f"mvau {sizes} simd={draw.simd} pe={draw.pe}"
        yield f"{folded} input_major={rng.randrange(2)} threshold={rng.randrange(2)}"
        yield folded
        simd, pe = draw.fold(draw.mw, 12), draw.fold(draw.mh, 8)
        yield f"mvau_int {sizes} simd={simd} pe={pe} bits={rng.randrange(2, 9)}"
