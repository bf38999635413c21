"""Bitstreams through docker. Oracle: a docker of the test's own, which records its calls and builds as it is told."""

import itertools
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.datatype import DataType

from bnn import save_network
from finn_build.compiler.boards import find_board
from finn_build.compiler.form import finn_form
from finn_build.compiler.graph import build_graph
from finn_build.container import bitstream
from finn_build.container.bitstream import build_bitstream, container_name, resume_step
from finn_build.errors import FinnError
from finn_build.package.settings import BuildSettings

ROOT = Path(__file__).resolve().parents[3]
FAKE = Path(__file__).with_name("fake_docker.py")
DRIVER = {
    "idt": ["DataType['UINT8']"], "idma_names": ["idma0"], "ishape_normal": [[1, 24]], "odt": ["DataType['UINT8']"],
    "odma_names": ["odma0"], "oshape_folded": [[1, 1, 1]],
}  # fmt: skip
DRIVER_SETTINGS = json.dumps({"driver_information": {"io_shape_dict": DRIVER}})


class Workshop:
    """A run folder with spaces in its path, Xilinx tools that are empty files, and a docker on PATH."""

    def __init__(self, tmp_path, network, frames, settings):
        self.folder = tmp_path / "runs of mine" / "finn"
        self.package = self.folder / "build"
        self.network, self.frames, self.settings = network, frames, settings
        self.state = tmp_path / "docker"
        self.state.mkdir()
        self.scenario()
        self.tools = tmp_path / "Xilinx"
        for tool in ("Vivado", "Vitis_HLS"):
            script = self.tools / tool / "2022.2" / "settings64.sh"
            script.parent.mkdir(parents=True)
            script.touch()
        self.programs = tmp_path / "bin"
        self.programs.mkdir()
        self.install("docker", f'exec {shlex.quote(sys.executable)} {shlex.quote(str(FAKE))} "$@"')
        self.environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "FAKE_DOCKER": str(self.state),
            "XILINX_ROOT": str(self.tools),
        }
        self.lines = []

    def install(self, name, script):
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def scenario(self, **scenario):
        (self.state / "scenario.json").write_text(json.dumps({"driver": DRIVER_SETTINGS, **scenario}))

    def calls(self, verb):
        calls = self.state / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [call for call in map(json.loads, lines) if call[0] == verb]

    def build(self, **more):
        settings = more.pop("settings", self.settings)
        return build_bitstream(
            self.folder, self.network, self.frames, settings, self.environment, self.lines.append, **more
        )

    def containers(self):
        return [file.name for file in self.state.glob("container-*")]


@pytest.fixture
def workshop(tmp_path, networks, frames_of, unfolded, pynq_z2, monkeypatch):
    network = networks("mlp")
    made = Workshop(tmp_path, network, frames_of(network), BuildSettings(pynq_z2, 100.0, unfolded(network)))
    for name in ("PATH", "FAKE_DOCKER"):
        monkeypatch.setenv(name, made.environment[name])
    return made


def option(call, name):
    return [value for key, value in itertools.pairwise(call) if key == name]


