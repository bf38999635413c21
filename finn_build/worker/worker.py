"""FINN in a process of its own: ``python -m finn_build.worker.worker JOB.json``; ``worker.process`` starts it.

FINN redirects standard output, wants environment variables, prints warnings and leaves loggers behind, so nothing of
ours shares a process with it. Its output goes to standard error, which is the log; standard output carries one JSON
object a line with how far it is.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bnn import as_chain, load_network
from finn_build.compiler.form import finn_form
from finn_build.errors import FinnError, TypesError
from finn_build.package.package import CONFIG, MODELS, PYTHON_CHECKS, read_manifest
from finn_build.results.reports import resource_figures

Advance = Callable[[int], None]


def main() -> None:
    """Do the job that the file in the first argument describes, and write its answer where the job says."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with os.fdopen(os.dup(1), "w") as messages:
        os.dup2(2, 1)  # whatever FINN prints goes to the log
        advance = functools.partial(_report, messages)
        prepare()
        try:
            answer = TASKS[job["task"]](job, advance)
        except TypesError as error:
            answer = {"refusal": str(error)}
        Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def prepare() -> None:
    """Let FINN be imported without Vivado. Its estimates use nothing of it, but its builder looks for the simulator."""
    from finn.util.settings import initialize_dummy_settings  # noqa: PLC0415

    initialize_dummy_settings()
    import finn.xsi  # noqa: PLC0415

    finn.xsi.SimEngine = object


def estimate(job: dict[str, Any], advance: Advance) -> dict[str, Any]:
    """Build a package up to FINN's estimates, and hold every graph on the way to golden, its types first."""
    from finn_build.compiler.typecheck import check_types  # noqa: PLC0415

    package, models = Path(job["package"]), Path(job["output"]) / MODELS
    names = build(package, Path(job["output"]), advance)
    form = finn_form(as_chain(load_network(package / "network.npz"))).network
    types = [check_types(models / f"{name}.onnx", form) for name in names][-1]
    graphs = check(job, names, advance)
    return {"graphs": graphs, "nodes": nodes_of(models / f"{names[-1]}.onnx", read_manifest(package)), "types": types}


def build(package: Path, output: Path, advance: Advance, checks: Sequence[str] = PYTHON_CHECKS) -> list[str]:
    """Run FINN's own builder on a package up to its estimate reports; returns the names of the steps."""
    from finn.builder.build_dataflow import build_dataflow_cfg, resolve_build_steps  # noqa: PLC0415
    from finn.builder.build_dataflow_config import (  # noqa: PLC0415
        DataflowBuildConfig,
        DataflowOutputType,
        VerificationStepType,
        estimate_only_dataflow_steps,
    )

    os.chdir(package)  # its configuration names files beside it
    config = DataflowBuildConfig.construct_from(package / CONFIG)
    config.output_dir = str(output)
    config.generate_outputs = [DataflowOutputType.ESTIMATE_REPORTS]
    config.verify_steps = [VerificationStepType(name) for name in checks]
    steps = resolve_build_steps(config, partial=False, list_as_input=estimate_only_dataflow_steps)
    config.steps = [_counted(step, advance) for step in steps]
    if build_dataflow_cfg(package / "model.onnx", config) != 0:
        sys.exit(1)  # FINN has written why into its log, where a traceback of ours would come last
    failed = sorted(file.name for file in (output / "verification_output").glob("*_FAIL.np?"))
    if failed:
        raise FinnError(f"FINN's own verification failed: {', '.join(failed)}")
    return list(estimate_only_dataflow_steps)


def check(job: dict[str, Any], names: list[str], advance: Advance) -> dict[str, Any]:
    """Execute the graph after every step on the job's frames; a graph that a step left as it was counts as checked."""
    from finn_build.compiler.execute import GraphRunner, check_graph  # noqa: PLC0415

    with np.load(job["frames"]) as archive:
        golden = dict(archive)
    images = golden.pop("images")
    results: dict[str, Any] = {}
    previous, result = b"", {}
    for name in names:
        file = Path(job["output"]) / MODELS / f"{name}.onnx"
        contents = file.read_bytes()
        if contents == previous:
            advance(len(images))
        else:
            result = check_graph(GraphRunner(str(file), job["layers"]), images, golden, advance)
        results[name] = result
        previous = contents
    return results


