"""What the harness promises beside right answers: whole captures, threads, waveforms, and what it says when it fails.

Oracles: hw.simulator's traces; the frames' own count; the FST file's own header.
"""

import dataclasses
import shutil

import numpy as np
import pytest

from hw.dataflow import Dataflow
from hw.generator import Design
from hw.rtlsim import Effort, RtlSimulationError, simulate_design, simulate_rtl
from hw.rtlsim.build import find_compiler
from hw.simulator import simulate, trace
from hw.units import PopcountStyle, Window

FAST = {"effort": Effort.FAST_BUILD}


def images_for(network, count, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (count, *network.input.shape), np.uint8)


def test_captures_are_whole_where_a_label_leaves_before_unneeded_outputs(unneeded_outputs, build_dir):
    network, folding = unneeded_outputs
    images = images_for(network, 7)
    for threads in (1, 2):
        result = simulate_rtl(network, folding, images, build_dir=build_dir, capture=True, threads=threads, **FAST)
        golden = trace(network.network(), images)
        for layer in network.layers:
            assert np.array_equal(result.captured[layer.name], golden[layer.name]), layer.name
        assert len(result.labels) == 7
        assert len(result.label_cycles) == 7 // threads


def test_threads_share_the_frames_and_give_the_same(small_mlp, build_dir):
    network, folding = small_mlp
    images = images_for(network, 50)
    runs = [
        simulate_rtl(network, folding, images, build_dir=build_dir, capture=True, threads=threads, **FAST)
        for threads in (1, 3, 99)
    ]
    golden = simulate(network.network(), images)
    for run in runs:
        assert np.array_equal(run.scores, golden)
        assert np.array_equal(run.labels, golden.argmax(axis=1))
        assert np.array_equal(run.captured["fc1"], runs[0].captured["fc1"])
        assert run.latency_cycles == runs[0].latency_cycles
    assert [len(run.label_cycles) for run in runs] == [50, 16, 3]  # 99 threads would have less than three frames each


def test_fewer_than_three_frames_still_show_the_interval(small_mlp, build_dir):
    network, folding = small_mlp
    images = images_for(network, 1)
    result = simulate_rtl(network, folding, images, build_dir=build_dir, **FAST)
    assert result.scores.shape == (1, 5)
    assert result.frame_ii_cycles == 24  # fc1: 30/5 * 12/3


def test_simulation_counts_bits_naively_and_says_so(small_mlp, build_dir):
    network, folding = small_mlp
    result = simulate_rtl(network, folding, images_for(network, 3), build_dir=build_dir, **FAST)
    assert result.popcount is PopcountStyle.NAIVE
    assert Design.of(network, folding).popcount is PopcountStyle.COMPRESSOR


def test_a_waveform_holds_the_chosen_frames(small_mlp, build_dir, tmp_path):
    network, folding = small_mlp
    images = images_for(network, 30)
    spans = {}
    for frames in ((0, 1), (10, 12), (10, 20)):
        path = tmp_path / f"{frames[0]}-{frames[1]}.fst"
        result = simulate_rtl(
            network, folding, images, build_dir=build_dir, trace_path=path, trace_frames=frames, threads=4, **FAST
        )
        assert np.array_equal(result.scores, simulate(network.network(), images))
        header = path.read_bytes()[:25]
        assert header[0] == 0  # FST_BL_HDR, then its length, the first and the last time
        first, last = int.from_bytes(header[9:17]), int.from_bytes(header[17:25])
        spans[frames] = (first / 2, last / 2)  # two time steps a cycle
        assert last / 2 == result.label_cycles[frames[1] - 1]
    assert spans[0, 1][0] == 0
    # Frame 10 is accepted before label 10 leaves and after frame 8 was, which the unit in front of fc1 makes room for.
    assert spans[10, 12][0] == spans[10, 20][0]
    assert result.label_cycles[10] - 3 * result.frame_ii_cycles < spans[10, 12][0] < result.label_cycles[10]


def test_frames_to_trace_must_be_some(small_mlp, tmp_path):
    network, folding = small_mlp
    with pytest.raises(RtlSimulationError, match=r"frames to trace \(2, 2\) must be first and one after the last"):
        simulate_rtl(
            network, folding, images_for(network, 3), build_dir=tmp_path, trace_path=tmp_path / "t", trace_frames=(2, 2)
        )


class ClosedGate(Design):
    """One stream is never taken."""

    def sources(self):
        sources = super().sources()
        sources["askew_dataflow.sv"] = sources["askew_dataflow.sv"].replace(".open_i(open_i[2])", ".open_i(1'b0)")
        return sources


def test_a_stuck_stream_is_named(small_mlp, build_dir):
    network, folding = small_mlp
    design = ClosedGate.for_simulation(network, folding, stall_gates=True)
    names = [unit.name for unit in design.dataflow]
    message = f"the stream from {names[1]} to {names[2]} is stuck after 0 frames"
    with pytest.raises(RtlSimulationError, match=message) as caught:
        simulate_design(design, images_for(network, 3), build_dir=build_dir, **FAST)
    assert "\n" not in str(caught.value)


class TooSmall(Window):
    """A buffer that never holds a whole window."""

    @property
    def buffer_beats(self):
        return 2


def test_a_buffer_that_never_holds_a_window_does_not_hang_silently(build_dir):
    from hw.verify.sweep import make_case

    network, folding = next(
        case for case in (make_case(0, i) for i in range(100))
        if any(getattr(layer, "kernel", (1, 1))[0] > 2 and layer.kind == "conv" for layer in case[0].layers[:1])
    )  # fmt: skip
    design = Design.for_simulation(network, folding)
    units = [
        TooSmall(**{field.name: getattr(unit, field.name) for field in dataclasses.fields(unit)})
        if isinstance(unit, Window)
        else unit
        for unit in design.dataflow
    ]
    design = dataclasses.replace(design, dataflow=Dataflow(tuple(units)))
    window = next(unit.name for unit in units if isinstance(unit, Window))
    with pytest.raises(RtlSimulationError, match=f"stuck after 0 frames .*: {window} does not take what .* offers"):
        simulate_design(design, images_for(network, 3), build_dir=build_dir, **FAST)


def test_no_compiler_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RtlSimulationError, match=r"^rtlsim: no C\+\+ compiler \(g\+\+ or clang\+\+\) found, install"):
        find_compiler()


def test_a_frame_of_no_beats_cannot_be_sent(small_mlp, build_dir):
    network, folding = small_mlp
    with pytest.raises(RtlSimulationError, match="frame 1 must have at least one beat, not 0"):
        simulate_rtl(network, folding, images_for(network, 3), build_dir=build_dir, beats_of_frames={1: 0}, **FAST)