def test_from_network_to_deploy_folder(workshop):
    results = workshop.build()
    assert results["bitfile"]["file"] == "finn-accel.bit"
    assert results["verification"]["stitched_ip_rtlsim"] == {"frames": 4, "failed": 0}
    assert json.loads((workshop.folder / "deploy" / "deploy.json").read_text())["bitfile"] == "finn-accel.bit"
    (build,) = workshop.calls("build")
    assert option(build, "--target") == ["build"]
    assert build[-1] == str(ROOT)
    (run,) = workshop.calls("run")
    assert option(run, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert f"type=bind,source={workshop.package},target=/askew/build" in option(run, "--mount")
    assert f"type=bind,source={workshop.tools},target={workshop.tools},readonly" in option(run, "--mount")
    assert {"--rm", "--init"} <= set(run)
    assert not {"-it", "-i", "-t", "--tty", "--interactive"} & set(run)
    assert run[-2:] == ["build", "/askew/build"]
    shown = [line for line in workshop.lines if "Running step: step_hw_codegen" in line]
    assert shown[0].startswith("[0:00:0")
    assert "step_hw_codegen 3/4] [2026-11-21" in shown[0]
    assert "Running step: step_hw_codegen [3/4]" in (workshop.package / "build.log").read_text()


def test_what_is_built_is_not_built_again(workshop):
    workshop.build()
    workshop.build()
    assert len(workshop.calls("run")) == 1
    assert "is up to date" in workshop.lines[-1]
    workshop.build(force=True)
    assert len(workshop.calls("run")) == 2
    assert len(workshop.calls("build")) == 1  # the image is there


def test_goes_on_where_finn_stopped(workshop):
    workshop.scenario(fails_in="step_synthesize_bitfile", message="ERROR: [Place 30-640] Place Check : too many LUTs")
    reason = (
        r"there is no bitfile; FINN ended in step_synthesize_bitfile with: \[Place 30-640\] .* too many LUTs; the log"
    )
    with pytest.raises(FinnError, match=reason):
        workshop.build()
    workshop.scenario()
    workshop.build()
    assert workshop.calls("run")[1][-2:] == ["--start", "step_synthesize_bitfile"]
    assert "bitstream: goes on with step_synthesize_bitfile" in workshop.lines


def test_starts_over_where_the_first_step_failed(workshop):
    workshop.scenario(fails_in="step_qonnx_to_finn", message="FINN ERROR: no")
    with pytest.raises(FinnError, match="FINN ended in step_qonnx_to_finn with: FINN ERROR: no"):
        workshop.build()
    assert resume_step(workshop.package) is None


def test_starts_over_where_the_model_before_is_lost(workshop):
    workshop.scenario(fails_in="step_synthesize_bitfile", message="ERROR: x")
    with pytest.raises(FinnError):
        workshop.build()
    assert resume_step(workshop.package) == "step_synthesize_bitfile"
    (workshop.package / "output" / "intermediate_models" / "step_hw_codegen.onnx").unlink()
    assert resume_step(workshop.package) is None


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ({"differs": ["folded_hls_cppsim", 2]}, "FINN's folded_hls_cppsim differs from golden on 1 of 4 frames"),
        ({"checks": 3}, "FINN's stitched_ip_rtlsim has verified 0 of 4 frames"),
        ({"frames": 1}, "FINN's initial_python has verified 1 of 4 frames"),
        ({"without_hwh": True}, r"the bitfile has no finn-accel\.hwh beside it"),
    ],
)
def test_a_bitfile_alone_is_no_success(workshop, scenario, reason):
    workshop.scenario(**scenario)
    with pytest.raises(FinnError, match=f"bitstream: {reason}; the log is .* build anew with --force"):
        workshop.build()
    assert resume_step(workshop.package) is None


def test_a_bitfile_of_too_narrow_types_is_no_success(workshop, tmp_path):
    """FINN's verification passes on its frames; the graphs that it left say what would overflow on others."""
    model = build_graph(finn_form(workshop.network).network, workshop.network.hash)
    model.set_tensor_datatype("fc3_accumulators", DataType["INT4"])  # popcounts reach 12
    model.save(str(tmp_path / "narrow.onnx"))
    workshop.scenario(graph=str(tmp_path / "narrow.onnx"))
    said = (
        r"step_hw_codegen: fc3_accumulators \(layer fc3\): its output is INT4, -8\.\.7, the values there reach 0\.\.12;"
    )
    with pytest.raises(FinnError, match=f"bitstream: {said} .* build anew with --force"):
        workshop.build()


def test_a_package_that_changes_meanwhile_is_no_success(workshop, monkeypatch):
    real = bitstream.run_streaming

    def meddling(command, *more, **options):
        if "run" in command:
            (workshop.package / "model.onnx").write_bytes(b"another")
        return real(command, *more, **options)

    monkeypatch.setattr(bitstream, "run_streaming", meddling)
    with pytest.raises(FinnError, match=r"model\.onnx of the package has changed meanwhile"):
        workshop.build()


def test_disk_full_in_the_container(workshop):
    workshop.scenario(
        fails_in="step_hw_codegen", message="OSError: [Errno 28] No space left on device: '/askew/build/x'"
    )
    with pytest.raises(FinnError, match=r"FINN ended in step_hw_codegen: disk full \(.* GiB free at .*\); free some"):
        workshop.build()


def test_disk_nearly_full(workshop, monkeypatch):
    monkeypatch.setattr(bitstream, "MIN_FREE_BYTES", 2**60)
    with pytest.raises(FinnError, match=r"disk full: .* GiB free, FINN needs 1073741824; free some"):
        workshop.build()


def test_disk_full_while_the_package_is_written(workshop, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "/disk/model.onnx")

    monkeypatch.setattr(bitstream, "write_package", full)
    with pytest.raises(FinnError, match=r"disk full: cannot write /disk/model\.onnx; free some space"):
        workshop.build()


