"""What FINN's files hold, in terms of our layers: ``estimate.json``, ``results.json`` and ``folding.json``."""

from __future__ import annotations

from typing import Literal

from finn_build.results.form import Clock, Count, Cycles, Digest, Figures, Frames, Number, Part, Real, Share, says


class Resources(Part):
    """What FINN or Vivado counts of a unit, a layer, or the whole network."""

    lut: Count = says("look-up tables", "LUTs")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")
    uram: Count = says("UltraRAMs", "blocks of 288 kbit", default=0)
    dsp: Count = says("multipliers", "DSPs", default=0)


class EstimatedUnit(Resources):
    """One of FINN's units."""

    name: str = says("FINN's name of it")
    cycles: Count = says("it takes for a frame", "cycles")


class Accumulator(Part):
    """The integers that a unit of FINN's adds up."""

    low: int = says("lowest value that it can reach")
    high: int = says("highest value that it can reach")
    type: str = says("FINN's type that holds them")


class ThresholdType(Part):
    """The integers that a unit of FINN's compares with."""

    type: str = says("FINN's type that holds them")


class EstimatedLayer(Resources):
    """A layer: its main unit's cycles, and the resources of all its units."""

    cycles: Count = says("that its main unit takes for a frame", "cycles")
    pe: Count | None = says("outputs at a time", "outputs a cycle", default=None)
    simd: Count | None = says("inputs at a time", "inputs a cycle", default=None)
    nodes: dict[str, EstimatedUnit] = says("role to unit", default={})
    accumulator: Accumulator | None = says("what it adds up; null where it adds nothing", default=None)
    threshold: ThresholdType | None = says("what it compares with; null where it gives integers", default=None)


class Estimates(Part):
    """FINN's own estimates."""

    layers: dict[str, EstimatedLayer] = says("layer to its figures", default={})
    resources: Resources | None = says("of all units, without FIFOs, width converters and shell", default=None)
    frame_ii_cycles: Cycles | None = says("between the starts of successive frames", "cycles", default=None)
    latency_cycles: Count | None = says("from the first beat in to the last beat out", "cycles", default=None)
    slowest: str | None = says("the layer that sets the rate", default=None)
    frames_per_second: Number | None = says("at clock_mhz", "frames/s", default=None)
    latency_seconds: Number | None = says("at clock_mhz", "s", default=None)


class Mismatch(Part):
    """Where a graph first differs from golden."""

    frame: Count = says("index of the golden frame")
    layer: str | None = says("the first layer that differs there", default=None)


class GraphCheck(Part):
    """One of FINN's graphs on golden frames."""

    frames: Count = says("that it was executed on", "frames")
    mismatches: Count = says("frames with another answer than golden's", "frames")
    first_mismatch: Mismatch | None = says("the first place; null where there is none", default=None)


class EstimateFigures(Figures, Estimates):
    """``finn/estimate.json``: what FINN estimates, every one of its graphs held to golden."""

    finn_version: str | None = says("whose estimates these are", default=None)
    board: str | None = says("FINN's name of the board", default=None)
    part: str | None = says("the FPGA's full part name", default=None)
    clock_mhz: Clock | None = says("that rates are stated for; assumed, as nothing was placed", "MHz", default=None)
    folding_by: Literal["askew", "finn"] | None = says("who chose PE and SIMD", default=None)
    target_fps: Number | None = says("that was folded for; null for a given folding", "frames/s", default=None)
    frames: Frames | None = says("that every graph was executed on", "frames", default=None)
    mismatches: Count | None = says("with golden, over all graphs", "frames", default=None)
    graphs: dict[str, GraphCheck] = says("FINN's step to what its graph gave", default={})
    seconds: Number | None = says("that the estimate took", "s", default=None)


class PlacedResources(Resources):
    """What Vitis HLS or Vivado counts."""

    ff: Count = says("flip-flops", "flip-flops", default=0)


class Placed(Part):
    """What a tool of Xilinx counts."""

    resources: PlacedResources = says("of the whole")
    layers: dict[str, PlacedResources] = says("layer to its figures", default={})


class FinnRtlsim(Part):
    """What FINN measured in simulation."""

    frame_ii_cycles: Cycles | None = says("between the starts of successive frames", "cycles", default=None)
    latency_cycles: Number | None = says("from the first beat in to the last beat out", "cycles", default=None)
    frames_per_second: Number | None = says("at clock_mhz", "frames/s", default=None)


class OutOfContext(PlacedResources):
    """Vivado's synthesis of the accelerator alone."""

    slack_ns: Real = says("worst slack at the clock", "ns")
    fmax_mhz: Number = says("highest clock", "MHz")
    frames_per_second: Number = says("at that clock", "frames/s")


class Timing(Part):
    """Vivado's timing after routing."""

    slack_ns: Real = says("worst negative slack; 0 or above meets the clock", "ns")
    met: bool = says("whether the clock is met")


class Bitfile(Part):
    """The bitfile that a build gave."""

    file: str = says("its name")
    sha256: Digest = says("of its bytes")


