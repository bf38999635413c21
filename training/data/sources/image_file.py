"""One image file: its header, its pixels, and a random part of them."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from bnn.readers import door
from training.data.sources.dataset import DataError
from training.data.sources.png import check_png
from training.data.sources.preparation import Size

SUFFIXES = (".jpeg", ".jpg", ".png")
FORMATS = ("JPEG", "PNG")
MAX_PIXELS = 1 << 26  # of one image
LARGE_PIXELS = 1 << 22  # such images are decoded one at a time, or each thread would hold one
_DECODING_LARGE = threading.Lock()
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
TRIES = 10  # for a part that lies inside the image

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Header:
    """What a file says before its pixels.

    Attributes:
        size: (height, width).
        is_grey: one value a pixel, or a palette of greys alone.
        is_transparent: it has an alpha channel or a transparent colour.
    """

    size: Size
    is_grey: bool
    is_transparent: bool


def read_header(path: str) -> Header:
    """The header of a file; DataError where it is no image, or none of 8 bits a value."""
    with _opened(path) as image:
        is_grey = image.mode in GREY_MODES
        if image.mode == "P":
            palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
            is_grey = bool((palette == palette[:, :1]).all())
        return Header((image.height, image.width), is_grey, image.has_transparency_data)


def read_image(path: str, mode: str) -> Image.Image:
    """The image of a file in Pillow's mode ``L`` or ``RGB``; DataError as of ``read_header``."""
    with _opened(path) as image, _DECODING_LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
        if image.format == "PNG":
            check_png(Path(path))
        return image.convert(mode)


def decoders() -> int:
    """Threads that decode at the same time: as many as this process has processors."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def draw_part(image: Image.Image, size: Size, random: np.random.Generator) -> Image.Image:
    """A random part of 8 to 100 percent of the area, of ratio 3/4 to 4/3, resized to (height, width) ``size``.

    Szegedy et al. 2015, section 6; torchvision's RandomResizedCrop with its defaults.
    """
    return image.crop(draw_box(image.size, random)).resize((size[1], size[0]), Image.Resampling.BILINEAR)


def draw_box(size: tuple[int, int], random: np.random.Generator) -> Box:
    """A random part of an image of that (width, height), as torchvision's RandomResizedCrop draws it."""
    width, height = size
    for _ in range(TRIES):
        area = width * height * random.uniform(*AREA)
        ratio = math.exp(random.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(random.integers(0, height - h + 1)), int(random.integers(0, width - w + 1))
            return left, top, left + w, top + h
    # too long an image for all tries: the largest part in its middle that has an allowed ratio
    w, h = min(width, max(1, round(height * RATIO[1]))), min(height, max(1, round(width / RATIO[0])))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


@contextmanager
def _opened(path: str) -> Iterator[ImageFile.ImageFile]:
    """The file, opened; DataError where it is damaged, within the block as well, or has more than 8 bits a value."""
    complaint = "damaged, or no image"
    try:
        with (
            door(path, complaint, "replace or remove the file", DataError),
            Image.open(path, formats=FORMATS) as image,
        ):
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels, may be {MAX_PIXELS:,}")
            if image.mode not in (*GREY_MODES, *COLOUR_MODES) or "16" in _raw_mode(image):
                raise DataError(
                    f"{path}: must have 8 bits a value, grey or in colour (Pillow calls it {image.mode}, "
                    f"{_raw_mode(image)}); convert and save it again"
                )
            yield image
    except OSError as error:
        raise DataError(f"{path}: {complaint} ({error}); replace or remove the file") from error


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """How the pixels lie in the file; of 16 bits a value Pillow would drop eight, and says so nowhere else."""
    raw = [tile[3] for tile in image.tile]
    return str(raw[0][0] if raw and isinstance(raw[0], tuple) else raw[0] if raw else "")
