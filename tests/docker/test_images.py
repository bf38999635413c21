"""The images are built and run for real. Oracles: the test suite itself in one, the estimate outside for the other.

``BASE_IMAGE``, the pip and proxy variables of docker/README.md and ``DOCKER_BUILD_EXTRA`` reach the builds.
"""

import json
import os
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from bnn.folding import load_folding
from finn_build.compiler.boards import find_board
from finn_build.container import docker
from finn_build.errors import FinnError
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings, StoredFrames
from finn_build.worker.estimate import estimate
from hw.simulator import Backend, simulate

pytestmark = [pytest.mark.docker, pytest.mark.timeout(3 * 3600)]  # building an image downloads gigabytes

FRAMES = 20
TIMES = {"seconds"}  # of an estimate: the only figure that may differ


@pytest.fixture(scope="session", autouse=True)
def daemon():
    try:
        docker.check_docker()
    except FinnError as error:
        pytest.skip(str(error))


def build(dockerfile, tag, *target):
    command = ["docker", "build", "--file", str(docker.ROOT / "docker" / dockerfile), "--tag", tag, *target]
    for name in ("BASE_IMAGE", *docker.PASSED_ON):
        if os.environ.get(name):
            command += ["--build-arg", f"{name}={os.environ[name]}"]
    command += [*os.environ.get("DOCKER_BUILD_EXTRA", "").split(), str(docker.ROOT)]
    subprocess.run(command, check=True)
    return tag


@pytest.fixture(scope="session")
def frontend():
    return build("finn.Dockerfile", "askew-finn-frontend", "--target", "frontend")


@pytest.fixture(scope="session")
def tfc():
    """FINN's TFC with random weights: 784 pixels of 1 bit, 64-64-64-10."""
    rng = np.random.default_rng(0)
    sizes = (784, 64, 64, 64, 10)
    layers = []
    for index, (mw, mh) in enumerate(pairwise(sizes), start=1):
        bits = rng.integers(0, 2, (mh, mw))
        thresholds = None if index == 4 else mw // 2 + rng.integers(-mw // 16, mw // 16 + 1, mh)
        layers.append(DenseLayer.from_bits(f"fc{index}", bits, thresholds))
    return Chain(Encode.threshold((28, 28, 1), 128), tuple(layers))


@pytest.fixture(scope="session")
def frames(tfc):
    images = np.random.default_rng(1).integers(0, 256, (FRAMES, 28, 28, 1), dtype=np.uint8)
    scores = simulate(tfc.network(), images, backend=Backend.NUMPY)
    return StoredFrames(images, scores.argmax(axis=1), scores)


@pytest.fixture
def package(tfc, frames, tmp_path):
    """A build package in a folder whose name has a space, and its settings."""
    folding = {name: (layer.pe, layer.simd) for name, layer in load_folding("finn-tfc", tfc).layers.items()}
    settings = BuildSettings(find_board("Pynq-Z2"), 100.0, folding)
    folder = tmp_path / "a package"
    write_package(folder, tfc, frames, settings)
    return folder, settings


def run_inside(image, folder, *arguments, user=None):
    owner = user or f"{os.getuid()}:{os.getgid()}"
    command = ["docker", "run", "--rm", "--init", "--user", owner, *os.environ.get("DOCKER_RUN_EXTRA", "").split()]
    command += ["--mount", f"type=bind,source={folder},target={docker.PACKAGE}", image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if key not in TIMES}
    return value


def test_the_simulator_image_passes_the_test_suite():
    image = build("sim.Dockerfile", "askew-sim")
    run = subprocess.run(["docker", "run", "--rm", "--init", image], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


def test_the_estimate_inside_is_the_one_outside(frontend, package, tfc, frames, tmp_path):
    folder, settings = package
    inside = run_inside(frontend, folder, "estimate", docker.PACKAGE, "--frames", str(FRAMES))
    assert inside.returncode == 0, inside.stdout + inside.stderr
    outside = estimate(tfc, frames, settings, tmp_path / "outside", count=FRAMES)
    assert outside["mismatches"] == 0
    given = json.loads((folder / "estimate.json").read_text())
    assert without_times(given) == without_times(json.loads(json.dumps(outside)))


def test_files_belong_to_the_user(frontend, package):
    folder, _ = package
    if os.getuid() != 0:
        pytest.skip("only root can hand the folder to somebody else")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 12345, 12345)
    inside = run_inside(frontend, folder, "estimate", docker.PACKAGE, "--frames", "1", user="12345:12345")
    assert inside.returncode == 0, inside.stdout + inside.stderr
    assert {path.stat().st_uid for path in folder.rglob("*")} == {12345}


def test_a_build_without_vivado_fails_in_one_line(frontend, package):
    inside = run_inside(frontend, package[0], "build", docker.PACKAGE)
    assert inside.returncode == 2
    (line,) = inside.stderr.splitlines()
    assert line.startswith("ERROR: no Vivado")
    assert "make bitstream" in line


def test_compose_file_is_valid():
    compose = ["docker", "compose"]
    if subprocess.run([*compose, "version"], capture_output=True, check=False).returncode != 0:
        compose = ["docker-compose"]
        if not shutil.which(compose[0]):
            pytest.skip("docker compose is not installed")
    command = [*compose, "--file", str(docker.ROOT / "docker" / "compose.yaml"), "config"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "askew-finn-frontend" in run.stdout
