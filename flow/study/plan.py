"""What a study is: a TOML that names configs, options and seeds, and the rows that they make."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bnn.errors import UserError
from bnn.readers import DamagedFileError, door, read_toml
from training.config.load import Config, ConfigError, load_config

STUDY_FOLDER = Path(__file__).parent / "studies"
PLAIN = "plain"
ID_DIGITS = 12
MAX_ROWS = 10_000  # trainings; more would take years, and their plan minutes


class StudyError(UserError):
    """A study that cannot be read or whose rows are not configurations."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Section):
    """Settings that belong together.

    Attributes:
        name: how the table calls it.
        set: dotted keys of a training config to values.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+$")]
    set: dict[str, Any] = {}


class Study(_Section):
    """Every config x variant x combination of ``vary`` x seed is one row.

    Attributes:
        name: of the study.
        question: what it asks, in a sentence; stands above its results.
        configs: shipped training configs, or paths of TOML files.
        seeds: of the trainings.
        set: dotted keys to values, for every row.
        vary: dotted keys to lists of values.
        variants: groups of settings; none is one variant without any.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    question: str = ""
    configs: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 2)
    set: dict[str, Any] = {}
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    variants: tuple[Variant, ...] = (Variant(name=PLAIN),)

    def rows(self) -> list[StudyRow]:
        """All rows, in the order of the table.

        Raises:
            ConfigError: a row's settings are not a configuration; the message names the setting.
        """
        count = len(self.configs) * len(self.variants) * len(self.seeds) * math.prod(map(len, self.vary.values()))
        if count > MAX_ROWS:
            raise ConfigError(f"it has {count:,} rows, may have {MAX_ROWS:,}; vary less at once")
        rows = []
        for config, variant in itertools.product(self.configs, self.variants):
            for values in itertools.product(*self.vary.values()):
                varied = dict(zip(self.vary, values, strict=True))
                settings = self.set | variant.set | varied
                for seed in self.seeds:
                    overrides = [f"{key}={_toml(value)}" for key, value in settings.items()]
                    resolved = load_config(config, [*overrides, f"training.seed={seed}"])
                    rows.append(StudyRow(resolved.name, variant.name, varied, seed, resolved))
        return rows


@dataclass(frozen=True)
class StudyRow:
    """One training.

    Attributes:
        config_name: the training config's own name.
        variant: the group of settings.
        varied: dotted key to this row's value.
        seed: the training's.
        config: all of it, resolved.
    """

    config_name: str
    variant: str
    varied: dict[str, Any]
    seed: int
    config: Config

    @property
    def id(self) -> str:
        """Names the row's files: the same settings are the same row, whatever study they stand in."""
        return f"{self.config_name}-{self.config.hash[:ID_DIGITS]}"

    @property
    def point(self) -> tuple[Any, ...]:
        """What rows that differ in their seed alone have in common."""
        return (self.config_name, self.variant, *map(repr, self.varied.values()))


def load_study(path: Path | str) -> Study:
    """Read a study's TOML, or a shipped study by its name.

    Raises:
        StudyError: no such file, damaged, or a key that a study has not; the message names it.
    """
    file = Path(path)
    if not file.suffix and not file.exists():
        shipped = sorted(entry.stem for entry in STUDY_FOLDER.glob("*.toml"))
        if str(path) not in shipped:
            raise StudyError(f"study {str(path)!r}: no such file; shipped: {', '.join(shipped)}")
        file = STUDY_FOLDER / f"{path}.toml"
    with door(f"study {file}", "cannot be used", "correct it", StudyError):
        try:
            study = Study.model_validate(read_toml(file))
            study.rows()
        except (OSError, DamagedFileError) as error:
            raise StudyError(f"study {file}: cannot be read ({error})") from error
        except ConfigError as error:
            raise StudyError(f"study {file}: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise StudyError(f"study {file}: {where}: {first['msg']}") from error
    return study


def _toml(value: Any) -> str:
    """A value as the right side of an override."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_toml(entry)}' for key, entry in value.items())}}}"
    return repr(value)
