"""From a network to a bitfile: FINN in a container with the user's Xilinx tools, judged by what it leaves behind."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnn import Chain
from bnn.files import write_json
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import Compiler
from finn_build.container import docker, upstream
from finn_build.container.inside import SCRATCH
from finn_build.container.stream import Emit, run_streaming
from finn_build.container.xilinx import VERSIONS, XilinxTools, find_tools
from finn_build.errors import FinnError
from finn_build.package.package import (
    CONFIG,
    HARDWARE_CHECKS,
    MODELS,
    OUTPUT,
    PYTHON_CHECKS,
    damaged_files,
    read_manifest,
    write_package,
)
from finn_build.package.settings import BuildSettings, Frames
from finn_build.results.deploy import write_deploy
from finn_build.results.results import BUILD_LOG, bitfile_of, collect_results, verification
from finn_build.worker.buildlog import ATTEMPT, NO_ERROR, last_error_in, steps_in

MIN_FREE_BYTES = 5 * 2**30  # HLS and Vivado projects of the smallest network take about this much


def build_bitstream(
    folder: Path,
    network: Chain,
    frames: Frames,
    settings: BuildSettings,
    environment: Mapping[str, str],
    emit: Emit,
    *,
    dry_run: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Build the bitfile of ``network``; a build that was interrupted goes on where FINN stopped.

    Args:
        folder: ``runs/NAME/finn``; gets ``build``, ``deploy`` and ``results.json``.
        network: what to build.
        frames: golden frames; FINN verifies with the most extreme, the board with all.
        settings: board, clock, folding. FINN_ROOT in the environment decides whose FINN it is.
        environment: XILINX_ROOT, XILINX_VERSION, XILINXD_LICENSE_FILE, FINN_ROOT, BASE_IMAGE, DOCKER_BUILD_EXTRA,
            DOCKER_RUN_EXTRA, PLATFORM_REPO_PATHS.
        emit: gets every line of FINN's log with the time and step, and ours.
        dry_run: only write the package and ``deploy``; the commands are returned, nothing is run.
        force: delete what was built before.

    Returns:
        What ``collect_results`` gives; of a dry run ``package``, ``commands`` (for a shell) and ``missing``, what would
        have to be put right first.

    Raises:
        FinnError: in one line, what is missing or what went wrong.
        KeyboardInterrupt: the container has been stopped.
    """
    if settings.board.shell is None:
        raise FinnError(f"board {settings.board.name}: FINN has no shell for it, so no bitstream; it can be estimated")
    finn_root = environment.get("FINN_ROOT")
    settings = replace(settings, compiler=Compiler.FINN if finn_root else Compiler.FINN_PLUS)
    package = (folder / "build").resolve()
    with _disk_full_is_one_line(package):
        write_package(package, network, frames, settings, force=force)
    if dry_run:
        write_deploy(folder)
        return _describe(package, settings, environment)
    with _locked(package), _disk_full_is_one_line(package):
        if force:
            _forget(package)
        if reason := _not_built(package, network, settings):
            emit(f"bitstream: {settings.board.name}, network {network.hash[:12]}: {reason}")
            _build(package, settings, environment, emit)
            if reason := _not_built(package, network, settings):
                raise FinnError(f"bitstream: {reason}; {_cause(package)}")
        else:
            emit(f"bitstream: {package / OUTPUT / 'bitfile'} is up to date")
        write_deploy(folder)
        return collect_results(folder, network)


def resume_step(package: Path) -> str | None:
    """The step to go on with: the last one that FINN began, unless that was its first; None to start over."""
    steps = steps_in(package / BUILD_LOG)
    if not steps or steps[-1].name == steps[0].name or bitfile_of(package / OUTPUT):
        return None
    before = next(step.name for step in reversed(steps) if step.name != steps[-1].name)
    saved = package / OUTPUT / MODELS / f"{before}.onnx"
    return steps[-1].name if saved.exists() else None


def container_name(package: Path) -> str:
    """One name for one package, so that whatever an earlier build left behind is found."""
    return f"askew-finn-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"


def _build(package: Path, settings: BuildSettings, environment: Mapping[str, str], emit: Emit) -> None:
    tools = find_tools(settings.board, environment)
    if finn_root := environment.get("FINN_ROOT"):
        upstream.check(Path(finn_root), tools)
    docker.check_docker()
    free = shutil.disk_usage(package).free
    if free < MIN_FREE_BYTES:
        raise FinnError(
            f"disk full: {package} has {free / 2**30:.1f} GiB free, FINN needs {MIN_FREE_BYTES / 2**30:.0f}; free some"
        )
    name, log = container_name(package), package / BUILD_LOG
    docker.stop(name)  # what a killed build may have left; the lock says that nobody else runs it
    start = resume_step(package)
    if start:
        emit(f"bitstream: goes on with {start}")
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{ATTEMPT} {time.strftime('%Y-%m-%d %H:%M:%S')}\n")

    def clean_up() -> None:
        emit("bitstream: stopping the container; run it again to go on from here")
        docker.stop(name)

    if finn_root:
        with _starting_at(package, start), upstream.staged(package) as stage:
            command, more = upstream.run_command(Path(finn_root), name, stage, tools)
            run_streaming(command, log, emit, clean_up, environment={**environment, **more}, in_terminal=True)
        return
    tag = docker.image_tag()
    if not docker.image_exists(tag):
        emit(f"bitstream: building the image {tag} (once)")
        if run_streaming(docker.build_command(tag, environment), log, emit, lambda: None) != 0:
            raise FinnError(f"bitstream: the image could not be built ({last_error_in(log)}); the log is {log}")
    run_streaming(docker.run_command(tag, name, package, tools, _inside(start), environment), log, emit, clean_up)


