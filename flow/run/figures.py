"""The figures that stages write as JSON, typed where they are read back: what is of another form goes no further.

A model states what others rely on; keys beyond that pass as they are. Numbers are finite and of their own type (no
texts, no booleans), and a file whose checksum is not that of its contents was damaged or edited and is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bnn.errors import UserError
from bnn.files import CHECKSUM, checksum
from bnn.readers import DamagedFileError, read_json

MOST = 2**53  # counts beyond this are no counts

Count = Annotated[int, Field(ge=0, le=MOST)]
Number = Annotated[float, Field(ge=0, le=MOST)]
Share = Annotated[float, Field(ge=0, le=1)]
Cycles = Annotated[float, Field(ge=1, le=MOST)]  # a frame initiation interval may be a fraction
Clock = Annotated[float, Field(ge=1e-3, le=1e6)]  # MHz
Frames = Annotated[int, Field(ge=1, le=MOST)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A table inside of a stage's figures."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)


class Figures(Part):
    """What every file has; of the rest only that it is JSON with finite numbers is known."""

    network_hash: str
    askew_version: str | None = None


class ExportFigures(Figures):
    """``export.json``: what export made, and from what."""

    checkpoint_sha256: Digest | None = None
    sha256: dict[str, Digest] = {}
    accuracy: Share | None = None
    frames: Frames | None = None
    class_names: list[str] | None = None
    images: str | None = None


class Fractions(Part):
    """The fraction of +1 of a layer or of the input."""

    plus_fraction: Share
    plus_fraction_quartiles: list[Share] | None = None
    plus_fraction_channels: list[Share] | None = None


class SimulateFigures(Figures):
    """``simulate.json``."""

    frames: Frames
    accuracy: Share | None = None
    mismatches: Count | None = None
    frames_per_second: Number | None = None
    backend: str | None = None
    layers: dict[str, Fractions] = {}


class Rung(Part):
    """One rung of the ladder."""

    frames: Frames
    mismatches: Count
    accuracy: Share | None = None
    first_mismatch: Count | None = None


class LadderFigures(Figures):
    """``ladder.json``."""

    rungs: dict[str, Rung]


class FoldedLayer(Part):
    """A layer of ``folding.json``."""

    pe: Frames
    simd: Frames
    cycles: Count | None = None
    luts: Count | None = None
    bram18: Count | None = None


class FoldingFigures(Figures):
    """``folding.json``."""

    network_hash: str | None = None  # type: ignore[assignment]  # a file of the user's own may carry none
    layers: dict[str, FoldedLayer]
    popcount: str | None = None
    luts: Count | None = None
    ffs: Count | None = None
    bram18: Count | None = None
    frame_ii_cycles: Cycles | None = None
    latency_cycles: Count | None = None
    board: str | None = None
    clock_mhz: Clock | None = None


class Busy(Part):
    """Cycles of a unit between two labels."""

    busy: Number


class SimulatedLayer(Part):
    """A layer of ``rtlsim.json``."""

    predicted: Busy
    measured: Busy
    busy_share: Number


class RtlsimFigures(Figures):
    """``rtlsim.json``."""

    frames: Frames
    mismatches: Count
    frame_ii_cycles: Cycles | None = None
    latency_cycles: Number | None = None
    popcount: str | None = None
    delivered_popcount: str | None = None
    popcount_note: str | None = None
    layers: dict[str, SimulatedLayer] = {}


class Resources(Part):
    """What FINN or Vivado counts of a layer, or of the whole network."""

    lut: Count
    bram18: Count


class CountedIn(Part):
    """The integers of a FINN unit, and the type that holds them."""

    low: int
    high: int
    type: str


class Typed(Part):
    """A FINN type."""

    type: str


class EstimatedLayer(Resources):
    """A layer of ``finn/estimate.json``."""

    cycles: Count
    pe: Count | None = None
    simd: Count | None = None
    accumulator: CountedIn | None = None
    threshold: Typed | None = None


class EstimateFigures(Figures):
    """``finn/estimate.json``."""

    board: str | None = None
    clock_mhz: Clock | None = None
    frames: Frames | None = None
    mismatches: Count | None = None
    frame_ii_cycles: Cycles | None = None
    latency_cycles: Count | None = None
    layers: dict[str, EstimatedLayer] = {}
    resources: Resources | None = None


class FinnRtlsim(Part):
    """What FINN measured in simulation."""

    frame_ii_cycles: Cycles | None = None
    latency_cycles: Number | None = None


class Synthesized(Part):
    """What Vivado placed."""

    resources: Resources
    layers: dict[str, Resources] = {}


class BoardFigures(Part):
    """What the board measured."""

    frames: Frames | None = None
    mismatches: Count | None = None
    clock_mhz: Clock | None = None
    frames_per_second: dict[str, Number] | None = None
    latency_seconds: Number | None = None
    call_seconds: Number | None = None
    frame_seconds: Number | None = None
    fit_residual: Number | None = None
    hardware_frames_per_second: Number | None = None
    hardware_latency_seconds: Number | None = None
    driver_seconds: Number | None = None


class ResultsFigures(Figures):
    """``finn/results.json``."""

    board: BoardFigures | None = None
    clock_mhz: Clock | None = None
    rtlsim: FinnRtlsim | None = None
    post_synthesis: Synthesized | None = None
    missing: dict[str, str] = {}


class GoldenManifest(Figures):
    """``golden/manifest.json``: how many frames, and the checksums of the arrays, block by block."""

    frames: Frames
    block_frames: Frames
    sha256: dict[Literal["input.npy", "labels.npy", "expected.npy"], list[Digest]]


class RowFigures(Part):
    """``rows/ID.json`` of a study."""

    status: Literal["done", "failed"]
    config_hash: str
    kind: str | None = None
    accuracy: Share | None = None
    mismatches: Count | None = None
    plus_one: dict[str, Share] | None = None
    error: str | None = None


class Seed(Part):
    """One row of a point."""

    seed: Count
    config_hash: str
    accuracy: Share


class Point(Part):
    """The rows of a study that differ in their seed alone."""

    config: str
    variant: str
    varied: dict[str, Any]
    series: str
    value: Any
    seeds: Count
    failed: Count
    mean: Share | None
    deviation: Number | None
    mismatches: Count | None
    accuracy_of: str | None
    is_reference: bool
    differs: bool | None
    difference: float | None
    p_corrected: Share | None
    rows: list[Seed]


class Axis(Part):
    """What a study's points stand along."""

    key: str
    numeric: bool
    others: list[str]


