"""``stages/STAGE.json``: what a stage's results were made from."""

from __future__ import annotations

from typing import Any

from finn_build.results.form import Number, Part, says


class StageRecord(Part):
    """``stages/STAGE.json``: what a stage's results were made from. It is written last."""

    stage: str = says("its name")
    askew_version: str | None = says("version that wrote the file", default=None)
    options: dict[str, Any] = says("the options that it ran with")
    made_from: dict[str, str] = says("artefact, or what lies outside the run, to the fingerprint of what was read")
    made: dict[str, str] = says("artefact to the fingerprint of what was made")
    seconds: Number = says("that it took", "s", default=0.0)
