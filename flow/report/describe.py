"""The network as the report shows it: shape, size in bits and thresholds of every layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bnn.network import ConvLayer, Layer, MatrixLayer, Network, Shape
from flow.report import evidence
from flow.run.figures.export import ExportFigures
from flow.run.figures.report_network import ReportedLayer, ReportedNetwork, Thresholds
from flow.run.figures.simulate import Fractions, Profile

CLASSES_LISTED = 20


def describe_network(
    network: Network, profile: Mapping[str, Profile], before_shift: Mapping[str, Fractions], images: str
) -> ReportedNetwork:
    """The network, with the fraction of +1 of every layer where a simulation measured it.

    Args:
        network: what to describe.
        profile: layer to what `askew simulate` measured.
        before_shift: layer to the same with the sign taken at zero.
        images: what was done to its images, in words.
    """
    layers = [
        _describe_layer(layer, shape, value_range, profile.get(layer.name), before_shift.get(layer.name))
        for layer, shape, value_range in network.walk()
    ]
    given = profile.get("input")
    return ReportedNetwork(
        input_shape=list(network.input.shape),
        input_binary=network.input.binary,
        input_plus_fraction=given.plus_fraction if given else None,
        classes=network.classes,
        weight_bits=network.weight_bits,
        threshold_bits=sum(layer.threshold_bits or 0 for layer in layers),
        layers=layers,
        images=images,
    )


def describe_images(exported: ExportFigures | None, names: list[str]) -> str:
    """What was done to the images of a folder, as `askew export` wrote, and what the labels mean; else empty."""
    prepared = exported.images if exported else None
    is_named = names != [str(label) for label in range(len(names))]
    listed = ", ".join(names[:CLASSES_LISTED]) + (", ..." if len(names) > CLASSES_LISTED else "")
    sentences = [f"Images: {prepared}."] * bool(prepared)
    sentences += [f"Labels 0 to {len(names) - 1} are the classes {listed}."] * bool(prepared or is_named)
    return " ".join(sentences)


def _describe_layer(
    layer: Layer,
    shape: Shape,
    value_range: tuple[int, int] | None,
    profile: Profile | None,
    before_shift: Fractions | None,
) -> ReportedLayer:
    described = ReportedLayer(
        name=layer.name,
        kind=layer.kind,
        input_shape=list(shape),
        output_shape=list(layer.output_shape(shape)),
        weight_bits=0,
        threshold_bits=0,
        thresholds=None,
        plus_fraction=profile.plus_fraction if profile else None,
        plus_fraction_quartiles=profile.plus_fraction_quartiles if profile else None,
        plus_fraction_channels=profile.plus_fraction_channels if profile else None,
    )
    more: dict[str, object] = {} if before_shift is None else {"before_shift": before_shift}
    if isinstance(layer, MatrixLayer):
        more |= {"mw": layer.mw, "mh": layer.mh, "weight_bits": layer.mw * layer.mh}
        if isinstance(layer, ConvLayer):
            more |= {"kernel": list(layer.kernel), "stride": list(layer.stride), "padding": list(layer.padding)}
        low, high = layer.accumulator_range(value_range)
        if layer.thresholds is not None:
            span = int((high + 1).max() - low.min())
            more["threshold_bits"] = layer.mh * max(1, span.bit_length())
            more["thresholds"] = Thresholds(
                min=int(layer.thresholds.min()),
                median=float(np.median(layer.thresholds)),
                max=int(layer.thresholds.max()),
                legal=[int(low.min()), int(high.max()) + 1],
                always=int((layer.thresholds == low).sum()),
                never=int((layer.thresholds == high + 1).sum()),
                histogram=evidence.histogram(layer.thresholds),
            )
    return described.model_copy(update=more)