def _inside(start: str | None) -> list[str]:
    return ["build", docker.PACKAGE, *(["--start", start] if start else [])]


def _describe(package: Path, settings: BuildSettings, environment: Mapping[str, str]) -> dict[str, Any]:
    """The dry run: every command as a shell would take it, and what is missing."""
    missing: list[str] = []
    try:
        tools = find_tools(settings.board, environment)
    except FinnError as error:
        missing.append(str(error))
        tools = XilinxTools(Path(environment.get("XILINX_ROOT") or "/path/to/Xilinx"), VERSIONS[0])
    name, start = container_name(package), resume_step(package)
    if finn_root := environment.get("FINN_ROOT"):
        command, more = upstream.run_command(Path(finn_root), name, upstream.stage_of(package), tools)
        commands = [shlex.join(["env", *(f"{key}={value}" for key, value in more.items()), *command])]
    else:
        tag = docker.image_tag()
        run = docker.run_command(tag, name, package, tools, _inside(start), environment)
        commands = [shlex.join(docker.build_command(tag, environment)), shlex.join(run)]
    try:
        docker.check_docker()
    except FinnError as error:
        missing.append(str(error))
    return {"package": str(package), "commands": commands, "missing": missing}


def _not_built(package: Path, network: Chain, settings: BuildSettings) -> str | None:
    """Why this is no finished build of ``network``, judged by its files alone; None where it is one."""
    manifest, output = read_manifest(package), package / OUTPUT
    if manifest["network_hash"] != network.hash:
        return f"{package} is of network {manifest['network_hash'][:12]} by now"
    if damaged := damaged_files(package, manifest):
        return f"{damaged[0]} of the package has changed meanwhile"
    bitfile = bitfile_of(output)
    if bitfile is None:
        return "there is no bitfile"
    from finn_build.compiler.typecheck import check_models  # noqa: PLC0415 - onnx takes a second to import

    try:
        check_models(output / MODELS, finn_form(network).network, settings.compiler)
    except FinnError as error:
        return str(error)
    if bitfile["file"].endswith(".bit") and not (output / "bitfile" / "finn-accel.hwh").exists():
        return "the bitfile has no finn-accel.hwh beside it"
    verified = verification(output)
    for step in (*PYTHON_CHECKS, *HARDWARE_CHECKS):
        counts = verified.get(step, {"frames": 0, "failed": 0})
        if counts["failed"]:
            return f"FINN's {step} differs from golden on {counts['failed']} of {counts['frames']} frames"
        if counts["frames"] < settings.verify_frames:
            return f"FINN's {step} has verified {counts['frames']} of {settings.verify_frames} frames"
    return None


def _cause(package: Path) -> str:
    log = package / BUILD_LOG
    error, steps = last_error_in(log), steps_in(log)
    if bitfile_of(package / OUTPUT):
        return f"the log is {log}; build anew with --force"
    where = f"FINN ended in {steps[-1].name}" if steps else "FINN did not begin"
    if "No space left on device" in error:
        free = shutil.disk_usage(package).free / 2**30
        return (
            f"{where}: disk full ({free:.1f} GiB free at {package}); free some and run it again, it goes on from there"
        )
    what = "" if error == NO_ERROR else f" with: {error}"
    return f"{where}{what}; the log is {log}; run it again to go on from there"


@contextmanager
def _starting_at(package: Path, start: str | None) -> Iterator[None]:
    """The original FINN takes the step to resume at from its configuration."""
    config = json.loads((package / CONFIG).read_text(encoding="utf-8"))
    if start:
        write_json(package / CONFIG, {**config, "start_step": start})
    try:
        yield
    finally:
        write_json(package / CONFIG, config)


def _forget(package: Path) -> None:
    for name in (OUTPUT, SCRATCH):
        shutil.rmtree(package / name, ignore_errors=True)
    (package / BUILD_LOG).unlink(missing_ok=True)


@contextmanager
def _locked(package: Path) -> Iterator[None]:
    with (package / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FinnError(f"{package}: another build of it is running; wait for it or stop it") from None
        yield


@contextmanager
def _disk_full_is_one_line(package: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise FinnError(
            f"disk full: cannot write {error.filename or package}; free some space and run it again"
        ) from error
