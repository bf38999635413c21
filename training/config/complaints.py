"""Pydantic's complaints about a configuration as one line that names where it came from and the key."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError

from training.config.layers import LAYER_MODELS


def describe(error: ValidationError, root: type[BaseModel], source: str, overridden: dict[str, str]) -> str:
    """The most telling of pydantic's complaints as one line that names the origin and the key.

    Args:
        error: what pydantic raised.
        root: the model that was validated.
        source: the file that the values came from.
        overridden: what was set on top of the file: key to the whole setting.
    """
    # a typo explains the rest; of a union's branches, the one that got furthest was meant
    complaint = min(error.errors(), key=lambda one: (one["type"] != "extra_forbidden", -len(one["loc"])))
    location = _location(complaint["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    origin = next((f"--set {text}" for name, text in overridden.items() if f"{key}.".startswith(f"{name}.")), source)
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(root, complaint["loc"][:-1])
        nearest = get_close_matches(str(location[-1]), known, 1, 0.6)
        advice = f"did you mean {nearest[0]}?" if nearest else f"the keys here are {', '.join(known)}"
        return f"{origin}: unknown key {key}; {advice}"
    if complaint["type"] == "missing":
        return f"{origin}: key {key} is missing"
    if complaint["type"] == "layer_kind" and isinstance(complaint["input"], dict):
        nearest = [
            kind for word in complaint["input"] for kind in get_close_matches(str(word), list(LAYER_MODELS), 1, 0.6)
        ]
        if nearest:
            return f"{origin}: {key}: {complaint['msg']}; did you mean {nearest[0]}?"
    message = complaint["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = complaint["input"]
    shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    return f"{origin}: {key}: {message}{shown}" if key else f"{origin}: {message}"


def _location(location: tuple[int | str, ...]) -> list[int | str]:
    """Where a complaint is, without what pydantic adds to say which branch of a union it tried."""
    kept: list[int | str] = []
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        is_tag = bool(kept) and isinstance(kept[-1], int) and part in LAYER_MODELS and not is_last
        is_branch = isinstance(part, str) and (not part.isidentifier() or part in {"int", "float", "tuple"})
        if not is_tag and not is_branch:
            kept.append(part)
    return kept


def _known_keys(root: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys of the section at ``location``."""
    section = root
    for part in location:
        field = section.model_fields.get(str(part))
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]  # X, or X | None
        if part in LAYER_MODELS:
            section = LAYER_MODELS[str(part)]
        else:
            section = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), section)
    return list(section.model_fields)
