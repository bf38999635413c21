"""The hardware units, one file a kind: parameters, memories, timing, resources, and what lint and synthesis look at."""

from hw.units.converter import WidthConverter
from hw.units.cost import Resources
from hw.units.fifo import HOLD_BEATS, HOLD_SUFFIX, Fifo
from hw.units.label import LabelSelect
from hw.units.matrix import Matrix
from hw.units.pipeline import DEFAULT_PIPELINE, Pipeline
from hw.units.pool import Pool
from hw.units.popcount import PopcountStyle
from hw.units.quantizer import Quantizer
from hw.units.scores import ScoreMap
from hw.units.unit import PREFIX, Parameters, Stream, Unit, module_name, package_name, signed_bits, value_bits
from hw.units.window import Window

UNITS: tuple[type[Unit], ...] = (Matrix, Window, Pool, WidthConverter, Fifo, LabelSelect, ScoreMap, Quantizer)
"""Every class of units."""

KINDS: dict[str, type[Unit]] = {kind: unit for unit in UNITS for kind in unit.lint}
"""Kind to the class that makes it."""

LAYER_KINDS = frozenset(kind for kind, unit in KINDS.items() if unit.gives_layer)
"""Kinds that give a layer's output: what a layer's figures are those of."""

__all__ = [
    "DEFAULT_PIPELINE",
    "HOLD_BEATS",
    "HOLD_SUFFIX",
    "KINDS",
    "LAYER_KINDS",
    "PREFIX",
    "UNITS",
    "Fifo",
    "LabelSelect",
    "Matrix",
    "Parameters",
    "Pipeline",
    "Pool",
    "PopcountStyle",
    "Quantizer",
    "Resources",
    "ScoreMap",
    "Stream",
    "Unit",
    "WidthConverter",
    "Window",
    "module_name",
    "package_name",
    "signed_bits",
    "value_bits",
]
