"""Reading FINN's log. Oracle: lines that FINN, Vivado and Python write, with what a person would take from them."""

import pytest

from finn_build.worker.buildlog import ATTEMPT, NO_ERROR, Step, last_error, last_error_in, step_of


def test_step():
    line = "[2026-11-21 06:25:55] Running step: step_hw_codegen [12/21]"
    assert step_of(line) == Step("step_hw_codegen", 12, 21)
    assert step_of("Converting pooling layers...") is None


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "[2026-11-21 06:26:37,757]ERROR:FINN INTERNAL COMPILER ERROR: MW (784) must be divisable by SIMD (36)",
            "FINN INTERNAL COMPILER ERROR: MW (784) must be divisable by SIMD (36)",
        ),
        (
            "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'",
            "[Common 17-345] A valid license was not found for feature 'Synthesis'",
        ),
        ("\x1b[31mERROR   \x1b[0m Synthesis failed", "Synthesis failed"),
        ("KeyError: 'MVAU_hls_0'", "KeyError: 'MVAU_hls_0'"),
        ("finn.util.exception.FINNUserError: no such board", "finn.util.exception.FINNUserError: no such board"),
        ("cp: error writing 'x.bit': No space left on device", "cp: error writing 'x.bit': No space left on device"),
    ],
)
def test_the_last_error_counts(line, error):
    text = (
        f"INFO: all is well\nERROR: an older one\n{line}\nsynth_design: 0 errors, 3 warnings\nINFO: [x] error_log.txt\n"
    )
    assert last_error(text) == error


def test_without_an_error():
    assert last_error("INFO: done, 0 error(s)\nno errors: errors = 0\n") == NO_ERROR


def test_long_errors_are_cut():
    assert len(last_error("ERROR: " + "x" * 5000)) == 300


def test_missing_file(tmp_path):
    assert last_error_in(tmp_path / "no.log") == NO_ERROR


def test_errors_of_an_older_attempt_are_past(tmp_path):
    log = tmp_path / "build.log"
    log.write_text(f"{ATTEMPT} 1\nERROR: once\n{ATTEMPT} 2\nRunning step: step_a [1/2]\n")
    assert last_error_in(log) == NO_ERROR
