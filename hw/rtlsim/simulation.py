"""Frames through a design's RTL: labels, scores, cycles, and on request every layer's bits or a waveform."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, MatrixLayer
from bnn.folding import Folding
from hw.cycles import UnitCycles
from hw.dataflow import Dataflow
from hw.generator import Design
from hw.rtlsim.bench import captures, layer_outputs
from hw.rtlsim.build import Effort, RtlSimulationError, build
from hw.rtlsim.registers import Registers
from hw.simulator import check_images
from hw.units import PopcountStyle, Stream

MIN_FRAMES = 3
STUCK = 3


@dataclass(frozen=True, eq=False)
class RtlResult:
    """What the RTL did with n frames.

    Attributes:
        labels: (n,) int64.
        scores: (n, classes) int32, from the stream into the last unit.
        latency_cycles: from the cycle in which the first beat of the first frame is accepted to the cycle in which
            its label leaves.
        frame_ii_cycles: cycles between the last two labels (of the first thread).
        label_cycles: when each label left, from the first beat (of the first thread).
        units: every unit's cycles between the last two labels.
        captured: layer name to its output, (n, H, W, C) uint8 bits; the last layer's is its scores (n, classes).
            Empty unless asked for.
        simulated_cycles: by all threads.
        seconds: wall clock of the simulation itself.
        registers: what the design's registers held at the end (of the first thread).
        popcount: how the simulated matrices count bits.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.int32]
    latency_cycles: int
    frame_ii_cycles: int
    label_cycles: tuple[int, ...]
    units: tuple[UnitCycles, ...]
    captured: dict[str, NDArray[Any]]
    simulated_cycles: int
    seconds: float
    registers: Registers
    popcount: PopcountStyle


def simulate_rtl(network: Chain, folding: Folding, images: NDArray[np.uint8], **options: Any) -> RtlResult:
    """Generate the RTL of ``network`` under ``folding`` and simulate it; options as of ``simulate_design``."""
    stall_gates = options.get("stall", 0.0) > 0
    return simulate_design(Design.for_simulation(network, folding, stall_gates=stall_gates), images, **options)


