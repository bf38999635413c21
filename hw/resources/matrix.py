"""The matrix units: adders, accumulators and memories are counted, the control around them is fitted."""

from __future__ import annotations

from bnn.folding import LoopOrder
from hw.resources.count import Resources, counter_bits, lut_ram_luts, popcount_resources, rom_resources, shared_adders
from hw.units.units import Matrix


def matrix_resources(unit: Matrix) -> Resources:
    """``mvau`` and ``mvau_int``."""
    simd, pe, width = unit.input.lanes, unit.output.lanes, unit.accumulator_bits
    synapse_fold, neuron_fold = unit.synapse_fold, unit.neuron_fold
    steps = synapse_fold * neuron_fold
    interleaved = unit.order is LoopOrder.ACCUMULATE and synapse_fold > 1 and neuron_fold > 1

    adders = _sum(unit, constant=steps == 1)
    luts = pe * (adders.luts + width)
    if steps == 1:  # constant weights and start values
        luts += _shared(simd, pe) * unit.is_binary - 2 * pe
    ffs = pe * (adders.ffs + (1 if unit.thresholded else width)) + unit.input.width
    if synapse_fold > 1 and not interleaved:
        ffs += pe * width
    control = counter_bits(steps)
    if unit.has_replay:
        luts += lut_ram_luts(unit.input.width + 1, unit.buffer_beats) + 12 + 11 * counter_bits(synapse_fold)
        ffs += 4 + round(3.4 * control) + round(3.5 * counter_bits(unit.buffer_beats))
    else:
        luts += 10
        ffs += 3 * control
    if interleaved:
        luts += lut_ram_luts(pe * width, neuron_fold)

    total = Resources(luts, ffs) + rom_resources(pe * simd, steps, unit.weight_style)
    if unit.has_start:
        total += rom_resources(pe * width, neuron_fold, unit.start_style)
    return total


def _shared(simd: int, lanes: int) -> int:
    """First level of popcounts with constant weights, which lanes share: a parity and up to eight majorities a triple.

    The majorities are those of all signs, of eight, that occur in so many lanes of random weights.
    """
    majorities = 8 * (1 - (7 / 8) ** lanes)
    return round(shared_adders(simd) * (1 + majorities))


def _sum(unit: Matrix, *, constant: bool) -> Resources:
    """One lane's sum of a step: the popcount, or what Yosys makes of a sum of integers.

    The latter is a tree of full adders in two LUTs a bit, of which the first take in the XOR with the weight, and one
    carry chain.
    """
    stages, simd = unit.popcount_stages, unit.input.lanes
    if unit.is_binary:
        return popcount_resources(simd, unit.popcount, constant, stages)
    sum_bits = unit.input.bits + (not unit.signed) + (counter_bits(simd) if simd > 1 else 0)
    if simd <= 2:
        return Resources(simd * sum_bits, stages * sum_bits)
    luts = (simd - 2) * (2.2 * unit.input.bits + 1.15 * counter_bits(simd)) + 0.6 * sum_bits
    return Resources(round(luts), stages * sum_bits)
