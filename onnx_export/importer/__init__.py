"""Anyone's W1A1 QONNX or FINN-ONNX file as an integer network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.network import Network
from bnn.readers import door, printable
from bnn.values import Shape
from onnx_export.absorb import absorb
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import ImportRefusedError, read_graph
from onnx_export.importer.meaning import Entering, find_meaning
from onnx_export.importer.walk import Walk
from onnx_export.metadata import NETWORK_HASH_KEY
from onnx_export.pixel_meaning import Number, Numbers

__all__ = ["ImportRefusedError", "ImportedModel", "import_qonnx"]


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """An integer network and how images become its input.

    Attributes:
        network: the network.
        entering: what a pixel value 0..255 is as the file's input.
        tensor_shape: of the file's input, a batch of 1 in front.
        arrangement: (H * W * C,) number in the file's flattened input of every element (y, x, c) of the image.
        recorded_hash: the network hash in the file's metadata, None where it has none.
        notes: a line each: what was assumed or left out.
    """

    network: Network
    entering: Entering
    tensor_shape: tuple[int, ...]
    arrangement: NDArray[np.int64]
    recorded_hash: str | None
    notes: tuple[str, ...]

    @property
    def input_scale(self) -> float:
        """What a pixel value is multiplied with, before mean and std."""
        return float(self.entering.meaning.scale)

    def images(self, given: NDArray[Any]) -> NDArray[np.uint8]:
        """Pixel values as the network's (n, H, W, C).

        Takes (n, H, W, C), (n, H, W) of one channel, or the file's own layout; the first that fits.

        Raises:
            UserError: another type or shape, or a pixel that the file's input type does not hold.
        """
        shape: Shape = self.network.input.shape
        if given.dtype != np.uint8:
            raise UserError(f"images: type {given.dtype}, must be uint8 pixel values 0..255")
        one_image = given.shape[1:]
        is_grey = 1 in {shape[2], *one_image[2:]} or len(one_image) == 2
        same_size = given.ndim > 1 and int(np.prod(one_image)) == int(np.prod(shape))
        if one_image == shape or (one_image == shape[:2] and shape[2] == 1):
            return self._checked(given.reshape(-1, *shape))
        in_file_order = one_image == self.tensor_shape[1:] or (
            same_size and len(self.tensor_shape) == 2 and len(one_image) in {2, 3} and is_grey
        )
        if not in_file_order:
            raise UserError(
                f"images: shape {given.shape}, must be (n, H, W, C) with (H, W, C) = {shape}, "
                f"or (n, ...) as the file's input {self.tensor_shape}"
            )
        return self._checked(given.reshape(len(given), -1)[:, self.arrangement].reshape(-1, *shape))

    def _checked(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.entering.check(images)
        return images


def import_qonnx(
    path: Path,
    *,
    input_scale: Number | None = None,
    input_mean: Numbers | None = None,
    input_std: Numbers | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportedModel:
    """Read a file whose weights and activations have 1 bit, whoever made it.

    Exact where the file's own float32 arithmetic is: where scales in front of a matrix are powers of two (or 1), every
    partial sum is, and the network gives the file's answers bit by bit, as onnxruntime computes them node by node.
    Otherwise a float sum depends on the order of its addition, which no file states; the network then takes the exact
    sum, rounded to float32 once, and adds a bias to that. (onnxruntime's Gemm adds parts of the sum to the bias, so
    that a bias with digits behind the point can differ from that in the last bit of a logit.)

    Args:
        path: of the ONNX file, opset 9 to 23; its external data beside it.
        input_scale: what a pixel value 0..255 is multiplied with before it enters the file's graph, such as "1/255".
            None: what the file's metadata say, else 1 / 255 where there is a mean or std, else 1 where the input is of
            or annotated as UINT8 or other whole numbers from 0 on, or its first node divides by 255, else 1 / 255.
        input_mean: what is subtracted then; one number or one a channel of the image. None: 0.
        input_std: what is divided by then; likewise. None: 1. x = (pixel * scale - mean) / std, as torchvision's
            Normalize.
        progress: called with 1 after each stage.

    Raises:
        FileNotFoundError: there is no such file.
        ImportRefusedError: damaged, or what cannot become integers, by node and reason.
    """
    with door(path, "damaged, or of a form that the import does not know", "export it again", ImportRefusedError):
        try:
            graph = fold_constants(read_graph(path))
            entering = find_meaning(graph, input_scale, input_mean, input_std)
            walk = Walk(graph, entering)
            network = absorb(walk.model, progress)
        except UserError as error:
            raise ImportRefusedError(f"{path}: {printable(str(error))}") from error
    notes = (*([entering.note] if entering.note else []), *walk.notes)
    recorded = graph.metadata.get(NETWORK_HASH_KEY)
    return ImportedModel(network, entering, graph.input_shape, walk.arrangement, recorded, notes)
