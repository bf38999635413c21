"""Every command that status, report and refusals advise is run, as it stands, on the run that they spoke of.

The oracle is the command's own exit status, and what status says of the stage afterwards.
"""

import json
import shutil

import pytest

from flow.cli.main import run as askew
from flow.run.folder import RunFolder
from flow.stages.flow import FLOW
from tests.support.advice import advised, follow

SLOW = (
    "finn",
    "bitstream",
    "pynq bitstream",
    "implement",
    "board run",
    "shift-cost",
    "rtlsim",
)  # half a minute of tools, or more
ABSENT = ("bitstream", "board run")  # Vivado, for pynq bitstream too; a board on a port


def as_it_is(_run):
    """Exported and folded; nothing else."""


def of_another_seed(run):
    """Everything was made; then the config was edited."""
    askew(["run", "--run", str(run), "--to", "rtl,report"])
    config = run / "config.toml"
    config.write_text(config.read_text().replace("seed = 0", "seed = 5"))


def without_golden(run):
    shutil.rmtree(run / "golden")


def without_folding(run):
    (run / "folding.json").unlink()


def with_a_damaged_network(run):
    file = run / "network.npz"
    file.write_bytes(file.read_bytes()[:-100])


def with_damaged_records(run):
    askew(["simulate", "--run", str(run)])
    for name in ("simulate", "export"):
        (run / "stages" / f"{name}.json").write_text("{")


STATES = (
    as_it_is,
    without_golden,
    without_folding,
    with_a_damaged_network,
    with_damaged_records,
)


def all_advice(run, capsys):
    """Every command that anything advises of this run; none is taken for a command that mends by itself."""
    found = [command for _, command in FLOW.status(RunFolder.open(run).path) if command]
    for name in FLOW.stages:
        if name in ("train", "export", "import", "zoo get", "report", *SLOW) or name.startswith(SLOW):
            continue
        capsys.readouterr()
        if askew([*name.split(), "--run", str(run)]) != 0:
            complaint = capsys.readouterr().err
            assert complaint.count("\n") == 1, complaint
            assert advised(complaint), complaint
            found += advised(complaint)
    if askew(["report", "--run", str(run)]) == 0:
        report = json.loads((run / "report.json").read_text())
        found += report["missing"].values()
        found += [one["command"] for one in report["stale"].values()]
        found += advised((run / "report.md").read_text())
    else:
        found += advised(capsys.readouterr().err)
    return list(dict.fromkeys(command.replace("NAME", str(run / "config.toml")) for command in found))


def is_slow(command):
    words = command.split()
    target = words[words.index("--to") + 1] if "--to" in words else words[1]
    return target.strip("'").startswith(SLOW)


def follow_all(run, damage, capsys, wanted):
    damage(run)
    kept = run.parent / "kept"
    shutil.copytree(run, kept)
    commands = [command for command in all_advice(run, capsys) if wanted(command)]
    assert commands
    for command in commands:
        shutil.rmtree(run)
        shutil.copytree(kept, run)
        capsys.readouterr()
        status = follow(command)
        complaint = capsys.readouterr().err
        if any(name in command for name in ABSENT):
            assert status == 2, command
            assert complaint.splitlines()[-1].startswith("askew: ")
            continue
        assert status == 0, (command, complaint)
        if " --to " in command:
            stage = command.partition(" --to ")[2].strip("'")
            states = {finding.stage: finding for finding, _ in FLOW.status(run)}
            assert states[stage].fresh, (command, states[stage])


def test_what_is_advised_works(folded_run, capsys):
    follow_all(folded_run, of_another_seed, capsys, lambda command: not is_slow(command))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("damage", STATES)
def test_what_is_advised_works_in_every_state(folded_run, capsys, damage):
    """FINN and the like are the same whatever was damaged: once."""
    follow_all(folded_run, damage, capsys, lambda command: damage is as_it_is or not is_slow(command))


def test_where_no_run_is(run_copy, tmp_path, capsys):
    none = tmp_path / "none"
    assert askew(["simulate", "--run", str(none)]) == 2
    (command,) = advised(capsys.readouterr().err)
    assert not none.exists()
    assert follow(command.replace("NAME", str(run_copy / "config.toml"))) == 0
    assert (none / "checkpoint.ckpt").exists()
