"""LUTs, flip-flops and block RAMs of every unit as a function of its parameters: what the folding solver counts with.

The formulae count what is there (adders, registers, ROM and RAM) and fit only the control around it, to Yosys 0.70's
``synth_xilinx -family xc7 -abc9`` with random weights. Their error against Yosys, which ``tests/hw/test_resources.py``
holds them to:

- 124 units that the fit saw (``hw/synth/data``): LUTs 3 % (median) and 27 % (worst), flip-flops 2 % and 37 %, block
  RAMs exact but for 2, which are 1 off. The worst are small units.
- 30 random units that it did not see (``data/held_out``): LUTs 6 % and 28 %, flip-flops 1 % and 14 %, block RAMs exact.
- FINN's TFC and CNV at FINN's foldings (``data/designs``): LUTs and flip-flops within 2 %, block RAMs within 7 %.

Trained weights are taken to be as random ones. Vivado packs two small functions into one LUT, so it needs fewer.
"""

from __future__ import annotations

from hw.dataflow import Dataflow
from hw.units import Resources, Unit

TOP_OVERHEAD = Resources(235, 300)
"""What ``top`` adds to its units: AXI4-Lite registers and the frame guard."""


def unit_resources(unit: Unit) -> Resources:
    """What one unit takes."""
    return unit.resources()


def dataflow_resources(dataflow: Dataflow) -> Resources:
    """What a whole design takes: its units, and the top around them."""
    return sum((unit_resources(unit) for unit in dataflow), TOP_OVERHEAD)


def layer_resources(dataflow: Dataflow) -> dict[str, Resources]:
    """Layer name to what its units take together; units of no layer stand under their own name."""
    layers: dict[str, Resources] = {}
    for unit in dataflow:
        name = unit.layer or unit.name
        layers[name] = layers.get(name, Resources()) + unit_resources(unit)
    return layers


__all__ = ["TOP_OVERHEAD", "Resources", "dataflow_resources", "layer_resources", "unit_resources"]
