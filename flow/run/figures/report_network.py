"""What ``report.json`` says of the network, its training, its answers and the studies that it stands in."""

from __future__ import annotations

from typing import Any

from finn_build.results.form import Count, Frames, Part, Real, Share, says
from flow.run.figures.ladder import Rung
from flow.run.figures.simulate import Fractions
from flow.run.figures.study import StudySummary


class Histogram(Part):
    """Counts of whole numbers in equal bins: bin i holds edges[i] <= value < edges[i + 1]."""

    edges: list[int] = says("one more than there are bins")
    counts: list[Count] = says("in each bin", "channels")


class Thresholds(Part):
    """The thresholds of a layer's channels: a channel gives +1 where its accumulator reaches its threshold."""

    min: int = says("lowest")
    median: Real = says("middle")
    max: int = says("highest")
    legal: list[int] | None = says("lowest and highest that the layer can have", default=None)
    always: Count | None = says("that are always +1", "channels", default=None)
    never: Count | None = says("that are never +1", "channels", default=None)
    histogram: Histogram | None = says("how many channels have which", default=None)


class ReportedLayer(Part):
    """A layer of the network."""

    name: str = says("of the layer")
    kind: str | None = says("of the layer", default=None)
    input_shape: list[int] | None = says("height, width, channels", default=None)
    output_shape: list[int] | None = says("height, width, channels", default=None)
    weight_bits: Count | None = says("of its weights", "bits", default=None)
    threshold_bits: Count | None = says("of its thresholds", "bits", default=None)
    thresholds: Thresholds | None = says("null where it has none", default=None)
    mw: Count | None = says("matrix width: inputs of one output", default=None)
    mh: Count | None = says("matrix height: outputs", default=None)
    kernel: list[int] | None = says("of a convolution: height, width", default=None)
    stride: list[int] | None = says("of a convolution", default=None)
    padding: list[int] | None = says("of a convolution", default=None)
    plus_fraction: Share | None = says("fraction of +1; null where no simulation measured it", "0..1", default=None)
    plus_fraction_quartiles: list[Share] | None = says("over the channels", "0..1", default=None)
    plus_fraction_channels: list[Share] | None = says("of each channel", "0..1", default=None)
    before_shift: Fractions | None = says("the same with the sign taken at zero, where it is known", default=None)


class ReportedNode(Part):
    """A node of the network's graph, and the value that it makes."""

    name: str = says("of the node and its value")
    kind: str = says("of the node")
    inputs: list[str] = says("values that it reads, in order")
    details: str = says("sizes that are not the usual, and the ranges of its arrays, in words")
    shape: list[int] = says("of its value: height, width, channels")
    bits: Count = says("that hold an element", "bits")
    lowest: int | None = says("integer that it can be; null of bits")
    highest: int | None = says("integer that it can be; null of bits")


class ReportedNetwork(Part):
    """The integer network."""

    input_shape: list[int] | None = says("height, width, channels", default=None)
    input_binary: bool | None = says("whether a pixel becomes one bit", default=None)
    input_plus_fraction: Share | None = says("of the input's bits", "0..1", default=None)
    classes: Count | None = says("how many", default=None)
    weight_bits: Count = says("in all", "bits")
    threshold_bits: Count | None = says("in all", "bits", default=None)
    layers: list[ReportedLayer] = says("in order")
    nodes: list[ReportedNode] | None = says("the graph, in an order to compute it in", default=None)
    images: str | None = says("what was done to the images of a folder, in words; may be empty", default=None)


class ReportedRung(Rung):
    """A rung, and how sure its accuracy is."""

    accuracy_interval: list[Share] | None = says(
        "where the accuracy on all possible frames lies at 95 % (Wilson); null without labels", "0..1"
    )


class Course(Part):
    """The course of the training, an entry an epoch."""

    epochs: list[Count] = says("their numbers")
    loss: list[Real] = says("of the training images")
    measured_on: str | None = says("on which images the accuracy is; null where none were measured")
    accuracy: list[Share | None] | None = says("of the integer network; null where it was not measured", "0..1")


class Mistake(Part):
    """A wrong answer."""

    frame: Count = says("index of the golden frame")
    label: Count = says("what the image shows")
    answer: Count = says("what the network says")
    score_of_label: int = says("integer score of the label")
    score_of_answer: int = says("integer score of the answer")
    png_base64: str | None = says("the image; null where it is none that PNG has", default=None)


class Place(Part):
    """Which of a study's rows the run is."""

    point: Count = says("index of the point")
    seed: Count = says("of the row")


class ReportedStudy(StudySummary):
    """A study, and which of its rows the run is."""

    this_run: Place | None = says("null where it is none of them", default=None)


class ThresholdRange(Part):
    """Thresholds of a layer, in short."""

    min: int = says("lowest")
    median: Real = says("middle")
    max: int = says("highest")


class Column(Part):
    """What a comparison of runs shows of one."""

    run: str = says("its folder's name")
    network_hash: str = says("of its network")
    accuracy: Share | None = says("of the integer network on its golden frames", "0..1")
    frames: Frames | None = says("golden frames", "frames")
    weight_bits: Count = says("of all weights", "bits")
    threshold_shift: Any = says("of the config")
    frame_ii_cycles: Real | None = says("measured in our RTL, else by our cycle model, else FINN's", "cycles")
    latency_cycles: Real | None = says("from the same source", "cycles")
    frames_per_second: Real | None = says("from the same source", "frames/s")
    latency_us: Real | None = says("from the same source", "us")
    clock_mhz: Real | None = says("of the same source", "MHz", default=None)
    clock_origin: str | None = says("routed, estimated or assumed", default=None)
    luts: Count | None = says("our estimate, else FINN's", "LUTs")
    bram18: Count | None = says("our estimate, else FINN's", "blocks of 18 kbit")
    thresholds: dict[str, ThresholdRange] = says("layer to its thresholds, in short")
