"""The deploy folder runs by itself. Oracles: a process that has nothing else of ours; FINN's driver settings."""

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from finn_build.board import validate
from finn_build.errors import FinnError
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings
from finn_build.results.deploy import write_deploy

ROOT = Path(__file__).resolve().parents[3]

RUN_ALONE = """
import runpy, sys
from pathlib import Path
deploy = Path(sys.argv[1])
sys.argv = ["validate.py", *sys.argv[2:]]
sys.path.insert(0, str(deploy))
try:
    runpy.run_path(str(deploy / "validate.py"), run_name="__main__")
except SystemExit as end:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.split(".")[0] in ("bnn", "finn_build", "hw", "onnx", "qonnx", "finn", "torch"):
            assert file and Path(file).is_relative_to(deploy), f"{name} comes from {file}"
    raise
"""

PLUS_SETTINGS = {
    "driver_information": {
        "driver_type": "FINNDMAOverlay",
        "io_shape_dict": {
            "idt": ["DataType['UINT8']"],
            "idma_names": ["idma0"],
            "ishape_normal": [[1, 24]],
            "ishape_folded": [[1, 24, 1]],
            "ishape_packed": [[1, 24, 1]],
            "odt": ["DataType['UINT8']"],
            "odma_names": ["odma0"],
            "oshape_normal": [[1, 1]],
            "oshape_folded": [[1, 1, 1]],
            "oshape_packed": [[1, 1, 1]],
        },
    }
}


@pytest.fixture(params=["mlp", "table"])
def network(request, networks):
    return networks("mlp", table=request.param == "table")


@pytest.fixture
def folder(tmp_path, network, frames_of, unfolded, pynq_z2):
    settings = BuildSettings(pynq_z2, 100.0, unfolded(network))
    write_package(tmp_path / "build", network, frames_of(network, 25), settings)
    return tmp_path


def run_alone(deploy, *arguments):
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", RUN_ALONE, str(deploy), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=deploy.parent, env=environment)


def test_simulated_run_by_itself(folder, network):
    write_deploy(folder)
    deploy = folder / "copied to a board"
    (folder / "deploy").rename(deploy)
    run = run_alone(deploy, "--simulate")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("validate: 25 frames, 0 mismatches with golden, accuracy ")
    report = json.loads((deploy / "board.json").read_text())
    assert report["network_hash"] == network.hash
    assert report["frames"] == 25
    assert report["simulated"] is True
    assert report["clock_mhz"] is None
    assert set(report["frames_per_second"]) == {"1"}
    labels, scores = (np.load(deploy / "validation" / f"{name}.npy") for name in ("labels", "scores"))
    assert report["accuracy"] == (labels == scores.argmax(axis=1)).mean()


