"""What installs the environment. Oracles: pip's own reading of requirement files; hashlib; lists written by hand."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
HASH = f"--hash=sha256:{hashlib.sha256(b'x').hexdigest()}"


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.syspath_prepend(str(ROOT / "docker"))
    import bootstrap
    import install

    return bootstrap, install


PIP_READS = """
import json, sys
from pip._internal.network.session import PipSession
from pip._internal.req import parse_requirements
from pip._internal.req.constructors import install_req_from_parsed_requirement as parsed
found = [parsed(one) for one in parse_requirements(sys.argv[1], session=PipSession())]
print(json.dumps({one.name: one.hash_options["sha256"] for one in found}))
"""


def test_every_entry_of_the_lock_is_read_whole(tools):
    bootstrap, _ = tools
    pins = bootstrap.read_lock(bootstrap.LOCK)
    command = [sys.executable, "-W", "ignore", "-c", PIP_READS, str(bootstrap.LOCK)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    theirs = {canonicalize_name(name): hashes for name, hashes in read.items()}
    assert list(pins) == list(theirs)
    for name, pin in pins.items():
        assert canonicalize_name(Requirement(pin.requirement).name) == name
        assert [word[-64:] for word in pin.entry.split() if word.startswith("--hash=")] == theirs[name]


def test_a_list_takes_its_entries_out_of_the_lock(tools, tmp_path):
    _, install = tools
    lock = tmp_path / "some.lock"
    lock.write_text(f"# a comment==1\nml_dtypes==0.6.0 \\\n    {HASH} \\\n    {HASH}\nPyYAML==6.0.3 \\\n    {HASH}\n")
    assert install.chosen(lock, ["pyyaml", "ml-dtypes"]) == [
        f"PyYAML==6.0.3 \\\n    {HASH}",
        f"ml_dtypes==0.6.0 \\\n    {HASH} \\\n    {HASH}",
    ]
    with pytest.raises(SystemExit, match=r"install: some\.lock has no torch, numpy"):
        install.chosen(lock, ["torch", "PyYAML", "numpy"])


@pytest.mark.parametrize("list_name", ["finn-packages.txt"])
def test_all_that_an_image_wants_is_pinned(tools, list_name):
    bootstrap, install = tools
    names = (ROOT / "docker" / list_name).read_text().split()
    names.remove("torch")
    assert len(install.chosen(bootstrap.LOCK, names)) == len(names)
    assert list(bootstrap.read_lock(bootstrap.TORCH)) == ["torch"]


def test_a_file_with_another_hash_is_not_installed(tools, tmp_path, capfd):
    """A package that lies there under the right name and version, but with other bytes than were locked."""
    bootstrap, _ = tools
    wheels, target = tmp_path / "wheels", tmp_path / "target"
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "tiny"\nversion = "1"\n[tool.setuptools]\npy-modules = ["tiny"]\n'
    )
    (project / "tiny.py").write_text("")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(project)]
    subprocess.run(build, check=True)
    (wheel,) = wheels.iterdir()
    install = [
        *pip,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--find-links",
        str(wheels),
        "--target",
        str(target),
    ]
    lock = tmp_path / "tiny.lock"
    lock.write_text(f"tiny==1 \\\n    {HASH}\n")
    with pytest.raises(SystemExit):
        bootstrap.install_locked(install, lock)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in capfd.readouterr().err
    assert not (target / "tiny.py").exists()
    lock.write_text(f"tiny==1 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    bootstrap.install_locked(install, lock)
    assert (target / "tiny.py").exists()