def trace(job: dict[str, Any], advance: Advance) -> dict[str, Any]:
    """Execute one graph on frames and write every layer's output, flat a frame, into an archive."""
    from finn_build.compiler.execute import GraphRunner  # noqa: PLC0415

    images = np.load(job["frames"], allow_pickle=False)
    runner = GraphRunner(job["graph"], job["layers"])
    traces = []
    for image in images:
        traces.append(runner.run(image)[0])
        advance(1)
    stacked: dict[str, Any] = {name: np.stack([traced[name] for traced in traces]) for name in job["layers"]}
    np.savez(job["traces"], allow_pickle=False, **stacked)
    return {"frames": len(images)}


def costs(job: dict[str, Any], advance: Advance) -> dict[str, Any]:
    """What FINN estimates for every node of a package's last graph, under each of the options that the job lists.

    A node that the job does not name is taken as it is. ``problem`` is what would end FINN's code generation, or None.
    """
    from finn.util.basic import getHWCustomOp  # noqa: PLC0415
    from qonnx.core.modelwrapper import ModelWrapper  # noqa: PLC0415

    names = build(Path(job["package"]), Path(job["output"]), advance, checks=())
    manifest = read_manifest(Path(job["package"]))
    last = Path(job["output"]) / MODELS / f"{names[-1]}.onnx"
    nodes_of(last, manifest)
    found: dict[str, list[dict[str, Any]]] = {}
    for node in ModelWrapper(str(last)).graph.node:
        unit = getHWCustomOp(node)
        found[node.name] = []
        for options in job["options"].get(node.name, [{}]):
            for key, value in options.items():
                unit.set_nodeattr(key, value)
            estimated = resource_figures(unit.node_res_estimation(manifest["configuration"]["part"]))
            figures = {"cycles": int(unit.get_exp_cycles()), **estimated, "problem": _problem(unit)}
            found[node.name].append(figures)
        advance(1)
    return {"nodes": found}


def _problem(unit: Any) -> str | None:
    """What FINN's own checks of a unit in HLS say, which in a build come only when its code is generated."""
    from finn.util.exception import FINNInternalError  # noqa: PLC0415

    if not hasattr(unit, "get_ap_int_max_w"):
        return None
    try:
        unit.get_ap_int_max_w()
        unit.code_gen_dict = {}
        unit.defines("ipgen")
    except (AssertionError, FINNInternalError) as error:
        return " ".join(str(error).split())
    return None


def nodes_of(graph: Path, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """FINN's folding of every node; FinnError where the nodes are not those that the manifest foretells."""
    from qonnx.core.modelwrapper import ModelWrapper  # noqa: PLC0415
    from qonnx.custom_op.registry import getCustomOp  # noqa: PLC0415

    nodes = []
    for node in ModelWrapper(str(graph)).graph.node:
        attributes = getCustomOp(node)
        known = attributes.get_nodeattr_types()
        nodes.append(
            {"name": node.name}
            | {key.lower(): int(attributes.get_nodeattr(key)) for key in ("PE", "SIMD", "MW", "MH") if key in known}
        )
    foretold = [node["name"] for node in manifest["nodes"]]
    if [node["name"] for node in nodes] != foretold:
        raise FinnError(f"FINN built the nodes {', '.join(node['name'] for node in nodes)}, expected were {foretold}")
    return nodes


def _counted(step: Callable[..., Any], advance: Advance) -> Callable[..., Any]:
    @functools.wraps(step)  # FINN names its files after the function
    def run(*arguments: Any, **more: Any) -> Any:
        result = step(*arguments, **more)
        advance(1)
        return result

    return run


def _report(messages: TextIO, done: int) -> None:
    messages.write(json.dumps({"done": done}) + "\n")
    messages.flush()


TASKS: dict[str, Callable[[dict[str, Any], Advance], dict[str, Any]]] = {
    "estimate": estimate,
    "trace": trace,
    "costs": costs,
}

if __name__ == "__main__":
    main()
