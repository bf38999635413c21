"""The commands of the zoo: what it holds, and a run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bnn.errors import UserError
from flow.cli.flow_commands import print_columns, run_and_show
from flow.cli.generate import Force, Run
from flow.stages.words import say

zoo_app = typer.Typer(no_args_is_help=True, help="Trained networks that come with Askew: which there are, and a run.")


@zoo_app.command("list")
def zoo_list() -> None:
    """List the trained networks that come with Askew."""
    from flow.zoo.entries import FOLDER, entries  # noqa: PLC0415 - pydantic takes a moment

    rows = [("name", "images", "accuracy", "test images", "weight bits", "epochs", "seed", "CPU min", "network")]
    for entry in entries():
        about = entry.about
        minutes = "-" if about.cpu_seconds is None else f"{about.cpu_seconds / 60:,.0f}"
        sizes = (f"{about.accuracy:.2%}", f"{about.frames:,}", f"{about.weight_bits:,}", f"{about.epochs:,}")
        rows.append((entry.name, about.dataset, *sizes, str(about.seed), minutes, about.network_hash[:12]))
    print_columns(rows)
    say(f"Configs, who trained them, checksums: {FOLDER}. A run of one: askew zoo get NAME --run runs/NAME")


@zoo_app.command("get")
def zoo_get(
    name: Annotated[str, typer.Argument(help="As `askew zoo list` names it.")],
    run: Run,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", envvar="ASKEW_DATA", help="Where data sets lie.")
    ] = None,
    random_frames: Annotated[
        int | None,
        typer.Option("--random-frames", help="So many random images, without labels, instead of the test images."),
    ] = None,
    force: Force = False,
) -> None:
    """Make a run of a network of the zoo: trained already, so that every stage behind it works at once.

    Example: askew zoo get tfc-mnist --run runs/tfc
    """
    from flow.stages.zoo import ZOO_GET, claim_for_zoo  # noqa: PLC0415 - pydantic takes a moment

    folder = claim_for_zoo(run, name)
    given = {"data_dir": data_dir, "random_frames": random_frames}
    try:
        run_and_show(ZOO_GET.name, run, {key: value for key, value in given.items() if value is not None}, force=force)
    except (UserError, OSError):
        folder.release()
        raise
