"""A unit's file says of its module what that module is. Oracle: the SystemVerilog text in hw/rtl."""

from __future__ import annotations

import re

import pytest

from hw.generator.design import RTL_FOLDER
from hw.synth.specification import specify
from hw.units import KINDS, LAYER_KINDS, UNITS, module_name


def specified(kind):
    return specify(f"{kind} {KINDS[kind].samples[kind].split('; ')[0]}")


def source(kind):
    return (RTL_FOLDER / f"{module_name(kind)}.sv").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_its_parameters_are_the_modules(kind):
    unit = specified(kind).unit
    declared = set(re.findall(r"^ +parameter .*?(\w+) +=", source(kind), re.MULTILINE))
    assert (unit.kind, unit.module) == (kind, module_name(kind))
    assert set(unit.parameters()) <= declared
    for parameters in KINDS[kind].lint[kind]:
        assert set(parameters) <= declared


@pytest.mark.parametrize("kind", KINDS)
def test_its_ports_beside_the_stream_are_the_modules(kind):
    outputs = set(re.findall(r"^ +output +logic.*?(\w+_o)\b", source(kind), re.MULTILINE))
    assert {"ready_o", "valid_o", "data_o", "last_o"} <= outputs
    assert set(specified(kind).unit.side_outputs()) == outputs - {"ready_o", "valid_o", "data_o", "last_o"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_that_it_works_is_in_the_module(kind):
    busy = specified(kind).unit.busy("i_unit")
    for signal in re.findall(r"i_unit\.(\w+)", busy or ""):
        assert re.search(rf"\blogic\b[^;]*\b{signal}\b", source(kind)), signal


@pytest.mark.parametrize("kind", KINDS)
def test_its_memories_are_the_files_that_its_parameters_name(kind):
    parameters = specified(kind).unit.parameters()
    named = {str(value).strip('"') for key, value in parameters.items() if key.endswith("_FILE")}
    assert set(specified(kind).memories) == named - {""}


def test_every_class_of_units_is_listed_once():
    assert len(set(UNITS)) == len(UNITS)
    assert sum(len(unit.lint) for unit in UNITS) == len(KINDS)
    assert all(set(unit.samples) == set(unit.lint) for unit in UNITS)
    assert {"mvau", "mvau_int", "maxpool"} == LAYER_KINDS
