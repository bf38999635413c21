"""What all tests share: where the real data lies, and a profile for hypothesis that repeats itself."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile("askew", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("askew")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real data sets: ASKEW_DATA, or ../shared/data; the test is skipped where neither is."""
    for candidate in (os.environ.get("ASKEW_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no real data: set ASKEW_DATA to a folder with mnist/")