class BoardFigures(Part):
    """What the board measured, as ``deploy/board.json`` says."""

    network_hash: str | None = says("of the network on the board", default=None)
    board: str | None = says("FINN's name of the board", default=None)
    machine: str | None = says("the processor's architecture", default=None)
    simulated: bool | None = says("whether the integer network stood in for the accelerator", default=None)
    frames: Frames | None = says("that were streamed", "frames", default=None)
    mismatches: Count | None = says("frames with another answer than golden's", "frames", default=None)
    first_mismatch: Count | None = says("index of the first; null where there is none", default=None)
    accuracy: Share | None = says("share of frames answered as labelled", "0..1", default=None)
    clock_mhz: Clock | None = says("that the board runs at", "MHz", default=None)
    clock_mhz_built_for: Clock | None = says("that the bitfile was built for", "MHz", default=None)
    bitfile_sha256: Digest | None = says("of the bitfile on the board", default=None)
    frames_per_second: dict[str, Number] | None = says("batch size to rate", "frames/s", default=None)
    latency_seconds: Number | None = says("of one frame, the processor's part in it", "s", default=None)
    call_seconds: Number | None = says("that a Python call costs, whatever the batch", "s", default=None)
    frame_seconds: Number | None = says("that each frame adds", "s", default=None)
    fit_residual: Number | None = says("largest relative error of the line through the times", "0..1", default=None)
    hardware_frames_per_second: Number | None = says("of the hardware alone, by that line", "frames/s", default=None)
    hardware_latency_seconds: Number | None = says("the build's cycles at the board's clock", "s", default=None)
    hardware_latency_origin: str | None = says("where those cycles come from", default=None)
    driver_seconds: Number | None = says("of one frame's latency, the driver's part", "s", default=None)


class Verified(Part):
    """FINN's own verification at one step."""

    frames: Count = says("that were compared", "frames")
    failed: Count = says("that differed", "frames")


class ResultsFigures(Figures):
    """``finn/results.json``: what a build has come to; the rest is null and stands in ``missing``."""

    board: BoardFigures | None = says("what the board measured", default=None)
    part: str | None = says("the FPGA's full part name", default=None)
    clock_mhz: Clock | None = says("that was built for", "MHz", default=None)
    compiler: str | None = says("finn-plus or finn", default=None)
    steps: list[str] = says("of FINN's that ran", default=[])
    last_error: str | None = says("the last error of FINN's log", default=None)
    verification: dict[str, Verified] = says("FINN's step to its own verification", default={})
    estimate: Estimates | None = says("FINN's estimates", default=None)
    hls: Placed | None = says("what Vitis HLS counted", default=None)
    rtlsim: FinnRtlsim | None = says("what FINN measured in simulation", default=None)
    out_of_context: OutOfContext | None = says("Vivado's synthesis of the accelerator alone", default=None)
    post_synthesis: Placed | None = says("what Vivado placed; the whole has the shell too", default=None)
    timing: Timing | None = says("Vivado's timing after routing", default=None)
    bitfile: Bitfile | None = says("the bitfile", default=None)
    missing: dict[str, str] = says("part to the command that fills it", default={})


class FinnFoldedLayer(Resources):
    """A matrix: its folding, and the resources of all its units."""

    pe: Frames = says("outputs at a time", "outputs a cycle")
    simd: Frames = says("inputs at a time", "inputs a cycle")
    cycles: Count = says("that the matrix takes for a frame", "cycles")


class FinnOther(Resources):
    """What is not folded: pools, the input, the label."""

    cycles: Count = says("that it takes for a frame", "cycles")


class FinnBudget(Part):
    """The share of the board that the solver might take."""

    luts: Count = says("look-up tables", "LUTs")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")


class InputLimit(Part):
    """How fast the board's memory gives frames to the design."""

    frame_bytes: Frames = says("of one frame, a byte a pixel and channel", "bytes")
    bytes_per_second: Number = says("that the memory gives at most", "bytes/s")
    frames_per_second: Number = says("that come from there at most", "frames/s")
    cycles: Number = says("of the design's clock that a frame takes to arrive", "cycles")


class FinnFoldingFigures(Figures):
    """``finn/folding.json``: a folding in FINN's own cost, which `--folding` takes as well."""

    finn_version: str | None = says("whose estimates these are", default=None)
    layers: dict[str, FinnFoldedLayer] = says("matrix to its folding")
    others: dict[str, FinnOther] = says("what is not folded", default={})
    ram_styles: dict[str, dict[str, str]] = says("layer to unit (matrix, window) to its kind of memory", default={})
    lut: Count | None = says("look-up tables in all", "LUTs", default=None)
    bram18: Count | None = says("block RAMs in all", "blocks of 18 kbit", default=None)
    uram: Count | None = says("UltraRAMs in all", "blocks of 288 kbit", default=None)
    dsp: Count | None = says("multipliers in all", "DSPs", default=None)
    frame_ii_cycles: Cycles | None = says("between the starts of successive frames", "cycles", default=None)
    board: str | None = says("FINN's name of the board", default=None)
    clock_mhz: Clock | None = says("that was folded for; nothing was placed, so it is assumed", "MHz", default=None)
    target_fps: Number | None = says("that was asked for; null for the most", "frames/s", default=None)
    utilization: Share | None = says("share of the board that the solver might take", "0..1", default=None)
    budget: FinnBudget | None = says("that share; null where the board is not known", default=None)
    input_limit: InputLimit | None = says("how fast frames come; null where the board does not say", default=None)
    frames_per_second: Number | None = says("at clock_mhz", "frames/s", default=None)
