"""Gather what the stages of a run wrote into one JSON value. What is missing is said, with the command for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnn.network import ConvLayer, Layer, MatrixLayer, Network, Shape
from bnn.version import VERSION
from flow.run_folder import RunFolder

STAGES = {  # file below the run folder, without .json: the command that makes it
    "export": "export",
    "simulate": "simulate",
    "ladder": "ladder",
    "folding": "fold --folding FILE",
    "rtlsim": "rtlsim",
    "finn/estimate": "finn estimate --board Pynq-Z2",
}
HARDWARE = {"folding": "folding", "rtlsim": "rtlsim", "finn_estimate": "finn/estimate"}


def collect(run: RunFolder) -> dict[str, Any]:
    """Everything that the report shows; ``missing`` maps each absent part to the command that makes it."""
    network = run.network()
    results = {stage: run.result(stage, network) for stage in STAGES}
    missing = {stage: f"askew {STAGES[stage]} --run {run.path}" for stage, found in results.items() if found is None}
    profile = (results["simulate"] or {}).get("layers", {})
    return {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "run": run.path.name,
        "config": run.config.read_text(encoding="utf-8"),
        "network": describe_network(network, profile),
        "rungs": (results["ladder"] or {}).get("rungs", {}),
        "simulate": results["simulate"],
        "golden": results["export"],
        "hardware": {key: results[stage] for key, stage in HARDWARE.items()},
        "missing": missing,
    }


def describe_network(network: Network, profile: dict[str, Any]) -> dict[str, Any]:
    """Shape, size in bits and thresholds of every layer, with its fraction of +1 where a simulation measured it."""
    layers = [
        _describe_layer(layer, shape, value_range) | {"plus_fraction": profile.get(layer.name, {}).get("plus_fraction")}
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
            }
    return described
