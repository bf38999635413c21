"""Making a run: a folder of its own for one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flow.run.folder import RunFolder


def claim_for_training(path: Path, config: str, overrides: Sequence[str]) -> RunFolder:
    """The run for this very configuration, new or as it was made.

    Args:
        path: the run folder.
        config: a TOML file, or the name of a shipped one.
        overrides: ``section.key=value``.

    Raises:
        ConfigError: the configuration cannot be used.
        RunError: another configuration's run lies there, or something that is no run.
    """
    from training.config.load import load_config  # noqa: PLC0415 - pydantic takes a moment

    return RunFolder.claim(path, load_config(config, overrides).to_toml())
