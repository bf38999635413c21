"""One folder of simulators for all tests, so that what all designs share is compiled once."""

import shutil

import pytest


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    return tmp_path_factory.mktemp("executables")