@pytest.mark.parametrize(
    ("daemon", "reason"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "docker: its daemon is not running; start it",
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "docker: no permission on its socket; run `sudo usermod -aG docker",
        ),
        ("context 'x' does not exist", r"docker: cannot be used \(context 'x' does not exist\)"),
    ],
)
def test_docker_that_cannot_be_used(workshop, daemon, reason):
    workshop.scenario(daemon=daemon)
    with pytest.raises(FinnError, match=reason):
        workshop.build()
    assert not workshop.calls("run")


def test_no_docker(workshop, monkeypatch):
    monkeypatch.setenv("PATH", str(workshop.tools))
    with pytest.raises(FinnError, match="docker is not installed; install it, or set FINN_ROOT"):
        workshop.build()


def test_docker_refuses_the_container(workshop):
    workshop.scenario(error="docker: Error response from daemon: invalid mount config")
    with pytest.raises(FinnError, match="FINN did not begin with: docker: Error response from daemon: invalid mount"):
        workshop.build()


def test_image_that_cannot_be_built(workshop):
    workshop.scenario(image_error="ERROR: Could not find a version that satisfies the requirement finn-plus==1.6.1")
    with pytest.raises(FinnError, match=r"the image could not be built \(Could not find a version .*\); the log is"):
        workshop.build()


def test_board_without_a_shell(workshop):
    with pytest.raises(FinnError, match="board VCK190: FINN has no shell for it, so no bitstream"):
        workshop.build(settings=replace(workshop.settings, board=find_board("vck190")))


def test_another_build_is_running(workshop):
    import fcntl

    workshop.build(dry_run=True)
    with (workshop.package / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FinnError, match="another build of it is running"):
            workshop.build()


def test_output_of_another_network(workshop, networks, frames_of):
    workshop.build()
    workshop.network = networks("mlp", table=True)
    workshop.frames = frames_of(workshop.network)
    with pytest.raises(FinnError, match=r"output: holds what FINN built of network .* or add --force"):
        workshop.build()


def test_licence_and_rootless_docker(workshop, tmp_path):
    licence = tmp_path / "my, licence.lic"
    licence.touch()
    workshop.environment["XILINXD_LICENSE_FILE"] = f"2100@server:{licence}"
    workshop.scenario(security=["name=seccomp,profile=builtin", "name=rootless"])
    workshop.build()
    (run,) = workshop.calls("run")
    assert option(run, "--user") == []
    assert "XILINXD_LICENSE_FILE=2100@server:/askew/licences/0.lic" in option(run, "--env")
    assert f'type=bind,"source={licence}",target=/askew/licences/0.lic,readonly' in option(run, "--mount")


def test_dry_run_needs_neither_docker_nor_tools(workshop, monkeypatch):
    monkeypatch.setenv("PATH", str(workshop.tools))
    del workshop.environment["XILINX_ROOT"]
    plan = workshop.build(dry_run=True)
    assert plan["package"] == str(workshop.package)
    assert (workshop.package / "manifest.json").exists()
    assert [reason.partition(" is not ")[0] for reason in plan["missing"]] == ["XILINX_ROOT", "docker"]
    assert "/path/to/Xilinx" in plan["commands"][1]
    assert not workshop.calls("run")


def test_dry_run_prints_what_the_build_runs(workshop):
    plan = workshop.build(dry_run=True)
    assert plan["missing"] == []
    workshop.build()
    (build,), (run,) = workshop.calls("build"), workshop.calls("run")
    assert [shlex.split(command) for command in plan["commands"]] == [["docker", *build], ["docker", *run]]


def test_base_image_and_extra_options(workshop):
    workshop.environment |= {
        "BASE_IMAGE": "my-base",
        "DOCKER_BUILD_EXTRA": "--network host",
        "PIP_INDEX_URL": "http://i",
    }
    workshop.build()
    (build,) = workshop.calls("build")
    assert option(build, "--build-arg") == ["BASE_IMAGE=my-base", "PIP_INDEX_URL=http://i"]
    assert option(build, "--network") == ["host"]


