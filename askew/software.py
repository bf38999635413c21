"""The integer network: files of it, its import, its answers."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bnn import serialize
from bnn.errors import UserError
from bnn.network import Network
from hw.simulator import Backend
from hw.simulator import simulate as _simulate

if TYPE_CHECKING:
    from onnx_export.importer import ImportedModel
    from onnx_export.pixel_meaning import Number, Numbers


def load_network(path: str | PathLike[str]) -> Network:
    """Read a network file, such as a run's ``network.npz``.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is damaged, of another kind, or of a version that this program does not read.
    """
    return serialize.load_network(Path(path))


def save_network(network: Network, path: str | PathLike[str]) -> None:
    """Write a network file, whole or not at all.

    Raises:
        OSError: the place cannot be written.
    """
    serialize.save_network(network, Path(path))


def import_qonnx(
    path: str | PathLike[str],
    *,
    input_scale: Number | None = None,
    input_mean: Numbers | None = None,
    input_std: Numbers | None = None,
) -> ImportedModel:
    """Make a QONNX or FINN-ONNX file of 1-bit weights and activations an integer network, exactly.

    A pixel p of 0..255 enters the file's graph as x = (p * input_scale - input_mean) / input_std, as torchvision's
    ToTensor and Normalize have it.

    Args:
        path: of the ONNX file, opset 9 to 23; its external data beside it.
        input_scale: a number, or text such as "1/255". None: what the file says, else what its input type implies
            (``notes`` of the result say what was assumed).
        input_mean: one number, or one for each channel of the image. None: 0.
        input_std: likewise. None: 1.

    Returns:
        ``network``; ``images(given)``, which makes (n, H, W, C) uint8 of pixels in the file's layout; and ``notes``.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: damaged, or what cannot become integers, by node and reason.
    """
    from onnx_export import importer  # noqa: PLC0415 - onnx takes seconds to import

    return importer.import_qonnx(Path(path), input_scale=input_scale, input_mean=input_mean, input_std=input_std)


def simulate(
    network: Network,
    images: NDArray[np.uint8],
    *,
    backend: Backend | str | None = None,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Compute the integer network's scores, to which all hardware is held.

    Args:
        network: what to compute.
        images: (n, H, W, C) uint8 pixels, of the network's input shape.
        backend: "numpy" or "numba"; both give the same bits. None takes the fastest that is installed.
        threads: frames are computed by this many threads at once; None takes one a processor.

    Returns:
        (n, classes) int32; ``classes_of`` makes classes of them.

    Raises:
        UserError: the images' shape or type is wrong, or there is no such backend.
    """
    names = [known.value for known in Backend]
    if isinstance(backend, str):
        if backend not in names:
            raise UserError(f"backend {backend!r}: unknown, must be one of {', '.join(names)}")
        backend = Backend(backend)
    return _simulate(network, images, backend=backend, threads=threads)
