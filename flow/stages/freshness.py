"""Whether a stage's result is fresh, stale (because of what) or missing: decided by content, never by time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bnn.errors import UserError
from flow.run.artefacts import ARTEFACTS, artefact_fingerprint
from flow.run.folder import RunFolder
from flow.run.records import Record, read_record
from flow.stages.options import Kind, Options, kind_of
from flow.stages.stage import Stage


class State(Enum):
    """What a result is worth."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """The state of one stage's result.

    Attributes:
        stage: its name.
        state: the state.
        because: why it is not fresh; empty where it is.
    """

    stage: str
    state: State
    because: str = ""

    @property
    def fresh(self) -> bool:
        """Whether it may be used."""
        return self.state is State.FRESH


class Examination:
    """One look at a run folder. What it has read once it does not read again: make a new one after a stage has run."""

    def __init__(self, run: RunFolder, stages: Mapping[str, Stage], *, thorough: bool = True) -> None:
        """Look at ``run``; ``stages`` by name. Without ``thorough``, golden frames are checked when they are read."""
        self.run = run
        self._thorough = thorough
        self._stages = stages
        self._prints: dict[str, str | None] = {}
        self._findings: dict[str, Finding] = {}
        self._changes: dict[str, str | None] = {}
        self._refusals: dict[Callable[[RunFolder], str | None], str | None] = {}

    def print_of(self, artefact: str) -> str | None:
        """The fingerprint of an artefact as it lies there now; None where it does not."""
        if artefact not in self._prints:
            self._prints[artefact] = artefact_fingerprint(self.run.path, artefact, thorough=self._thorough)
        return self._prints[artefact]

    def maker(self, artefact: str) -> Stage | None:
        """The stage that makes an artefact in this run; None for what the user gives."""
        makers = [stage for stage in self._stages.values() if artefact in stage.makes]
        fitting = [stage for stage in makers if stage.origin is None or stage.origin is self.run.origin]
        return fitting[0] if fitting else None

    def options_of(self, stage: Stage, given: Mapping[str, Any], *, alone: bool = False) -> Options:
        """What the stage runs with: what it was told last, and now.

        Args:
            stage: the stage.
            given: options that the user gives now, by name.
            alone: it was called by its own command, so that of what it was told last only goals and places hold.
        """
        record = read_record(self.run.path, stage.name)
        last = record.options if record else {}
        if alone:
            fields = stage.options.model_fields
            last = {k: v for k, v in last.items() if k in fields and kind_of(stage.options, k) is not Kind.RESULT}
        return stage.options.merged(last, given, stage.name)

    def find(self, name: str) -> Finding:
        """The state of a stage's result."""
        if name not in self._findings:
            state, because = self._examine(self._stages[name])
            self._findings[name] = Finding(name, state, because)
        return self._findings[name]

    def refusal(self, stage: Stage) -> str | None:
        """Why this run's network can have no result of the stage; None where it can, or nobody knows yet."""
        if stage.refused not in self._refusals:
            self._refusals[stage.refused] = stage.refused(self.run)
        return self._refusals[stage.refused]

    def refusal_of(self, name: str) -> str | None:
        """The same of the stage of this name."""
        return self.refusal(self._stages[name])

    def lacking(self, stage: Stage, options: Options) -> str | None:
        """What keeps the stage from running: the first of its needs that is not there and fresh; None where none is."""
        for artefact in stage.all_needs(self.run, options):
            if because := self._lacking(artefact):
                return because
        return None

    def made_from(self, stage: Stage, options: Options) -> dict[str, str]:
        """Fingerprints of all that the stage reads, as it lies there now."""
        needed = {artefact: self.print_of(artefact) for artefact in stage.all_needs(self.run, options)}
        used = {artefact: self._usable(artefact) for artefact in stage.uses}
        found = {**needed, **used, **stage.outside(self.run, options)}
        return {name: value for name, value in found.items() if value is not None}

    def _lacking(self, artefact: str) -> str | None:
        """What is amiss with one artefact; None where it may be used, whatever else its stage made."""
        file, maker = ARTEFACTS[artefact], self.maker(artefact)
        if self.print_of(artefact) is None:
            return f"{file} is not there" + ("" if maker is None else " yet")
        if maker is None:
            return None
        record = read_record(self.run.path, maker.name)
        because = self._changed(maker)
        if because or record is None:
            return f"{file} is stale: {because}"
        return self._damaged(artefact, maker, record)

    def _usable(self, artefact: str) -> str | None:
        """The fingerprint of what a stage takes in if it is fresh; None where it is not."""
        return None if self._lacking(artefact) else self.print_of(artefact)

    def _damaged(self, artefact: str, stage: Stage, record: Record) -> str | None:
        if record.made.get(artefact) == self.print_of(artefact):
            return None
        return f"{ARTEFACTS[artefact]} is not what `{stage.name}` wrote, but damaged or edited"

    def _examine(self, stage: Stage) -> tuple[State, str]:
        record = read_record(self.run.path, stage.name)
        there = [artefact for artefact in stage.makes if self.print_of(artefact)]
        if record is None and not there:
            return State.MISSING, self.refusal(stage) or "not made yet"
        for artefact in record.made if record else ():
            if artefact not in ARTEFACTS or self.print_of(artefact) is None:
                return State.MISSING, f"{ARTEFACTS.get(artefact, artefact)} is not there any more"
        because = self._changed(stage)
        if record is not None:
            damages = (self._damaged(artefact, stage, record) for artefact in record.made)
            because = because or next((damage for damage in damages if damage), None)
        because = because or stage.also(self.run)
        return (State.STALE, because) if because else (State.FRESH, "")

    def _changed(self, stage: Stage) -> str | None:
        """What is no longer as it was when the stage's result was made; None where all is."""
        if stage.name not in self._changes:
            self._changes[stage.name] = self._find_change(stage)
        return self._changes[stage.name]

    def _find_change(self, stage: Stage) -> str | None:
        record = read_record(self.run.path, stage.name)
        if record is None:
            there = next((ARTEFACTS[artefact] for artefact in stage.makes if self.print_of(artefact)), "its result")
            return f"nothing says what {there} was made from"
        try:
            options = stage.options.merged(record.options, {}, stage.name)
        except UserError as error:
            return str(error)
        for artefact in stage.all_needs(self.run, options):
            if because := self._lacking(artefact):
                return because
            if record.made_from.get(artefact) != self.print_of(artefact):
                return f"{ARTEFACTS[artefact]} is another one than it was made from"
        for artefact in stage.uses:
            if record.made_from.get(artefact) != self._usable(artefact):
                return f"{ARTEFACTS[artefact]} is another one than it was made from"
        for name, value in stage.outside(self.run, options).items():
            if value is not None and record.made_from.get(name) != value:
                return f"{name} is another one than it was made from"
        return None
