"""The generated pages of the docs site, as Markdown: commands and options, config keys, the Python API, notebooks.

Everything comes from what the program itself uses: the command line's own help records, the models that read a config,
the docstrings.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

import askew
from flow.cli.commands import app
from training.config.load import Config

GENERATED = "Generated from the program itself when this site is built.\n"


def commands_page() -> str:
    """Every command with its help and options, in the order of `askew --help`."""
    root = get_command(app)
    return "\n".join(["# Commands", "", GENERATED, *_commands(root, "askew", None)]) + "\n"


def _commands(command: Any, path: str, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=path.rsplit(" ", maxsplit=1)[-1], parent=parent)
    children = getattr(command, "commands", {})
    if parent is not None:
        yield f"## {path}\n"
        yield f"{inspect.cleandoc(command.help or '')}\n"
    if not children:
        yield f"```\n{path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    records = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    if records:
        yield "| option | meaning |\n| --- | --- |"
        for left, right in records:
            yield f"| `{_cell(left)}` | {_cell(right)} |"
        yield ""
    for name, child in children.items():
        if not child.hidden:
            yield from _commands(child, f"{path} {name}", context)


def config_page() -> str:
    """Every key that a training's TOML file may have, section by section."""
    intro = "What a training's TOML file (`askew train --config FILE.toml`) may hold. An unknown key is refused.\n"
    return "\n".join(["# Config keys", "", GENERATED, intro, *_sections(Config, "")]) + "\n"


def _sections(model: type[BaseModel], path: str) -> Iterator[str]:
    document = inspect.getdoc(model) or ""
    summary, meanings = _attributes(document)
    yield f"## {f'`[{path}]`' if path else 'The file'}\n"
    yield f"{_code(summary)}\n"
    yield "| key | type | default | meaning |\n| --- | --- | --- | --- |"
    below: list[tuple[type[BaseModel], str]] = []
    for name, field in model.model_fields.items():
        inner = [kind for kind in _models(field.annotation) if kind is not model]
        default = "required" if field.is_required() else _value(field.get_default(call_default_factory=True))
        sections = [f"{path}.{name}" if path else name]
        if len(inner) > 1:
            sections = [f"{sections[0]}: {kind.__name__.removesuffix('Config').lower()}" for kind in inner]
        shown = ", ".join(f"section `[{section}]`" for section in sections) if inner else f"`{_type(field)}`"
        if inner and not field.is_required():
            default = ""
        yield f"| `{name}` | {_cell(shown)} | {_cell(default)} | {_cell(meanings.get(name, ''))} |"
        below += zip(inner, sections, strict=True) if inner else []
    yield ""
    for kind, section in below:
        yield from _sections(kind, section)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models in an annotation, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [model for part in typing.get_args(annotation) for model in _models(part)]
    return list(dict.fromkeys(found))


def _type(field: FieldInfo) -> str:
    limits = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f"{limits[key]} {getattr(part, key)}"
        for part in field.metadata
        for kind, key in ((Ge, "ge"), (Gt, "gt"), (Le, "le"), (Lt, "lt"))
        if isinstance(part, kind)
    ]
    return _type_name(field.annotation) + (f", {', '.join(bounds)}" if bounds else "")


def _type_name(annotation: Any) -> str:
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        return _type_name(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f'"{entry.value}"' for entry in annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(json.dumps(value) for value in arguments)
    if typing.get_origin(annotation) is tuple:
        kinds = list(dict.fromkeys(_type_name(kind) for kind in arguments if kind is not Ellipsis))
        count = "" if Ellipsis in arguments else f"{len(arguments)} of "
        return f"[{count}{' or '.join(kinds)}]"
    if arguments:
        return " or ".join(dict.fromkeys(_type_name(kind) for kind in arguments if kind is not type(None)))
    return {"str": "text", "bool": "true or false", "int": "whole number", "float": "number"}.get(
        getattr(annotation, "__name__", str(annotation)), str(annotation)
    )


def _value(value: Any) -> str:
    if value is None or isinstance(value, BaseModel):
        return ""
    return f"`{json.dumps(value.value if isinstance(value, Enum) else value, default=str)}`"


def _attributes(document: str) -> tuple[str, dict[str, str]]:
    """A docstring's text, and what its "Attributes" say, by name."""
    summary, _, rest = document.partition("Attributes:\n")
    return summary.strip(), dict(_entries(rest))


def _entries(section: str) -> list[tuple[str, str]]:
    """The names of one section of a docstring, and what it says of each."""
    found = re.findall(r"^(\w+): (.*(?:\n +.*)*)", textwrap.dedent(section), re.MULTILINE)
    return [(name, _code(" ".join(text.split()))) for name, text in found]


def api_page() -> str:
    """The package `askew`: its functions with their docstrings, and the types that they give."""
    functions = [name for name in askew.__all__ if inspect.isfunction(getattr(askew, name))]
    kinds = [name for name in askew.__all__ if inspect.isclass(getattr(askew, name))]
    opening = inspect.getdoc(askew) or ""
    example = "\n".join(line for line in opening.splitlines() if line.startswith("    "))
    prose = [part for part in opening.split("\n\n") if not part.startswith("    ")]
    parts = [
        "# Python API",
        "",
        GENERATED,
        prose[0],
        "",
        f"```python\n{inspect.cleandoc(example)}\n```",
        "",
        *prose[1:],
    ]
    for name in functions:
        function = getattr(askew, name)
        parts += ["", f"## askew.{name}", "", f"```python\n{_signature(name, function)}\n```", ""]
        parts += _docstring(inspect.getdoc(function) or "")
    for name in kinds:
        summary, attributes = _attributes(inspect.getdoc(getattr(askew, name)) or "")
        parts += ["", f"## askew.{name}", "", _code(summary)]
        if attributes:
            parts += ["", "| attribute | meaning |", "| --- | --- |"]
            parts += [f"| `{attribute}` | {_cell(text)} |" for attribute, text in attributes.items()]
    return "\n".join(parts) + "\n"


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [str(parameter).replace("'", "") for parameter in signature.parameters.values()]
    keyword_only = [p.kind is inspect.Parameter.KEYWORD_ONLY for p in signature.parameters.values()]
    if any(keyword_only):
        parameters.insert(keyword_only.index(True), "*")
    returned = str(signature.return_annotation).replace("'", "")
    return f"{name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f") -> {returned}"


def _docstring(document: str) -> Iterator[str]:
    """A docstring of Google's form as Markdown."""
    for part in re.split(r"\n\n|\n(?=(?:Args|Returns|Raises):\n)", document):
        heading, _, body = part.partition(":\n")
        if heading in {"Args", "Raises"}:
            yield f"**{heading}**\n"
            yield "\n".join(f"- `{name}`: {text}" for name, text in _entries(body))
        elif heading == "Returns":
            yield f"**Returns** {_code(' '.join(body.split()))}"
        else:
            yield _code(part)
        yield ""


def notebook_page(file: Path) -> str:
    """A notebook as Markdown: its text, its code, and what the code printed."""
    parts: list[str] = []
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [f"```text\n{''.join(output['text']).rstrip()}\n```" for output in cell.get("outputs", [])]
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    """Code as Markdown spells it."""
    return text.replace("``", "`")


def _cell(text: str) -> str:
    """Text as a table's cell."""
    return " ".join(text.replace("|", "\\|").split())
