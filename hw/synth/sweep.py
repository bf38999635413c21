"""Which units are measured: those that the estimates are fitted to, and others that only judge the fit."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bnn.folding import divisors


def sweep() -> Iterator[str]:
    """What the estimates are fitted to."""
    for mw, mh, simd, pe in (
        (64, 64, 1, 1),
        (64, 64, 2, 4),
        (64, 64, 4, 8),
        (64, 64, 8, 8),
        (64, 64, 16, 2),
        (64, 64, 32, 4),
        (64, 64, 64, 8),
        (64, 16, 64, 16),
        (784, 64, 7, 4),
        (784, 64, 14, 8),
        (784, 64, 28, 16),
        (784, 64, 49, 4),
        (784, 64, 98, 2),
        (784, 16, 196, 1),
        (256, 256, 4, 1),
        (256, 64, 16, 4),
        (256, 32, 128, 4),
        (288, 32, 32, 8),
        (576, 64, 32, 16),
        (576, 64, 64, 4),
        (1152, 64, 32, 4),
        (1152, 128, 64, 2),
        (27, 16, 3, 4),
        (90, 6, 15, 3),
        (45, 10, 9, 5),
        (512, 10, 1, 5),
        (512, 10, 8, 2),
        (64, 64, 64, 64),
        (128, 16, 128, 16),
        (30, 12, 30, 12),
        (784, 4, 784, 4),
    ):
        yield f"mvau mw={mw} mh={mh} simd={simd} pe={pe}"
    for mw, mh, simd, pe in ((64, 64, 8, 8), (784, 32, 49, 4), (288, 32, 32, 8), (128, 16, 128, 2), (90, 6, 15, 3)):
        yield f"mvau mw={mw} mh={mh} simd={simd} pe={pe} style=1"
    for mw, mh, simd, pe in ((64, 64, 8, 8), (288, 64, 16, 4), (512, 64, 4, 8), (90, 32, 15, 2), (256, 128, 16, 1)):
        yield f"mvau mw={mw} mh={mh} simd={simd} pe={pe} accumulate=1"
    for mw, mh, simd, pe in ((64, 10, 8, 10), (512, 10, 1, 5), (256, 10, 16, 2), (128, 20, 32, 4)):
        yield f"mvau mw={mw} mh={mh} simd={simd} pe={pe} threshold=0"
    yield "mvau mw=256 mh=64 simd=16 pe=4 replay=16"
    yield "mvau mw=256 mh=64 simd=4 pe=4 replay=200"
    for mw, mh, simd, pe, bits in (
        (27, 64, 3, 16, 8),
        (27, 64, 1, 4, 8),
        (27, 16, 3, 2, 4),
        (75, 12, 3, 4, 8),
        (784, 16, 4, 4, 8),
        (784, 16, 16, 2, 8),
        (64, 32, 8, 4, 2),
        (64, 32, 8, 4, 6),
    ):
        yield f"mvau_int mw={mw} mh={mh} simd={simd} pe={pe} bits={bits}"
    yield "mvau_int mw=64 mh=32 simd=2 pe=4 bits=8"
    yield "mvau_int mw=27 mh=64 simd=3 pe=16 bits=8 signed=1"
    yield "mvau_int mw=27 mh=64 simd=3 pe=16 bits=8 accumulate=1"
    yield "mvau_int mw=784 mh=10 simd=4 pe=2 bits=8 threshold=0"
    for window in (
        "size=8 c=4 simd=1",
        "size=8 c=4 simd=4",
        "size=14 c=64 simd=32",
        "size=30 c=64 simd=32",
        "size=32 c=3 simd=3 bits=8",
        "size=12 c=128 simd=32",
        "size=5 c=128 simd=32",
        "size=32 c=64 simd=64 p=1",
        "size=16 c=128 simd=16 p=1",
        "size=32 c=3 simd=3 bits=8 p=1",
        "size=16 c=32 simd=8 s=2 p=1",
        "size=28 c=1 simd=1 bits=8 k=5",
        "size=28 c=16 simd=16 k=5 p=2",
        "size=56 c=32 simd=2 p=1",
    ):
        yield f"swu {window}"
    for pool in (
        "size=8 c=4 simd=1",
        "size=8 c=16 simd=16",
        "size=28 c=64 simd=16",
        "size=28 c=64 simd=1",
        "size=10 c=128 simd=2",
        "size=10 c=128 simd=32",
        "size=16 c=32 simd=32 k=3 s=2 p=1",
        "size=15 c=8 simd=8 k=3 s=2",
        "size=14 c=16 simd=4 k=2 s=1",
    ):
        yield f"maxpool {pool}"
    for source, sink in (
        (1, 8),
        (8, 1),
        (16, 8),
        (8, 64),
        (64, 8),
        (49, 7),
        (8, 12),
        (12, 8),
        (16, 24),
        (32, 10),
        (5, 16),
        (1, 64),
        (64, 2),
        (32, 36),
        (9, 8),
    ):
        yield f"width_converter in={source} out={sink}"
    for width, depth in ((1, 2), (8, 2), (8, 16), (8, 33), (32, 32), (32, 64), (16, 100), (4, 200), (64, 12), (1, 400)):
        yield f"stream_fifo width={width} depth={depth}"
    for classes, lanes, bits in (
        (10, 1, 8),
        (10, 10, 8),
        (10, 2, 12),
        (10, 5, 11),
        (100, 4, 10),
        (4, 4, 16),
        (2, 1, 6),
    ):
        yield f"label_select classes={classes} pe={lanes} bits={bits}"
    for lanes, beats, entries, bits in (
        (1, 10, 65, 12),
        (2, 5, 65, 8),
        (10, 1, 65, 12),
        (5, 2, 257, 16),
        (1, 10, 513, 16),
    ):
        yield f"score_map pe={lanes} beats={beats} entries={entries} bits={bits}"
    for quantizer in ("n=49 pixel=128", "n=16 pixel=77", "n=3", "n=4 table=1", "n=2 table=1 bits=4"):
        yield f"input_quantizer {quantizer}"


def held_out(count: int = 30, seed: int = 1) -> Iterator[str]:
    """Random units of all kinds."""
    rng = random.Random(seed)

    def fold(size: int, most: int) -> int:
        return rng.choice([number for number in divisors(size) if number <= most])

    for index in range(count):
        mw, mh = rng.choice((48, 72, 100, 120, 144, 192, 288, 360, 432, 640)), rng.choice((8, 10, 24, 32, 48, 96))
        simd, pe, channels = fold(mw, 72), fold(mh, 16), rng.choice((8, 12, 16, 24, 48, 64))
        kinds = (
            f"mvau mw={mw} mh={mh} simd={simd} pe={pe} accumulate={rng.randrange(2)} threshold={rng.randrange(2)}",
            f"mvau mw={mw} mh={mh} simd={simd} pe={pe}",
            f"mvau_int mw={mw} mh={mh} simd={fold(mw, 12)} pe={fold(mh, 8)} bits={rng.randrange(2, 9)}",
            f"swu size={rng.randrange(6, 40)} c={channels} simd={fold(channels, 64)} k={rng.randrange(2, 5)} "
            f"p={rng.randrange(2)}",
            f"maxpool size={rng.randrange(6, 30)} c={channels} simd={fold(channels, 64)} k={rng.randrange(2, 4)}",
            f"width_converter in={fold(channels, 64)} out={channels}",
            f"width_converter in={rng.randrange(2, 20)} out={rng.randrange(2, 20)}",
            f"stream_fifo width={rng.randrange(1, 50)} depth={rng.randrange(2, 150)}",
            f"label_select classes={mh} pe={fold(mh, 8)} bits={rng.randrange(6, 14)}",
        )
        yield kinds[index % len(kinds)]
