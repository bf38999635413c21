"""``docs/schemas/*.json`` and ``docs/files.md`` from the models: `python -m flow.run.figures.document`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnn.files import write_text
from flow.run.figures.catalogue import FILES, JsonFile

DOCS = Path(__file__).resolve().parents[3] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CHECKSUM = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the rest of the file"}
HEADER = """# The JSON files

Made from the models in `flow/run/figures` and `finn_build/results` by `python -m flow.run.figures.document`: do not
edit. Each file has a JSON schema in `docs/schemas`, draft 2020-12.

Keys are a promise: none vanishes or changes its meaning. Keys may be added, so a reader lets pass what it does not
know. A `checksum`, where there is one, is the SHA-256 of the rest, as JSON with sorted keys and without spaces. A dash
stands where a value has no unit, and *if known* where a key may be absent.
"""

Schema = dict[str, Any]  # JSON itself: what a schema is has no narrower type


def documents() -> dict[str, str]:
    """Every file below ``docs`` that is made from the models, with its text."""
    texts = {f"schemas/{file.schema}.json": json.dumps(schema_of(file), indent=2) + "\n" for file in FILES}
    return texts | {"files.md": _markdown()}


def _markdown() -> str:
    described: set[str] = set()
    return "\n".join([HEADER, _contents(), *(_section(file, described) for file in FILES)])


def schema_of(file: JsonFile) -> Schema:
    """A file's JSON schema, with the checksum that is not of the model."""
    schema = file.model.model_json_schema(mode="validation")
    schema["properties"]["checksum"] = CHECKSUM
    for table in (schema, *schema.get("$defs", {}).values()):
        for described in table.get("properties", {}).values():
            described.pop("title", None)
    return {"$schema": DIALECT, "title": file.path} | {key: part for key, part in schema.items() if key != "title"}


def _contents() -> str:
    rows = [f"| [{file.path}](#{_anchor(file)}) | `{file.written_by}` | [schema]({_link(file)}) |" for file in FILES]
    return "\n".join(["| file | written by | |", "| --- | --- | --- |", *rows, ""])


def _section(file: JsonFile, described: set[str]) -> str:
    """The file's tables; ``described`` has those of the files before, which are not repeated, and gets these."""
    schema = schema_of(file)
    tables = [f"## {file.path}\n", f"{_sentence(schema)} [Schema]({_link(file)}).\n", _table(schema)]
    names = _tables_of(schema)
    if above := [name for name in names if name in described]:
        tables.append(f"Described above: {', '.join(above)}.\n")
    for name in names:
        if name not in described:
            described.add(name)
            part = schema["$defs"][name]
            tables += [f"**{name}**: {_sentence(part)}\n", _table(part)]
    described.add(file.model.__name__)
    return "\n".join(tables)


def _tables_of(schema: Schema) -> list[str]:
    """Names of the tables inside of a file, in the order in which they are met."""
    found: dict[str, None] = {}

    def meet(table: Schema) -> None:
        for name in _references(table.get("properties", {})):
            if name not in found:
                found[name] = None
                meet(schema["$defs"][name])

    meet(schema)
    return list(found)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "$ref":
                yield part.rsplit("/", 1)[1]
            else:
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def _table(table: Schema) -> str:
    required = set(table.get("required", []))
    rows = [
        f"| `{name}` | {_type(described)} | {described.get('unit') or '-'} | {_sentence(described)}"
        f"{'' if name in required else ' *(if known)*'} |"
        for name, described in table.get("properties", {}).items()
    ]
    return "\n".join(["| key | type | unit | |", "| --- | --- | --- | --- |", *rows, ""])


def _type(described: Schema) -> str:
    """The type in words."""
    if "$ref" in described:
        return described["$ref"].rsplit("/", 1)[1]  # type: ignore[no-any-return]
    if "anyOf" in described:
        return " or ".join(_type(choice) for choice in described["anyOf"])
    if "enum" in described or "const" in described:
        values = described.get("enum") or [described["const"]]
        return " or ".join(f"`{value}`" for value in values)
    match described.get("type"):
        case "object" if "additionalProperties" in described and isinstance(described["additionalProperties"], dict):
            return f"table of {_type(described['additionalProperties'])}"
        case "object":
            return "table"
        case "array":
            return f"list of {_type(described.get('items', {}))}"
        case None:
            return "any"
        case name:
            return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(name, str(name))


def _sentence(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).replace("``", "`").split())


def _anchor(file: JsonFile) -> str:
    return "".join(c for c in file.path.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _link(file: JsonFile) -> str:
    return f"schemas/{file.schema}.json"


def main() -> None:
    """Write them; those of files that are no more are removed."""
    wanted = documents()
    (DOCS / "schemas").mkdir(exist_ok=True)
    for stale in (DOCS / "schemas").glob("*.json"):
        if f"schemas/{stale.name}" not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        write_text(DOCS / name, text)
    sys.stdout.write(f"{len(wanted)} files in {DOCS}\n")


if __name__ == "__main__":
    main()
