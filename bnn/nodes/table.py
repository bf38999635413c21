"""All kinds of nodes as a Markdown table, as `docs/contract.md` shows it; `python -m bnn.nodes.table` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bnn.nodes import KINDS


def rows() -> Iterator[str]:
    """The header, and a row a kind."""
    yield "| kind | reads | needs | gives | every element is |"
    yield "| --- | --- | --- | --- | --- |"
    for name, kind in KINDS.items():
        reads = "2 or more" if kind.arity is None else str(kind.arity)
        yield f"| `{name}` | {reads} | {kind.needs} | {kind.gives} | {kind.meaning} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(rows()) + "\n")
