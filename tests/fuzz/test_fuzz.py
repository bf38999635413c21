"""A short fuzz run; and that the fuzzer sees each kind of failure. Oracles: as `tests.fuzz` states them."""

import os
import shutil
import time

import pytest

from bnn.errors import UserError
from tests.fuzz.__main__ import FORMATS, fuzz
from tests.fuzz.format import Format
from tests.fuzz.seeds import make_run
from tests.fuzz.worker import run_format

INPUTS = 400


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("fuzz") / "whole")


@pytest.mark.filterwarnings("ignore")
def test_a_short_run_finds_nothing(whole_run, tmp_path):
    quick = [kind.name for kind in FORMATS if kind.name not in {"idx", "command line"}]  # which take long
    figures = fuzz(whole_run, tmp_path, INPUTS, seed=1, only=quick)
    assert figures["failures"] == []
    assert figures["inputs"] >= INPUTS
    assert figures["peak_mib"] < 4096
    for name, counts in figures["formats"].items():
        assert counts.get("refused", 0) > 0, name


class Bad(Format):
    """A reader that does what its file says."""

    name, share = "bad", 1

    def whole(self):
        return {"file": b"good"}

    def damage(self, rng, name, whole):
        return self.run

    def read(self, file, name):
        match file.read_bytes():
            case b"traceback":
                return {}["key"]
            case b"lines":
                raise UserError("two lines:\nthis one too")
            case b"refused":
                raise UserError("one line that says it")
            case b"hang":
                time.sleep(60)
            case b"memory":
                return bytearray(1 << 40)
            case b"dies":
                os._exit(3)
        return file.read_bytes()

    def truth(self, file, name, ours):
        return b"changed" if ours == b"changed" else b"another"


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        (b"good", "same"),
        (b"changed", "changed"),
        (b"refused", "refused"),
        (b"traceback", "traceback"),
        (b"memory", "traceback"),
        (b"lines", "several lines"),
        (b"hang", "hang"),
        (b"dies", "died"),
        (b"silent", "silent"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_outcome_is_seen(tmp_path, what, outcome):
    tally = run_format(Bad(what), 2, 1, tmp_path / "files", seconds=0.3, gigabytes=1)
    assert tally.counts == {outcome: 2}
    assert len(tally.failures) == (0 if outcome in {"same", "changed", "refused"} else 2)
    shutil.rmtree(tmp_path / "files")
