"""Stands in for ``docker``: keeps a list of what it was asked, and builds what the test says FINN would build.

Run as a program with FAKE_DOCKER naming a folder: ``calls`` gets one JSON list a line, ``scenario.json`` says what to
do.
"""

# ruff: noqa: T201 - a program

import csv
import itertools
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

STATE = Path(os.environ["FAKE_DOCKER"])
STEPS = ("step_qonnx_to_finn", "step_tidy_up", "step_hw_codegen", "step_synthesize_bitfile")
CHECKS = ("initial_python", "streamlined_python", "folded_hls_cppsim", "stitched_ip_rtlsim")


def fail(message, status=1):
    print(message, file=sys.stderr, flush=True)
    sys.exit(status)


def mounts(arguments):
    """Target to source of every mount."""
    found = {}
    for option, value in itertools.pairwise(arguments):
        if option == "--mount":
            fields = dict(field.partition("=")[::2] for field in next(csv.reader([value])))
            found[fields["target"]] = Path(fields["source"])
    return found


def run(arguments, scenario):
    if "error" in scenario:
        fail(scenario["error"], 125)
    package = mounts(arguments)["/askew/build"]
    name = arguments[arguments.index("--name") + 1]
    start = arguments[arguments.index("--start") + 1] if "--start" in arguments else None
    build(package, name, start, scenario)


def build(package, name, start, scenario):
    """What FINN does: a model a step, then the bitfile, the driver, and its own verification."""
    (STATE / f"container-{name}").touch()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = package / "output"
    for folder in ("intermediate_models", "bitfile", "driver", "verification_output", "report"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    first = STEPS.index(start) if start else 0
    for index, step in enumerate(STEPS[first:], 1):
        print(f"[2026-11-21 06:25:55] Running step: {step} [{index}/{len(STEPS) - first}]", flush=True)
        if step == scenario.get("fails_in"):
            print(scenario["message"], flush=True)
            return
        if step == scenario.get("hangs_in"):
            (STATE / "hanging").touch()
            time.sleep(600)
        graph = scenario.get("graph", package / "model.onnx")
        shutil.copy(graph, output / "intermediate_models" / f"{step}.onnx")
    for check in CHECKS[: scenario.get("checks", 4)]:
        for frame in range(scenario.get("frames", 4)):
            result = "FAIL" if [check, frame] == scenario.get("differs") else "SUCCESS"
            (output / "verification_output" / f"verify_{check}_{frame}_{result}.npy").touch()
    (output / "driver" / "settings.json").write_text(scenario["driver"])
    (output / "bitfile" / "finn-accel.bit").write_bytes(b"bits")
    if not scenario.get("without_hwh"):
        (output / "bitfile" / "finn-accel.hwh").write_bytes(b"<xml/>")
    (STATE / f"container-{name}").unlink()


def main():
    arguments = sys.argv[1:]
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    scenario = json.loads((STATE / "scenario.json").read_text())
    if arguments[0] == "version":
        if "daemon" in scenario:
            fail(scenario["daemon"])
        print("28.2.2")
    elif arguments[0] == "info":
        print(json.dumps(scenario.get("security", ["name=seccomp"])))
    elif arguments[:2] == ["image", "inspect"]:
        sys.exit(0 if (STATE / "image").exists() else 1)
    elif arguments[0] == "build":
        if "image_error" in scenario:
            fail(scenario["image_error"])
        print("Step 1/9 : FROM base")
        (STATE / "image").touch()
    elif arguments[0] == "run":
        run(arguments, scenario)
    elif arguments[0] in ("stop", "rm"):
        (STATE / f"container-{arguments[-1]}").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
