"""The design of a run: its folding, what is delivered, and frames through it in Verilator."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from bnn.chain import Chain
from bnn.errors import UserError
from bnn.folding import FoldingFile, load_folded
from flow.run.folder import RunFolder
from flow.run.progress import console, progress_bar
from hw.generator import Design
from hw.rtlsim import Effort, RtlResult, simulate_design
from hw.units import PopcountStyle

DEFAULT_FRAMES = 100
SIMULATED_XNORS = 8192  # in the delivered style: about 10 s of compiling for each 1,000; all of TFC at once has 59,008


def build_folder() -> Path:
    """Where Verilator's executables are kept, by their contents: ASKEW_CACHE, or the user's cache."""
    folder = Path(os.environ.get("ASKEW_CACHE") or platformdirs.user_cache_path("askew")) / "rtlsim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_folded(run: RunFolder, network: Chain) -> FoldingFile:
    """The run's folding, and what its file says beside it."""
    return load_folded(run.require(run.folding, "fold"), network)


def delivered_design(run: RunFolder, network: Chain) -> Design:
    """The design that `askew rtl` writes, unless that is asked for another clock, which is in the constraints alone."""
    return Design.of_file(network, open_folded(run, network), lambda why: console.print(f"{run.folding}: {why}"))


def simulated_design(delivered: Design, popcount: PopcountStyle | None = None) -> Design:
    """What Verilator is given for a delivered design: itself.

    Unless another ``popcount`` is asked for, or the design is so wide that its popcounts would compile for many
    minutes: then the same design with plain sums, which results must say.
    """
    is_wide = delivered.dataflow.xnors > SIMULATED_XNORS
    chosen = popcount or (PopcountStyle.NAIVE if is_wide else delivered.popcount)
    if chosen is delivered.popcount:
        return delivered
    buffers, pipeline = delivered.dataflow.buffers, delivered.dataflow.pipeline
    return Design.of(delivered.network, delivered.folding, buffers=buffers, popcount=chosen, pipeline=pipeline)


def folding_clock(run: RunFolder, network: Chain) -> float | None:
    """The clock in MHz that the run's folding and its frames/s are for; None where it was folded without one."""
    return open_folded(run, network).clock_mhz


def find_popcount(name: str | None) -> PopcountStyle | None:
    """The style of that name; UserError lists the names there are. None stays None."""
    if name is None:
        return None
    if name.upper() not in PopcountStyle.__members__:
        names = ", ".join(style.name.lower() for style in PopcountStyle)
        raise UserError(f"--popcount {name}: unknown, must be one of {names}")
    return PopcountStyle[name.upper()]


def stream(design: Design, images: NDArray[np.uint8], **options: Any) -> RtlResult:
    """Frames through a design's RTL, with a progress bar; options as of `simulate_design`."""
    done = 0
    with progress_bar("rtlsim", len(images)) as progress:

        def advance(frames: int, _total: int) -> None:
            nonlocal done
            progress(frames - done)
            done = frames

        effort = Effort.for_cycles(design.dataflow.bottleneck_cycles * len(images))
        return simulate_design(design, images, build_dir=build_folder(), progress=advance, effort=effort, **options)
