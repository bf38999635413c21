"""Running stages: one at a user's word, or all that are not fresh up to the one that is wanted."""

from __future__ import annotations

import functools
import json
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn.errors import UserError
from flow.run.folder import Origin, RunError, RunFolder
from flow.run.lock import locked
from flow.run.progress import console
from flow.run.records import Record, read_record
from flow.stages.freshness import Examination, Finding
from flow.stages.options import Options, flag_of
from flow.stages.stage import Stage

SHARED = ("board", "target_fps", "max_fps", "latency", "folding", "clock_mhz")  # `askew run` gives them to every stage


@dataclass(frozen=True)
class Flow:
    """The stages of the flow, in the order in which a person meets them.

    Attributes:
        stages: by name.
    """

    stages: Mapping[str, Stage]

    def find(self, name: str) -> Stage:
        """The stage of that name; UserError lists all."""
        if name not in self.stages:
            raise UserError(f"stage {name!r}: unknown, must be one of {', '.join(self.stages)}")
        return self.stages[name]

    def _find_for(self, run: RunFolder, name: str) -> Stage:
        """The stage of that name, which such a run has."""
        stage = self.find(name)
        if stage.origin is None or stage.origin is run.origin:
            return stage
        made = f"{name}: {run.path} {run.origin.words}; `{run.mending(run.origin.maker)}` makes its network"
        if run.origin is Origin.TRAINED:
            raise RunError(made)
        raise RunError(f"{made}, and every stage that `askew status` lists works on it")

    def of_origin(self, origin: Origin | None) -> list[Stage]:
        """The stages that such a run has."""
        return [stage for stage in self.stages.values() if stage.origin is None or stage.origin is origin]

    def run_one(self, name: str, path: Path, given: Mapping[str, Any], *, force: bool = False) -> Any:
        """Run one stage on what lies there; returns what it returns, or None where its result was fresh.

        Args:
            name: of the stage.
            path: the run folder.
            given: options that the user gave, by name.
            force: run it even where its result is fresh and it would otherwise stay.

        Raises:
            RunError: something that it needs is missing or stale; the message has the command that mends it.
            UserError: of the stage.
        """
        run = RunFolder.open(path)
        stage = self._find_for(run, name)
        with locked(path):
            seen = Examination(run, self.stages, thorough=False)
            _check_refusal(seen, stage)
            options = seen.options_of(stage, stage.prepare(run, given), alone=True)
            if self._run_first(seen, stage, options, given):
                seen = Examination(run, self.stages, thorough=False)
            if stage.keeps_fresh and not force and self._stays(seen, stage, options):
                console.print(f"{name}: up to date")
                return None
            if because := seen.lacking(stage, options):
                command = run.mending(name) + _settings(stage, options, seen.options_of(stage, {}))
                raise RunError(f"{name}: {path}: {because}; run `{command}`")
            return _execute(run, seen, stage, options)

    def run_to(
        self,
        targets: Sequence[str],
        path: Path,
        given: Mapping[str, Any],
        *,
        start: str | None = None,
        each: Mapping[str, Mapping[str, Any]] | None = None,
        data_dir: Path | None = None,
    ) -> None:
        """Run whatever is not fresh up to the stages that are wanted, in order.

        Args:
            targets: names of stages.
            path: the run folder.
            given: options by name, for every stage on the way that has one of that name.
            start: run this stage, and what comes after it, even where it is fresh.
            each: options for single stages: stage to options by name.
            data_dir: where images are looked for, for every stage that reads some.

        Raises:
            UserError: an option that no stage on the way has, or what a stage raises.
        """
        run = RunFolder.open(path)
        with locked(path):
            asked = functools.partial(_asked, run, given, each or {}, data_dir)
            order = self._order(run, targets, start, asked)
            self._check_options(order, given, each or {})
            rerun: set[str] = set()
            seen = Examination(run, self.stages)
            for stage in order:
                options = seen.options_of(stage, asked(stage))
                before = (*self._before(seen, stage, options), *_makers(seen, stage.uses))
                if stage.name == start or any(other.name in rerun for other in before):
                    rerun.add(stage.name)
                if stage.name not in rerun and self._stays(seen, stage, options):
                    console.print(f"{stage.name}: up to date")
                    continue
                _check_refusal(seen, stage)
                if because := seen.lacking(stage, options):
                    raise RunError(f"{stage.name}: {path}: {because}")
                stage.show(run, _execute(run, seen, stage, options))
                seen = Examination(run, self.stages)  # what was read before is not what lies there now

    def _run_first(self, seen: Examination, stage: Stage, options: Options, given: Mapping[str, Any]) -> bool:
        """Run what the stage's own command runs before it; whether anything ran."""
        ran = False
        for name in stage.first:
            before = self.stages[name]
            if not set(before.makes) & set(stage.all_needs(seen.run, options)):
                continue
            own = {key: value for key, value in given.items() if key in before.options.model_fields}
            chosen = seen.options_of(before, before.prepare(seen.run, own), alone=True)
            if self._stays(seen, before, chosen) or seen.lacking(before, chosen):
                continue
            before.show(seen.run, _execute(seen.run, seen, before, chosen))
            ran = True
        return ran

    def status(self, path: Path) -> list[tuple[Finding, str | None]]:
        """The state of every stage's result, and the command that mends it where it is not fresh."""
        run = RunFolder.open(path)
        seen = Examination(run, self.stages)
        found = [(stage, seen.find(stage.name)) for stage in self.of_origin(run.origin)]
        return [
            (finding, None if finding.fresh or seen.refusal(stage) else run.mending(stage.name))
            for stage, finding in found
        ]

    def _stays(self, seen: Examination, stage: Stage, options: Options) -> bool:
        record = read_record(seen.run.path, stage.name)
        if record is None or not seen.find(stage.name).fresh:
            return False
        return all(record.options.get(name) == value for name, value in options.lasting().items())

    def _order(
        self,
        run: RunFolder,
        targets: Iterable[str],
        start: str | None,
        asked: Callable[[Stage], Mapping[str, Any]],
    ) -> list[Stage]:
        """The stages up to the targets, each after all that it needs, with what is asked of it, or takes in."""
        seen = Examination(run, self.stages)

        def before_it(stage: Stage) -> list[Stage]:
            return self._before(seen, stage, seen.options_of(stage, asked(stage)))

        wanted: dict[str, Stage] = {}

        def want(stage: Stage) -> None:
            if stage.name in wanted:
                return
            wanted[stage.name] = stage
            for before in before_it(stage):
                want(before)

        for name in targets:
            want(self._find_for(run, name))
        if start is not None and self.find(start).name not in wanted:
            raise UserError(f"run: --from {start} does not lead to {', '.join(targets)}")
        ordered: dict[str, Stage] = {}

        def place(stage: Stage) -> None:
            if stage.name in ordered:
                return
            for before in (*before_it(stage), *_makers(seen, stage.uses)):
                if before.name in wanted:
                    place(before)
            ordered[stage.name] = stage

        for stage in self.stages.values():
            if stage.name in wanted:
                place(stage)
        return list(ordered.values())

    def _before(self, seen: Examination, stage: Stage, options: Options) -> list[Stage]:
        brought = [self.stages[name] for name in stage.brings]
        return [*_makers(seen, stage.all_needs(seen.run, options)), *brought]

    def _check_options(
        self, order: Sequence[Stage], given: Mapping[str, Any], each: Mapping[str, Mapping[str, Any]]
    ) -> None:
        for name in given:
            if not any(name in stage.options.model_fields for stage in order):
                raise UserError(f"run: none of {', '.join(stage.name for stage in order)} takes {flag_of(name)}")
        names = [stage.name for stage in order]
        for stage_name, options in each.items():
            if stage_name not in names:
                raise UserError(
                    f"run: --set {stage_name}.{next(iter(options))}: no such stage among {', '.join(names)}"
                )


