"""What a folder's headers decide. The oracle: the files as the tests saved them, and sentences written out."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from training.data.sources.dataset import DataError
from training.data.sources.image_file import read_header, read_image
from training.data.sources.preparation import Preparation
from training.data.sources.survey import survey

GREYS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOURS = np.random.default_rng(4).integers(0, 256, (3, 4, 3), dtype=np.uint8)


def save(tmp_path, *images):
    """Each as a PNG file; their paths."""
    paths = [str(tmp_path / f"{index}.png") for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return paths


def palette(colours):
    """A palette image of 3 x 4 whose pixels are the first twelve of these colours."""
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4), mode=None).convert("P")
    image.putpalette(np.asarray(colours, np.uint8).tobytes())
    image.putdata(list(range(12)))
    return image


def test_channels_are_one_only_where_every_file_is_grey(tmp_path):
    grey_palette = palette(np.repeat(GREYS.reshape(-1, 1), 3, axis=1))
    transparent = Image.fromarray(np.dstack([GREYS, GREYS]))
    assert transparent.mode == "LA"
    bits = Image.fromarray(GREYS > 100)
    assert bits.mode == "1"
    greys = save(tmp_path, GREYS, grey_palette, transparent, bits)
    found = survey(greys, Preparation())
    assert (found.size, found.channels, found.grey, found.seen) == ((3, 4), 1, 4, 4)
    assert found.describe() == (
        "one channel, as every file is grey; transparency was left out (1 of the 4 files looked at)"
    )
    for path in greys[:3]:
        np.testing.assert_array_equal(np.asarray(read_image(path, "L")), GREYS)
    np.testing.assert_array_equal(np.asarray(read_image(greys[3], "L")), (GREYS > 100) * 255)


def test_one_file_in_colour_makes_three_channels_and_the_grey_ones_are_counted(tmp_path):
    paths = save(tmp_path, GREYS, GREYS, COLOURS, palette(COLOURS.reshape(-1, 3)))
    found = survey(paths, Preparation())
    assert found.channels == 3
    assert found.describe() == "three channels: the value of 2 grey files of 4 stands in all three"
    np.testing.assert_array_equal(np.asarray(read_image(paths[0], "RGB")), np.dstack([GREYS] * 3))
    np.testing.assert_array_equal(np.asarray(read_image(paths[3], "RGB")), COLOURS)
    assert survey(paths[2:], Preparation()).describe() == "three channels, as every file is in colour"


def test_channels_that_were_asked_for(tmp_path):
    paths = save(tmp_path, COLOURS, GREYS)
    one, three = survey(paths, Preparation(channels=1)), survey(paths[1:], Preparation(channels=3))
    assert (one.channels, three.channels) == (1, 3)
    assert one.describe() == "one channel, as data.channels says: a colour becomes its luma"
    assert three.describe() == "three channels, as data.channels says: a grey file's value stands in all three"
    luma = COLOURS @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    assert np.abs(np.asarray(read_image(paths[0], "L")) - luma).max() <= 1


def test_no_more_headers_are_read_than_it_takes(tmp_path):
    paths = [*save(tmp_path, GREYS, COLOURS), str(tmp_path / "nowhere.png")]
    found = survey(paths, Preparation(resize=(2, 2)))
    assert (found.size, found.seen) == ((2, 2), 2)
    assert found.describe() == ("three channels, as there are files in colour: a grey one's value stands in all three")
    with pytest.raises(DataError, match=r"nowhere.png: damaged, or no image"):
        survey(paths, Preparation())


def test_several_sizes_name_two_files(tmp_path):
    paths = save(tmp_path, GREYS, GREYS, GREYS.T.copy())
    message = r"2.png: is 4 x 3 and .*0.png is 3 x 4; all images must have one size: set data.resize and data.crop"
    with pytest.raises(DataError, match=message):
        survey(paths, Preparation())
    with pytest.raises(DataError, match=r"2.png: is 8 x 6 and .*0.png is 6 x 8; all images"):
        survey(paths, Preparation(resize=6))
    with pytest.raises(DataError, match=r"0.png: is 3 x 4, smaller than data.crop \(2 x 5\); set data.resize higher"):
        survey(paths, Preparation(crop=(2, 5)))
    with pytest.raises(DataError, match=r"2.png: is 8 x 6 when rescaled \(4 x 3 in the file\), smaller than data.crop"):
        survey(paths, Preparation(resize=6, crop=(6, 7)))
    for preparation in (Preparation(crop=3), Preparation(resize=6, crop=5), Preparation(resize=(5, 5))):
        assert survey(paths, preparation).size == ((3, 3) if preparation.resize is None else (5, 5))


def test_more_than_eight_bits_a_value_are_refused(tmp_path):
    (path,) = save(tmp_path, Image.fromarray(GREYS.astype(np.uint16) * 200))
    for read in (lambda: read_header(path), lambda: read_image(path, "L")):
        with pytest.raises(DataError, match=r"0.png: must have 8 bits a value, grey or in colour \(Pillow calls it I"):
            read()


def test_sixteen_bits_a_colour_are_refused(tmp_path):
    """Pillow writes no such file: PNG is put together by hand (its specification, sections 5 and 11)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(4 * 6)) for _ in range(3))
    header = struct.pack(">IIBBBBB", 4, 3, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    with Image.open(path) as image:
        assert np.asarray(image).dtype == np.uint8  # without a word
    with pytest.raises(DataError, match=r"deep.png: must have 8 bits a value, .*RGB;16B"):
        read_header(str(path))
