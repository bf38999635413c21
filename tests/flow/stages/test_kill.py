"""kill -9 at any moment of any stage: status says the truth afterwards, and the command ends as if nothing had been.

Oracle: a run that nobody has disturbed. What measures time is left out.
"""

import json
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flow.stages.flow import FLOW
from tests.support.kills import Started
from tests.support.runs import CONFIG
from training.fit.checkpoint import read_trained

FOLDING = {"fc1": {"pe": 8, "simd": 16}, "fc2": {"pe": 6, "simd": 8}, "fc3": {"pe": 2, "simd": 4}}
STAGES = ("train", "export", "simulate", "ladder", "fold", "rtl", "rtlsim")
WHOLE = "run"  # all of them over the results of another seed
OF_TIME = {"frames_per_second", "cycles_per_second", "seconds", "images_per_second", "training", "checksum"}  # of times
OF_THE_CHECKPOINT = {"checkpoint_sha256", "checkpoint"}  # its weights are compared
RESULTS = {
    "export": ("network.npz", "model.onnx", "golden", "export.json"),
    "simulate": ("simulate.json",),
    "ladder": ("ladder.json",),
    "fold": ("folding.json",),
    "rtl": ("rtl",),
    "rtlsim": ("rtlsim.json",),
    "report": ("report.json",),
}


@dataclass(frozen=True)
class Undisturbed:
    """A run as it should be, what was there before each stage of it, and how long each took.

    Attributes:
        run: the run.
        before: the run before a stage; of ``WHOLE``, a finished one of another seed that is told the right one.
        seconds: of each stage.
        cache: executables of the RTL.
        files: the folder with config and folding.
    """

    run: Path
    before: dict[str, Path]
    seconds: dict[str, float]
    cache: Path
    files: Path


def arguments(files: Path, run: Path, stage: str) -> list[str]:
    """Of the command that reaches a stage; of all of them for ``WHOLE``."""
    targets = "simulate,ladder,rtl,rtlsim,report" if stage == WHOLE else stage
    command = ["run", "--run", str(run), "--config", str(files / "small.toml"), "--to", targets]
    if stage in ("fold", "rtl", "rtlsim", WHOLE):
        command += ["--folding", str(files / "folding.json")]
    for name in ("ladder", "rtlsim"):
        if stage in (name, WHOLE):
            command += ["--set", f"{name}.frames=20"]
    return command


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    files = tmp_path_factory.mktemp("undisturbed")
    (files / "small.toml").write_text(CONFIG)
    (files / "other.toml").write_text(CONFIG + "seed = 5\n")
    (files / "folding.json").write_text(json.dumps({"network_hash": None, "layers": FOLDING}))
    cache, said, run = files / "cache", files / "said", files / "small"
    before, seconds = {}, {}

    def finish(command: list[str]) -> float:
        started = Started(command, cache, said)
        assert started.wait() == 0, said.read_text()
        return time.perf_counter() - started.began

    finish(["--version"])  # what all are forked from has then imported everything
    for stage in STAGES:
        before[stage] = files / f"before-{stage}"
        if run.exists():
            shutil.copytree(run, before[stage])
        seconds[stage] = finish(arguments(files, run, stage))
    finish(arguments(files, run, WHOLE))
    before[WHOLE] = files / "before-run"
    told = arguments(files, before[WHOLE], WHOLE)
    seconds[WHOLE] = finish([str(files / "other.toml") if word.endswith("small.toml") else word for word in told])
    (before[WHOLE] / "config.toml").write_text((run / "config.toml").read_text())
    return Undisturbed(run, before, seconds, cache, files)


def compared(run: Path, stage: str) -> dict[str, Any]:
    """What of a stage's results must be the same in every run, by file."""
    found: dict[str, Any] = {}
    for name in RESULTS.get(stage, ()):
        for file in sorted((run / name).rglob("*")) if (run / name).is_dir() else [run / name]:
            if file.is_file() and not file.name.startswith("."):
                is_figures = file.suffix == ".json" and stage not in ("fold", "rtl")
                found[str(file.relative_to(run))] = _timeless(run, file) if is_figures else file.read_bytes()
    if stage == "train":
        weights = read_trained(run / "checkpoint.ckpt")["state"]
        found = {name: value.tolist() for name, value in weights.items()}
    return found