def simulate_design(
    design: Design,
    images: NDArray[np.uint8],
    *,
    build_dir: Path,
    stall: float = 0.0,
    seed: int = 0,
    capture: bool = False,
    trace_path: Path | None = None,
    trace_frames: tuple[int, int] = (0, 1),
    progress: Callable[[int, int], None] | None = None,
    threads: int = 1,
    assertions: bool = False,
    effort: Effort = Effort.FAST_RUN,
    beats_of_frames: Mapping[int, int] | None = None,
) -> RtlResult:
    """Stream frames through the RTL of ``design``.

    Args:
        design: what to simulate.
        images: (n, H, W, C) uint8, n at least 1. Fewer than three are repeated, to measure the initiation interval.
        build_dir: where executables are kept between runs.
        stall: probability, below 1, that the input has no beat or the output takes none in a cycle; also of every
            stream between units where the design has stall gates.
        seed: of the stalls.
        capture: also give every layer's output.
        trace_path: write a waveform (FST) of ``trace_frames`` there.
        trace_frames: first frame and the one after the last.
        progress: called with frames done and frames in all.
        threads: independent copies of the design, each with a part of the frames.
        assertions: check the RTL's assertions.
        effort: what is to be quick: the simulation or its build.
        beats_of_frames: frames that are sent with a wrong number of beats, at least 1, to test what that does.

    Raises:
        RtlSimulationError: no compiler, a failed build, a stream is stuck (the message says which), or the design's
            identity registers give another network's hash.
    """
    network = design.network
    check_images(network.network(), images)
    if len(images) < 1 or not 0 <= stall < 1 or threads < 1:
        raise RtlSimulationError(
            f"rtlsim: needs at least one frame ({len(images)}), stall ({stall}) in 0..1 and at least one thread"
            f" ({threads})"
        )
    if trace_path is not None:
        threads = 1
        if not 0 <= trace_frames[0] < trace_frames[1]:
            raise RtlSimulationError(f"rtlsim: frames to trace {trace_frames} must be first and one after the last")
    executable = build(design, build_dir, assertions=assertions, trace=trace_path is not None, effort=effort)
    count = max(len(images), MIN_FRAMES, trace_frames[1] if trace_path else 0)
    threads = max(1, min(threads, count // MIN_FRAMES))
    frames = np.resize(images, (count, *images.shape[1:]))
    options: dict[str, Any] = {
        "--frames": count,
        "--threads": threads,
        "--stall": stall,
        "--seed": seed,
        "--limit": _longest_silence(design.dataflow, stall),
        "--capture": int(capture),
    }
    if trace_path is not None:
        options |= {
            "--trace": trace_path.absolute(),
            "--trace-first": trace_frames[0],
            "--trace-last": trace_frames[1] - 1,
        }
    command = [str(executable)] + [str(part) for option in options.items() for part in option]
    for frame, beats in (beats_of_frames or {}).items():
        if beats < 1:
            raise RtlSimulationError(f"rtlsim: frame {frame} must have at least one beat, not {beats}")
        command += ["--beats", f"{frame}:{beats}"]
    with tempfile.TemporaryDirectory(prefix=".run-", dir=build_dir) as name:
        work = Path(name)
        (work / "mem").mkdir()
        for file, text in design.memories():
            (work / file).write_text(text, encoding="ascii")
        frames.tofile(work / "images.bin")
        command += ["--images", "images.bin", "--out", "."]
        status, complaint = _run(command, work, count, progress)
        if status not in (0, STUCK):
            raise RtlSimulationError(f"rtlsim: the simulation failed ({status}): {complaint or 'no message'}")
        statistics = json.loads((work / "statistics.json").read_text())
        if statistics["is_stuck"]:
            raise RtlSimulationError(_explain_stuck(design.dataflow, statistics))
        registers = Registers.of(statistics["registers"])
        if registers.network_hash != network.hash:
            raise RtlSimulationError(
                f"rtlsim: the design says that it is network {registers.network_hash[:12]}, not {network.hash[:12]}"
            )
        labels = np.fromfile(work / "labels.bin", np.uint32).astype(np.int64)
        outputs = [
            _read_capture(work / f"capture_{i}.bin", stream)
            for i, (_, stream) in enumerate(captures(design.dataflow)[: None if capture else 1])
        ]
    times = statistics["label_cycles"]
    scores = scores_of_stream(network, outputs[0])
    return RtlResult(
        labels=labels[: len(images)],
        scores=scores[: len(images)],
        latency_cycles=times[0],
        frame_ii_cycles=times[-1] - times[-2],
        label_cycles=tuple(times),
        units=_unit_cycles(design.dataflow, statistics),
        captured=_captured(design, outputs[1:], scores, len(images)) if capture else {},
        simulated_cycles=statistics["cycles"],
        seconds=statistics["seconds"],
        registers=registers,
        popcount=design.popcount,
    )


def _run(command: list[str], work: Path, count: int, progress: Callable[[int, int], None] | None) -> tuple[int, str]:
    """Exit status and the first line of complaint; a failed assertion complains on standard output."""
    complaints = []
    with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if not line.strip().isdigit():
                    complaints.append(line.strip())
                elif progress is not None:
                    progress(int(line), count)
            complaints += process.stderr.read().split("\n")
        except BaseException:
            process.kill()
            raise
    return process.returncode, next((line for line in complaints if line), "")


def _longest_silence(dataflow: Dataflow, stall: float) -> int:
    """Cycles without any movement after which a stream is stuck: units always move while they work."""
    return int((64 + len(dataflow.units)) * (1 + 40 * stall / (1 - stall)) ** 2)


def _explain_stuck(dataflow: Dataflow, statistics: dict[str, Any]) -> str:
    """Name the stream nearest to the output at which data waits: what is behind it does not take it."""
    names = ["the input", *(unit.name for unit in dataflow), "the output"]
    waiting = [entry["stream"] for entry in statistics["stuck"] if entry["valid"] and not entry["ready"]]
    done = f"after {len(statistics['label_cycles'])} frames of the first thread"
    if waiting:
        stream = max(waiting)
        return (
            f"rtlsim: the stream from {names[stream]} to {names[stream + 1]} is stuck {done}: "
            f"{names[stream + 1]} does not take what {names[stream]} offers"
        )
    starved = [entry["stream"] for entry in statistics["stuck"] if entry["ready"]]
    where = f"; {names[starved[0] + 1]} waits for more" if starved else ""
    return f"rtlsim: no stream moves {done} and none offers anything{where}: a frame is too short"


def _read_capture(path: Path, stream: Stream) -> NDArray[np.int64]:
    """(beats, lanes) elements; of more than one bit as two's complement."""
    octets = np.fromfile(path, np.uint8).reshape(-1, -(-stream.width // 8))
    bits = np.unpackbits(octets, axis=1, count=stream.width, bitorder="little")
    elements = bits.reshape(-1, stream.lanes, stream.bits).astype(np.int64)
    weights = 1 << np.arange(stream.bits, dtype=np.int64)
    if stream.bits > 1:
        weights[-1] = -weights[-1]
    return np.asarray(elements @ weights)


def scores_of_stream(network: Chain, beats: NDArray[np.int64]) -> NDArray[np.int32]:
    """(n, classes) scores of what the stream into the last unit carries, whatever its shape."""
    last = network.layers[-1]
    assert isinstance(last, MatrixLayer)
    values = beats.reshape(-1, last.mh)
    *_, (_, _, value_range) = network.walk()
    if value_range is None and last.score_table is None:
        values = 2 * values - last.mw  # the stream carries popcounts
    return values.astype(np.int32)


def _captured(
    design: Design, outputs: list[NDArray[np.int64]], scores: NDArray[np.int32], count: int
) -> dict[str, NDArray[Any]]:
    captured: dict[str, NDArray[Any]] = {}
    shapes = {layer.name: layer.output_shape(shape) for layer, shape, _ in design.network.walk()}
    for index, beats in zip(layer_outputs(design.dataflow), outputs, strict=True):
        name = design.dataflow.units[index].layer
        assert name is not None
        if name == design.network.layers[-1].name:
            captured[name] = scores[:count]
        else:
            captured[name] = beats.reshape(-1, *shapes[name])[:count].astype(np.uint8)
    return captured


def _unit_cycles(dataflow: Dataflow, statistics: dict[str, Any]) -> tuple[UnitCycles, ...]:
    return tuple(
        UnitCycles(
            unit.name,
            unit.kind,
            unit.layer,
            accepted=statistics["accepted"][index],
            busy=statistics["accepted" if unit.busy("") is None else "busy"][index],
            blocked=statistics["blocked"][index + 1],
            starved=statistics["starved"][index],
        )
        for index, unit in enumerate(dataflow)
    )
