"""The commands that a message advises, and running them as they stand."""

import re
import shlex

from flow.cli.main import run as askew


def advised(text: str) -> list[str]:
    """Every `askew ...` between backticks, in order."""
    return re.findall(r"`(askew [^`]+)`", text)


def follow(command: str) -> int:
    """Run a command as a user would who copied it; its exit status."""
    words = shlex.split(command)
    assert words[0] == "askew"
    return askew(words[1:])
