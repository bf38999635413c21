"""One table of boards: ours, which have sizes, and FINN's, which have a shell. A board may be in either or in both.

What a user calls a board is looked up here alone: our name or FINN's, however it is written, or a ``.toml`` file, whose
``finn_name`` says what FINN calls it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from finn_build.compiler.boards import FinnBoard, find_board, finn_boards
from finn_build.errors import FinnError
from hw.boards.board import Board, BoardError, board_names, load_board


@dataclass(frozen=True)
class KnownBoard:
    """A board as both know it.

    Attributes:
        ours: our file of it; None where there is none: then nothing can be folded for our own hardware.
        finn: FINN's entry; None where FINN does not know it: then FINN can neither estimate nor build.
    """

    ours: Board | None
    finn: FinnBoard | None

    @property
    def name(self) -> str:
        """Our name, else FINN's."""
        if self.ours is not None:
            return self.ours.name
        assert self.finn is not None
        return self.finn.name


def known_boards() -> list[KnownBoard]:
    """Every shipped board and every one of FINN's, each once: ours by name, then what FINN alone knows."""
    ours = [load_board(name) for name in board_names()]
    table = [KnownBoard(board, _of_finn(board)) for board in ours]
    taken = {entry.finn.name for entry in table if entry.finn}
    return [*table, *(KnownBoard(None, board) for board in finn_boards() if board.name not in taken)]


def find_known(name: str) -> KnownBoard:
    """The board that a user means.

    Args:
        name: our name or FINN's (case, spaces, ``-`` and ``_`` do not matter), or a ``.toml`` file.

    Raises:
        BoardError: neither knows it, and the message lists both; or the file cannot be used, has a ``finn_name`` that
            FINN does not know, or another part than FINN has on that board.
    """
    try:
        ours = load_board(name)
    except BoardError:
        if name.endswith(".toml"):
            raise
        if finn := _finn_board(name):
            return KnownBoard(None, finn)
        raise BoardError(
            f"board {name!r} is known neither here nor to FINN; known: "
            f"{', '.join(entry.name for entry in known_boards())}; or give a .toml file of your own"
        ) from None
    finn = _of_finn(ours)
    if finn is None and ours.finn_name is not None:
        raise BoardError(f"board {name}: its finn_name {ours.finn_name!r} is none of FINN's boards: {_finn_names()}")
    if finn is not None and finn.part != ours.part:
        raise BoardError(
            f"board {name}: its part is {ours.part}, but FINN builds {finn.name} for {finn.part}; correct part or "
            "finn_name"
        )
    return KnownBoard(ours, finn)


def board_for_finn(name: str) -> tuple[FinnBoard, Board | None]:
    """FINN's board, and what we know of it; FinnError where it is known here, but not to FINN."""
    known = find_known(name)
    if known.finn is None:
        raise FinnError(
            f"board {known.name}: known here, but FINN does not know it; its boards: {_finn_names()}; or put the "
            "finn_name of one into a .toml file of your own"
        )
    return known.finn, known.ours


def board_fingerprint(name: str) -> dict[str, str | None]:
    """Our board of this name, by content, as a stage's ``outside`` says it; empty where we have none."""
    try:
        board = load_board(name)
    except BoardError:
        return {}
    return {f"board {board.name}": hashlib.sha256(repr(board).encode()).hexdigest()}


def board_of_ours(name: str) -> Board:
    """Our board; BoardError where there is none, which says whether FINN knows it. FINN is asked only then."""
    try:
        return load_board(name)
    except BoardError:
        if name.endswith(".toml") or (finn := _finn_board(name)) is None:
            raise
        raise BoardError(
            f"board {finn.name}: FINN knows it, but its sizes are not known here; give a .toml file with them, "
            f'in it finn_name = "{finn.name}", or one of {", ".join(board_names())}'
        ) from None


def _of_finn(board: Board) -> FinnBoard | None:
    return _finn_board(board.finn_name or board.name)


def _finn_board(name: str) -> FinnBoard | None:
    """FINN's board of that name; None where it knows none, or is not installed."""
    try:
        return find_board(name)
    except (FinnError, ImportError):
        return None


def _finn_names() -> str:
    return ", ".join(board.name for board in finn_boards())
