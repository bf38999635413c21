"""The deploy folder: what is copied to the board, with nothing to install there but NumPy and pynq.

validate.py         run it on the board; ``--simulate`` runs it anywhere
bitfile/ driver/    what FINN built (once it has)
validation/         the test set and its golden scores
network.npz         the integer network
deploy.json         which network, board and clock this is, and how the accelerator's answers are packed
bnn/ finn_build/    the parts of this program that validate.py needs
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnn.files import write_json
from bnn.version import VERSION
from finn_build.errors import FinnError
from finn_build.package.package import OUTPUT, VALIDATION, damaged_files, read_manifest
from finn_build.results.reports import read_report
from finn_build.results.results import bitfile_of

ROOT = Path(__file__).resolve().parents[2]
_INTEGER = re.compile(r"(?P<sign>U?)INT(?P<bits>\d+)")


def write_deploy(folder: Path) -> dict[str, Any]:
    """Write ``folder/deploy`` from ``folder/build``, whether or not FINN has built a bitfile; returns ``deploy.json``.

    Raises:
        FinnError: there is no build package, it is damaged, or FINN's driver is not what this program knows.
    """
    package = folder / "build"
    manifest = read_manifest(package)
    if damaged := damaged_files(package, manifest):
        raise FinnError(
            f"{package / damaged[0]}: missing or damaged; write the package again with `askew finn package`"
        )
    output, deploy = package / OUTPUT, folder / "deploy"
    deploy.mkdir(parents=True, exist_ok=True)
    (deploy / "deploy.json").unlink(missing_ok=True)  # written last: without it the folder is none
    for name in ("bitfile", "driver", "bnn", "finn_build", VALIDATION):
        shutil.rmtree(deploy / name, ignore_errors=True)
    shutil.copytree(package / VALIDATION, deploy / VALIDATION)
    shutil.copy2(package / "network.npz", deploy / "network.npz")
    _copy_program(deploy)
    bitfile = bitfile_of(output)
    interface = None
    if bitfile is not None:
        shutil.copytree(output / "bitfile", deploy / "bitfile")
        shutil.copytree(output / "driver", deploy / "driver")
        interface = read_interface(output / "driver")
    described = {
        "network_hash": manifest["network_hash"],
        "askew_version": VERSION,
        "board": manifest["configuration"]["board"],
        "clock_mhz": manifest["configuration"]["clock_mhz"],
        "gives": manifest["gives"],
        "bitfile": bitfile and bitfile["file"],
        "bitfile_sha256": bitfile and bitfile["sha256"],
        "interface": interface,
    }
    write_json(deploy / "deploy.json", described)
    return described


def _copy_program(deploy: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "bnn", deploy / "bnn", ignore=ignored)
    shutil.copytree(ROOT / "finn_build" / "board", deploy / "finn_build" / "board", ignore=ignored)
    shutil.copy2(ROOT / "finn_build" / "__init__.py", deploy / "finn_build" / "__init__.py")
    (deploy / "finn_build" / "board" / "launcher.py").replace(deploy / "validate.py")


def read_interface(driver: Path) -> dict[str, Any]:
    """How FINN's driver packs one frame, as ``board.accelerator.Interface`` wants it.

    finn-plus writes it into ``settings.json``, FINN into a dictionary in ``driver.py``.

    Raises:
        FinnError: neither is there, or it describes something else than one image in and one answer out.
    """
    shapes = _plus_shapes(driver) if (driver / "settings.json").exists() else _original_shapes(driver)
    try:
        output = _INTEGER.fullmatch(_only(shapes["odt"]))
        input_type, folded = _only(shapes["idt"]), list(_only(shapes["oshape_folded"]))
        if output is None or input_type != "UINT8":
            raise ValueError(f"it takes {input_type} and gives {_only(shapes['odt'])}")
        return {
            "input_bytes": int(np.prod(_only(shapes["ishape_normal"]))),
            "output_values": int(np.prod(folded)),
            "output_bits": int(output["bits"]),
            "output_signed": not output["sign"],
            "output_width": int(folded[-1]),
            "input_dma": _only(shapes.get("idma_names") or shapes["input_dma_name"]),
            "output_dma": _only(shapes.get("odma_names") or shapes["output_dma_name"]),
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FinnError(f"{driver}: not a driver that this program knows ({error!r})") from error


def _only(values: Any) -> Any:
    """The one entry of a list of one; FINN lists what an accelerator may have several of."""
    if not isinstance(values, list | tuple) or len(values) != 1:
        raise ValueError(f"one input and one output are expected, not {values}")
    return _name(values[0])


def _name(value: Any) -> Any:
    """The bare name of a type that was written ``DataType['UINT8']``."""
    if isinstance(value, str) and (match := re.fullmatch(r"'?(?:DataType\[)?'?(\w+?)'?\]?'?", value)):
        return match[1]
    return value


def _plus_shapes(driver: Path) -> Mapping[str, Any]:
    settings = read_report(driver / "settings.json")
    shapes = settings.get("driver_information", {}).get("io_shape_dict")
    if not isinstance(shapes, dict):
        raise FinnError(f"{driver / 'settings.json'}: has no io_shape_dict; build again")
    return shapes


def _original_shapes(driver: Path) -> Mapping[str, Any]:
    file = driver / "driver.py"
    if not file.exists():
        raise FinnError(f"{driver}: has neither settings.json nor driver.py; build again")
    try:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if "io_shape_dict" in names:
                    return _literal(node.value)
    except (SyntaxError, ValueError) as error:
        raise FinnError(f"{file}: not a driver that this program knows ({error})") from error
    raise FinnError(f"{file}: has no io_shape_dict; build again")


def _literal(dictionary: ast.Dict) -> dict[str, Any]:
    """A dictionary of literals in which ``DataType['X']`` stands for ``'X'``."""

    class Plain(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            return node.slice

    return dict(ast.literal_eval(ast.fix_missing_locations(Plain().visit(dictionary))))
