"""Random networks that are graphs: branches, sums of unequal depth, every kind of node, saturation reached."""

from __future__ import annotations

import numpy as np

from bnn import Bits, Encode, Integers, Network, NetworkError
from bnn.encoding import pack_bits
from bnn.nodes import (
    Add,
    Concatenate,
    Conv,
    Dense,
    Grid,
    MaxPool,
    Node,
    PadChannels,
    Scores,
    SumPool,
    Thermometer,
    Threshold,
)
from bnn.values import Value

CHANNELS = (1, 2, 3, 4, 6, 8)
FAR = 2**23  # integers beyond are brought back by a grid


class GraphMaker:
    """Draws one network from a generator of random numbers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        height, width = (int(size) for size in rng.integers(1, 9, 2))
        source = self._source((height, width, int(rng.choice([1, 2, 3]))))
        self.nodes: list[Node] = [source]
        self.values: dict[str, Value] = {source.name: source.output()}

    def network(self, steps: int) -> Network:
        """So many nodes at the most, then whatever nobody reads is summed up to scores."""
        makers = (self._conv, self._dense, self._threshold, self._grid, self._add, self._pool, self._join, self._pad)
        for _ in range(steps):
            try:
                self._keep(makers[int(self.rng.integers(len(makers)))]())
            except NetworkError:  # an integer beyond 32 bits, or a window beyond the image: draw something else
                continue
        return self._ended()

    def _source(self, shape: tuple[int, int, int]) -> Encode | Thermometer:
        kind = self.rng.integers(3)
        if kind == 0:
            return Thermometer(shape, self.rng.integers(0, 257, (shape[2], int(self.rng.integers(1, 4)))))
        if kind == 1:
            return Encode(shape, self.rng.integers(0, 2, (shape[2], 256)), binary=True)
        low, high = sorted(self.rng.integers(-256, 256, 2))
        return Encode(shape, self.rng.integers(low, high + 1, (shape[2], 256)), binary=False)

    def _keep(self, node: Node | None) -> str:
        if node is None:
            return self.nodes[-1].name
        value = node.output(*(self.values[name] for name in node.inputs))
        self.nodes.append(node)
        self.values[node.name] = value
        if isinstance(value, Integers) and max(-value.lowest, value.highest) > FAR:
            return self._keep(self._grid(node.name))
        return node.name

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def _any(self, kind: type[Value] | None = None) -> str | None:
        """One of the last few values (of a kind), most often one that nobody reads."""
        read = {name for node in self.nodes for name in node.inputs}
        names = [name for name, value in self.values.items() if kind is None or isinstance(value, kind)][-5:]
        idle = [name for name in names if name not in read]
        chosen = idle if idle and self.rng.random() < 0.7 else names
        return str(self.rng.choice(chosen)) if chosen else None

    def _bits(self, mh: int, mw: int) -> np.ndarray:
        return pack_bits(self.rng.integers(0, 2, (mh, mw)))

    def _window(self, shape: tuple[int, int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        kernel = tuple(int(self.rng.integers(1, min(3, size) + 1)) for size in shape[:2])
        return kernel, tuple(int(size) for size in self.rng.integers(1, 3, 2))  # type: ignore[return-value]

    def _padding(self, kernel: tuple[int, int]) -> tuple[int, int, int, int]:
        top, left, bottom, right = (int(self.rng.integers(0, size)) for size in (*kernel, *kernel))
        return (top, left, bottom, right) if self.rng.random() < 0.6 else (0, 0, 0, 0)

    def _conv(self) -> Node | None:
        source = self._any()
        assert source is not None
        value = self.values[source]
        kernel, stride = self._window(value.shape)
        padding = self._padding(kernel)
        c_in = value.shape[2]
        groups = int(self.rng.choice([g for g in range(1, c_in + 1) if c_in % g == 0]))
        mh = groups * int(self.rng.integers(1, 5))
        low, high = (0, 1) if isinstance(value, Bits) else (min(value.lowest, 0), max(value.highest, 0))
        pads = self.rng.integers(low, high + 1, c_in) * any(padding)
        mw = kernel[0] * kernel[1] * c_in // groups
        window = {"kernel": kernel, "stride": stride, "padding": padding}
        return Conv(self._name("conv"), (source,), self._bits(mh, mw), mw, **window, pad_values=pads, groups=groups)

    def _dense(self) -> Node | None:
        if self.rng.random() < 0.7:  # there is nothing but vectors after it
            return None
        return self._to_vector(str(self._any()), int(self.rng.choice(CHANNELS)))

    def _to_vector(self, source: str, mh: int) -> Node:
        mw = int(np.prod(self.values[source].shape))
        return Dense(self._name("dense"), (source,), self._bits(mh, mw), mw)

    def _threshold(self) -> Node | None:
        source = self._any(Integers)
        if source is None:
            return None
        value = self.values[source]
        middle = (value.lowest + value.highest) // 2
        spread = max(1, (value.highest - value.lowest) // 8)
        thresholds = middle + self.rng.integers(-spread, spread + 1, value.shape[2])
        ends = self.rng.random(value.shape[2])
        thresholds = np.where(ends < 0.05, value.lowest, np.where(ends > 0.95, value.highest + 1, thresholds))
        return Threshold(self._name("bits"), (source,), np.clip(thresholds, value.lowest, value.highest + 1))

    def _grid(self, source: str | None = None) -> Node | None:
        source = source or self._any(Integers)
        if source is None:
            return None
        value = self.values[source]
        channels = value.shape[2]
        shift = int(self.rng.integers(0, 21))
        wanted = int(self.rng.integers(1, 200))  # what the farthest integer becomes, about
        farthest = max(-value.lowest, value.highest, 1)
        factor = max(1, (wanted << shift) // farthest)
        factors = self.rng.integers(-factor, factor + 1, channels)
        offsets = self.rng.integers(-(wanted << shift), (wanted << shift) + 1, channels)
        low, high = sorted(int(end) for end in self.rng.integers(-wanted, wanted + 1, 2))  # saturates often
        bounds = {"shift": shift, "lowest": low, "highest": high}
        return Grid(self._name("grid"), (source,), multipliers=factors, offsets=offsets, **bounds)

    def _add(self) -> Node | None:
        source = self._any(Integers)
        if source is None:
            return None
        shape = self.values[source].shape
        fitting = [name for name, value in self.values.items() if isinstance(value, Integers) and value.shape == shape]
        others = [str(name) for name in self.rng.choice(fitting, int(self.rng.integers(1, 3)))]
        return Add(self._name("sum"), (source, *others))

    def _pool(self) -> Node | None:
        source = str(self._any())
        value = self.values[source]
        kernel, stride = self._window(value.shape)
        if isinstance(value, Integers) and self.rng.random() < 0.5:
            return SumPool(self._name("total"), (source,), kernel=kernel, stride=stride)
        name = self._name("largest")
        return MaxPool(name, (source,), kernel=kernel, stride=stride, padding=self._padding(kernel))

    def _join(self) -> Node | None:
        source = str(self._any())
        value = self.values[source]
        fitting = [
            name
            for name, other in self.values.items()
            if isinstance(other, type(value)) and other.shape[:2] == value.shape[:2]
        ]
        if value.shape[2] > 12:
            return None
        return Concatenate(self._name("both"), (source, str(self.rng.choice(fitting))))

    def _pad(self) -> Node | None:
        source = str(self._any())
        is_bits = isinstance(self.values[source], Bits)
        before, after = (int(count) for count in self.rng.integers(0, 3, 2))
        added = int(self.rng.integers(0, 2)) if is_bits else int(self.rng.integers(-9, 10))
        return PadChannels(self._name("wider"), (source,), before=before, after=after + (before == 0), value=added)

    def _ended(self) -> Network:
        classes = int(self.rng.integers(2, 5))
        read = {name for node in self.nodes for name in node.inputs}
        ends = [self._keep(self._to_vector(name, classes)) for name in list(self.values) if name not in read]
        last = self._keep(Add(self._name("sum"), tuple(ends))) if len(ends) > 1 else ends[0]
        value = self.values[last]
        assert isinstance(value, Integers)
        entries = value.highest - value.lowest + 1
        if entries < 2**12 and self.rng.random() < 0.5:
            return self._scored(Scores("scores", (last,), table=self.rng.integers(-999, 1000, (classes, entries))))
        factors, offsets = self.rng.integers(-3, 4, classes), self.rng.integers(-999, 1000, classes)
        return self._scored(Scores("scores", (last,), factors, offsets))

    def _scored(self, scores: Scores) -> Network:
        return Network((*self.nodes, scores))


def random_graph(seed: int, steps: int = 14) -> Network:
    """A network drawn from ``seed``."""
    return GraphMaker(np.random.default_rng(seed)).network(steps)
