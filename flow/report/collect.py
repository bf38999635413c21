"""Gather what the stages of a run wrote into one JSON value. What is missing is said, with the command for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bnn.network import ConvLayer, Layer, MatrixLayer, Network, Shape
from bnn.readers import read_text
from bnn.version import VERSION
from flow.report import evidence
from flow.report.against import side_by_side
from flow.report.comparison import compare
from flow.report.shift import before_shift
from flow.report.study import read_study
from flow.report.training import training_course
from flow.run.folder import RunError, RunFolder
from flow.stages.freshness import Examination, State
from flow.stages.ladder import still_true

STAGES = {  # file below the run folder, without .json: the stage that makes it
    "simulate": "simulate",
    "ladder": "ladder",
    "folding": "fold",
    "rtlsim": "rtlsim",
    "finn/estimate": "finn estimate",
    "finn/results": "finn results",
}
CLASSES_LISTED = 20
Found = TypeVar("Found")
HARDWARE = {
    "folding": "folding",
    "rtlsim": "rtlsim",
    "finn_estimate": "finn/estimate",
    "finn_results": "finn/results",
}


def collect(seen: Examination, against: Sequence[Examination] = (), studies: Sequence[Path] = ()) -> dict[str, Any]:
    """Everything that the report shows, of results that are fresh.

    ``missing`` maps each absent part to the command that makes it, ``stale`` each part that was made from something
    else than is there now to ``because`` and ``command``.

    Args:
        seen: the run.
        against: other runs, to be shown beside it.
        studies: folders that `askew study` wrote.

    Raises:
        UserError: there is no network, or what is named is no study.
    """
    run = seen.run
    studied = [read_study(folder, run) for folder in studies]
    network = run.network()
    report = _of_stages(seen, network)
    hardware = report["hardware"]
    golden = _fresh(seen, run.origin.maker, "golden", report, lambda: run.golden(network))
    before = before_shift(run, report["golden"], golden) if golden else {}
    for layer in report["network"]["layers"]:
        if layer["name"] in before:
            layer["before_shift"] = before[layer["name"]]
    labelled = golden is not None and golden.labels is not None
    return report | {
        "training": training_course(run),
        "classes": evidence.class_names(run, network.classes),
        "budget": evidence.budget(hardware["folding"], [hardware["finn_results"], hardware["finn_estimate"]]),
        "timeline": evidence.timeline(run, network) if hardware["folding"] else None,
        "confusion": evidence.confusion(golden, network.classes) if golden and labelled else None,
        "mistakes": evidence.worst_mistakes(golden) if golden and labelled else [],
        "summary": side_by_side(run, report),
        "against": [side_by_side(other.run, _of_stages(other, other.run.network())) for other in against],
        "studies": studied,
    }


def _of_stages(seen: Examination, network: Network) -> dict[str, Any]:
    """What the run's stages wrote down."""
    run = seen.run
    report: dict[str, Any] = {"missing": {}, "stale": {}}
    stages = {"export": run.origin.maker} | STAGES
    results = {
        file: _fresh(seen, stage, file, report, functools.partial(run.result, file, network))
        for file, stage in stages.items()
    }
    rungs = (results["ladder"] or {}).get("rungs", {})
    if "ladder" in report["stale"]:
        rungs = still_true(run)
    finn = results["finn/results"] or {}
    report["missing"] |= {f"finn/results: {part}": command for part, command in finn.get("missing", {}).items()}
    hardware = {key: results[file] for key, file in HARDWARE.items()} | {"rtl": evidence.written_rtl(seen, network)}
    profile = (results["simulate"] or {}).get("layers", {})
    return report | {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "run": run.path.name,
        "config": read_text(run.config),
        "network": describe_network(network, profile) | {"images": describe_images(run, network)},
        "rungs": {
            name: rung | {"accuracy_interval": evidence.interval(rung["accuracy"], rung["frames"])}
            for name, rung in rungs.items()
        },
        "simulate": results["simulate"],
        "golden": results["export"],
        "hardware": hardware,
        "comparison": compare([layer.name for layer in network.layers], hardware),
    }


def _fresh(seen: Examination, stage: str, part: str, report: dict[str, Any], read: Callable[[], Found]) -> Found | None:
    """What ``read`` gives of a stage that is fresh; else None, with the reason and the command in the report."""
    finding, command = seen.find(stage), seen.run.mending(stage)
    if finding.state is State.MISSING:
        report["missing"][part] = command
        return None
    because = finding.because
    if finding.fresh:
        try:
            return read()
        except RunError as error:
            because = str(error)
    report["stale"][part] = {"because": because, "command": command}
    return None


def describe_images(run: RunFolder, network: Network) -> str:
    """What was done to the images of a folder and what the labels are, as `askew export` wrote; else empty."""
    prepared = (run.result("export", network) or {}).get("images")
    if not prepared:
        return ""
    names = evidence.class_names(run, network.classes)
    listed = ", ".join(names[:CLASSES_LISTED]) + (", ..." if len(names) > CLASSES_LISTED else "")
    return f"Images: {prepared}. Labels 0 to {network.classes - 1} are the classes {listed}."


def describe_network(network: Network, profile: dict[str, Any]) -> dict[str, Any]:
    """Shape, size in bits and thresholds of every layer, with its fraction of +1 where a simulation measured it."""
    layers = [
        _describe_layer(layer, shape, value_range)
        | {
            key: profile.get(layer.name, {}).get(key)
            for key in ("plus_fraction", "plus_fraction_quartiles", "plus_fraction_channels")
        }
        for layer, shape, value_range in network.walk()
    ]
    return {
        "input_shape": list(network.input.shape),
        "input_binary": network.input.binary,
        "input_plus_fraction": profile.get("input", {}).get("plus_fraction"),
        "classes": network.classes,
        "weight_bits": network.weight_bits,
        "threshold_bits": sum(layer["threshold_bits"] for layer in layers),
        "layers": layers,
    }


def _describe_layer(layer: Layer, shape: Shape, value_range: tuple[int, int] | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": layer.name,
        "kind": layer.kind,
        "input_shape": list(shape),
        "output_shape": list(layer.output_shape(shape)),
        "weight_bits": 0,
        "threshold_bits": 0,
        "thresholds": None,
    }
    if isinstance(layer, MatrixLayer):
        low, high = layer.accumulator_range(value_range)
        described |= {"mw": layer.mw, "mh": layer.mh, "weight_bits": layer.mw * layer.mh}
        if isinstance(layer, ConvLayer):
            described |= {"kernel": list(layer.kernel), "stride": list(layer.stride), "padding": list(layer.padding)}
        if layer.thresholds is not None:
            span = int((high + 1).max() - low.min())
            described["threshold_bits"] = layer.mh * max(1, span.bit_length())
            described["thresholds"] = {
                "min": int(layer.thresholds.min()),
                "median": float(np.median(layer.thresholds)),
                "max": int(layer.thresholds.max()),
                "legal": [int(low.min()), int(high.max()) + 1],
                "always": int((layer.thresholds == low).sum()),
                "never": int((layer.thresholds == high + 1).sum()),
                "histogram": evidence.histogram(layer.thresholds),
            }
    return described
