"""What runs in the container: ``python -m finn_build.container.inside build | estimate FOLDER``.

FOLDER is a build package. ``build`` hands it to finn-plus with the Xilinx tools around it; ``estimate`` needs none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from bnn import UserError, as_chain, load_network
from finn_build.compiler.boards import find_board
from finn_build.errors import FinnError
from finn_build.package.package import CONFIG, VALIDATION, read_manifest
from finn_build.package.settings import BuildSettings, StoredFrames
from finn_build.worker.estimate import DEFAULT_FRAMES, estimate

SCRATCH = "finn_tmp"  # FINN's HLS and Vivado projects; kept, because a resumed build goes on from them
FLEXLM_PRELOAD = "/lib/x86_64-linux-gnu/libudev.so.1"  # Vivado's licence check crashes in containers without it


def main(arguments: list[str] | None = None) -> int:
    """The command; status 2 with one line where something is missing."""
    parser = argparse.ArgumentParser(
        prog="finn_build.container.inside", description="Build or estimate a package with FINN."
    )
    parser.add_argument("task", choices=("build", "estimate"))
    parser.add_argument("folder", type=Path, help="a build package")
    parser.add_argument("--start", help="resume at this step of FINN's")
    parser.add_argument("--frames", type=int, default=DEFAULT_FRAMES, help="estimate: frames for each graph")
    parser.add_argument("--out", type=Path, help="estimate: where estimate.json goes (default: FOLDER)")
    given = parser.parse_args(arguments)
    folder: Path = given.folder.resolve()
    try:
        if given.task == "estimate":
            return estimate_package(folder, given.out or folder, given.frames)
        build_package(folder, given.start)
    except (UserError, OSError) as error:
        sys.stderr.write(f"ERROR: {error}\n")
    return 2


def estimate_package(folder: Path, out: Path, frames: int) -> int:
    """Estimate a package anew from its own files; ``out/estimate.json`` gets what the command outside gives."""
    configuration = read_manifest(folder)["configuration"]
    folding = configuration["folding"]
    settings = BuildSettings(
        find_board(configuration["board"]),
        configuration["clock_mhz"],
        folding and {layer: (pair["pe"], pair["simd"]) for layer, pair in folding.items()},
        configuration["target_fps"],
        ram_styles=configuration.get("ram_styles", {}),
    )
    stored = StoredFrames.read(folder / VALIDATION)
    out.mkdir(parents=True, exist_ok=True)
    figures = estimate(
        as_chain(load_network(folder / "network.npz")), stored, settings, out, count=min(frames, len(stored.images))
    )
    sys.stdout.write(
        f"finn estimate: {figures['mismatches']} mismatches, {figures['frame_ii_cycles']} cycles a frame\n"
    )
    return 1 if figures["mismatches"] else 0


def build_package(folder: Path, start: str | None) -> None:
    """Become FINN's build of this package, with the Xilinx tools' settings; returns only by an error."""
    read_manifest(folder)
    scripts = tool_scripts(os.environ.get("XILINX_ROOT", ""), os.environ.get("XILINX_VERSION", ""))
    finn = shutil.which("finn", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if finn is None:
        raise FinnError("finn-plus is not installed here; build the image anew")
    scratch = folder / SCRATCH
    (scratch / "home").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "HOME": str(scratch / "home"),
        "FINN_BUILD_DIR": str(scratch),
        "FINN_SETTINGS": str(scratch / "settings.yaml"),
        "PYTHONUNBUFFERED": "1",
    }
    if Path(FLEXLM_PRELOAD).exists():
        environment["LD_PRELOAD"] = FLEXLM_PRELOAD
    command = [finn, "build", "--batch", "--skip-dep-update", "--build-path", str(scratch)]
    command += [*(["--start", start] if start else []), str(folder / CONFIG), str(folder / "model.onnx")]
    sourced = "".join('source "$1" && shift && ' for _ in scripts)
    os.chdir(folder)
    os.execve("/bin/bash", ["bash", "-c", f'{sourced}exec "$@"', "bash", *map(str, scripts), *command], environment)


def tool_scripts(root: str, version: str) -> list[Path]:
    """The settings of Vivado and of Vitis HLS; FinnError where they are not there."""
    if not root or not (Path(root) / "Vivado" / version / "settings64.sh").exists():
        raise FinnError(
            f"no Vivado {version} at XILINX_ROOT ({root or 'not set'}): estimates work without it, a bitstream does "
            "not; run `make bitstream`, which mounts it"
        )
    for tool in ("Vitis_HLS", "Vitis"):
        script = Path(root) / tool / version / "settings64.sh"
        if script.exists():
            return [Path(root) / "Vivado" / version / "settings64.sh", script]
    raise FinnError(
        f"no Vitis HLS {version} at XILINX_ROOT ({root}): FINN's 1-bit matrix units are HLS; install it too"
    )


if __name__ == "__main__":
    sys.exit(main())
