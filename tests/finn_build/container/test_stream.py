"""Streaming a long command. Oracle: small shell commands whose output is known."""

import sys

import pytest

from finn_build.container import stream
from finn_build.container.stream import run_streaming


def never():
    raise AssertionError("nothing to clean up")


def streamed(tmp_path, script, clean_up=never, **more):
    lines = []
    code = run_streaming(["sh", "-c", script], tmp_path / "log", lines.append, clean_up, **more)
    return code, lines, (tmp_path / "log").read_text()


def test_lines_are_shown_and_kept(tmp_path):
    (tmp_path / "log").write_text("older\n")
    script = "echo one; echo 'Running step: step_b [2/9]' >&2; printf 'half '; printf 'a line'; exit 3"
    code, lines, log = streamed(tmp_path, script)
    assert code == 3
    assert lines == [
        "[0:00:00] one",
        "[0:00:00 step_b 2/9] Running step: step_b [2/9]",
        "[0:00:00 step_b 2/9] half a line",
    ]
    assert log == "older\none\nRunning step: step_b [2/9]\nhalf a line\n"


def test_silence_is_spoken_of(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 0.2)
    _, lines, log = streamed(tmp_path, "sleep 0.9; echo done")
    assert any(line.endswith("still running") for line in lines[:-1])
    assert log == "done\n"


def test_broken_text_does_not_stop_it(tmp_path):
    _, lines, _ = streamed(tmp_path, r"printf 'a\377b\303\n\303\274\n'")
    assert [line.partition("] ")[2] for line in lines] == ["a�b�", "ü"]


@pytest.mark.parametrize("in_terminal", [True, False])
def test_terminal_for_those_that_want_one(tmp_path, in_terminal):
    script = f"{sys.executable} -c 'import os; print(os.isatty(0), os.isatty(1))'"
    _, lines, _ = streamed(tmp_path, script, in_terminal=in_terminal)
    assert lines[0].endswith(f"] {in_terminal} {in_terminal}")


def test_failure_to_show_cleans_up(tmp_path):
    cleaned = []

    def broken(line):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_streaming(["sh", "-c", "echo x; sleep 60"], tmp_path / "log", broken, lambda: cleaned.append(True))
    assert cleaned == [True]


def test_unknown_program(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_streaming(["/no/such/program"], tmp_path / "log", print, never)
