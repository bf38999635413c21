"""`python -m tests.fuzz --inputs 20000 --seed 1 --out DIR`: the run, its counts on the screen and in DIR/fuzz.json."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import tests.fuzz
from tests.fuzz.formats.arrays import DataSet, GoldenFolder, Idx, NetworkFile, Npy
from tests.fuzz.formats.commands import CommandLine
from tests.fuzz.formats.models import Checkpoint, Epoch, Onnx
from tests.fuzz.formats.pictures import Picture
from tests.fuzz.formats.texts import BoardToml, FiguresJson, FoldingJson, StudySummaryJson, StudyToml, TrainingToml
from tests.fuzz.seeds import make_run
from tests.fuzz.worker import run_format

FORMATS = (
    Npy, DataSet, NetworkFile, GoldenFolder, Idx, TrainingToml, StudyToml, BoardToml, FoldingJson, FiguresJson,
    StudySummaryJson, Picture, Checkpoint, Epoch, Onnx, CommandLine,
)  # fmt: skip
SECONDS = 30.0  # that one input may take; the machine may be busy
GIGABYTES = 4.0  # that a process may have


def fuzz(run: Path, folder: Path, inputs: int, seed: int, only=None, say=print) -> dict:
    """Inputs of every format; the figures."""
    chosen = [kind for kind in FORMATS if only is None or kind.name in only]
    shares = sum(kind.share for kind in chosen)
    figures = {"inputs": 0, "seed": seed, "seconds": 0.0, "peak_mib": 0.0, "formats": {}, "failures": []}
    for kind in chosen:
        count, start = -(-inputs * kind.share // shares), time.perf_counter()
        tally = run_format(kind(run), count, seed, folder / "files", seconds=SECONDS, gigabytes=GIGABYTES)
        seconds = time.perf_counter() - start
        figures["inputs"] += count
        figures["seconds"] += seconds
        figures["peak_mib"] = max(figures["peak_mib"], tally.peak_mib)
        figures["formats"][kind.name] = {"inputs": count, "seconds": round(seconds, 1), **tally.counts}
        figures["failures"] += tally.failures
        say(f"{kind.name:18}{count:7}  {dict(sorted(tally.counts.items()))}  {tally.peak_mib:.0f} MiB, {seconds:.0f} s")
    return figures


def main() -> int:
    """Parse arguments, run, and give 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=tests.fuzz.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--inputs", type=int, default=20_000, help="in all, over all formats")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs")
    parser.add_argument("--out", type=Path, help="write fuzz.json here")
    parser.add_argument("--only", action="append", choices=[kind.name for kind in FORMATS], help="a format; repeatable")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="askew-fuzz-") as name:
        run = make_run(Path(name) / "whole")
        figures = fuzz(run, Path(name), given.inputs, given.seed, given.only)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "fuzz.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(f"{figures['inputs']:,} inputs, seed {figures['seed']}, {figures['seconds']:.0f} s, "
          f"at most {figures['peak_mib']:.0f} MiB, {len(figures['failures'])} failures")  # fmt: skip
    print("\n".join(figures["failures"][:100]))
    return 1 if figures["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
