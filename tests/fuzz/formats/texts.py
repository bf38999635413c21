"""Texts: the TOML of trainings, studies and boards; the JSON of foldings, stages and studies."""

import json
import shutil
import tomllib

from bnn import as_chain, load_network
from bnn.folding import load_folding
from flow.report.study import read_study, study_section
from flow.run.folder import RunFolder
from flow.study.plan import load_study
from hw.boards.board import Board, load_board
from tests.fuzz import mutate
from tests.fuzz.format import Format
from training.config.load import load_config

BOARD = """
name = "Mine"
part = "xc7z020"
family = "xc7"
luts = 53200
ffs = 106400
bram36 = 140
dsps = 220
clock_mhz = 100.0
"""
STUDY = """
name = "tiny"
configs = ["config.toml", "digits"]
seeds = [0, 1]
[set]
"training.epochs" = 2
[vary]
"activation.threshold_shift" = [0.0, 0.25]
[[variants]]
name = "plain"
[[variants]]
name = "slow"
set = { "training.learning_rate" = 0.001 }
"""
NASTY_TOML = (
    b"[" * 3000, b"a = " + b"[" * 3000, b"a" + b".a" * 20000 + b" = 1", b'name = "' + b"x" * 70000 + b'"\n',
    b"seeds = [" + b"0," * 30000 + b"]", b"\xff\xfe", b'configs = ["a\\u0000b"]\nname = "x"\n', b"a = 9" + b"9" * 5000,
)  # fmt: skip


def of_toml(rng, whole: bytes) -> bytes:
    if rng.random() < 0.04:
        nasty = rng.choice(NASTY_TOML)
        return nasty + b"\n" + whole if rng.random() < 0.5 else nasty
    return mutate.of_text(rng, whole.decode()) if rng.random() < 0.7 else mutate.of_bytes(rng, whole)


def holds(ours, theirs) -> bool:
    """Whether all that stands in the one tree stands in the other too, which may have defaults besides."""
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and all(key in ours and holds(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list) and isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(holds, ours, theirs))
    return ours == theirs and (isinstance(ours, bool) or not isinstance(theirs, bool))


class TrainingToml(Format):
    """A training's config."""

    name, share = "toml config", 9

    def whole(self):
        return {"config.toml": (self.run / "config.toml").read_bytes()}

    def damage(self, rng, name, whole):
        return of_toml(rng, whole)

    def read(self, file, name):
        return load_config(file).settings()

    def truth(self, file, name, ours):
        return tomllib.loads(file.read_text(encoding="utf-8"))

    def equal(self, ours, theirs):
        return holds(ours, theirs)


class StudyToml(Format):
    """A study: how many rows, and of what."""

    name, share = "toml study", 4

    def whole(self):
        return {"study.toml": STUDY.replace("config.toml", str(self.run / "config.toml")).encode()}

    def damage(self, rng, name, whole):
        return of_toml(rng, whole)

    def read(self, file, name):
        return load_study(file).model_dump(mode="json")

    def truth(self, file, name, ours):
        return tomllib.loads(file.read_text(encoding="utf-8"))

    def equal(self, ours, theirs):
        return holds(ours, theirs)


class BoardToml(Format):
    """A board of the user's own, and the smallest budget that is asked of it."""

    name, share = "toml board", 4

    def whole(self):
        return {"board.toml": BOARD.encode()}

    def prepare(self, folder):
        from hw.solver.space import FoldingSpace

        self.space = FoldingSpace(as_chain(load_network(self.run / "network.npz")))

    def damage(self, rng, name, whole):
        return of_toml(rng, whole)

    def read(self, file, name):
        from hw.solver.solve import _budget

        board: Board = load_board(file)
        self.space.cheapest(max(self.space.cycles), _budget(board))
        return vars(board)

    def truth(self, file, name, ours):
        return tomllib.loads(file.read_text(encoding="utf-8"))

    def equal(self, ours, theirs):
        return holds(ours, theirs)


