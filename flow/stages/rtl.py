"""The stage that writes the SystemVerilog of a folded network."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from flow.run.folder import RunFolder
from flow.stages.chains import no_chain
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say


class RtlOptions(Options):
    """What the constraints are for."""

    clock_mhz: float | None = option(
        None, "For the constraints; default: the folding's.", unit="MHz", kind=Kind.GOAL, ge=1
    )


def rtl_sources() -> dict[str, str | None]:
    """The hand-written modules, by content: a design is made from them too."""
    from hw.generator.design import rtl_files  # noqa: PLC0415 - Numba takes a second to import

    total = hashlib.sha256()
    for file in rtl_files():
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return {"the RTL of this version": total.hexdigest()}


def _rtl(run: RunFolder, options: RtlOptions) -> tuple[Path, str]:
    """Write the RTL of the run's network under its folding to `rtl/`.

    Returns:
        That folder, and in words which clock it was written for and why.
    """
    from flow.stages.hardware import delivered_design, folding_clock  # noqa: PLC0415 - Numba
    from hw.generator import DEFAULT_CLOCK_MHZ  # noqa: PLC0415
    from hw.generator.vectors import MOST_FRAMES, Vectors  # noqa: PLC0415

    network = run.chain()
    design = delivered_design(run, network)
    folded_mhz, clock_mhz = folding_clock(run, network), options.clock_mhz
    if clock_mhz is not None and clock_mhz != folded_mhz:
        chosen = clock_mhz
        why = "as asked" if folded_mhz is None else f"as asked; the folding and its frames/s are for {folded_mhz:g} MHz"
    elif folded_mhz is not None:
        chosen, why = folded_mhz, "the folding's clock"
    else:
        chosen, why = DEFAULT_CLOCK_MHZ, "assumed, as the folding names no clock; --clock-mhz sets another"
    golden = run.golden(network.network(), MOST_FRAMES)
    dataclasses.replace(design, clock_mhz=chosen).write(run.rtl, Vectors(golden.images, golden.scores))
    return run.rtl, f"constraints for {chosen:g} MHz, {why}"


def _show(_run: RunFolder, result: tuple[Path, str]) -> None:
    say(f"rtl: {result[0]}, {result[1]}")


RTL = Stage(
    name="rtl",
    summary="Write the SystemVerilog of the run's network under its folding: rtl/.",
    example="--run runs/tfc",
    options=RtlOptions,
    needs=("network", "golden", "folding"),
    makes=("rtl",),
    run=_rtl,
    show=_show,
    outside=lambda *_: rtl_sources(),
    refused=no_chain,
)
