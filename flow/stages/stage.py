"""What a stage of the flow is: what it needs, what it makes, what it can be told, and how it runs.

Order, freshness, commands in messages, help, and what the report says is missing follow from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow.run.folder import Origin, RunFolder
from flow.stages.options import Options


def _nothing(_run: RunFolder, _options: Any) -> dict[str, str | None]:
    return {}


def _as_given(_run: RunFolder, given: Mapping[str, Any]) -> Mapping[str, Any]:
    return given


def _always(_options: Any) -> bool:
    return True


def _fresh(_run: RunFolder) -> str | None:
    return None


def _never(_run: RunFolder) -> str | None:
    return None


def _no_more(_run: RunFolder, _options: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: what it is called everywhere; its command is ``askew NAME``.
        summary: one sentence, for the help.
        example: what may stand behind its command, for the help.
        options: what it can be told.
        needs: artefacts that must be there and fresh.
        makes: artefacts that it makes.
        run: does it; what it returns is shown to the user by ``show``.
        show: prints a result.
        needs_more: artefacts that it needs besides, for these options.
        first: stages that its own command runs before it where their results are needed and not fresh, or where the
            user gives them another option.
        uses: artefacts that it takes in where they are there.
        brings: stages that come before it when the whole flow runs up to it, though it could do without.
        prepare: changes what the user gives before it is taken for options.
        outside: fingerprints of what it reads outside the run folder, by a name that a person understands; None for
            what is not there now.
        also: what else makes its result stale, in words; None where nothing does.
        records: whether a run with these options makes a result; a dry run does not.
        keeps_fresh: its command does nothing while its result is fresh.
        origin: the kind of run that has this stage; None for all.
        refused: why this run's network can have no such result, in words; None where it can, or nobody knows yet.
    """

    name: str
    summary: str
    example: str
    options: type[Options]
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    run: Callable[[RunFolder, Any], Any]
    show: Callable[[RunFolder, Any], None]
    needs_more: Callable[[RunFolder, Any], tuple[str, ...]] = _no_more
    first: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    prepare: Callable[[RunFolder, Mapping[str, Any]], Mapping[str, Any]] = _as_given
    outside: Callable[[RunFolder, Any], Mapping[str, str | None]] = field(default=_nothing)
    also: Callable[[RunFolder], str | None] = _fresh
    records: Callable[[Any], bool] = _always
    keeps_fresh: bool = False
    origin: Origin | None = None
    refused: Callable[[RunFolder], str | None] = _never

    def all_needs(self, run: RunFolder, options: Options) -> tuple[str, ...]:
        """Every artefact that it needs in this run with these options."""
        return tuple(dict.fromkeys((*self.needs, *self.needs_more(run, options))))