def test_a_wrong_answer_is_found(folder):
    write_deploy(folder)
    file = folder / "deploy" / "validation" / "scores.npy"
    scores = np.load(file)
    scores[17] = np.roll(scores[17], 1) + np.arange(5)
    assert scores[17].argmax() != np.load(file)[17].argmax()
    np.save(file, scores)
    run = run_alone(folder / "deploy", "--simulate", "--batch", "4")
    assert run.returncode == 1
    report = json.loads((folder / "deploy" / "board.json").read_text())
    assert (report["mismatches"], report["first_mismatch"]) == (1, 17)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], r"deploy/bitfile/finn-accel\.bit: there is no bitfile yet; README\.md beside it says how to build one"),
        (["--simulate", "--frames", "26"], r"--frames 26: must lie in 1\.\.25"),
        (["--simulate", "--batch", "0"], "--batch 0: must be at least 1"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(folder, capsys, arguments, reason):
    write_deploy(folder)
    assert validate.main(folder / "deploy", arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(ValueError, match=reason):
        raise ValueError(error)


def test_half_a_deploy_folder(folder, capsys):
    write_deploy(folder)
    (folder / "deploy" / "validation" / "scores.npy").unlink()
    assert validate.main(folder / "deploy", ["--simulate"]) == 2
    assert "not a whole deploy folder" in capsys.readouterr().err


def test_network_of_another_deployment(folder, networks, capsys):
    from bnn import save_network

    write_deploy(folder)
    save_network(networks("cnn").network(), folder / "deploy" / "network.npz")
    assert validate.main(folder / "deploy", ["--simulate"]) == 2
    assert "deploy.json is of" in capsys.readouterr().err


def test_bitfile_and_driver_come_along(folder, capsys):
    output = folder / "build" / "output"
    for name in ("bitfile", "driver"):
        (output / name).mkdir(parents=True)
    (output / "bitfile" / "finn-accel.bit").write_bytes(b"bits")
    (output / "bitfile" / "finn-accel.hwh").write_bytes(b"<xml/>")
    (output / "driver" / "settings.json").write_text(json.dumps(PLUS_SETTINGS))
    described = write_deploy(folder)
    assert described["bitfile"] == "finn-accel.bit"
    assert described["interface"]["input_bytes"] == 24
    assert (folder / "deploy" / "bitfile" / "finn-accel.hwh").exists()
    assert (folder / "deploy" / "driver" / "settings.json").exists()
    assert validate.main(folder / "deploy", []) == 2
    assert "pynq is not installed here" in capsys.readouterr().err


def built(folder, bits=b"bits"):
    """What FINN leaves, with the figures of its simulation."""
    output = folder / "build" / "output"
    for name in ("bitfile", "driver", "report"):
        (output / name).mkdir(parents=True, exist_ok=True)
    (output / "bitfile" / "finn-accel.bit").write_bytes(bits)
    (output / "bitfile" / "finn-accel.hwh").write_bytes(b"<xml/>")
    (output / "driver" / "settings.json").write_text(json.dumps(PLUS_SETTINGS))
    stream = {"samples": 20, "intervals": [196], "latency_cycles": [411], "timeout": False, "throughput_fps": 510204.08}
    (output / "report" / "rtlsim_performance.json").write_text(json.dumps([stream]))


def test_readme_says_what_to_put_where_until_there_is_a_bitfile(folder, network):
    assert write_deploy(folder)["cycles"] is None
    text = (folder / "deploy" / "README.md").read_text()
    assert f"`askew bitstream --run {folder.parent} --board Pynq-Z2`" in text.replace("\n", " ")
    for file in ("bitfile/finn-accel.bit", "bitfile/finn-accel.hwh", "driver/"):
        assert f"| `{file}` |" in text
    assert "sudo XILINX_XRT=/usr /usr/local/share/pynq-venv/bin/python3 validate.py" in text
    assert "PYNQ image 3.0 or later: Python 3.10 or later" in text
    assert f"uint8, (n, {', '.join(map(str, network.input.shape))})" in text
    assert "{" not in text
    built(folder)
    assert write_deploy(folder)["cycles"] == {"latency_cycles": 411, "origin": "FINN's RTL simulation"}
    text = (folder / "deploy" / "README.md").read_text()
    assert "There is no bitfile" not in text
    assert hashlib.sha256(b"bits").hexdigest() in text
    assert "(411: FINN's RTL simulation)" in text


def test_files_put_by_hand_stay_for_the_same_build_alone(folder, network, frames_of, unfolded, pynq_z2):
    def package(clock_mhz):
        settings = BuildSettings(pynq_z2, clock_mhz, unfolded(network))
        write_package(folder / "build", network, frames_of(network, 25), settings, force=True)
        write_deploy(folder)

    write_deploy(folder)
    (folder / "deploy" / "bitfile").mkdir()
    mine = folder / "deploy" / "bitfile" / "finn-accel.bit"
    mine.write_bytes(b"mine")
    package(100.0)
    assert mine.read_bytes() == b"mine"
    built(folder)
    write_deploy(folder)
    assert mine.read_bytes() == b"bits"
    package(50.0)
    assert not mine.exists()


def test_a_bitfile_that_was_exchanged(folder, capsys):
    built(folder)
    write_deploy(folder)
    (folder / "deploy" / "bitfile" / "finn-accel.bit").write_bytes(b"others")
    assert validate.main(folder / "deploy", []) == 2
    assert "is not the bitfile that this folder was made with; copy the folder again" in capsys.readouterr().err


def test_a_python_without_numpy_is_told_the_command(folder):
    """Oracle: a Python that sees no installed package."""
    write_deploy(folder)
    command = [sys.executable, "-S", str(folder / "deploy" / "validate.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert run.returncode == 2
    assert run.stderr.startswith("validate: NumPy is not installed, this is Python 3.")
    assert run.stderr.count("\n") == 1


def test_what_starts_it_can_be_read_by_an_older_python():
    for name in ("board/launcher.py", "board/command.py", "board/__init__.py", "__init__.py"):
        ast.parse((ROOT / "finn_build" / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_damaged_package(folder):
    (folder / "build" / "network.npz").write_bytes(b"")
    with pytest.raises(FinnError, match=r"network\.npz: missing or damaged; write the package again"):
        write_deploy(folder)


def test_what_goes_to_the_board_suits_its_python():
    """PYNQ 3 has Python 3.10 and NumPy; nothing newer or else may be imported."""
    files = [
        *(ROOT / "bnn").rglob("*.py"),
        *(ROOT / "finn_build" / "board").glob("*.py"),
        ROOT / "finn_build/__init__.py",
    ]
    newer = ("file_digest", "tomllib", "StrEnum", "bitwise_count", "ExceptionGroup", "except*", "typing import Self")
    for file in files:
        source = file.read_text(encoding="utf-8")
        if file.name == "text.py":  # it reads TOML too, which nobody asks for on a board: named inside of a function
            at_the_top = [node for node in ast.parse(source).body if isinstance(node, ast.Import)]
            assert not [name for node in at_the_top for name in node.names if name.name == "tomllib"]
            source = source.replace("tomllib", "json")
        for node in ast.walk(ast.parse(source, feature_version=(3, 10))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                package = name.split(".")[0]
                allowed = package in sys.stdlib_module_names | {"numpy", "pynq", "bnn"}
                assert allowed or name.startswith("finn_build.board"), f"{file} imports {name}"
        assert not [word for word in newer if word in source], file
