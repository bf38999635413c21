"""The stage that holds every rung to golden."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from flow.ladder.climb import climb
from flow.ladder.rungs import default_rungs, open_rung, rung_needs
from flow.run.artefacts import artefact_fingerprint
from flow.run.folder import RunFolder
from flow.stages.options import Options, option
from flow.stages.stage import Stage


class LadderOptions(Options):
    """Which rungs, on how many frames."""

    rungs: str | None = option(
        None, "Which rungs, with commas between; default: reference,qonnx,numpy,plain, or those that the run has."
    )
    frames: int | None = option(None, "Only this many frames; default: each rung's own number.", ge=1)

    def names(self, run: RunFolder) -> list[str]:
        """The rungs' names."""
        if self.rungs is None:
            return list(default_rungs(run))
        return [name.strip() for name in self.rungs.split(",") if name.strip()]


def _ladder(run: RunFolder, options: LadderOptions) -> dict[str, Any]:
    network = run.network()
    results = still_true(run)
    for name in options.names(run):
        rung = open_rung(name, run)
        golden = run.golden(network, options.frames or rung.default_frames)
        results[name] = climb(rung, golden) | {"made_from": _made_from(run, name)}
    figures = {"rungs": results}
    run.write_result("ladder", network, figures)
    return figures


def still_true(run: RunFolder) -> dict[str, Any]:
    """The rungs of ``ladder.json`` that were held to what lies there now; others are left out."""
    rungs = (run.result("ladder") or {}).get("rungs", {})
    return {name: rung for name, rung in rungs.items() if rung.get("made_from") == _made_from(run, name)}


def _made_from(run: RunFolder, rung: str) -> dict[str, str | None]:
    return {artefact: artefact_fingerprint(run.path, artefact) for artefact in rung_needs(rung, run)}


def _needs(run: RunFolder, options: LadderOptions) -> tuple[str, ...]:
    return tuple(dict.fromkeys(artefact for name in options.names(run) for artefact in rung_needs(name, run)))


def _other_rungs(run: RunFolder) -> str | None:
    rungs = (run.result("ladder") or {}).get("rungs", {})
    old = [name for name in rungs if name not in still_true(run)]
    return f"{', '.join(old)}: held to something else than what is there now" if old else None


def _show(run: RunFolder, figures: dict[str, Any]) -> None:
    table = Table("rung", "frames", "mismatches", "compared", "accuracy", box=None, pad_edge=False)
    for name, rung in figures["rungs"].items():
        rate = "-" if rung["accuracy"] is None else f"{rung['accuracy']:.2%}"
        table.add_row(name, f"{rung['frames']:,}", str(rung["mismatches"]), rung["compared"], rate)
    Console().print(table)


LADDER = Stage(
    name="ladder",
    summary="Run the same frames through every rung and count the frames that differ from golden.",
    example="--run runs/tfc --rungs reference,qonnx,numpy,numba,plain,rtl",
    options=LadderOptions,
    needs=("network", "golden"),
    needs_more=_needs,
    makes=("ladder",),
    run=_ladder,
    show=_show,
    also=_other_rungs,
)
