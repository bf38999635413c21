"""The image's way in: what a pixel becomes where a node first computes with it, once for the whole network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Thermometer
from onnx_export.absorption.reach import Reach, spread
from onnx_export.importer.arithmetic import bits_of, exactly
from onnx_export.importer.building import Building
from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import Bits
from onnx_export.importer.meaning import Entering
from onnx_export.importer.pixels import PixelPath, seen_as_image
from onnx_export.importer.signal import Base, Pixels, Signal, Steps
from onnx_export.importer.thermometer import ThermometerNodes

IMAGE_RANK = 4  # sizes of a tensor of images


@dataclass(eq=False)
class Image:
    """Makes the model's source.

    Attributes:
        arrangement: as ``Walk.arrangement``, once the image has been read.
    """

    entering: Entering
    building: Building
    notes: list[str]
    arrangement: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def entered(self, node: Node, signal: Signal) -> Signal:
        """The tensor as a value of the model, where it is still an image that ``node`` reads."""
        if not isinstance(signal.base, Pixels):
            return signal
        return Signal(self.encoded(node, signal), signal.layout)

    def encoded(self, node: Node, signal: Signal, *, counts: bool = False, pad: float | None = None) -> Base:
        """The pixels as ``node`` computes with them; the arguments are those of ``PixelPath.encode``."""
        base, shape = signal.base, signal.layout.shape
        assert isinstance(base, Pixels)
        assert not self.arrangement.size, "a tensor of pixels that two nodes read is a value by then"
        path = PixelPath(self.entering, list(signal.operators), base.places)
        encoding, meaning = path.encode(node, shape, counts=counts, pad=pad)
        self.notes += path.notes(encoding)
        self.arrangement = base.arrangement
        name = self.building.unique(self.building.add(encoding))
        if isinstance(meaning, Bits):
            return bits_of(name, node, shape, lambda: name, meaning)
        lowest, highest, step = spread(encoding.table.astype(np.int64))
        reach = Reach(np.full(shape[2], lowest), np.full(shape[2], highest), step)
        steps = Steps(np.array([meaning.scale]), meaning.shift)
        none = np.zeros(shape[2])
        return Base(name, node, shape, lambda: name, exactly(steps), reach, none, steps=steps, pixels=meaning)

    def thermometer(self, found: ThermometerNodes) -> Signal:
        """The bits of a thermometer."""
        base, shape = found.signal.base, found.signal.layout.shape
        assert isinstance(base, Pixels)
        path = PixelPath(self.entering, list(found.signal.operators), base.places)
        source = Thermometer(shape, found.pixels(path.values(shape)))
        self.arrangement = base.arrangement
        name = self.building.unique(self.building.add(source))
        bits = bits_of(name, found.nodes[0], source.output().shape, lambda: name, Bits(-1.0, 1.0))
        return Signal(bits, Layout.nchw(bits.shape))


def seen(signal: Signal, *, channels_last: bool) -> Signal:
    """At the first sliding window the image is whatever tensor it slides over."""
    base = signal.base
    if not isinstance(base, Pixels) or signal.layout.places.ndim != IMAGE_RANK:
        return signal
    layout, places = seen_as_image(signal.layout, channels_last=channels_last)
    old, channels = base.places or (None, signal.layout.shape[2])
    now = places if old is None else old[places]
    return replace(signal, base=Pixels(base.arrangement[places], (now, channels)), layout=layout)
