"""What is done to the images of a folder before a network sees them: rescaling, cutting, and how many channels."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from training.data.sources.dataset import DataError

Side = int | tuple[int, int]  # of a square, or (height, width)
Size = tuple[int, int]  # (height, width)

CHANNEL_MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Preparation:
    """What was asked for, in the order in which it is done; where nothing was, the pixels stay as they are in the file.

    Attributes:
        resize: a number: the short side becomes so long and the ratio stays; (height, width): exactly that. Bilinear,
            over all pixels that fall into one (Pillow's, as torchvision uses it).
        crop: the middle of that height and width is cut out.
        channels: 1 (a colour becomes its luma, ITU-R 601) or 3 (a grey file's value stands in all three). None: 1 where
            every file of the folder is grey, else 3.
    """

    resize: Side | None = None
    crop: Side | None = None
    channels: int | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of what was asked for."""
        return tuple(key for key in ("resize", "crop", "channels") if getattr(self, key) is not None)

    @property
    def fixed_size(self) -> Size | None:
        """The size of every result where it follows from the settings alone; None where it depends on the files."""
        if isinstance(self.resize, tuple):
            return pair(self.resize if self.crop is None else self.crop)
        if self.resize is not None and self.crop is not None and max(pair(self.crop)) <= self.resize:
            return pair(self.crop)
        return None

    def resized(self, size: Size) -> Size:
        """What an image of that size is rescaled to."""
        if self.resize is None:
            return size
        if isinstance(self.resize, tuple):
            return self.resize
        height, width = (int(self.resize * side / min(size)) for side in size)
        return height, width

    def final(self, size: Size, path: str) -> Size:
        """The size of the result; DataError, which names ``path``, where the image is too small to be cut."""
        height, width = self.resized(size)
        if self.crop is None:
            return height, width
        rows, columns = pair(self.crop)
        if rows > height or columns > width:
            rescaled = "" if self.resize is None else f" when rescaled ({size[0]} x {size[1]} in the file)"
            raise DataError(
                f"{path}: is {height} x {width}{rescaled}, smaller than data.crop ({rows} x {columns}); "
                "set data.resize higher, or data.crop lower"
            )
        return rows, columns

    def apply(self, image: Image.Image, path: str) -> Image.Image:
        """Rescale and cut one image; DataError as of ``final``."""
        size = image.height, image.width
        rows, columns = self.final(size, path)
        height, width = self.resized(size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)  # nothing where that is its size
        left, top = round((width - columns) / 2), round((height - rows) / 2)
        return image.crop((left, top, left + columns, top + rows))

    def describe(self, size: Size) -> str:
        """What is done to the pixels of images that become ``size``, for people; nothing about channels."""
        steps = []
        if isinstance(self.resize, tuple):
            steps.append(f"rescaled to {self.resize[0]} x {self.resize[1]} (bilinear)")
        elif self.resize is not None:
            steps.append(f"rescaled to a short side of {self.resize} (bilinear)")
        if self.crop is not None:
            steps.append("the middle {} x {} cut out".format(*pair(self.crop)))
        return ", ".join(steps) if steps else f"{size[0]} x {size[1]} pixels as they are in the files"


def pair(side: Side) -> Size:
    """(height, width)."""
    return side if isinstance(side, tuple) else (side, side)