def assert_same(run: Path, undisturbed: Path, stage: str, why: str) -> None:
    """Of one stage, by file and key."""
    ours, theirs = compared(run, stage), compared(undisturbed, stage)
    assert ours.keys() == theirs.keys(), f"{stage} {why}"
    for name, value in theirs.items():
        pairs = {key: (ours[name].get(key), value.get(key)) for key in value} if isinstance(value, dict) else {}
        differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
        assert ours[name] == value, f"{stage} {why}: {name} {differing}"


def _timeless(run: Path, file: Path) -> Any:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in OF_TIME | OF_THE_CHECKPOINT}
        return [strip(one) for one in value] if isinstance(value, list) else value

    text = file.read_text().replace(str(run), "RUN")
    value = json.loads(text)
    if file.name == "report.json":
        value = {key: one for key, one in value.items() if key not in ("run", "summary")}
    return strip(value)


def kill_and_go_on(undisturbed: Undisturbed, folder: Path, stage: str, chance: random.Random) -> bool:
    """Kill a stage once, see what status says, go on, and compare; whether the kill came before its end."""
    run, said = folder / "small", folder / "said"
    cache = folder / "cache" if stage in ("rtlsim", WHOLE) else undisturbed.cache
    if undisturbed.before[stage].exists():
        shutil.copytree(undisturbed.before[stage], run)
    upstream = () if stage == WHOLE else STAGES[: STAGES.index(stage)]
    victim = Started(arguments(undisturbed.files, run, stage), cache, said)
    time.sleep(chance.uniform(0, undisturbed.seconds[stage]))
    status = victim.kill(with_children=chance.random() < 0.5)
    try:
        if (run / "config.toml").exists():
            findings = {finding.stage: finding for finding, _ in FLOW.status(run)}
            for name in upstream:
                assert findings[name].fresh, findings[name]
            if status == 0 and stage != WHOLE:
                assert findings[stage].fresh
            for name in (*STAGES, "report"):
                if findings[name].fresh and not (stage == WHOLE and name == "report"):
                    assert_same(run, undisturbed.run, name, "is said to be fresh")
        again = Started(arguments(undisturbed.files, run, WHOLE), cache, said)
        assert again.wait() == 0, said.read_text()
    finally:
        victim.end_children()
    findings = {finding.stage: finding for finding, _ in FLOW.status(run)}
    for name in (*STAGES, "report"):
        assert findings[name].fresh, findings[name]
        assert_same(run, undisturbed.run, name, "was made again")
    return status != 0


def test_the_comparison_sees_another_network(undisturbed):
    """What is compared differs for another seed, in every stage whose result depends on it."""
    for stage in ("train", "export", "ladder", "rtl"):
        assert compared(undisturbed.before[WHOLE], stage) != compared(undisturbed.run, stage)
        assert compared(undisturbed.run, stage)


@pytest.mark.parametrize("stage", ["train", "export", "fold", "rtlsim"])
def test_killed_once(undisturbed, tmp_path, stage):
    kill_and_go_on(undisturbed, tmp_path, stage, random.Random(stage))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_fifty_times(undisturbed, tmp_path):
    chance = random.Random(11)
    began, killed = time.perf_counter(), []
    for number in range(50):
        stage = (*STAGES, WHOLE)[number % (len(STAGES) + 1)]
        folder = tmp_path / str(number)
        folder.mkdir()
        if kill_and_go_on(undisturbed, folder, stage, chance):
            killed.append(stage)
        shutil.rmtree(folder)
    counts = ", ".join(f"{stage} {killed.count(stage)}" for stage in (*STAGES, WHOLE))
    print(f"50 kills, {len(killed)} before the end ({counts}), {time.perf_counter() - began:.0f} s")  # noqa: T201
    assert len(killed) >= 25
