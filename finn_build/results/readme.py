"""The README.md of a deploy folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finn_build.board.calls import BATCHES
from finn_build.board.command import COMMAND, OLDEST_PYTHON, PYTHON

FINN_COUNTS = "FINN's DMA shell counts no cycles"
BUILT = """The bitfile is `bitfile/{bitfile}`, SHA-256 `{bitfile_sha256}`."""

NOT_BUILT = """**There is no bitfile here yet.** Where Vivado is, `askew bitstream --run {run} --board {board}` builds
it and completes this folder. Did you build `{run}/finn/build` with FINN elsewhere? Then put here, out of FINN's output:

| put here | what it is |
|---|---|
| `bitfile/finn-accel.bit` | the bitfile |
| `bitfile/finn-accel.hwh` | beside it: pynq reads from it what the bitfile holds |
| `driver/` | FINN's driver (`settings.json` of finn-plus, `driver.py` of FINN): how frames and answers are packed |
"""

OVERLAY_NOT_BUILT = """**There is no bitfile here yet.** Where Vivado is on the path,
`askew pynq bitstream --run {run} --board {board}` builds it and completes this folder. Or build a copy of
`{run}/pynq/project` where Vivado is, and put here what it makes:

| put here | what it is |
|---|---|
| `bitfile/askew_overlay.bit` | the bitfile |
| `bitfile/askew_overlay.hwh` | beside it: pynq reads from it what the bitfile holds |
"""

TEXT = """# {board}: network {network_hash:.12}

Written by Askew {askew_version}, for {board} at {clock_mhz:g} MHz.

{state}

## Run it
Copy this folder to the board and run it there, as root:
```
scp -r {folder} xilinx@BOARD:
ssh -t xilinx@BOARD 'cd deploy && {command}'
scp xilinx@BOARD:deploy/board.json {folder}/
```
It needs a PYNQ image 3.0 or later: Python {python} or later, with pynq and NumPy, is in the virtual environment
`{venv}`. The system's own `python3` has no pynq, and PYNQ 2.7 and before have an older Python.
Nothing is installed.

The frames of `validation/` go through the accelerator, every answer is compared with golden, and `board.json` is
written. With that file copied back, `askew {results} --run {run}` and `askew report --run {run}` show it.

| option | meaning |
|---|---|
| `--images FILE.npy` | your own images instead: uint8, (n, {shape}) |
| `--predictions FILE.npy` | with it: where their labels go (default `predictions.npy`) |
| `--labels FILE.npy` | with it: what they show, integers (n,); gives the accuracy |
| `--check N` | with it: so many are also computed by the integer network and compared (default 20) |
| `--frames N`, `--batch N` | only so many frames; so many at once |
| `--timeout SECONDS` | how long the first frame may take (default 10); the others get in proportion to what it took |
| `--simulate` | the integer network in the accelerator's place, on any machine: tries the folder without a board |

## What the times mean
`latency_seconds` is what Python sees: one call with one frame, from the first register written to the last answer,
median of 10. Most of it is the driver. Batches of {batches} frames tell the two apart: to their median
times this line is fitted, by least squares of the relative errors:

    seconds(n) = call_seconds + n * frame_seconds

`frame_seconds` is the hardware's own, from one frame to the next, DMA included, and `hardware_frames_per_second` is
1 / `frame_seconds`; `call_seconds` is the driver and the filling of the pipeline. `fit_residual` is the largest
relative error of a fitted time: from 10 % on the times lie on no line, and should be measured again. Batches above
32 MiB of images are left out; where fewer than 3 sizes are left, or no line fits, these keys are null.

{counts_cycles}. The latency of one frame in the hardware alone, `hardware_latency_seconds`, is
therefore the build's own count of cycles, at the clock that the board says it has{latency};
`driver_seconds` is the rest of `latency_seconds`. Where that count is more than the whole call took, both are null.
"""


def readme(described: Mapping[str, Any], run: Path, shape: tuple[int, ...]) -> str:
    """The text.

    Args:
        described: ``deploy.json``.
        run: the run folder, as commands take it.
        shape: (H, W, C) of an image.
    """
    cycles, own = described["cycles"], described.get("overlay") is not None
    not_built = OVERLAY_NOT_BUILT if own else NOT_BUILT
    return TEXT.format(
        **described,
        state=(BUILT if described["bitfile"] else not_built).format(**described, run=run).rstrip(),
        run=run,
        folder=run / ("pynq" if own else "finn") / "deploy",
        results="pynq results" if own else "finn results",
        counts_cycles="The processor cannot see in which cycle a frame comes and goes" if own else FINN_COUNTS,
        command=COMMAND,
        python=".".join(map(str, OLDEST_PYTHON)),
        venv=PYTHON.rpartition("/bin/")[0],
        shape=", ".join(map(str, shape)),
        batches=", ".join(map(str, BATCHES)),
        latency=f" ({cycles['latency_cycles']:,}: {cycles['origin']})" if cycles else " (null: the build has none yet)",
    )
