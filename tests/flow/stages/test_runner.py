"""What runs, and what is said to be stale, after every kind of change.

Oracle: a flow of small stages whose results are sums of what they read, so that what must be there is plain to compute.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from bnn.errors import UserError
from bnn.files import write_text
from flow.run.artefacts import ARTEFACTS
from flow.run.folder import RunError, RunFolder
from flow.stages.options import Kind, Options, option
from flow.stages.runner import Flow
from flow.stages.stage import Stage


class Plain(Options):
    """No options."""


class Doubling(Options):
    """Two that contradict each other, and one that no result depends on."""

    exclusive = ("twice", "thrice")
    twice: bool = option(False, "Times two.")
    thrice: bool = option(False, "Times three.")
    threads: int = option(1, "Threads.", ge=1, kind=Kind.PASSING)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def flow(calls, tmp_path):
    def path(run, artefact):
        return run.path / ARTEFACTS[artefact]

    def read(run, artefact):
        return int(path(run, artefact).read_text())

    def stage(name, needs, makes, amount, options=Plain, **more):
        def run(folder, chosen):
            calls.append(name)
            value = amount(folder, chosen)
            write_text(path(folder, makes), str(value))
            return value

        return Stage(name, f"Makes {makes}.", "--run R", options, needs, (makes,), run, lambda *_: None, **more)

    def train(folder, _):
        return int(folder.config.read_text().split("=")[1])

    def export(folder, _):
        return read(folder, "checkpoint") + int(images.read_text())

    def fold(folder, chosen):
        return read(folder, "network") * (2 if chosen.twice else 3 if chosen.thrice else 1)

    images = tmp_path / "images"
    images.write_text("5")

    def data(_run, _options):
        return {"images": images.read_text() if images.exists() else None}

    def gather(folder, _):
        return sum(read(folder, name) for name in ("network", "folding") if path(folder, name).exists())

    stages = [
        stage("train", ("config",), "checkpoint", train, keeps_fresh=True),
        stage("export", ("checkpoint",), "network", export, outside=data),
        stage("fold", ("network",), "folding", fold, Doubling),
        stage("report", ("network",), "report", gather, uses=("folding",)),
    ]
    return Flow({stage.name: stage for stage in stages})


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.toml").write_text("n = 1")
    return folder


def value(run, artefact):
    return int((run / ARTEFACTS[artefact]).read_text())


def states(flow, run):
    return {finding.stage: finding.state.value for finding, _ in flow.status(run)}


def test_everything_runs_once(flow, run, calls):
    assert set(states(flow, run).values()) == {"missing"}
    flow.run_to(["fold"], run, {})
    assert calls == ["train", "export", "fold"]
    assert value(run, "folding") == 1 + 5
    flow.run_to(["fold"], run, {})
    assert calls == ["train", "export", "fold"]
    assert states(flow, run) == {"train": "fresh", "export": "fresh", "fold": "fresh", "report": "missing"}


@pytest.mark.parametrize(
    ("damage", "again", "folded"),
    [
        (lambda run: (run / "config.toml").write_text("n = 7"), ["train", "export", "fold"], 12),
        (lambda run: (run / "checkpoint.ckpt").write_text("9"), ["train"], 6),
        (lambda run: (run / "network.npz").unlink(), ["export"], 6),
        (lambda run: (run / "folding.json").write_text("0"), ["fold"], 6),
        (lambda run: (run.parent / "images").write_text("6"), ["export", "fold"], 7),
        (lambda run: (run.parent / "images").unlink(), [], 6),  # what cannot be compared is not stale
        (lambda run: (run / "stages" / "export.json").unlink(), ["export"], 6),
        (lambda run: (run / "stages" / "export.json").write_text("{"), ["export"], 6),
        (lambda run: os.utime(run / "checkpoint.ckpt", (1, 1)), [], 6),
    ],
)
def test_what_changed_is_seen_and_made_again(flow, run, calls, damage, again, folded):
    flow.run_to(["fold"], run, {})
    del calls[:]
    damage(run)
    fresh = all(state == "fresh" for name, state in states(flow, run).items() if name != "report")
    assert fresh == (not again)
    flow.run_to(["fold"], run, {})
    assert calls == again
    assert value(run, "folding") == folded
    assert {state for name, state in states(flow, run).items() if name != "report"} == {"fresh"}


def test_one_stage_refuses_what_is_stale(flow, run):
    flow.run_to(["fold"], run, {})
    (run / "checkpoint.ckpt").write_text("9")
    with pytest.raises(RunError, match=r"^fold: .*: network.npz is stale: checkpoint.ckpt is not what `train` wrote"):
        flow.run_one("fold", run, {})
    with pytest.raises(RunError, match=rf"run `askew run --run {run} --to fold`$"):
        flow.run_one("fold", run, {})


def test_options_last_and_contradict(flow, run, calls):
    flow.run_to(["fold"], run, {"twice": True})
    assert value(run, "folding") == 12
    flow.run_to(["fold"], run, {})
    assert value(run, "folding") == 12
    assert calls.count("fold") == 1
    flow.run_to(["fold"], run, {"threads": 2})  # nothing depends on it
    assert calls.count("fold") == 1
    flow.run_to(["fold"], run, {"thrice": True})
    assert value(run, "folding") == 18
    with pytest.raises(UserError, match="^fold: --twice and --thrice contradict each other; give one of them$"):
        flow.run_to(["fold"], run, {"thrice": True, "twice": True})
    with pytest.raises(UserError, match="none of train, export takes --twice"):
        flow.run_to(["export"], run, {"twice": True})
    with pytest.raises(UserError, match=r"^fold: --threads \(0\): "):
        flow.run_one("fold", run, {"threads": 0})


def test_a_report_takes_in_what_is_fresh_alone(flow, run):
    flow.run_to(["report"], run, {})
    assert value(run, "report") == 6
    flow.run_to(["fold"], run, {})
    assert states(flow, run)["report"] == "stale"
    flow.run_to(["report"], run, {})
    assert value(run, "report") == 12
    assert states(flow, run)["report"] == "fresh"


def test_a_stage_and_what_follows_again(flow, run, calls):
    flow.run_to(["fold", "report"], run, {})
    assert calls == ["train", "export", "fold", "report"]
    del calls[:]
    flow.run_to(["fold", "report"], run, {}, start="fold")
    assert calls == ["fold", "report"]
    with pytest.raises(UserError, match="--from report does not lead to fold"):
        flow.run_to(["fold"], run, {}, start="report")


def test_a_missing_config_and_an_unknown_stage(flow, tmp_path):
    with pytest.raises(RunError, match="no run there"):
        flow.run_to(["fold"], tmp_path / "none", {})
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="stage 'folds': unknown, must be one of train, export, fold, report"):
        flow.find("folds")


@contextmanager
def holder(run):
    """Another process that holds the run; its end of input lets it go."""
    code = (
        "import sys; from pathlib import Path; from flow.run.lock import locked\n"
        f"with locked(Path({str(run)!r})): print(1, flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline()
        yield process


def test_a_second_process_is_refused(flow, run):
    with (
        holder(run) as other,
        pytest.raises(RunError, match=rf"askew \(process {other.pid}\) works there; wait until it is done"),
    ):
        flow.run_to(["fold"], run, {})
    flow.run_to(["fold"], run, {})


def test_the_lock_goes_with_a_killed_process(flow, run):
    with holder(run) as other:
        other.send_signal(signal.SIGKILL)
    flow.run_to(["fold"], run, {})


def test_records_say_what_was_made_from_what(flow, run):
    import hashlib

    flow.run_to(["fold"], run, {"twice": True})
    record = json.loads((run / "stages" / "fold.json").read_text())
    digest = {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in ("network.npz", "folding.json")}
    assert record["made_from"] == {"network": digest["network.npz"]}
    assert record["made"] == {"folding": digest["folding.json"]}
    assert record["options"] == {"twice": True, "thrice": False}
    assert RunFolder.open(run).origin.value == "trained"
