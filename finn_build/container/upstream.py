"""The original FINN in the user's own checkout, through its own ``run-docker.sh``.

That script builds its own image, splits paths at spaces and asks docker for a terminal. It is given what it wants.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finn_build.container.inside import SCRATCH
from finn_build.container.xilinx import XilinxTools
from finn_build.errors import FinnError
from finn_build.package.package import OUTPUT

SCRIPT = "run-docker.sh"


def check(finn_root: Path, tools: XilinxTools) -> None:
    """FinnError where this checkout cannot be used."""
    if not (finn_root / SCRIPT).is_file():
        raise FinnError(
            f"FINN_ROOT ({finn_root}): has no {SCRIPT}; set it to a FINN checkout, or unset it for finn-plus"
        )
    for variable, path in (("FINN_ROOT", finn_root), ("XILINX_ROOT", tools.root)):
        if _has_space(path):
            raise FinnError(
                f"{variable} ({path}): FINN's {SCRIPT} cannot take a path with spaces; use another, or finn-plus"
            )


def run_command(finn_root: Path, name: str, package: Path, tools: XilinxTools) -> tuple[list[str], dict[str, str]]:
    """The command that builds ``package``, and what it wants in its environment."""
    extra = [f"--name {name}"]
    licences = list(tools.licence_servers)
    for file in tools.licence_files:
        extra.append(f"-v {file}:{file}:ro")
        licences.append(str(file))
    if licences:
        extra.append(f"-e XILINXD_LICENSE_FILE={':'.join(licences)}")
    environment = {
        "FINN_XILINX_PATH": str(tools.root),
        "FINN_XILINX_VERSION": tools.version,
        "FINN_HOST_BUILD_DIR": str(package / SCRATCH),
        "FINN_DOCKER_EXTRA": " ".join(extra) + " ",
    }
    if tools.platforms:
        environment["PLATFORM_REPO_PATHS"] = str(tools.platforms)
    return [str(finn_root / SCRIPT), "build_dataflow", str(package)], environment


def stage_of(package: Path) -> Path:
    """Where the script can build: the package itself, or a copy where its path has spaces."""
    if not _has_space(package):
        return package
    digest = hashlib.sha256(str(package).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"askew-finn-{digest}"


@contextmanager
def staged(package: Path) -> Iterator[Path]:
    """Give ``stage_of(package)`` with the package in it, and bring FINN's output back, however it ends."""
    stage = stage_of(package)
    if stage == package:
        yield stage
        return
    shutil.copytree(package, stage, dirs_exist_ok=True)
    try:
        yield stage
    finally:
        if (stage / OUTPUT).exists():
            shutil.copytree(stage / OUTPUT, package / OUTPUT, dirs_exist_ok=True)


def _has_space(path: Path) -> bool:
    return any(character.isspace() for character in str(path))
