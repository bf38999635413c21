"""Imports point one way, as the README's picture says. Oracle: the import statements themselves, read with ast."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "bnn": {"bnn"},
    "hw": {"hw", "bnn"},
    "training": {"training", "bnn"},
    "onnx_export": {"onnx_export", "bnn"},
    "finn_build": {"finn_build", "onnx_export", "bnn"},
    "flow": {"flow", "finn_build", "onnx_export", "training", "hw", "bnn"},
    "askew": {"askew", "flow", "finn_build", "onnx_export", "training", "hw", "bnn"},
}
NUMPY_ONLY = {"bnn"}
STANDARD_AND_NUMPY = {"numpy"}


def imported_packages(file: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            packages.add((node.module or "").split(".")[0])
    return packages


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_imports_only_what_lies_below(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        forbidden = (imported_packages(file) & set(MAY_IMPORT)) - MAY_IMPORT[package]
        assert not forbidden, f"{file.relative_to(ROOT)} imports {', '.join(sorted(forbidden))}"


@pytest.mark.parametrize("package", sorted(NUMPY_ONLY))
def test_contract_needs_numpy_alone(package):
    import sys

    for file in (ROOT / package).rglob("*.py"):
        foreign = imported_packages(file) - set(sys.stdlib_module_names) - STANDARD_AND_NUMPY - {package}
        assert not foreign, f"{file.relative_to(ROOT)} imports {', '.join(sorted(foreign))}"


def test_a_wrong_import_is_seen(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from flow.cli.main import main\n")
    assert "flow" in imported_packages(wrong)
