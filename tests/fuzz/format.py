"""What a format is to the fuzzer: whole files, a way to damage them, a reader of ours, and an oracle."""

import random
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any


class Format(ABC):
    """One format. ``share`` is its part of all inputs."""

    name: str
    share: int

    def __init__(self, run: Path) -> None:
        """``run``: a small run folder, trained and exported."""
        self.run = run

    @abstractmethod
    def whole(self) -> dict[str, bytes]:
        """The files that inputs are made from, by their names."""

    def prepare(self, folder: Path) -> None:  # noqa: B027 - most need nothing
        """Put what lies beside such a file into the folder where inputs are read; they themselves are there."""

    @abstractmethod
    def damage(self, rng: random.Random, name: str, whole: bytes) -> bytes:
        """One change."""

    @abstractmethod
    def read(self, file: Path, name: str) -> Any:
        """What our reader makes of the file; ``name`` is that of the whole one."""

    def truth(self, file: Path, name: str, ours: Any) -> Any:
        """What somebody else's reader makes of it; whatever it raises means that it refuses. None: nobody can."""
        return None

    def equal(self, ours: Any, theirs: Any) -> bool:
        """Whether two answers are the same."""
        return bool(ours == theirs)
