"""A command of `askew` from a stage's declaration: its options, their help, and what it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional, get_args, get_origin

import typer

from flow.run.folder import RunFolder
from flow.stages.options import Options, flag_of, unit_of
from flow.stages.runner import Flow
from flow.stages.stage import Stage

Run = Annotated[Path, typer.Option("--run", help="The run folder, runs/NAME.")]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if the result is up to date.")]


def command_of(flow: Flow, stage: Stage) -> Callable[..., None]:
    """The function that typer makes a command of: ``--run``, the stage's options, ``--force`` where a result stays."""

    def command(run: Path, force: bool = False, **given: Any) -> None:
        chosen = {name: value for name, value in given.items() if value not in (None, [])}
        result = flow.run_one(stage.name, run, chosen, force=force)
        if result is not None:
            stage.show(RunFolder.open(run), result)

    parameters = [_parameter("run", Run), *option_parameters(stage.options)]
    if stage.keeps_fresh:
        parameters.append(_parameter("force", Force, False))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = f"{stage.summary}\n\nExample: askew {stage.name} {stage.example}"
    return command


def option_parameters(options: type[Options]) -> list[inspect.Parameter]:
    """One keyword parameter an option; None means that the user did not give it."""
    parameters = []
    for name, field in options.model_fields.items():
        unit = unit_of(options, name)
        sentence = f"{field.description}" + (f" In {unit}." if unit else "")
        flag = f"{flag_of(name)}/--no-{flag_of(name)[2:]}" if field.default is True else flag_of(name)
        annotation = Annotated[_optional(field.annotation), typer.Option(flag, help=sentence)]  # type: ignore[valid-type]
        parameters.append(_parameter(name, annotation, None))
    return parameters


def _optional(annotation: Any) -> Any:
    if get_origin(annotation) is tuple:  # any number of them
        return Optional[list.__class_getitem__(get_args(annotation)[0])]  # noqa: UP045 - built when it runs
    return annotation if type(None) in getattr(annotation, "__args__", ()) else annotation | None


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
