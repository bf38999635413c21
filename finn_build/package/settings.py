"""What to build besides the network, and the frames that it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, UserError
from finn_build.compiler.boards import FinnBoard
from finn_build.compiler.nodes import Compiler
from finn_build.package.folding import PeSimd, RamStyles, checked_folding


class Frames(Protocol):
    """Frames and golden answers."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """(n, H, W, C)."""

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(n,), or None where nobody knows what the images show."""

    @property
    def scores(self) -> NDArray[np.int32]:
        """(n, classes), the integer network's."""


@dataclass(frozen=True, eq=False)
class StoredFrames:
    """The frames of a package, as ``Frames``."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    scores: NDArray[np.int32]

    @classmethod
    def read(cls, folder: Path) -> StoredFrames:
        """From a package's ``validation`` folder."""
        images, scores = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("images", "scores"))
        labels = folder / "labels.npy"
        return cls(images, np.load(labels, allow_pickle=False) if labels.exists() else None, scores)


@dataclass(frozen=True)
class BuildSettings:
    """What to build besides the network.

    Attributes:
        board: what for.
        clock_mhz: the clock to synthesize for.
        folding: layer name to (pe, simd); None lets FINN choose for ``target_fps``.
        target_fps: frames per second that FINN's own folding must reach; None where a folding is given.
        compiler: whose FINN.
        verify_frames: frames that FINN simulates at every stage that it verifies; ``extreme_frames`` says which.
        ram_styles: where memories go, beside ``folding``; what it does not name goes to the usual place.
    """

    board: FinnBoard
    clock_mhz: float
    folding: Mapping[str, PeSimd] | None
    target_fps: int | None = None
    compiler: Compiler = Compiler.FINN_PLUS
    verify_frames: int = 4
    ram_styles: RamStyles = field(default_factory=dict)

    def verify(self, network: Chain, frames: Frames) -> None:
        """Raise UserError where this cannot be built."""
        if (self.folding is None) == (self.target_fps is None):
            raise UserError("finn: give either a folding or a target rate in frames per second, not both or neither")
        if self.folding is not None:
            checked_folding(network, self.folding)
        if self.target_fps is not None and self.target_fps < 1:
            raise UserError(f"finn: target rate ({self.target_fps} frames/s) must be at least 1")
        if not 0 < self.clock_mhz <= 1000:
            raise UserError(f"finn: clock ({self.clock_mhz} MHz) must lie in 0..1000")
        if not 1 <= self.verify_frames <= len(frames.images):
            raise UserError(
                f"finn: frames to verify ({self.verify_frames}) must lie in 1..{len(frames.images)}, the golden frames"
            )
