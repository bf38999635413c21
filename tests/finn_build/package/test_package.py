"""The build package. Oracle: FINN's own configuration class reads it, in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bnn import UserError, load_network
from finn_build.compiler.boards import find_board
from finn_build.compiler.nodes import Compiler
from finn_build.errors import FinnError
from finn_build.package.package import damaged_files, read_manifest, write_package
from finn_build.package.settings import BuildSettings, StoredFrames

READ_WITH_FINN = """
import json, sys
from pathlib import Path
from finn.builder.build_dataflow_config import DataflowBuildConfig
config = DataflowBuildConfig.construct_from(Path(sys.argv[1]))
print(json.dumps({
    "board": config.board, "part": config._resolve_fpga_part(), "cycles": config._resolve_cycles_per_frame(),
    "shell": config.shell_flow_type, "outputs": config.generate_outputs, "clock_ns": config.synth_clk_period_ns,
    "verify": config._resolve_verification_steps(), "folding": str(config.folding_config_file),
    "shapes": [array.shape for array in config._resolve_verification_io_pair()],
}))
"""


@pytest.fixture
def network(networks):
    return networks("mlp")


@pytest.fixture
def frames(network, frames_of):
    return frames_of(network)


@pytest.fixture
def settings(network, unfolded, pynq_z2):
    return BuildSettings(pynq_z2, 100.0, unfolded(network), verify_frames=3)


def read_with_finn(folder):
    command = [sys.executable, "-W", "ignore", "-c", READ_WITH_FINN, str(folder / "dataflow_build_config.json")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_finn_accepts_the_configuration(tmp_path, network, frames, settings):
    folder = tmp_path / "a folder with spaces"
    write_package(folder, network, frames, settings)
    config = read_with_finn(folder)
    assert config["board"] == "Pynq-Z2"
    assert config["part"] == "xc7z020clg400-1"
    assert config["shell"] == "vivado_zynq"
    assert config["clock_ns"] == 10.0
    assert {"bitfile", "deployment_package", "rtlsim_performance"} <= set(config["outputs"])
    assert config["verify"] == ["initial_python", "streamlined_python", "folded_hls_cppsim", "stitched_ip_rtlsim"]
    assert config["shapes"] == [[3, 24], [3, 1]]
    assert config["folding"] == str(folder / "folding_config.json")


def test_finns_own_folding(tmp_path, network, frames, settings):
    write_package(tmp_path / "p", network, frames, replace(settings, folding=None, target_fps=1000))
    assert not (tmp_path / "p" / "folding_config.json").exists()
    assert read_with_finn(tmp_path / "p")["cycles"] == 100_000


def test_board_without_a_shell_ends_before_the_bitfile(tmp_path, network, frames, settings):
    write_package(tmp_path / "p", network, frames, replace(settings, board=find_board("VCK190")))
    config = json.loads((tmp_path / "p" / "dataflow_build_config.json").read_text())
    assert "shell_flow_type" not in config
    assert "bitfile" not in config["generate_outputs"]


def test_contents(tmp_path, network, frames, settings):
    manifest = write_package(tmp_path, network, frames, settings)
    assert load_network(tmp_path / "network.npz").hash == network.hash == manifest["network_hash"]
    verified = manifest["configuration"]["verified_frames"]
    assert len(verified) == 3
    assert np.array_equal(np.load(tmp_path / "input.npy").ravel(), frames.images[verified].ravel())
    assert np.array_equal(np.load(tmp_path / "expected_output.npy").ravel(), frames.scores[verified].argmax(axis=1))
    assert np.array_equal(np.load(tmp_path / "validation" / "images.npy"), frames.images)
    assert np.array_equal(np.load(tmp_path / "validation" / "scores.npy"), frames.scores)
    styles = json.loads((tmp_path / "specialize_layers_config.json").read_text())
    assert styles["MVAU_0"] == {"preferred_impl_style": "hls"}
    assert [node["name"] for node in manifest["nodes"]][:2] == ["Thresholding_rtl_0", "MVAU_hls_0"]
    assert damaged_files(tmp_path, manifest) == []


def test_score_table_expects_accumulators(tmp_path, networks, frames_of, settings):
    network = networks("mlp", table=True)
    frames = frames_of(network)
    manifest = write_package(tmp_path, network, frames, settings)
    assert manifest["gives"] == "accumulators"
    verified = manifest["configuration"]["verified_frames"]
    accumulators = np.load(tmp_path / "expected_output.npy").astype(int)
    assert np.array_equal(network.layers[-1].score_table[np.arange(5), accumulators], frames.scores[verified])


def test_the_same_again_keeps_the_output(tmp_path, network, frames, settings):
    write_package(tmp_path, network, frames, settings)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "hours of work").touch()
    (tmp_path / "model.onnx").write_bytes(b"damaged")
    manifest = write_package(tmp_path, network, frames, settings)
    assert damaged_files(tmp_path, manifest) == []
    assert (tmp_path / "output" / "hours of work").exists()


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"clock_mhz": 50.0}, "another clock_mhz"),
        ({"compiler": Compiler.FINN}, "another compiler"),
        ({"ram_styles": {"fc1": {"matrix": "block"}}}, "another ram_styles"),
    ],
)
def test_output_of_another_configuration_is_kept(tmp_path, network, frames, settings, changed, what):
    write_package(tmp_path, network, frames, settings)
    (tmp_path / "output").mkdir()
    other = replace(settings, **changed)
    with pytest.raises(FinnError, match=f"output: holds what FINN built of {what}; delete .* or add --force"):
        write_package(tmp_path, network, frames, other)
    write_package(tmp_path, network, frames, other, force=True)
    assert not (tmp_path / "output").exists()


def test_memories_are_part_of_the_package(tmp_path, network, frames, settings):
    """They stand in FINN's configuration and in ours, and giving them up again is a change too."""
    write_package(tmp_path, network, frames, replace(settings, ram_styles={"fc1": {"matrix": "distributed"}}))
    config = json.loads((tmp_path / "folding_config.json").read_text())
    assert [config[f"MVAU_hls_{index}"]["ram_style"] for index in range(3)] == ["distributed", "auto", "auto"]
    assert read_manifest(tmp_path)["configuration"]["ram_styles"] == {"fc1": {"matrix": "distributed"}}
    (tmp_path / "output").mkdir()
    with pytest.raises(FinnError, match="output: holds what FINN built of another ram_styles"):
        write_package(tmp_path, network, frames, settings)


