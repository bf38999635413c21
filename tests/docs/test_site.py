"""The docs site. Oracles: mkdocs' own strict mode, the command line's help, the shipped configs, HTML read as text."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if importlib.util.find_spec("material") is None:
        pytest.skip("needs mkdocs-material: run make setup")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder


def text_of(page):
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")).replace("&lt;", "<").replace("&gt;", ">")


def test_it_asks_nobody_for_anything(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text(encoding="utf-8"))
        assert loaded
        for tag in loaded:
            assert not re.search(r"""(?:src|href|srcset)=["'](?:https?:)?//""", tag), f"{page.name}: {tag}"
    for style in site.rglob("*.css"):
        assert not re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", style.read_text(encoding="utf-8")), (
            style.name
        )


def test_every_command_and_option_of_the_help_is_there(site):
    page = text_of(site / "reference" / "commands.html")

    def helps(*path):
        command = [sys.executable, "-m", "askew", *path, "--help"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    listed = helps().split("Commands:")[1]
    commands = re.findall(r"^  (\w[\w-]*)", listed, re.MULTILINE)
    assert {"train", "fold", "rtlsim", "report"} <= set(commands)
    for command in commands:
        assert f"askew {command}" in page
    for command in ("fold", "train", "report"):
        options = set(re.findall(r"^ +(--[a-z-]+)", helps(command), re.MULTILINE)) - {"--help"}
        assert options
        section = page.split(f"\naskew {command}", 1)[1]
        for option in options:
            assert option in section, f"{command} {option}"


def test_every_key_of_the_shipped_configs_is_there_with_a_meaning(site):
    page = (site / "reference" / "config.html").read_text(encoding="utf-8")
    rows = dict(re.findall(r"<td><code>(\w+)</code></td>.*?</td>\n<td.*?</td>\n<td>(.*?)</td>", page, re.DOTALL))

    def keys(table):
        for key, value in table.items():
            yield key
            for below in value if isinstance(value, list) else [value]:
                if isinstance(below, dict):
                    yield from keys(below)

    for file in (ROOT / "training" / "configs").glob("*.toml"):
        for key in keys(tomllib.loads(file.read_text(encoding="utf-8"))):
            assert rows.get(key), f"{file.stem}: {key}"


def test_the_api_and_the_notebooks_are_there(site):
    page = text_of(site / "reference" / "python.html")
    for name in ("simulate", "import_qonnx", "fold", "rtl", "rtlsim", "FoldedDesign"):
        assert f"askew.{name}" in page
    assert "cannot have, or a board that does not hold it" in page  # the end of a long entry
    assert "frame interval" in text_of(site / "notebooks" / "folding-and-cycles.html")