def _asked(
    run: RunFolder,
    given: Mapping[str, Any],
    each: Mapping[str, Mapping[str, Any]],
    data_dir: Path | None,
    stage: Stage,
) -> Mapping[str, Any]:
    """What of all that the user gives is for one stage."""
    fields = stage.options.model_fields
    own = {name: value for name, value in given.items() if name in fields}
    if data_dir is not None and "data_dir" in fields:
        own["data_dir"] = data_dir
    return stage.prepare(run, {**own, **each.get(stage.name, {})})


def _check_refusal(seen: Examination, stage: Stage) -> None:
    """UserError where the run's network can have no result of the stage."""
    if because := seen.refusal(stage):
        raise UserError(f"{stage.name}: {seen.run.path}: {because}")


def _makers(seen: Examination, artefacts: Iterable[str]) -> list[Stage]:
    return [stage for artefact in artefacts if (stage := seen.maker(artefact)) is not None]


def _settings(stage: Stage, wanted: Options, otherwise: Options) -> str:
    """What makes `askew run` take the options that are wanted, where it would take others; led by a space.

    An option that is nothing cannot be set; of those that exclude each other, the one that is set replaces the rest.
    """
    values, others = wanted.model_dump(mode="json"), otherwise.model_dump(mode="json")
    given = {name: value for name, value in values.items() if value is not None and value != others[name]}
    if any(given.get(name) for name in wanted.exclusive):
        given = {name: value for name, value in given.items() if name not in wanted.exclusive or value}
    parts = []
    for name, value in given.items():
        if name == "data_dir" or (stage.first and name in SHARED):  # for the stages before it too
            parts.append(flag_of(name) if value is True else f"{flag_of(name)} {shlex.quote(str(value))}")
        else:
            setting = f"{stage.name}.{name}={json.dumps(value, ensure_ascii=False)}"
            parts.append(f"--set {shlex.quote(setting)}")
    return "".join(f" {part}" for part in parts)


def _execute(run: RunFolder, seen: Examination, stage: Stage, options: Options) -> Any:
    made_from = seen.made_from(stage, options)
    began = time.perf_counter()
    result = stage.run(run, options)
    after = Examination(run, {})
    made = {artefact: found for artefact in stage.makes if (found := after.print_of(artefact)) is not None}
    if made and stage.records(options):
        Record(stage.name, options.kept(), made_from, made, time.perf_counter() - began).write(run.path)
    return result
