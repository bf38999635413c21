"""Files appear whole or not at all. Oracle: the operating system; a limit on file size stands for a full disk."""

import json
import resource
import subprocess
import sys

import pytest

from bnn.files import atomic_path, write_json


def test_a_failed_write_keeps_the_old_file(tmp_path):
    file = tmp_path / "figures.json"
    write_json(file, {"frames": 1})

    def write_half():
        with atomic_path(file) as temporary:
            temporary.write_text("{")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert json.loads(file.read_text()) == {"frames": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_a_full_disk_keeps_the_old_file(tmp_path):
    file = tmp_path / "figures.json"
    write_json(file, {"frames": 1})
    program = (
        "import pathlib, sys; from bnn.files import write_text; write_text(pathlib.Path(sys.argv[1]), 'x' * 100000)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "File too large" in finished.stderr
    assert json.loads(file.read_text()) == {"frames": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "figures.json", {"accuracy": float("nan")})
    assert not list(tmp_path.iterdir())
