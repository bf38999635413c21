"""What `askew bench --out` writes: ours and the peers in one run."""

from __future__ import annotations

from finn_build.results.form import Count, Cycles, Frames, Number, Part, says


class BenchFigures(Part):
    """What every benchmark has."""

    askew_version: str | None = says("version that measured", default=None)


class Check(Part):
    """Whether everybody computes the same."""

    frames: Frames = says("that were compared", "frames")
    other_classes: dict[str, Count] = says(
        "who, to the frames of another class than the model's (without one, NumPy's)", "frames"
    )
    onnxruntime_logits_farthest: Number = says("from PyTorch's logits, or NumPy's scores, the largest difference")


class Ratio(Part):
    """How many times as fast Numba is as a peer."""

    median: Number = says("of the rounds")
    rounds: list[Number] = says("each round's")


class LayerSpeed(Part):
    """A large binary layer beside the machine's peak."""

    name: str = says("of the layer")
    gmacs_per_second: Number = says("that it computes", "10^9 multiply-accumulates/s")
    peak_gmacs_per_second: Number = says("that the machine's popcount allows", "10^9 multiply-accumulates/s")
    fraction_of_peak: Number = says("median of the rounds", "0..1")


class SimulatedNetwork(Part):
    """One network, by everybody."""

    network_hash: str = says("of the integer network")
    check: Check = says("whether everybody computes the same")
    frames_per_second: dict[str, Number] = says("who, to the median rate", "frames/s")
    numba_against: dict[str, Ratio] = says("peer to the ratio")
    ways: dict[str, list[str]] = says("who, to the ways that were measured")
    layers: list[LayerSpeed] = says("large binary layers")
    peak_memory_mib: dict[str, Number] = says("who, to the most memory", "MiB")
    memory_frames: Frames = says("that memory was measured on", "frames")


class SimulatorBench(BenchFigures):
    """`askew bench simulator`: NumPy, Numba, onnxruntime, Brevitas and qonnx on the same networks."""

    threads: Frames = says("of everybody", "threads")
    rounds: Frames = says("in which everybody was measured")
    networks: dict[str, SimulatedNetwork] = says("network to its figures")


class RtlSpeed(Part):
    """One design in Verilator."""

    frames: Frames = says("that were streamed", "frames")
    mismatches: Count = says("frames with other scores than the integer network's", "frames")
    frame_ii_cycles: Cycles = says("between the last two labels", "cycles")
    latency_cycles: Number = says("from the first beat in to the last beat out", "cycles")
    frames_per_second: Number = says("of the simulation", "frames/s")
    cycles_per_second: Number = says("of the simulation", "cycles/s")


class RtlBench(BenchFigures):
    """`askew bench rtl`: how fast the RTL simulates."""

    networks: dict[str, dict[str, RtlSpeed]] = says("network to popcount style to its figures")


class StepsBench(Part):
    """How many images a second of the CPU one thread trains on."""

    network: str = says("shipped config")
    images: Frames = says("an epoch", "images")
    batch_size: Frames = says("of ours", "images")
    rounds: Frames = says("that were measured", "epochs")
    arithmetic: str = says("of ours")
    ours_images_per_cpu_second: Number = says("`askew train`", "images/s")
    plain_images_per_cpu_second: Number = says("a plain PyTorch loop in float32", "images/s")
    before_images_per_cpu_second: Number = says("our network in plain float32", "images/s")
    ratio_to_plain: Number = says("ours over the plain loop")
    ratio_to_before: Number = says("ours over our network in plain float32")


class TrainingBench(BenchFigures):
    """`askew bench training`: an epoch of ours beside one of a plain PyTorch loop."""

    network: str = says("shipped config")
    images: Frames = says("an epoch", "images")
    batch_size: Frames = says("of both", "images")
    threads: Frames = says("of PyTorch", "threads")
    epochs: Frames = says("that were measured", "epochs")
    ours_seconds: Number = says("median epoch of ours", "s")
    plain_seconds: Number = says("median epoch of the plain loop", "s")
    ratio: Number = says("ours over the plain loop")
    steps: StepsBench | None = says("images a second; not measured with a GPU", default=None)
