"""The commands that see the whole flow of a run: run and status."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bnn.errors import UserError
from flow.cli.generate import Run
from flow.run.folder import RunError, RunFolder
from flow.stages.flow import FLOW
from flow.stages.freshness import State
from flow.stages.words import say

flow_app = typer.Typer()


@flow_app.command("run")
def run_stages(
    run: Run,
    to: Annotated[str, typer.Option("--to", help="The stage to reach; several with commas between.")],
    start: Annotated[str | None, typer.Option("--from", help="Do this stage again, and what follows from it.")] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="For a new run: a TOML file, or the name of a shipped config.")
    ] = None,
    zoo: Annotated[
        str | None, typer.Option("--zoo", help="For a new run: a trained network, as `askew zoo list` names it.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", envvar="ASKEW_DATA", help="Where data sets lie.")
    ] = None,
    board: Annotated[str | None, typer.Option("--board", help="A board's name, or a .toml file of your own.")] = None,
    target_fps: Annotated[float | None, typer.Option("--target-fps", help="Frames/s at least.")] = None,
    max_fps: Annotated[bool | None, typer.Option("--max-fps", help="The most frames/s that the board holds.")] = None,
    latency: Annotated[bool | None, typer.Option("--latency", help="The least latency of one frame.")] = None,
    folding: Annotated[str | None, typer.Option("--folding", help="A folding file, or a shipped folding.")] = None,
    clock_mhz: Annotated[float | None, typer.Option("--clock-mhz", help="Instead of the board's, in MHz.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="STAGE.OPTION=VALUE", help="For one stage; repeatable.")
    ] = None,
) -> None:
    """Run whatever is missing or stale up to a stage, and nothing else; `askew status` says what that is."""
    from flow.stages.claim import claim_for_training  # noqa: PLC0415 - pydantic and TOML take a moment
    from flow.stages.zoo import claim_for_zoo  # noqa: PLC0415

    if config is not None and zoo is not None:
        raise UserError("run: --config and --zoo contradict each other; give one of them")
    if zoo is not None:
        claim_for_zoo(run, zoo)
    if config is not None:
        claim_for_training(run, config, [])
    shared = {
        "board": board,
        "target_fps": target_fps,
        "max_fps": max_fps,
        "latency": latency,
        "folding": folding,
        "clock_mhz": clock_mhz,
    }
    given: dict[str, Any] = {name: value for name, value in shared.items() if value is not None}
    each: dict[str, dict[str, Any]] = {}
    for setting in settings or []:
        stage, name, value = _setting(setting)
        each.setdefault(stage, {})[name] = value
    FLOW.run_to([name.strip() for name in to.split(",")], run, given, start=start, each=each, data_dir=data_dir)


@flow_app.command()
def status(run: Run) -> None:
    """Say of every stage's result whether it is fresh, stale because of what, or missing, and what mends it."""
    rows = [("stage", "state", "because", "command")]
    for finding, command in FLOW.status(run):
        rows.append((finding.stage, finding.state.value, finding.because or "-", command or "-"))
    print_columns(rows)


@flow_app.command()
def runs(
    folder: Annotated[Path, typer.Option("--folder", help="Where the runs lie.")] = Path("runs"),
) -> None:
    """List the runs in a folder: where their network comes from, its accuracy, and what is not fresh."""
    rows = [("run", "network", "origin", "accuracy", "not fresh")]
    for name in run_names(folder):
        run = RunFolder(folder / name)
        findings = [finding for finding, _ in FLOW.status(run.path)]
        stale = [finding.stage for finding in findings if finding.state is State.STALE]
        try:
            exported = run.result("export") or {}
        except RunError:
            exported = {}
        rate = "-" if exported.get("accuracy") is None else f"{exported['accuracy']:.2%}"
        hashed = str(exported.get("network_hash", "-"))[:12]
        rows.append((name, hashed, run.origin.value, rate, ", ".join(stale) or "-"))
    print_columns(rows)


def run_and_show(stage: str, run: Path, given: dict[str, Any], *, force: bool = False) -> None:
    """Run one stage and print what it came to; nothing where its result was fresh."""
    result = FLOW.run_one(stage, run, given, force=force)
    if result is not None:
        FLOW.find(stage).show(RunFolder.open(run), result)


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Rows of cells below one another, never wrapped: a command is there to be copied."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)))


def _setting(text: str) -> tuple[str, str, Any]:
    """Stage, option and value of ``STAGE.OPTION=VALUE``; what is no TOML value is a string."""
    key, equals, value = text.partition("=")
    stage, dot, name = key.strip().rpartition(".")
    if not equals or not dot:
        raise UserError(f"--set {text}: must be STAGE.OPTION=VALUE, such as rtlsim.frames=20")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return stage, name.replace("-", "_"), parsed


def run_names(folder: Path) -> list[str]:
    """The runs in a folder, sorted; UserError where there is no such folder."""
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder; a first run is made by `askew train --config digits --run runs/digits`"
        )
    return sorted(entry.name for entry in folder.iterdir() if RunFolder(entry).config.is_file())
