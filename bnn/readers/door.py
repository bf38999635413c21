"""The one place that turns whatever a file makes its reader stumble over into one line.

The parsers of zip, npy, protobuf, JPEG and the rest raise what their authors thought of, and on damage also what they
did not think of: KeyError, tokenizer errors, MemoryError. No list of them is complete, so none is kept: inside of a
door only the file speaks, and everything that goes wrong there is said to be the file's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnn.errors import UserError

LONGEST_REASON = 300


class DamagedFileError(UserError):
    """A file that is not whole, not of its kind, or larger than it may be; the message names it and what to do."""


@contextmanager
def door(
    where: Path | str, complaint: str, advice: str, error_type: type[UserError] = DamagedFileError
) -> Iterator[None]:
    """Read a file inside of this: any error becomes ``WHERE: COMPLAINT (reason); ADVICE``.

    Args:
        where: the file, as the message names it.
        complaint: what is then said of it, such as "not a whole .npy file".
        advice: what to do, in a few words.
        error_type: of the error raised.

    Raises:
        error_type: whatever went wrong; one that was of this type already passes as it is.
        OSError: the file could not be opened, and the error names it: that says what to do by itself.
    """
    try:
        yield
    except error_type:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
            raise
        raise error_type(f"{where}: {complaint} ({in_one_line(error)}); {advice}") from error


def printable(text: str) -> str:
    """The text on one line, without what would steer a terminal: names out of a file may hold anything."""
    whole = text.encode("utf-8", "backslashreplace").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in whole).split())


def in_one_line(error: BaseException) -> str:
    """What an error says, printable, on one line and not too long; its kind where it says nothing."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = printable(str(error))
    if isinstance(error, (KeyError, IndexError, TypeError, AttributeError, AssertionError)) or not text:
        text = f"{type(error).__name__}{f': {text}' if text else ''}"
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 3]}..."
