"""A browser, and studies with made-up accuracies, which no training is needed for."""

from pathlib import Path

import pytest

from flow.study import load_study
from flow.study.table import write_tables

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next((path for path in (*CHROMIUM, own) if path and Path(path).exists()), None)
        if found is None:
            pytest.skip("no Chromium: install the Debian package chromium, or run `playwright install chromium`")
        opened = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def make_study():
    """Writes a study's folder from its TOML and a figure a row, in the study's order.

    A figure is an accuracy of the integer network, ("reference", accuracy), None for a row that failed, or "missing".
    """

    def make(folder: Path, toml: str, figures: list) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.toml").write_text(toml)
        study = load_study(folder / "study.toml")
        results = [
            (row, _figures(row, figure))
            for row, figure in zip(study.rows(), figures, strict=True)
            if figure != "missing"
        ]
        write_tables(study, results, folder)
        return folder

    return make


def _figures(row, figure):
    if figure is None:
        return {"config_hash": row.config.hash, "status": "failed", "error": "made up"}
    if isinstance(figure, tuple):
        return {
            "config_hash": row.config.hash,
            "status": "done",
            "kind": figure[0],
            "accuracy": figure[1],
            "mismatches": None,
        }
    return {"config_hash": row.config.hash, "status": "done", "kind": "integer", "accuracy": figure, "mismatches": 0}
