"""Seeded changes: of bytes, of texts, and of trees of plain values."""

import json
import random
import re
import zipfile
from io import BytesIO

NUMBERS = (-1, 0, 1, 2, 3, 7, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63))
VALUES = (
    None, True, False, -1, 0, 1, 3, 2**31, 2**62, 2**70, 0.5, -0.0, 1e-300, 1e308, float("nan"), float("inf"),
    "", "x", "0", "nan", "\x00", "\ud800", "é" * 50, "../../x", "a" * 5000, [], {}, [[]], [1, 2, 3], {"a": 1},
)  # fmt: skip


def of_bytes(rng: random.Random, whole: bytes) -> bytes:
    """One change of a file's bytes: flips, cuts, insertions, repetitions, zeros, whole words."""
    data = bytearray(whole)
    at = rng.randrange(len(data)) if rng.random() < 0.6 else rng.randrange(min(len(data), 160))
    length = min(len(data) - at, 1 << rng.randrange(8))
    match rng.randrange(9):
        case 0 | 1 | 2:
            data[at] ^= 1 << rng.randrange(8)
        case 3:
            for _ in range(rng.randrange(2, 9)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 4:
            del data[at:]
        case 5:
            del data[at : at + length]
        case 6:
            data[at:at] = rng.choice([bytes(length), rng.randbytes(length), bytes(data[at : at + length])])
        case 7:
            data[at : at + length] = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length)])
        case 8:
            width = rng.choice((1, 2, 4, 8))
            order = rng.choice(("big", "little"))
            data[at : at + width] = (rng.choice(NUMBERS) % (1 << 8 * width)).to_bytes(width, order)
    return bytes(data)


def of_text(rng: random.Random, text: str) -> bytes:
    """One change of a text's words, numbers and lines."""
    words = [match.span() for match in re.finditer(r"[\w.+-]+", text)]
    start, end = rng.choice(words)
    lines = text.splitlines(keepends=True)
    match rng.randrange(6):
        case 0 | 1:
            text = text[:start] + json.dumps(rng.choice(VALUES)) + text[end:]
        case 2:
            text = text[:start] + str(rng.choice(NUMBERS)) + text[end:]
        case 3:
            other = rng.choice(words)
            text = text[:start] + text[slice(*other)] + text[end:]
        case 4:
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "".join(lines)
        case 5:
            lines.pop(rng.randrange(len(lines)))
            text = "".join(lines)
    return text.encode("utf-8", "surrogatepass")


def of_tree(rng: random.Random, value):
    """The same tree with one of its nodes replaced, dropped, renamed or doubled."""
    places = list(_places(value))
    if not places:
        return rng.choice(VALUES)
    parent, key = rng.choice(places)
    match rng.randrange(5):
        case 0 | 1 | 2:
            parent[key] = rng.choice(VALUES)
        case 3 if isinstance(parent, dict):
            parent[rng.choice(("", "x", "é", f"{key}_"))] = parent.pop(key)
        case 3:
            parent.append(parent[key])
        case 4:
            del parent[key]
    return value


def _places(value):
    entries = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, entry in entries:
        yield value, key
        yield from _places(entry)


def as_json(value) -> bytes:
    """JSON as a careless program writes it: NaN and halves of surrogates included."""
    return json.dumps(value).encode()


def members(whole: bytes) -> dict[str, bytes]:
    """A zip archive's members."""
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents: dict[str, bytes], compressed: bool = False) -> bytes:
    """A zip archive with right checksums."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return file.getvalue()


def of_archive(rng: random.Random, whole: bytes) -> bytes:
    """A zip archive with one member changed, renamed, dropped or blown up, and its checksum right again."""
    contents = members(whole)
    name = rng.choice(list(contents))
    match rng.randrange(6):
        case 0 | 1 | 2:
            contents[name] = of_bytes(rng, contents[name] or b"\x00")
        case 3:
            contents[rng.choice(("x", "header.npy", f"{name}x"))] = contents.pop(name)
        case 4:
            del contents[name]
        case 5:
            contents[name] = contents[rng.choice(list(contents))]
    return zipped(contents, compressed=rng.random() < 0.3) if contents else b""


def bomb(head: bytes, megabytes: int) -> bytes:
    """``head`` and so many MiB of zeros, for a compressor."""
    return head + bytes(megabytes << 20)
