"""PNG and JPEG, as a folder of images reads them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.fuzz import mutate
from tests.fuzz.format import Format
from training.data.sources.image_file import read_header, read_image

PNG_START = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 6: 4}


def picture(kind: str) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (9, 7, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if kind == "JPEG" else pixels[..., 0] if kind == "GREY" else pixels).save(
        file, "JPEG" if kind == "JPEG" else "PNG"
    )
    return file.getvalue()


def chunks(data: bytes) -> list[tuple[bytes, bytes, int]]:
    """Kind, contents and checksum of every chunk of a PNG."""
    assert data.startswith(PNG_START)
    found, at = [], len(PNG_START)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, contents = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        found.append((kind, contents, *struct.unpack_from(">I", data, at + 8 + length)))
        at += 12 + length
        if kind == b"IEND":
            break
    return found


def joined(found) -> bytes:
    """A PNG of these chunks, checksums made anew."""
    parts = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c, _ in found]
    return PNG_START + b"".join(parts)


def decoded(data: bytes):
    """(height, width, 3) of a PNG of 8 bits without interlacing, every checksum compared."""
    found = chunks(data)
    assert all(zlib.crc32(kind + contents) == checksum for kind, contents, checksum in found)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", found[0][1])
    assert (depth, interlaced) == (8, 0)
    step = CHANNELS[colour]
    raw = zlib.decompress(b"".join(contents for kind, contents, _ in found if kind == b"IDAT"))
    rows, above = [], bytes(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        row = bytearray(raw[start + 1 : start + 1 + width * step])
        for x in range(len(row)):
            left = row[x - step] if x >= step else 0
            corner = above[x - step] if x >= step else 0
            guess = left + above[x] - corner
            nearest = min(
                (abs(guess - left), 0, left), (abs(guess - above[x]), 1, above[x]), (abs(guess - corner), 2, corner)
            )
            row[x] = (row[x] + (0, left, above[x], (left + above[x]) // 2, nearest[2])[raw[start]]) & 255
        rows.append(row)
        above = bytes(row)
    pixels = np.array(rows, np.uint8).reshape(height, width, step)
    return np.repeat(pixels, 3, 2) if step == 1 else pixels[..., :3]


class Picture(Format):
    """One image of a folder, as it is read there."""

    name, share = "images", 10

    def whole(self):
        return {"rgb.png": picture("RGB"), "grey.png": picture("GREY"), "rgb.jpg": picture("JPEG")}

    def damage(self, rng, name, whole):
        if not name.endswith("png") or rng.random() < 0.6:
            return mutate.of_bytes(rng, whole)
        found = chunks(whole)
        index = rng.randrange(len(found))
        kind, contents, checksum = found[index]
        if rng.random() < 0.5 and index == 0:
            sizes = struct.pack(">II", *rng.choice(((2**31 - 1, 2**31 - 1), (20000, 20000), (0, 5), (7, 8), (9, 7))))
            contents = sizes + contents[8:]
        else:
            contents = mutate.of_bytes(rng, contents or b"\x00")
        found[index] = kind, contents, checksum
        return joined(found)

    def read(self, file, name):
        read_header(str(file))
        return np.asarray(read_image(str(file), "RGB"))

    def truth(self, file, name, ours):
        return decoded(file.read_bytes()) if name.endswith("png") else ours

    def equal(self, ours, theirs):
        return ours.shape == theirs.shape and np.array_equal(ours, theirs)