class Rows(Part):
    """How much of a study has been done."""

    planned: Count
    done: Count
    failed: Count


class StudySummary(Part):
    """``summary.json`` of a study."""

    name: str
    question: str
    statement: str
    method: str
    rows: Rows
    axis: Axis
    points: list[Point]


OF_STAGE: dict[str, type[Figures]] = {
    "export": ExportFigures,
    "simulate": SimulateFigures,
    "ladder": LadderFigures,
    "folding": FoldingFigures,
    "rtlsim": RtlsimFigures,
    "finn/estimate": EstimateFigures,
    "finn/results": ResultsFigures,
}


def read_figures(
    file: Path, model: type[Part], advice: str, error_type: type[UserError] = DamagedFileError
) -> dict[str, Any]:
    """A stage's figures, as plain values without their checksum.

    Args:
        file: JSON.
        model: what they must be.
        advice: what the error says to do.
        error_type: of the error.

    Raises:
        error_type: not JSON, of another form, or not what was written.
        OSError: the file cannot be opened.
    """
    figures = read_json(file, advice, error_type)
    if CHECKSUM in figures and figures.pop(CHECKSUM) != checksum(figures):
        raise error_type(f"{file}: damaged (its contents are not those that its checksum was made of); {advice}")
    try:
        model.model_validate(figures)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise error_type(f"{file}: damaged ({place}: {first['msg']}); {advice}") from None
    return figures
