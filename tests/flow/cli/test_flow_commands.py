"""`askew boards`, `runs`, `status`, and help in the order of the flow. Oracles: the board files; the run folders."""

import tomllib
from pathlib import Path

import pytest

import hw.boards
from flow.cli.main import run as askew
from flow.stages.flow import FLOW


def test_boards_have_what_their_files_say(capsys):
    assert askew(["boards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for file in Path(hw.boards.__file__).parent.glob("*.toml"):
        board = tomllib.loads(file.read_text())
        (line,) = [line for line in lines if line.split("  ")[0] == board["name"]]
        assert board["part"] in line
        assert f"{board['luts']:,}" in line
    assert any(line.startswith("ZCU102") and "bitstream" in line for line in lines)


def test_runs_and_their_states(run_copy, capsys):
    (run_copy / "network.npz").write_bytes(b"damaged")
    assert askew(["runs", "--folder", str(run_copy.parent)]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "network", "origin", "accuracy", "not", "fresh"]
    assert line.split()[0] == "small"
    assert line.split()[2] == "trained"
    assert line.split()[-1] == "export"
    assert askew(["runs", "--folder", str(run_copy / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_status_has_a_line_a_stage_that_is_not_wrapped(run_copy, capsys):
    assert askew(["status", "--run", str(run_copy)]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len([stage for stage in FLOW.stages.values() if stage.name not in ("import", "zoo get")])
    fold = next(line for line in lines if line.startswith("fold "))
    assert fold.endswith(f"askew run --run {run_copy} --to fold")


def test_commands_stand_in_the_order_of_the_flow(capsys):
    assert askew(["--help"]) == 0
    text = capsys.readouterr().out
    names = ["train", "export", "simulate", "ladder", "fold", "rtl", "rtlsim", "bitstream", "report"]
    places = [text.index(f"\n  {name} ") for name in names]
    assert places == sorted(places)


MAKES_THE_RUN = {"train", "import", "zoo get"}


@pytest.mark.parametrize("stage", [stage for stage in FLOW.stages.values() if stage.name not in MAKES_THE_RUN])
def test_every_example_in_a_help_is_a_command(stage, capsys):
    """It must get as far as to miss its run, not stumble over an option."""
    assert askew([*stage.name.split(), "--help"]) == 0
    assert stage.name == "simulate" or f"askew {stage.name} {stage.example.split()[0]}" in capsys.readouterr().out
    assert askew([*stage.name.split(), *stage.example.split()]) == 2
    assert "runs/tfc: no run there" in capsys.readouterr().err
