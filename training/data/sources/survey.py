"""Look at the headers of a folder's files: do they have one size, and are they grey?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from training.data.sources.dataset import DataError
from training.data.sources.image_file import Header, decoders, read_header
from training.data.sources.preparation import Preparation, Size

CHUNK = 1024  # files whose headers are asked for at a time


@dataclass(frozen=True)
class Survey:
    """What the files of a folder become.

    Attributes:
        size: (height, width) of all of them, prepared.
        channels: 1 or 3.
        is_chosen: the settings say the channels.
        files: how many there are.
        seen: how many of them were looked at: fewer than all where the first in colour settled it.
        grey: grey ones among those.
        transparent: ones with transparency among those.
    """

    size: Size
    channels: int
    is_chosen: bool
    files: int
    seen: int
    grey: int
    transparent: int

    def describe(self) -> str:
        """The channels and what became of other files, for people."""
        if self.channels == 1:
            text = "one channel, as data.channels says: a colour becomes its luma" if self.is_chosen else ""
            text = text or "one channel, as every file is grey"
        elif self.is_chosen:
            text = "three channels, as data.channels says: a grey file's value stands in all three"
        elif self.seen < self.files:
            text = "three channels, as there are files in colour: a grey one's value stands in all three"
        elif self.grey:
            text = f"three channels: the value of {self.grey:,} grey files of {self.files:,} stands in all three"
        else:
            text = "three channels, as every file is in colour"
        if self.transparent:
            text += f"; transparency was left out ({self.transparent:,} of the {self.seen:,} files looked at)"
        return text


def survey(paths: Sequence[str], preparation: Preparation) -> Survey:
    """Read headers until size and channels are known.

    Raises:
        DataError: a file is damaged, or the images do not all become one size; the message names two that differ.
    """
    size = preparation.fixed_size
    is_sized = size is not None
    channels = preparation.channels
    first, seen, grey, transparent = "", 0, 0, 0
    for path, header in _headers(paths):
        seen += 1
        grey += header.is_grey
        transparent += header.is_transparent
        if not is_sized:
            this = preparation.final(header.size, path)
            if size is None:
                first, size = path, this
            elif this != size:
                raise DataError(
                    f"{path}: is {this[0]} x {this[1]} and {first} is {size[0]} x {size[1]}; all images must have one "
                    "size: set data.resize and data.crop, such as --set data.resize=256 --set data.crop=224"
                )
        if is_sized and (channels is not None or not header.is_grey):
            break
    assert size is not None
    chosen = channels if channels is not None else 1 if grey == seen else 3
    return Survey(size, chosen, channels is not None, len(paths), seen, grey, transparent)


def _headers(paths: Sequence[str]) -> Iterator[tuple[str, Header]]:
    with ThreadPoolExecutor(decoders()) as pool:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            yield from zip(chunk, pool.map(read_header, chunk), strict=True)
