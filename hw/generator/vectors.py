"""What makes a design's folder convince by itself: frames, the answers expected, a testbench, and a Makefile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, MatrixLayer, classes_of
from hw.cycles import predict_latency
from hw.dataflow import Dataflow
from hw.units.memory import field_bits, hex_words

KIT = Path(__file__).parent / "verify"
SIMULATED_MODELS = Path(__file__).parent.parent / "rtl" / "sim"
SUMS = "SHA256SUMS"
MOST_FRAMES, MOST_CYCLES = 16, 20_000
"""Frames that are kept, and cycles of the slowest unit beyond which they are fewer, but two at least."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Frames and the integer network's answers.

    Attributes:
        images: (n, H, W, C) uint8, n at least 1.
        scores: (n, classes) integers, computed by something else than the design.
    """

    images: NDArray[np.uint8]
    scores: NDArray[np.int32]

    def __post_init__(self) -> None:
        assert 0 < len(self.images) == len(self.scores)

    def fewer(self, dataflow: Dataflow) -> Vectors:
        """So many that even an event-driven simulator is done within minutes."""
        count = max(2, min(MOST_FRAMES, MOST_CYCLES // dataflow.bottleneck_cycles))
        return Vectors(self.images[:count], self.scores[:count])

    def files(self, network: Chain, dataflow: Dataflow) -> Iterator[tuple[str, str]]:
        """File name below the design's folder, and contents."""
        pixels, scores = dataflow.units[0].input, dataflow.units[-1].input
        count = len(self.images)
        octets = self.images.reshape(count * pixels.beats, pixels.lanes).astype(np.int64)
        values = self.scores.astype(np.int64)
        *_, (last, _, value_range) = network.walk()
        assert isinstance(last, MatrixLayer)
        if value_range is None and last.score_table is None:
            values = (values + last.mw) // 2  # the stream carries popcounts P, the score is 2P - mw
        beats = values.reshape(count * scores.beats, scores.lanes)
        yield "verify/pixels.hex", hex_words(field_bits(octets, pixels.bits))
        yield "verify/scores.hex", hex_words(field_bits(beats, scores.bits))
        yield "verify/labels.hex", "".join(f"{label:08x}\n" for label in classes_of(self.scores))
        sizes = {
            "Frames": count,
            "PixelBits": pixels.width,
            "PixelBeats": pixels.beats,
            "ScoreBits": scores.width,
            "ScoreBeats": scores.beats,
            "StuckCycles": 64 * (predict_latency(dataflow) + dataflow.bottleneck_cycles) + 1000,
        }
        lines = [f"localparam integer {name} = {value};" for name, value in sizes.items()]
        lines.append(f"localparam [255:0] NetworkHash = 256'h{network.hash};")
        yield "verify/askew_verify_sizes.svh", "// Generated: sizes of the design.\n" + "\n".join(lines) + "\n"
        yield "verify/askew_verify.sv", (KIT / "askew_verify.sv").read_text(encoding="utf-8")
        yield "Makefile", (KIT / "Makefile.txt").read_text(encoding="utf-8")
        yield "README.md", (KIT / "README.md").read_text(encoding="utf-8")
        for path in sorted(SIMULATED_MODELS.glob("*.sv")):
            yield f"verify/sim/{path.name}", path.read_text(encoding="utf-8")


def checksums(folder: Path) -> str:
    """Of every file below ``folder``, as ``sha256sum`` writes and checks them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )
