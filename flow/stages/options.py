"""What a stage can be told: options with a type, a unit and a sentence, from which the command line and help come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bnn.errors import UserError


class Kind(Enum):
    """How long an option holds."""

    RESULT = "result"
    """The result depends on it. `askew run` keeps it; the stage's own command takes its default again."""
    GOAL = "goal"
    """The result depends on it, and it holds until another is given: a board, a rate, a folding."""
    WHERE = "where"
    """Where to look. It holds until another is given; the result does not depend on it."""
    PASSING = "passing"
    """Threads and the like: of this one call."""


class Options(BaseModel):
    """The options of one stage.

    Attributes:
        exclusive: names of options of which one at most may be given; giving one replaces what was given before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exclusive: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def merged(cls, recorded: Mapping[str, Any], given: Mapping[str, Any], stage: str) -> Self:
        """What the stage was told last, with what it is told now on top.

        Args:
            recorded: options that the stage's result was made with; those that no longer exist are left out.
            given: options that the user gives now, by name.
            stage: what errors call the stage.

        Raises:
            UserError: two options that contradict each other, or a value out of range.
        """
        chosen = [name for name in cls.exclusive if given.get(name) not in (None, False)]
        if len(chosen) > 1:
            flags = " and ".join(flag_of(name) for name in chosen)
            raise UserError(f"{stage}: {flags} contradict each other; give one of them")
        kept = {name: value for name, value in recorded.items() if name in cls.model_fields}
        if chosen:
            kept = {name: value for name, value in kept.items() if name not in cls.exclusive}
        try:
            return cls.model_validate(kept | dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "options"
            raise UserError(f"{stage}: {flag_of(name)} ({first['input']!r}): {first['msg'].lower()}") from None

    def lasting(self) -> dict[str, Any]:
        """The options that a result depends on, as plain values."""
        return self.recorded(lambda kind: kind is not Kind.PASSING and kind is not Kind.WHERE)

    def kept(self) -> dict[str, Any]:
        """The options that are written into the stage's record, as plain values."""
        return self.recorded(lambda kind: kind is not Kind.PASSING)

    def recorded(self, wanted: Callable[[Kind], bool]) -> dict[str, Any]:
        """The options of the kinds that are wanted, as plain values."""
        values = self.model_dump(mode="json")
        return {name: value for name, value in values.items() if wanted(kind_of(type(self), name))}


def option(
    default: Any, sentence: str, *, unit: str | None = None, kind: Kind = Kind.RESULT, **constraints: Any
) -> Any:
    """A field of ``Options``.

    Args:
        default: what holds where the user says nothing.
        sentence: for the help.
        unit: of a number.
        kind: how long it holds.
        constraints: pydantic's: ge, gt, le, lt.
    """
    extra: dict[str, Any] = {"unit": unit, "kind": kind.value}
    return Field(default, description=sentence, json_schema_extra=extra, **constraints)


def kind_of(options: type[Options], name: str) -> Kind:
    """How long an option holds."""
    extra = options.model_fields[name].json_schema_extra
    return Kind(extra["kind"]) if isinstance(extra, dict) else Kind.RESULT


def unit_of(options: type[Options], name: str) -> str | None:
    """The unit of an option; None where it has none."""
    extra = options.model_fields[name].json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return str(unit) if unit else None


def flag_of(name: str) -> str:
    """How the command line spells an option."""
    return "--" + name.replace("_", "-")
