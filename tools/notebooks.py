"""Execute notebooks without Jupyter: the code cells in order, in one namespace, in a folder of its own.

    .venv/bin/python tools/notebooks.py [--write] [FILE ...]

Ends with the error of the first cell that fails. `--write` puts what the cells print into the files (default: all of
docs/notebooks), which is how their outputs are kept.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import sys
import tempfile
import traceback
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"


def run_cell(source: str, namespace: dict[str, Any], name: str) -> str:
    """What a code cell prints; the value of a last expression counts as printed, as in Jupyter."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
            if value is not None:
                print(repr(value))
    return printed.getvalue()


def execute(notebook: dict[str, Any], name: str) -> None:
    """Run every code cell of a notebook and put what it prints in place of its outputs; the first error ends it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        text = run_cell("".join(cell["source"]), namespace, f"{name}, code cell {count}")
        stream = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
        cell |= {"execution_count": count, "outputs": [stream] if text else []}


def main() -> None:
    """Execute the notebooks that were asked for; status 1 and the traceback where a cell fails."""
    parser = argparse.ArgumentParser(description="Execute notebooks without Jupyter.")
    parser.add_argument("--write", action="store_true", help="keep what the cells print in the files")
    parser.add_argument("files", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of the libraries that a notebook uses
    for file in [path.resolve() for path in given.files]:
        notebook = json.loads(file.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory(prefix="askew-notebook-") as folder:
            os.chdir(folder)
            try:
                execute(notebook, file.name)
            except Exception:  # a cell may raise anything
                traceback.print_exc()
                sys.exit(1)
            finally:
                os.chdir(file.parent)
        if given.write:
            file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{file.name}: {sum(cell['cell_type'] == 'code' for cell in notebook['cells'])} code cells")


if __name__ == "__main__":
    main()
