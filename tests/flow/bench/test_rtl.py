"""The RTL's benchmark. Oracle: FINN's published cycles; mismatches are counted against the simulator."""

import shutil

import pytest

from flow.bench.rtl import bench_rtl


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_small_run(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("ASKEW_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    figures, markdown = bench_rtl({"TFC": 20})
    for style in ("naive", "compressor", "primitives"):
        one = figures.to_json()["networks"]["TFC"][style]
        assert (one["mismatches"], one["frame_ii_cycles"]) == (0, 64)
        assert one["cycles_per_second"] > 0
        assert f"| TFC, {style} | 20 | 0 | 64 |" in markdown
