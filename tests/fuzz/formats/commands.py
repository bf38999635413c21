"""The real command line on a run folder of which one file is damaged: its exit status, and its one line."""

import contextlib
import io
import json
import shutil

from bnn.errors import UserError
from flow.cli.main import run as askew
from tests.fuzz import mutate
from tests.fuzz.format import Format
from tests.fuzz.formats.models import of_model

FILES = ("config.toml", "network.npz", "golden/manifest.json", "golden/input.npy", "folding.json", "model.onnx")
REPORTED = ("ladder.json", "finn/results.json", "rtlsim.json")


class CommandLine(Format):
    """`askew simulate`, `fold`, and now and then `report`."""

    name, share = "command line", 2

    def whole(self):
        return {name: (self.run / name).read_bytes() for name in (*FILES, *REPORTED)}

    def prepare(self, folder):
        shutil.copytree(self.run, folder, dirs_exist_ok=True)

    def damage(self, rng, name, whole):
        if name.endswith((".toml", ".json")) and rng.random() < 0.6:
            return mutate.of_text(rng, whole.decode())
        return of_model(rng, whole) if name.endswith(".onnx") and rng.random() < 0.5 else mutate.of_bytes(rng, whole)

    def read(self, file, name):
        folder = file.parents[name.count("/")]
        run, out = ["--run", str(folder)], str(folder / "out.json")
        command = ["simulate", *run, "--frames", "5", "--backend", "numpy", "--json", out]
        if name == "model.onnx":
            images = str(self.run / "golden" / "input.npy")
            command = ["simulate", "--model", str(file), "--images", images, "--backend", "numpy", "--json", out]
        elif name == "folding.json":
            command = ["fold", *run, "--folding", str(file)]
        elif name in REPORTED:
            command = ["report", *run]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = askew(command)
        line = said.getvalue().rstrip("\n")
        if status == 2 and line.startswith("askew: "):
            raise UserError(line)
        assert status == 0, (status, line)
        if command[0] != "simulate":
            return command[0]
        figures = json.loads((folder / "out.json").read_text())
        return [figures.get(key) for key in ("network_hash", "frames", "accuracy", "mismatches")]

    def truth(self, file, name, ours):
        # what somebody else's network is called and does is held to qonnx where files of its kind are read alone
        return ours if name == "model.onnx" else None