def of_json(rng, whole: bytes) -> bytes:
    kind = rng.random()
    if kind < 0.05:
        return rng.choice((b"[" * 100000, b'{"a":' * 5000, b"null", b'"x"', b"{}", b"1e999", b"[1]" * 9, b""))
    if kind < 0.5:
        return mutate.as_json(mutate.of_tree(rng, json.loads(whole)))
    return mutate.of_text(rng, whole.decode()) if kind < 0.7 else mutate.of_bytes(rng, whole)


class FoldingJson(Format):
    """A folding of the user's own, without a checksum."""

    name, share = "json folding", 6

    def whole(self):
        folding = json.loads((self.run / "folding.json").read_text())
        layers = {
            name: {key: layer[key] for key in ("pe", "simd", "order")} for name, layer in folding["layers"].items()
        }
        return {"folding.json": json.dumps({"network_hash": folding["network_hash"], "layers": layers}).encode()}

    def prepare(self, folder):
        self.network = as_chain(load_network(self.run / "network.npz"))

    def damage(self, rng, name, whole):
        return of_json(rng, whole)

    def read(self, file, name):
        layers = load_folding(file, self.network).layers
        return {name: (layer.pe, layer.simd, layer.order.value) for name, layer in layers.items()}

    def truth(self, file, name, ours):
        layers = json.loads(file.read_text(encoding="utf-8"))["layers"]
        return {name: (of["pe"], of["simd"], of.get("order", "output-major")) for name, of in layers.items()}


class FiguresJson(Format):
    """What the stages wrote, through the report's reader; with their checksum, and without where it was made anew."""

    name, share = "json figures", 9
    stages = ("export", "simulate", "ladder", "folding", "rtlsim", "finn/estimate", "finn/results")

    def whole(self):
        return {f"{stage}.json": (self.run / f"{stage}.json").read_bytes() for stage in self.stages}

    def prepare(self, folder):
        (folder / "finn").mkdir()
        for name in ("config.toml", "network.npz"):
            shutil.copy(self.run / name, folder / name)
        self.network = as_chain(load_network(self.run / "network.npz"))

    def damage(self, rng, name, whole):
        if rng.random() < 0.4:
            return of_json(rng, whole)
        figures = json.loads(whole)
        figures.pop("checksum")
        return mutate.as_json(mutate.of_tree(rng, figures))

    def read(self, file, name):
        from flow.report.comparison import compare
        from flow.report.evidence import budget
        from flow.report.hardware import hardware_section
        from flow.run.figures import OF_STAGE
        from flow.run.figures.report_hardware import Hardware

        run = RunFolder.open(file.parent.parent if name.startswith("finn/") else file.parent)
        stage = name.removesuffix(".json")
        figures = run.result(stage, self.network)
        parts = {"folding": "folding", "rtlsim": "rtlsim"}
        parts |= {f"finn/{part}": f"finn_{part}" for part in ("estimate", "results")}
        hardware = Hardware(**{parts[stage]: OF_STAGE[stage].of(figures)} if stage in parts else {})
        comparison = compare([layer.name for layer in self.network.layers], hardware, 1)  # as `askew report` reads it
        hardware_section(comparison, budget(hardware))
        json.dumps(comparison.to_json(), allow_nan=False)
        return figures

    def truth(self, file, name, ours):
        theirs = json.loads(file.read_text(encoding="utf-8"))
        return None if "checksum" in theirs else theirs


class StudySummaryJson(Format):
    """summary.json of a study, through the report's table and words."""

    name, share = "json study", 3

    def whole(self):
        return {"summary.json": (self.run / "study" / "summary.json").read_bytes()}

    def damage(self, rng, name, whole):
        if rng.random() < 0.4:
            return of_json(rng, whole)
        figures = json.loads(whole)
        figures.pop("checksum")
        return mutate.as_json(mutate.of_tree(rng, figures))

    def read(self, file, name):
        study = read_study(file.parent, RunFolder(self.run))
        study_section(study)
        return {key: value for key, value in study.to_json().items() if key != "this_run"}

    def truth(self, file, name, ours):
        theirs = json.loads(file.read_text(encoding="utf-8"))
        return None if "checksum" in theirs else theirs
