"""Which modules there are, and the parameters with which each is looked at: every branch of generate blocks once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from hw.generator.design import RTL_FOLDER, rtl_files
from hw.units.units import PREFIX

Parameters = dict[str, int | str]
"""Parameter to value; texts are strings in quotes or values of ``askew_pkg``'s enumerations."""

HW = RTL_FOLDER.parent
OTHERS = (HW / "rtlsim" / "harness" / "askew_stall_gate.sv", HW / "synth" / "askew_popcount_threshold.sv")
FILE = '"words.hex"'

VARIANTS: dict[str, Sequence[Parameters]] = {
    "accumulator": (
        {"SYNAPSE_FOLD": 4, "START_FILE": FILE},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "PE": 2, "SUM_DELAY": 3, "START_FILE": FILE, "START_STYLE": "RomBlock"},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "ORDER": "InputMajor", "THRESHOLD": 0, "SUM_SIGNED": 1},
    ),
    "adder_3": ({"STYLE": "PopcountPrimitives"}, {"STYLE": "PopcountPrimitives", "WIDTH": 1}),
    "axil_regs": ({"HASH_FILE": FILE},),
    "axis_frame_guard": ({"BEATS": 1}, {"BEATS": 7}),
    "compressor": (
        {"STYLE": "PopcountPrimitives"},
        {"STYLE": "PopcountPrimitives", "WIDTH": 1},
        {"STYLE": "PopcountPrimitives", "WIDTH": 9, "STAGES": 2},
        {"B_CONSTANT": 1, "WIDTH": 1},
        {"B_CONSTANT": 1, "WIDTH": 14},
        {"WIDTH": 2, "STAGES": 2},
        {"WIDTH": 7, "STAGES": 9},
    ),
    "counter_6_3": ({"STYLE": "PopcountPrimitives"},),
    "full_adder": ({"STYLE": "PopcountPrimitives"},),
    "input_quantizer": (
        {"N": 3, "PIXEL": 0},
        {"N": 3, "PIXEL": 256},
        {"N": 2, "KIND": "QuantizerTable", "OUT_W": 9},
        {"N": 2, "KIND": "QuantizerPixel", "OUT_W": 4},
        {"N": 2, "KIND": "QuantizerPixel", "OUT_W": 8},
        {"N": 2, "KIND": "QuantizerThresholds", "PERIOD": 3},
        {"N": 3, "KIND": "QuantizerThresholds"},
        {"N": 2, "KIND": "QuantizerTables", "OUT_W": 9, "PERIOD": 3},
        {"N": 3, "KIND": "QuantizerTables", "OUT_W": 1},
    ),
    "label_select": ({"PE": 5}, {"PE": 10}, {"CLASSES": 1}, {"CLASSES": 12, "PE": 3, "LABEL_W": 8}),
    "maxpool": (
        {"H": 5, "W": 6, "C": 4, "SIMD": 2},
        {"H": 5, "W": 6, "KH": 3, "KW": 3, "SY": 1, "SX": 1, "PT": 1, "PL": 1, "PB": 1, "PR": 1},
        {"H": 5, "W": 6, "KH": 1, "KW": 1},
        {"H": 5, "W": 6, "C": 2, "KH": 4, "KW": 2, "SY": 1},
    ),
    "mvau": (
        {"WEIGHT_FILE": FILE, "START_FILE": FILE, "ROM_STYLE": "RomLut", "START_STYLE": "RomLut"},
        {"WEIGHT_FILE": FILE, "ORDER": "InputMajor", "ROM_STYLE": "RomBlock", "THRESHOLD": 0, "POP_STAGES": 2},
        {"WEIGHT_FILE": FILE, "MW": 9, "MH": 2, "SIMD": 9, "PE": 2, "POP_STYLE": "PopcountPrimitives"},
        {"WEIGHT_FILE": FILE, "SIMD": 16, "POP_STYLE": "PopcountNaive"},
        {"WEIGHT_FILE": FILE, "MH": 2, "SIMD": 4, "PE": 2},
        {"MW": 1, "MH": 1, "SIMD": 1, "PE": 1},
    ),
    "mvau_int": (
        {"WEIGHT_FILE": FILE, "START_FILE": FILE, "ACC_W": 16, "ROM_STYLE": "RomLut", "START_STYLE": "RomLut"},
        {"WEIGHT_FILE": FILE, "ACC_W": 16, "IN_SIGNED": 1, "ORDER": "InputMajor", "THRESHOLD": 0, "POP_STAGES": 1},
        {"WEIGHT_FILE": FILE, "ACC_W": 16, "MH": 2, "SIMD": 64, "PE": 2, "IN_W": 1},
    ),
    "pipeline": ({"STAGES": 0}, {"STAGES": 3, "WIDTH": 4}),
    "popcount": ({"STYLE": "PopcountNaive", "STAGES": 2}, {"STYLE": "PopcountPrimitives", "STAGES": 2, "WIDTH": 9}),
    "popcount_threshold": ({"STYLE": "PopcountNaive"},),
    "replay_buffer": ({"COUNT": 3, "REPEATS": 5, "DEPTH": 4},),
    "rom": (
        {"FILE": FILE},
        {"FILE": FILE, "DEPTH": 5},
        {"FILE": FILE, "DEPTH": 5, "STYLE": "RomLut"},
        {"FILE": FILE, "DEPTH": 5, "STYLE": "RomBlock"},
    ),
    "rom_lut": ({"FILE": FILE, "DEPTH": 5},),
    "score_map": ({"PE": 2, "NEURON_FOLD": 5, "ENTRIES": 17, "TABLE_FILE": FILE}, {"TABLE_FILE": FILE, "ENTRIES": 9}),
    "stall_gate": (),
    "step_sequencer": (
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "ORDER": "InputMajor"},
        {"SYNAPSE_FOLD": 4},
        {"NEURON_FOLD": 3},
    ),
    "stream_fifo": ({"DEPTH": 1}, {"DEPTH": 5}),
    "stream_rules": ({"WIDTH": 9},),
    "swu": (
        {"H": 5, "W": 6, "C": 4, "SIMD": 2, "EW": 3},
        {"H": 5, "W": 6, "C": 4, "SIMD": 2, "PT": 2, "PL": 2, "PB": 1, "PR": 1},
        {"H": 5, "W": 6, "SY": 2, "SX": 3, "PB": 1, "DEPTH": 64},
        {"H": 1, "W": 1, "KH": 1, "KW": 1},
    ),
    "width_converter": (
        {"IN_W": 2, "OUT_W": 8},
        {"IN_W": 8, "OUT_W": 2},
        {"IN_W": 6, "OUT_W": 4},
        {"IN_W": 16, "OUT_W": 49},
    ),
}


def packages() -> list[Path]:
    """The packages, which every module may use."""
    return [path for path in rtl_files() if path.stem.endswith("_pkg")]


def modules() -> list[Path]:
    """Every module that is linted: those of designs, and those that simulation and synthesis add."""
    return [*(path for path in rtl_files() if path not in packages()), *OTHERS]


def settings(module: Path) -> list[Parameters]:
    """The defaults, then the variants."""
    return [{}, *VARIANTS[module.stem.removeprefix(PREFIX)]]


@lru_cache(maxsize=1)
def enumeration_values() -> dict[str, int]:
    """Every enumeration's value in ``askew_pkg``, by name."""
    text = (RTL_FOLDER / f"{PREFIX}pkg.sv").read_text(encoding="utf-8")
    return {name: int(value) for name, value in re.findall(r"^ +([A-Z]\w+) += (\d+)", text, re.MULTILINE)}
