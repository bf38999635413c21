"""The user's Xilinx tools and licence, as the environment names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finn_build.compiler.boards import FinnBoard, Shell
from finn_build.errors import FinnError

VERSIONS = ("2024.2", "2022.2")  # the ones that FINN supports, the preferred one first
LICENCE_VARIABLES = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")
DEFAULT_PLATFORMS = "/opt/xilinx/platforms"


@dataclass(frozen=True)
class XilinxTools:
    """What a bitstream is built with.

    Attributes:
        root: the folder with ``Vivado/VERSION``.
        version: of Vivado and Vitis HLS.
        licence_files: to be mounted.
        licence_servers: ``port@host``.
        platforms: Vitis platform files; Alveo boards only.
    """

    root: Path
    version: str
    licence_files: tuple[Path, ...] = ()
    licence_servers: tuple[str, ...] = ()
    platforms: Path | None = None


def find_tools(board: FinnBoard, environment: Mapping[str, str]) -> XilinxTools:
    """The tools that ``XILINX_ROOT`` holds (``XILINX_VERSION`` chooses among several), and the licence.

    Raises:
        FinnError: something is missing or of another version, in one line.
    """
    root = _root(environment)
    version = _version(root, environment.get("XILINX_VERSION"))
    files, servers = _licence(environment)
    if board.needs_licence and not files and not servers:
        raise FinnError(
            f"board {board.name}: Vivado's free edition cannot build for {board.part}; set {LICENCE_VARIABLES[0]} to a "
            "licence file or port@host"
        )
    return XilinxTools(root, version, files, servers, _platforms(board, environment))


def _root(environment: Mapping[str, str]) -> Path:
    given = environment.get("XILINX_ROOT")
    if not given:
        raise FinnError(
            f"XILINX_ROOT is not set: a bitstream needs Vivado and Vitis HLS {' or '.join(VERSIONS)}; set it to the "
            "folder that holds Vivado/VERSION"
        )
    root = Path(given).expanduser()
    if not (root / "Vivado").is_dir():
        raise FinnError(f"XILINX_ROOT ({root}): has no folder Vivado; set it to the one that holds Vivado/VERSION")
    return root.resolve()


def _version(root: Path, wanted: str | None) -> str:
    installed = sorted(entry.name for entry in (root / "Vivado").iterdir() if re.fullmatch(r"\d{4}\.\d", entry.name))
    if wanted is not None and wanted not in VERSIONS:
        raise FinnError(f"XILINX_VERSION ({wanted}): must be one that FINN supports, {' or '.join(VERSIONS)}")
    usable = [version for version in VERSIONS if version in installed and wanted in (None, version)]
    if not usable:
        raise FinnError(
            f"XILINX_ROOT ({root}): has Vivado {', '.join(installed) or 'of no version'}, FINN supports "
            f"{wanted or ' or '.join(VERSIONS)}; install that or set XILINX_ROOT to where it is"
        )
    version = usable[0]
    if not (root / "Vivado" / version / "settings64.sh").exists():
        raise FinnError(f"XILINX_ROOT ({root}): Vivado/{version} has no settings64.sh; the installation is not whole")
    if not any((root / tool / version / "settings64.sh").exists() for tool in ("Vitis_HLS", "Vitis")):
        raise FinnError(f"XILINX_ROOT ({root}): has Vivado {version} but not Vitis HLS {version}; install it too")
    return version


def _licence(environment: Mapping[str, str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    files, servers = [], []
    for variable in LICENCE_VARIABLES:
        for entry in filter(None, environment.get(variable, "").split(":")):
            if "@" in entry:
                servers.append(entry)
            elif Path(entry).expanduser().is_file():
                files.append(Path(entry).expanduser().resolve())
            else:
                raise FinnError(
                    f"{variable} names {entry}, which is no file; correct it, or unset it for small devices"
                )
    return tuple(dict.fromkeys(files)), tuple(dict.fromkeys(servers))


def _platforms(board: FinnBoard, environment: Mapping[str, str]) -> Path | None:
    if board.shell is not Shell.ALVEO:
        return None
    platforms = Path(environment.get("PLATFORM_REPO_PATHS", DEFAULT_PLATFORMS))
    if not platforms.is_dir():
        raise FinnError(
            f"board {board.name}: needs its Vitis platform, {platforms} is no folder; set PLATFORM_REPO_PATHS"
        )
    return platforms.resolve()
