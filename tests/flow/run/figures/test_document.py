"""The schemas and docs/files.md. Oracles: jsonschema, which knows nothing of pydantic, and files of commands."""

import copy
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from bnn.files import write_figures
from flow.cli.main import run as askew
from flow.run.figures.catalogue import FILES
from flow.run.figures.document import DOCS, documents

IN_A_RUN = {file.path: file for file in FILES if not file.path.startswith(("STUDY", "OUT", "stages"))}


@pytest.mark.parametrize("name", documents())
def test_what_is_made_from_the_models_is_up_to_date(name):
    again = f"docs/{name}: make it again with `python -m flow.run.figures.document`"
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], again


def test_no_schema_is_of_a_file_that_is_no_more():
    assert {f"schemas/{file.name}" for file in (DOCS / "schemas").iterdir()} | {"files.md"} == set(documents())


def schema_named(name):
    return json.loads((DOCS / "schemas" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", [file.schema for file in FILES])
def test_a_schema_is_one_and_every_key_is_described(name):
    schema = schema_named(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    for where, table in {"": schema, **schema.get("$defs", {})}.items():
        for key, described in table.get("properties", {}).items():
            assert described.get("description"), f"{name}: {where}.{key}"


def closed(schema):
    """The same schema, refusing keys that it does not describe."""
    schema = copy.deepcopy(schema)
    for table in (schema, *schema.get("$defs", {}).values()):
        assert table["additionalProperties"] is True
        table["additionalProperties"] = False
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def written(exported_run, tmp_path_factory, make_study) -> dict[str, Path]:
    """JSON files of a small run, of every stage that needs no other program, and of a study."""
    folder = tmp_path_factory.mktemp("written")
    run = folder / "small"
    shutil.copytree(exported_run, run)
    for command in ("simulate", "ladder --rungs numpy --frames 3", "fold --board Pynq-Z2 --target-fps 1e5", "report"):
        name, *options = command.split()
        assert askew([name, "--run", str(run), *options]) == 0
    toml = f'name = "two"\nconfigs = ["{run / "config.toml"}"]\n[vary]\n"activation.threshold_shift" = [0.0, 0.5]\n'
    study = make_study(folder / "study", toml, [0.9, 0.91, 0.92, 0.8, None, 0.82])
    return {path: run / path for path in IN_A_RUN} | {"STUDY/summary.json": study / "summary.json"}


@pytest.mark.parametrize(
    "path", ["export.json", "golden/manifest.json", "simulate.json", "ladder.json", "folding.json", "report.json"]
)
def test_what_commands_write_is_as_the_schema_says_and_has_no_key_that_is_not_described(written, path):
    closed(schema_named(IN_A_RUN[path].schema)).validate(json.loads(written[path].read_text()))


def test_a_studys_summary_is_as_its_schema_says(written):
    closed(schema_named("study-summary")).validate(json.loads(written["STUDY/summary.json"].read_text()))


def test_what_rtlsim_writes_is_as_the_schema_says(folded_run):
    assert askew(["rtlsim", "--run", str(folded_run), "--frames", "3", "--stall", "0.3"]) == 0
    assert askew(["report", "--run", str(folded_run)]) == 0
    for name in ("rtlsim", "report"):
        closed(schema_named(name)).validate(json.loads((folded_run / f"{name}.json").read_text()))
    report = json.loads((folded_run / "report.json").read_text())
    measured = json.loads((folded_run / "rtlsim.json").read_text())
    rtl = report["comparison"]["whole"]["askew_rtl"]
    assert (rtl["stall"], rtl["frames"], rtl["mismatches"]) == (0.3, 3, 0)
    assert rtl["frame_ii_cycles"] is rtl["latency_cycles"] is rtl["frames_per_second"] is None
    assert report["summary"]["frame_ii_cycles"] == measured["predicted_frame_ii_cycles"], "the model's, not the stalled"
    assert "stalled on purpose" in (folded_run / "report.html").read_text()


@pytest.mark.parametrize("path", ["simulate.json", "ladder.json", "folding.json"])
def test_a_damaged_file_is_not_as_the_schema_says(written, path):
    found = json.loads(written[path].read_text())
    key = "rungs" if path == "ladder.json" else "layers"
    schema = jsonschema.Draft202012Validator(schema_named(IN_A_RUN[path].schema))
    schema.validate(found)
    for damage in ({key: []}, {"network_hash": 1}, {"askew_version": 1.0}):
        assert not schema.is_valid(found | damage)


def test_what_is_read_and_written_again_is_the_same_file(written, tmp_path):
    """Keys, numbers and their kind (64 is no 64.0) are those of the file that a command wrote."""
    for path in ("export.json", "simulate.json", "ladder.json", "folding.json"):
        before = json.loads(written[path].read_text())
        before.pop("checksum", None)
        model = IN_A_RUN[path].model.read(written[path], "x")
        model.write(tmp_path / "again.json")
        write_figures(tmp_path / "plain.json", before)
        again, plain = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("again", "plain"))
        assert json.dumps(again, sort_keys=True) == json.dumps(plain, sort_keys=True)
