"""What FINN's log says: which step runs, and what went wrong last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STEP = re.compile(r"Running step: (?P<name>\w+) \[(?P<index>\d+)/(?P<total>\d+)\]")
NO_ERROR = "it names no error"
ATTEMPT = "=== askew bitstream"  # the line that a build begins with; logs of several follow one another

_STAMP = re.compile(r"^(\[[^\]]*\]\s*)+")
_ERROR = re.compile(
    r"(?P<level>\bERROR\b|FINN ERROR|FINN INTERNAL COMPILER ERROR|Error:|Exception:|No space left on device|"
    r"Error response from daemon|"
    r"^\w*(Error|Exception)\b)"
)
_SIDE_EFFECT = re.compile(r"error\(s\)|0 errors|errors?[ =:]+0\b|error_", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Step:
    """One step of FINN's build as its log announces it."""

    name: str
    index: int
    total: int


def step_of(line: str) -> Step | None:
    """The step that this line announces, or None."""
    match = STEP.search(line)
    return Step(match["name"], int(match["index"]), int(match["total"])) if match else None


def last_error(text: str) -> str:
    """The last error that a log names, in one line without its time stamp."""
    found = NO_ERROR
    for raw in text.splitlines():
        line = _STAMP.sub("", _COLOUR.sub("", raw)).strip()
        if _ERROR.search(line) and not _SIDE_EFFECT.search(line):
            found = re.sub(r"^(ERROR:|ERROR\s+)", "", line).strip() or found
    return found if len(found) <= 300 else found[:297] + "..."


def last_error_in(file: Path) -> str:
    """``last_error`` of the last attempt in a file; a missing file names no error."""
    try:
        return last_error(file.read_text(encoding="utf-8", errors="replace").rpartition(ATTEMPT)[2])
    except OSError:
        return NO_ERROR


def steps_in(file: Path) -> list[Step]:
    """Every step that a log announces, in its order; a missing file announces none."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [step for line in lines if (step := step_of(line))]
