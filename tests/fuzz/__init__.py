"""Damaged and hostile files against every reader, with an oracle for each: `python -m tests.fuzz --help`.

Every input is made from a whole file by one seeded change (``mutate`` and the formats' own), and read as the commands
read it, in a process of its own with a limit of memory and of time for each input. What may come of it:

- **refused**: a `UserError` (or an OSError that names the file) whose message is one line.
- **same**: accepted, with the answer that the whole file gives: the change meant nothing.
- **changed**: accepted with another answer, which somebody else's reader gives for the very same bytes.

All else fails the run: any other exception, a message of two lines, a hang, more memory than the limit, a process that
dies, and an answer that is neither the whole file's nor another reader's: that would be a silent wrong answer.

The oracles, which are none of ours:

- ONNX: qonnx's executor on the damaged file: the class of every frame.
- ``network.npz``, ``golden/``, checkpoints, figures with a checksum: the whole file's answer alone; a change must be
  seen, since these carry checksums. A checkpoint or figures that were written anew around a changed value: PyTorch's
  or `json`'s reading.
- .npy and a data set's .npz: ``numpy.load``. IDX: `gzip` and `struct`. TOML: `tomllib`. A folding of one's own: `json`.
- PNG: the decoder in ``formats.pictures``, which compares every checksum. JPEG has none, so that a changed picture
  is another picture; such are counted as "changed".
"""
