"""Verilator and slang on every module alone, with every set of its parameters; what they say is wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bnn import UserError
from hw.generator.design import RTL_FOLDER
from hw.generator.verilog import emit_instance
from hw.rtlsim.build import verilator_root
from hw.units import Parameters, package_name
from hw.verify.lint.modules import enumeration_values, modules, packages, settings

WAIVERS = Path(__file__).parent / "waivers.vlt"
SLANG_OPTIONS = (
    "-Wextra",
    "-Wno-unconnected-port",  # the top that holds all modules connects none
    "-Wno-useless-cast",  # a cast that is needed with other parameters
)


class LintError(UserError):
    """A linter is missing or cannot be run."""


def lint_with_verilator(files: Sequence[Path] | None = None, waivers: Path = WAIVERS) -> list[str]:
    """``verilator -Wall`` on every module alone, as the top of a design.

    Args:
        files: modules; None: all.
        waivers: what is allowed, and why.

    Returns:
        What is wrong: module, parameters and Verilator's words; empty when all is well.
    """
    jobs = [(file, parameters) for file in (modules() if files is None else files) for parameters in settings(file)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [said for said in pool.map(lambda job: _verilator(job[0], job[1], waivers), jobs) if said]


def _verilator(module: Path, parameters: Parameters, waivers: Path) -> str:
    root = verilator_root()
    command = [str(root / "bin" / "verilator_bin"), "--lint-only", "-Wall", "--quiet", "--top", module.stem]
    command += [f"-G{name}={enumeration_values().get(str(value), value)}" for name, value in parameters.items()]
    for folder in (module.parent, RTL_FOLDER, RTL_FOLDER / "sim"):
        command += ["-y", str(folder)]
    command += [str(waivers), *(str(path) for path in packages()), str(module)]
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    said = (ran.stdout + ran.stderr).strip() or (f"exit status {ran.returncode}" if ran.returncode else "")
    chosen = " ".join(f"{name}={value}" for name, value in parameters.items()) or "as it is"
    return said and f"{module.stem} ({chosen}), verilator:\n{said}"


def lint_with_slang(files: Sequence[Path] | None = None) -> list[str]:
    """slang, strict, on every module with every set of its parameters, in one elaboration.

    Args:
        files: modules; None: all.

    Returns:
        What is wrong, a line each; empty when all is well.

    Raises:
        LintError: slang is not installed.
    """
    if importlib.util.find_spec("pyslang") is None:
        raise LintError("lint: slang is not installed, run make setup (or pip install pyslang)")
    from pyslang.driver import Driver  # noqa: PLC0415 - a linter, which nothing else needs

    chosen = modules() if files is None else list(files)
    given = {file.name for file in chosen}
    library = [path for path in [*modules(), *sorted((RTL_FOLDER / "sim").glob("*.sv"))] if path.name not in given]
    with tempfile.TemporaryDirectory(prefix="askew-lint-") as name:
        top = Path(name) / "askew_lint.sv"
        top.write_text(_instances(chosen), encoding="utf-8")
        driver = Driver()
        driver.addStandardArgs()
        options = [*SLANG_OPTIONS, f"-I{RTL_FOLDER}", "--top", top.stem]
        paths = [str(path) for path in (*packages(), *library, *chosen, top)]
        if not (driver.parseCommandLine(" ".join(["slang", *options, *paths])) and driver.processOptions()):
            raise LintError(f"lint: slang does not take its options {' '.join(options)}")
        driver.parseAllSources()
        engine, manager = driver.diagEngine, driver.sourceManager
        return [
            f"{manager.getFileName(found.location)}:{manager.getLineNumber(found.location)}: slang: "
            f"{engine.formatMessage(found)} [-W{engine.getOptionName(found.code)}]"
            for found in driver.createCompilation().getAllDiagnostics()
            if engine.getSeverity(found.code, found.location).name != "Ignored"
        ]


def _instances(files: Sequence[Path]) -> str:
    """A module with every one of them, with every set of its parameters."""
    text = "module askew_lint;\n"
    for file in files:
        for index, parameters in enumerate(settings(file)):
            values = {
                name: package_name(str(value)) if value in enumeration_values() else value
                for name, value in parameters.items()
            }
            text += emit_instance(file.stem, f"i_{file.stem}_{index}", values, {})
    return text + "endmodule\n"
