"""The files of a deploy folder, checked to belong together; and images of the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain, as_chain
from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.readers import read_json, read_npy
from bnn.serialize import load_network
from finn_build.board.accelerator import Accelerator, PynqAccelerator, Simulated
from finn_build.board.command import COMMAND
from finn_build.board.evaluator import scores_of
from finn_build.board.interface import Interface, read_interface
from finn_build.board.overlay import OverlayAccelerator, OverlayInterface

BITFILES = ("finn-accel.bit", "finn-accel.xclbin", "finn-accel-0.xclbin")
OVERLAY_BITFILE = "askew_overlay.bit"
_COPY_AGAIN = "copy the folder again"


class Deployment:
    """One deploy folder.

    Attributes:
        settings: ``deploy.json``.
        images: (n, H, W, C) of the test set.
        labels: (n,), or None where nobody knows them.
        scores: (n, classes), golden.

    Raises UserError where something is missing, damaged or of another network.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.settings: dict[str, Any] = read_json(folder / "deploy.json", _COPY_AGAIN)
            self.images: NDArray[np.uint8] = self._array("images")
            self.scores: NDArray[np.int32] = self._array("scores")
            has_labels = self.settings.get("labels", True)
            self.labels: NDArray[np.int64] | None = self._array("labels") if has_labels else None
            self.network: Chain = as_chain(load_network(folder / "network.npz"))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: not a whole deploy folder ({error}); copy it again") from error
        if self.network.hash != self.settings["network_hash"]:
            raise UserError(
                f"{folder / 'network.npz'} is of network {self.network.hash[:12]}, deploy.json is of "
                f"{self.settings['network_hash'][:12]}: {_COPY_AGAIN}"
            )
        self.gives_labels: bool = self.settings["gives"] == "label"
        self.bitfile_sha256: str | None = None

    def _array(self, name: str) -> NDArray[Any]:
        return read_npy(self.folder / "validation" / f"{name}.npy", _COPY_AGAIN)

    def open(self, simulate: bool) -> Accelerator:
        """The accelerator, or what stands in for it; UserError where a file, pynq or an engine is missing."""
        if simulate:
            return Simulated(self.network, self.gives_labels)
        bitfile = self._bitfile()
        if bitfile.suffix != ".bit":
            raise UserError(f"{bitfile}: validate.py drives Zynq boards; for this one run FINN's own driver/")
        interface = self._interface()
        wanted = int(np.prod(self.network.input.shape))
        if interface.input_bytes != wanted:
            where = self.folder / ("deploy.json" if self.own else "driver")
            raise UserError(
                f"{where}: is of an accelerator that takes {interface.input_bytes} bytes a frame, "
                f"this network takes {wanted}; put the driver here that was built with the bitfile"
            )
        try:
            clock_mhz = self.settings["clock_mhz"]
            if isinstance(interface, OverlayInterface):
                return OverlayAccelerator(bitfile, interface, clock_mhz)
            return PynqAccelerator(bitfile, interface, clock_mhz)
        except ImportError as error:
            raise UserError(
                f"pynq is not installed here ({error}); on the board run `{COMMAND}`; elsewhere add --simulate"
            ) from error

    @property
    def own(self) -> bool:
        """Whether it is our own overlay, and not FINN's accelerator."""
        return self.settings.get("overlay") is not None

    def _interface(self) -> Interface | OverlayInterface:
        """How the accelerator is reached."""
        if self.own:
            return OverlayInterface(**self.settings["overlay"])
        described = self.settings["interface"] or read_interface(self.folder / "driver")
        return Interface(**{field.name: described[field.name] for field in fields(Interface)})

    def _bitfile(self) -> Path:
        """The bitfile: that of the build, or one that was put here by hand."""
        usual = (OVERLAY_BITFILE,) if self.own else BITFILES
        names = (self.settings["bitfile"],) if self.settings["bitfile"] else usual
        found = next((file for name in names if (file := self.folder / "bitfile" / name).is_file()), None)
        if found is None:
            raise UserError(
                f"{self.folder / 'bitfile' / names[0]}: there is no bitfile yet; README.md beside it says how to build "
                "one and what to put where"
            )
        self.bitfile_sha256 = hashlib.sha256(found.read_bytes()).hexdigest()
        if self.settings["bitfile_sha256"] not in (None, self.bitfile_sha256):
            raise UserError(f"{found}: is not the bitfile that this folder was made with; {_COPY_AGAIN}")
        return found

    def predicted(self, answers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The label of each frame from what the accelerator gave."""
        return answers[:, 0] if self.gives_labels else classes_of(scores_of(self.network, answers))

    def wrong(self, answers: NDArray[np.int64], golden: NDArray[np.int32]) -> NDArray[np.int64]:
        """Indices of the frames whose answers are not golden's, (n, classes) scores of the same frames."""
        if self.gives_labels:
            return np.flatnonzero(answers[:, 0] != classes_of(golden))
        return np.flatnonzero((scores_of(self.network, answers) != golden).any(axis=1))

    def own_images(self, file: Path) -> NDArray[np.uint8]:
        """(n, H, W, C) pixels of a .npy file; images of one channel may lack the last axis.

        Raises:
            UserError: damaged, or of another type or shape than the network's input.
        """
        shape = self.network.input.shape
        images = read_npy(file)
        if images.ndim == 3 and shape[-1] == 1:
            images = images[..., None]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape or not len(images):
            raise UserError(
                f"{file}: images are {images.dtype} of shape {images.shape}, must be uint8 of shape "
                f"(n, {', '.join(map(str, shape))}), as they were for training"
            )
        return images

    def own_labels(self, file: Path, count: int) -> NDArray[np.int64]:
        """(n,) labels of a .npy file, one for each of ``count`` images; UserError where they are not."""
        labels = read_npy(file)
        if labels.dtype.kind not in "iu" or labels.shape != (count,):
            raise UserError(
                f"{file}: labels are {labels.dtype} of shape {labels.shape}, must be integers of shape ({count},)"
            )
        if labels.min() < 0 or labels.max() >= self.network.classes:
            raise UserError(
                f"{file}: labels reach {labels.min()}..{labels.max()}, must lie in 0..{self.network.classes - 1}"
            )
        return labels.astype(np.int64)