def test_output_of_another_network_is_kept(tmp_path, network, networks, frames, frames_of, settings):
    other = networks("mlp", table=True)
    write_package(tmp_path, other, frames_of(other), settings)
    (tmp_path / "output").mkdir()
    with pytest.raises(FinnError, match=f"holds what FINN built of network {other.hash[:12]}"):
        write_package(tmp_path, network, frames, settings)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"target_fps": 10}, "give either a folding or a target rate"),
        ({"folding": None}, "give either a folding or a target rate"),
        ({"folding": None, "target_fps": 0}, r"target rate \(0 frames/s\) must be at least 1"),
        ({"clock_mhz": 0.0}, r"clock \(0.0 MHz\) must lie in 0\.\.1000"),
        ({"verify_frames": 7}, r"frames to verify \(7\) must lie in 1\.\.6"),
        ({"folding": {"fc1": (1, 1)}}, "folding: layer fc2 is missing"),
    ],
)
def test_refuses_settings(tmp_path, network, frames, settings, changed, reason):
    with pytest.raises(UserError, match=reason):
        write_package(tmp_path / "p", network, frames, replace(settings, **changed))
    assert not (tmp_path / "p").exists()


def test_refuses_golden_answers_of_another_network(tmp_path, network, frames, settings):
    frames.scores[1, 2] += 2
    with pytest.raises(FinnError, match="the golden answers are not this network's"):
        write_package(tmp_path / "p", network, frames, settings)


def test_no_package(tmp_path):
    with pytest.raises(FinnError, match="no build package there; write one with `askew finn package`"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("contents", ["", "[]", "{}", '{"network_hash": 1, "configuration": {}}'])
def test_damaged_manifest(tmp_path, contents):
    (tmp_path / "manifest.json").write_text(contents)
    with pytest.raises(FinnError, match=r"manifest\.json: damaged"):
        read_manifest(tmp_path)


def test_an_interrupted_package_is_none(tmp_path, network, frames, settings, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("finn_build.package.package.folding_config", full)
    with pytest.raises(OSError, match="No space left"):
        write_package(tmp_path / "p", network, frames, settings)
    with pytest.raises(FinnError, match="no build package there"):
        read_manifest(tmp_path / "p")


def test_labels_may_be_absent_and_may_change(tmp_path, network, frames, settings):
    """The labels go to the board alone: another set of them makes no other build. Oracle: the arrays themselves."""
    folder, file = tmp_path / "p", tmp_path / "p" / "validation" / "labels.npy"
    built = folder / "output" / "bitfile"
    given = frames.labels
    for labels in (None, given, 4 - given, None):
        frames.labels = labels
        manifest = write_package(folder, network, frames, settings)
        built.mkdir(parents=True, exist_ok=True)  # a changed configuration would refuse to go on from here
        assert damaged_files(folder, manifest) == []
        stored = StoredFrames.read(folder / "validation")
        if labels is None:
            assert stored.labels is None
            assert not file.exists()
        else:
            assert np.array_equal(stored.labels, labels)
            written = file.stat().st_mtime_ns
            write_package(folder, network, frames, settings)
            assert file.stat().st_mtime_ns == written, "the same is not written again"