INTERRUPTED = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from bnn import as_chain, load_network
from finn_build.container.bitstream import build_bitstream
from finn_build.compiler.boards import FinnBoard, Shell
from finn_build.package.settings import BuildSettings
folder = Path(sys.argv[1])
frames = SimpleNamespace(**np.load(folder / "frames.npz"))
folding = {f"fc{number}": (1, 1) for number in (1, 2, 3)}
settings = BuildSettings(FinnBoard("Pynq-Z2", "xc7z020clg400-1", Shell.ZYNQ), 100.0, folding)
network = as_chain(load_network(folder / "network.npz"))
build_bitstream(folder / "finn", network, frames, settings, os.environ, lambda line: None)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruption_leaves_no_container(workshop, tmp_path, ending):
    """Oracle: the fake docker's containers, and the process table."""
    save_network(workshop.network.network(), tmp_path / "network.npz")
    frames = workshop.frames
    np.savez(tmp_path / "frames.npz", images=frames.images, labels=frames.labels, scores=frames.scores)
    workshop.scenario(hangs_in="step_hw_codegen")
    environment = {**os.environ, **workshop.environment, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (workshop.state / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workshop.containers()
    process.send_signal(ending)
    _, error = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in error
    assert workshop.containers() == []
    name = container_name((tmp_path / "finn" / "build").resolve())
    assert ["stop", "--time", "10", name] in workshop.calls("stop")
    assert ["rm", "--force", name] in workshop.calls("rm")
    workshop.folder, workshop.package = tmp_path / "finn", tmp_path / "finn" / "build"
    workshop.scenario()
    workshop.build()
    assert workshop.calls("run")[1][-2:] == ["--start", "step_hw_codegen"]


RUN_DOCKER = """
import os, re, sys
sys.path.insert(0, sys.argv[1])
assert os.isatty(0) and os.isatty(1), "docker run -it wants a terminal"
import json
from pathlib import Path
import fake_docker
task, package = sys.argv[2:]
assert task == "build_dataflow"
call = ["run-docker.sh", package, {key: value for key, value in os.environ.items() if key.startswith("FINN_")}]
with (fake_docker.STATE / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
config = json.loads((Path(package) / "dataflow_build_config.json").read_text())
scenario = json.loads((fake_docker.STATE / "scenario.json").read_text())
name = re.search(r"--name (\\S+)", os.environ["FINN_DOCKER_EXTRA"])[1]
fake_docker.build(Path(package), name, config.get("start_step"), scenario)
"""


@pytest.fixture
def checkout(workshop, tmp_path):
    """A FINN checkout whose run-docker.sh behaves as upstream's: a terminal, its own environment, one folder."""
    finn = tmp_path / "finn-checkout"
    finn.mkdir()
    (finn / "inside.py").write_text(RUN_DOCKER)
    script = finn / "run-docker.sh"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {finn}/inside.py {FAKE.parent} "$@"\n')
    script.chmod(0o755)
    workshop.environment |= {"FINN_ROOT": str(finn), "PYTHONDONTWRITEBYTECODE": "1"}
    return finn


def test_original_finn(workshop, checkout, tmp_path):
    workshop.scenario(fails_in="step_synthesize_bitfile", message="ERROR: once")
    with pytest.raises(FinnError, match="FINN ended in step_synthesize_bitfile with: once"):
        workshop.build()
    workshop.scenario()
    results = workshop.build()
    assert results["bitfile"]["file"] == "finn-accel.bit"
    assert results["compiler"] == "finn"
    first, second = workshop.calls("run-docker.sh")
    assert " " not in first[1]  # the run's path has spaces, so FINN got a copy
    assert first[1] == second[1]
    assert second[2]["FINN_XILINX_PATH"] == str(workshop.tools)
    assert second[2]["FINN_XILINX_VERSION"] == "2022.2"
    assert second[2]["FINN_HOST_BUILD_DIR"] == f"{first[1]}/finn_tmp"
    assert "--name askew-finn-" in second[2]["FINN_DOCKER_EXTRA"]
    log = (workshop.package / "build.log").read_text()
    assert log.count("Running step: step_synthesize_bitfile") == 2
    assert log.count("Running step: step_tidy_up") == 1  # the second build went on
    assert "start_step" not in json.loads((workshop.package / "dataflow_build_config.json").read_text())


def test_original_finn_dry_run(workshop, checkout):
    (command,) = workshop.build(dry_run=True)["commands"]
    words = shlex.split(command)
    assert words[0] == "env"
    assert words[-3:-1] == [f"{checkout}/run-docker.sh", "build_dataflow"]


def test_finn_root_without_finn(workshop, tmp_path):
    workshop.environment["FINN_ROOT"] = str(tmp_path)
    with pytest.raises(FinnError, match=r"FINN_ROOT \(.*\): has no run-docker\.sh; set it to a FINN checkout"):
        workshop.build()


def test_finn_root_with_spaces(workshop, tmp_path):
    finn = tmp_path / "my finn"
    finn.mkdir()
    (finn / "run-docker.sh").touch()
    workshop.environment["FINN_ROOT"] = str(finn)
    with pytest.raises(
        FinnError, match=r"FINN_ROOT \(.*my finn\): FINN's run-docker\.sh cannot take a path with spaces"
    ):
        workshop.build()
