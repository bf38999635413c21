"""Texts: UTF-8, JSON and TOML, of bounded size and of finite numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bnn.errors import UserError
from bnn.readers.door import DamagedFileError, door

MAX_JSON = 1 << 26  # bytes; a report of a large network has a few MiB
MAX_TOML = 1 << 17  # bytes; the largest shipped file has 2 KiB
MAX_DOTS = 300  # in a line of TOML: tomllib takes the square of a dotted key's parts
MAX_INTEGER = 2**63 - 1

JsonObject = dict[str, Any]


def read_text(path: Path, limit: int = MAX_JSON, error_type: type[UserError] = DamagedFileError) -> str:
    """A UTF-8 text of at most ``limit`` bytes.

    Raises:
        error_type: longer, or not UTF-8.
        OSError: it cannot be opened.
    """
    with door(path, "cannot be read", "it must be a text in UTF-8", error_type):
        with path.open("rb") as file:
            contents = file.read(limit + 1)
        if len(contents) > limit:
            raise ValueError(f"larger than {limit:,} bytes")
        return contents.decode("utf-8")


def read_json(path: Path, advice: str, error_type: type[UserError] = DamagedFileError) -> JsonObject:
    """A JSON object from a file.

    Raises:
        error_type: not UTF-8, not JSON, not an object, a key twice, a number that is not finite or beyond 64 bits.
        OSError: it cannot be opened.
    """
    with door(path, "damaged", advice, error_type):
        value = parse_json(read_text(path))
        if not isinstance(value, dict):
            raise TypeError("a JSON object is expected")
        return value


def parse_json(text: str) -> Any:
    """A JSON value; ValueError for a key twice, NaN, infinity, an integer beyond 64 bits, half a surrogate."""
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_bounded
    )
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair could not be written again
    return value


def read_toml(path: Path, error_type: type[UserError] = DamagedFileError) -> dict[str, Any]:
    """The table of a TOML file of at most ``MAX_TOML`` bytes.

    Raises:
        error_type: larger, not UTF-8, not TOML.
        OSError: it cannot be opened.
    """
    return parse_toml(read_text(path, MAX_TOML, error_type), path, error_type)


def parse_toml(text: str, where: Path | str, error_type: type[UserError] = DamagedFileError) -> dict[str, Any]:
    """The table of a TOML text; ``error_type`` in one line where it is none."""
    import tomllib  # noqa: PLC0415 - a board's Python, which reads no TOML, may be too old to have it

    with door(where, "is not TOML: damaged or mistyped", "correct it", error_type):
        if any(line.count(".") > MAX_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {MAX_DOTS} dots")
        return tomllib.loads(text)


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return table


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:40]} is no finite number")
    return number


def _bounded(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError(f"{digits[:40]} is beyond 64 bits")
    return int(digits)
