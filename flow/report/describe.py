"""The network as the report shows it: shape, size in bits and thresholds of every layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bnn.chain import as_chain
from bnn.layers import ConvLayer, Layer, MatrixLayer
from bnn.network import Network
from bnn.nodes import Conv, Matrix, Node, Threshold
from bnn.values import Bits, NetworkError, Shape, Value, bit_width
from flow.report import evidence
from flow.run.figures.export import ExportFigures
from flow.run.figures.report_network import ReportedLayer, ReportedNetwork, ReportedNode, Thresholds
from flow.run.figures.simulate import Fractions, Profile

CLASSES_LISTED = 20


def describe_network(
    network: Network, profile: Mapping[str, Profile], before_shift: Mapping[str, Fractions], images: str
) -> ReportedNetwork:
    """The network, with the fraction of +1 of every layer where a simulation measured it.

    Layers are those of a chain; of any other network they are its nodes.

    Args:
        network: what to describe.
        profile: layer to what `askew simulate` measured.
        before_shift: layer to the same with the sign taken at zero.
        images: what was done to its images, in words.
    """
    layers = _described_layers(network, profile, before_shift)
    source = network.input.name
    given = profile.get(source)
    return ReportedNetwork(
        input_shape=list(network.input.shape),
        input_binary=isinstance(network.values[source], Bits),
        input_plus_fraction=given.plus_fraction if given else None,
        classes=network.classes,
        weight_bits=network.weight_bits,
        threshold_bits=sum(layer.threshold_bits or 0 for layer in layers),
        layers=layers,
        nodes=[_drawn_node(node, network.values[node.name]) for node in network.nodes],
        images=images,
    )


def _drawn_node(node: Node, value: Value) -> ReportedNode:
    return ReportedNode(
        name=node.name,
        kind=node.kind,
        inputs=list(node.inputs),
        details=node.details,
        shape=list(value.shape),
        bits=bit_width(value),
        lowest=None if isinstance(value, Bits) else value.lowest,
        highest=None if isinstance(value, Bits) else value.highest,
    )


def describe_images(exported: ExportFigures | None, names: list[str]) -> str:
    """What was done to the images of a folder, as `askew export` wrote, and what the labels mean; else empty."""
    prepared = exported.images if exported else None
    is_named = names != [str(label) for label in range(len(names))]
    listed = ", ".join(names[:CLASSES_LISTED]) + (", ..." if len(names) > CLASSES_LISTED else "")
    sentences = [f"Images: {prepared}."] * bool(prepared)
    sentences += [f"Labels 0 to {len(names) - 1} are the classes {listed}."] * bool(prepared or is_named)
    return " ".join(sentences)


def _described_layers(
    network: Network, profile: Mapping[str, Profile], before_shift: Mapping[str, Fractions]
) -> list[ReportedLayer]:
    try:
        chain = as_chain(network)
    except NetworkError:
        values = network.values
        return [
            _described_node(node, values[node.inputs[0]], values[node.name], profile.get(node.name))
            for node in network.nodes
            if node is not network.input
        ]
    return [
        _describe_layer(layer, shape, value_range, profile.get(layer.name), before_shift.get(layer.name))
        for layer, shape, value_range in chain.walk()
    ]


def _described_node(node: Node, entering: Value, value: Value, profile: Profile | None) -> ReportedLayer:
    described = _sized(node.name, node.kind, entering.shape, value.shape, profile)
    more: dict[str, object] = {}
    if isinstance(node, Matrix):
        more |= {"mw": node.mw, "mh": node.mh, "weight_bits": node.mw * node.mh}
    if isinstance(node, Conv):
        more |= {"kernel": list(node.kernel), "stride": list(node.stride), "padding": list(node.padding)}
    if isinstance(node, Threshold):
        assert not isinstance(entering, Bits)
        more |= _described_thresholds(node.thresholds, np.array([entering.lowest]), np.array([entering.highest]))
    return described.model_copy(update=more)


def _describe_layer(
    layer: Layer,
    shape: Shape,
    value_range: tuple[int, int] | None,
    profile: Profile | None,
    before_shift: Fractions | None,
) -> ReportedLayer:
    described = _sized(layer.name, layer.kind, shape, layer.output_shape(shape), profile)
    more: dict[str, object] = {} if before_shift is None else {"before_shift": before_shift}
    if isinstance(layer, MatrixLayer):
        more |= {"mw": layer.mw, "mh": layer.mh, "weight_bits": layer.mw * layer.mh}
        if isinstance(layer, ConvLayer):
            more |= {"kernel": list(layer.kernel), "stride": list(layer.stride), "padding": list(layer.padding)}
        low, high = layer.accumulator_range(value_range)
        if layer.thresholds is not None:
            more |= _described_thresholds(layer.thresholds, low, high)
    return described.model_copy(update=more)


def _sized(name: str, kind: str, given: Shape, made: Shape, profile: Profile | None) -> ReportedLayer:
    return ReportedLayer(
        name=name,
        kind=kind,
        input_shape=list(given),
        output_shape=list(made),
        weight_bits=0,
        threshold_bits=0,
        thresholds=None,
        plus_fraction=profile.plus_fraction if profile else None,
        plus_fraction_quartiles=profile.plus_fraction_quartiles if profile else None,
        plus_fraction_channels=profile.plus_fraction_channels if profile else None,
    )


def _described_thresholds(
    thresholds: NDArray[np.int32], low: NDArray[np.int64], high: NDArray[np.int64]
) -> dict[str, object]:
    """What is said of thresholds, of the lowest and highest integer that a channel, or any, can have."""
    span = int((high + 1).max() - low.min())
    return {
        "threshold_bits": len(thresholds) * max(1, span.bit_length()),
        "thresholds": Thresholds(
            min=int(thresholds.min()),
            median=float(np.median(thresholds)),
            max=int(thresholds.max()),
            legal=[int(low.min()), int(high.max()) + 1],
            always=int((thresholds == low).sum()),
            never=int((thresholds == high + 1).sum()),
            histogram=evidence.histogram(thresholds),
        ),
    }
