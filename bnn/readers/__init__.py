"""One reader a file format: typed, and bounded by size before anything is allocated.

A file may be damaged or hostile. Each reader here says so in one line (``bnn.readers.door``), takes no more memory than
a small multiple of the file's own size, runs no code that the file holds, and gives a value only where all of it is
what its format promises.
"""

from bnn.readers.arrays import map_npy, read_npy, read_npz
from bnn.readers.door import DamagedFileError, door, in_one_line, printable
from bnn.readers.sizes import MAX_RATIO, UNPACKED_ANYWAY, LimitedReader, check_unpacked, open_archive
from bnn.readers.text import parse_json, parse_toml, read_json, read_text, read_toml

__all__ = [
    "MAX_RATIO",
    "UNPACKED_ANYWAY",
    "DamagedFileError",
    "LimitedReader",
    "check_unpacked",
    "door",
    "in_one_line",
    "map_npy",
    "open_archive",
    "parse_json",
    "parse_toml",
    "printable",
    "read_json",
    "read_npy",
    "read_npz",
    "read_text",
    "read_toml",
]
