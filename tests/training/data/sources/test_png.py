"""A PNG is whole: checksums, and as many pixels as its header says. Oracle: Pillow wrote the whole ones."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from training.data.sources.dataset import DataError
from training.data.sources.image_file import read_image
from training.data.sources.png import START, check_png


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_every_kind_that_pillow_writes_is_whole(tmp_path, mode):
    pixels = np.random.default_rng(1).integers(0, 256, (13, 9), np.uint8)
    image = Image.fromarray(pixels.astype(np.uint16)) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    image.save(tmp_path / "a.png")
    check_png(tmp_path / "a.png")


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, rows, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    return START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_interlaced_rows_are_counted_as_the_specification_has_them(tmp_path):
    # 5 x 3: passes of 1x1, 1x1, 0, 1x... columns x rows (section 8.1): 1x1, 1x1, 2x0, 1x1, 3x1, 2x2, 5x1
    sizes = [(1, 1), (1, 1), (1, 1), (3, 1), (2, 2), (5, 1)]
    rows = b"".join((b"\0" + bytes(columns)) * count for columns, count in sizes)
    (tmp_path / "a.png").write_bytes(png(5, 3, rows, interlaced=1))
    check_png(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").convert("L").size == (5, 3)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: png(4, 60_000, bytes(5) * 3), "promises 300,000 bytes of pixels, it has 15"),
        (lambda data: png(4, 3, bytes(5) * 900), "promises 15 bytes"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "checksum|cannot identify"),
        (lambda data: data[:-12], "unpack"),
        (lambda data: data + b"", None),
    ],
)
def test_a_picture_that_is_not_whole_is_refused(tmp_path, damage, reason):
    file = tmp_path / "a.png"
    file.write_bytes(damage(png(4, 3, bytes(5) * 3)))
    if reason is None:
        assert read_image(str(file), "RGB").size == (4, 3)
        return
    with pytest.raises(
        DataError, match=rf"a\.png: damaged, or no image \(.*({reason}).*\); replace or remove the file"
    ):
        read_image(str(file), "RGB")


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path):
    (tmp_path / "a.png").write_bytes(png(9000, 9000, b""))
    with pytest.raises(DataError, match="9000 x 9000 pixels, may be 67,108,864"):
        read_image(str(tmp_path / "a.png"), "RGB")
