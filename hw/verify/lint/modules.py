"""Which modules there are, and the parameters with which each is looked at: every branch of generate blocks once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from hw.generator.design import RTL_FOLDER, rtl_files
from hw.units import PREFIX, UNITS, Parameters
from hw.units.unit import MEMORY_FILE as WORDS

HW = RTL_FOLDER.parent
SHELL_FOLDER = HW / "fpga" / "rtl"
OTHERS = (HW / "rtlsim" / "harness" / "askew_stall_gate.sv", HW / "synth" / "askew_popcount_threshold.sv")

PARTS: dict[str, Sequence[Parameters]] = {
    "accumulator": (
        {"SYNAPSE_FOLD": 4, "START_FILE": WORDS},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "PE": 2, "SUM_DELAY": 3, "START_FILE": WORDS, "START_STYLE": "RomBlock"},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "ORDER": "InputMajor", "THRESHOLD": 0, "SUM_SIGNED": 1},
    ),
    "adder_3": ({"STYLE": "PopcountPrimitives"}, {"STYLE": "PopcountPrimitives", "WIDTH": 1}),
    "axis_bytes": (
        {"IN_BYTES": 1, "OUT_BYTES": 1},
        {"IN_BYTES": 64, "OUT_BYTES": 49},
        {"IN_BYTES": 8, "OUT_BYTES": 24},
    ),
    "axil_regs": ({"HASH_FILE": WORDS},),
    "axis_frame_guard": ({"BEATS": 1}, {"BEATS": 7}),
    "carry_adder": ({"WIDTH": 2}, {"WIDTH": 4, "OUT_W": 4}, {"WIDTH": 5}),
    "carry_tree": (
        {"WIDTH": 1},
        {"WIDTH": 2, "STAGES": 2},
        {"WIDTH": 31, "STAGES": 3, "A_INVERTED": 1},
        {"WIDTH": 49, "STAGES": 7},
    ),
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
    "frame_ends": ({"DEPTH": 2},),
    "full_adder": ({"STYLE": "PopcountPrimitives"},),
    "pipeline": ({"STAGES": 0}, {"STAGES": 3, "WIDTH": 4}),
    "popcount": (
        {"STYLE": "PopcountNaive", "STAGES": 2},
        {"STYLE": "PopcountPrimitives", "STAGES": 2, "WIDTH": 9},
        {"STYLE": "PopcountPrimitives", "A_INVERTED": 1, "WIDTH": 9},
        {"STYLE": "PopcountCarry", "A_INVERTED": 1, "WIDTH": 9},
    ),
    "popcount_threshold": ({"STYLE": "PopcountNaive"},),
    "replay_buffer": ({"COUNT": 3, "REPEATS": 5, "DEPTH": 4},),
    "rom": (
        {"FILE": WORDS},
        {"FILE": WORDS, "DEPTH": 5},
        {"FILE": WORDS, "DEPTH": 5, "STYLE": "RomLut"},
        {"FILE": WORDS, "DEPTH": 5, "STYLE": "RomBlock"},
    ),
    "rom_lut": ({"FILE": WORDS, "DEPTH": 5},),
    "chip_reset": (),
    "frame_store": ({"BEATS": 1}, {"BEATS": 7, "WIDTH": 24}),
    "score_store": ({"LANES": 2}, {"LANES": 10}),
    "uart_rx": ({"STEP": 3, "MODULUS": 50},),
    "uart_tx": ({"STEP": 3, "MODULUS": 50},),
    "uart_shell": (
        {"BEATS": 16, "BEAT_BYTES": 4, "LANES": 2, "SCORE_W": 11, "STEP": 3, "MODULUS": 50},
        {"IDENTITY_BYTES": 40, "IDENTITY_FILE": WORDS},
    ),
    "stall_gate": (),
    "sum": ({"TERMS": 1}, {"TERMS": 7, "STAGES": 2}, {"TERMS": 3, "STAGES": 5}),
    "step_sequencer": (
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3},
        {"SYNAPSE_FOLD": 4, "NEURON_FOLD": 3, "ORDER": "InputMajor"},
        {"SYNAPSE_FOLD": 4},
        {"NEURON_FOLD": 3},
    ),
    "stream_rules": ({"WIDTH": 9},),
}
"""What units are made of."""

VARIANTS: dict[str, Sequence[Parameters]] = PARTS | {kind: sets for unit in UNITS for kind, sets in unit.lint.items()}


def packages() -> list[Path]:
    """The packages, which every module may use."""
    return [path for path in (*rtl_files(), *rtl_files(SHELL_FOLDER)) if path.stem.endswith("_pkg")]


def modules() -> list[Path]:
    """Every module that is linted: those of designs, and those that simulation and synthesis add."""
    return [*(path for path in (*rtl_files(), *rtl_files(SHELL_FOLDER)) if path not in packages()), *OTHERS]


def settings(module: Path) -> list[Parameters]:
    """The defaults, then the variants."""
    return [{}, *VARIANTS[module.stem.removeprefix(PREFIX)]]


@lru_cache(maxsize=1)
def enumeration_values() -> dict[str, int]:
    """Every enumeration's value in ``askew_pkg``, by name."""
    text = (RTL_FOLDER / f"{PREFIX}pkg.sv").read_text(encoding="utf-8")
    return {name: int(value) for name, value in re.findall(r"^ +([A-Z]\w+) += (\d+)", text, re.MULTILINE)}
