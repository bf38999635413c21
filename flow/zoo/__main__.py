"""`python -m flow.zoo`: put the networks of runs into the zoo, or write those that are there again.

python -m flow.zoo add runs/cnv --by "..." --cpu-seconds 9240      # the run is trained and exported
python -m flow.zoo add runs/cnv                                    # exported again: what is known of it stays
python -m flow.zoo again                                           # in today's version of the network file
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bnn.errors import UserError
from flow.stages.words import say
from flow.zoo.add import add_run, write_again
from flow.zoo.entries import FOLDER, Entry

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def add(
    run: Annotated[Path, typer.Argument(help="A run folder, trained and exported.")],
    by: Annotated[str | None, typer.Option("--by", help="Who trained it, with what, on which machine.")] = None,
    cpu_seconds: Annotated[float | None, typer.Option("--cpu-seconds", help="Of the training.")] = None,
    remark: Annotated[str | None, typer.Option("--remark", help="What else should be known of it.")] = None,
) -> None:
    """Put a run's network into the zoo, under the name of its config."""
    _show(add_run(run, FOLDER, trained_by=by, cpu_seconds=cpu_seconds, remark=remark))


@app.command()
def again() -> None:
    """Write every network again, in today's version of the network file."""
    for entry in write_again(FOLDER):
        _show(entry)


def _show(entry: Entry) -> None:
    size = sum((entry.folder / name).stat().st_size for name in entry.about.sha256)
    say(f"{entry.name}: network {entry.about.network_hash[:12]}, {entry.about.accuracy:.2%}, {size / 1024:,.0f} KiB")


def main() -> None:
    """Run it; what a user can mend is one line."""
    try:
        app(prog_name="python -m flow.zoo")
    except UserError as error:
        say(f"zoo: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
