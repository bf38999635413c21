"""Random graphs of trained models, with every kind of node."""

import numpy as np

from bnn.nodes import Encode, Thermometer
from bnn.stage import (
    Add,
    AveragePool,
    Concatenate,
    GlobalSum,
    Logits,
    Matrix,
    MaxPool,
    ModelGraph,
    PadChannels,
    Quantize,
    Sign,
)
from bnn.values import Bits
from bnn.window import NO_PADDING
from tests.support.model_graphs import Affine, Mean


class RandomModel:
    """Nodes added at random until there are enough, joined where shapes and grids allow it, and read to the last."""

    def __init__(self, rng):
        self.rng = rng
        size = int(rng.integers(2, 7))
        shape = (size, size, int(rng.integers(1, 4)))
        self.nodes = [self._source(shape)]
        self._values()
        for _ in range(int(rng.integers(2, 12))):
            self._grow(str(rng.choice(list(self._kinds))))
        self._finish()
        self.model = ModelGraph(tuple(self.nodes))

    def _source(self, shape):
        kind = int(self.rng.integers(4))
        if kind == 0:
            return Thermometer(shape, np.sort(self.rng.integers(0, 257, size=int(self.rng.integers(1, 4)))))
        if kind == 1:
            return Encode.threshold(shape, int(self.rng.integers(1, 256)))
        step = int(self.rng.integers(4, 64))
        return Encode(shape, (np.arange(256) // step - self.rng.integers(0, 5)).astype(np.int16), binary=False)

    def _values(self):
        self.values = {}
        for node in self.nodes:
            self.values[node.name] = (
                _source_value(node)
                if isinstance(node, Encode | Thermometer)
                else node.output(*(self.values[name] for name in node.inputs))
            )

    def _add(self, node):
        self.values[node.name] = node.output(*(self.values[name] for name in node.inputs))
        self.nodes.append(node)
        return node.name

    def _name(self, kind):
        return f"{kind}{len(self.nodes)}"

    def _pick(self, wanted):
        """A value of the wanted kind, the later the likelier; None where there is none."""
        names = [name for name, value in self.values.items() if isinstance(value, Bits) == (wanted == "bits")]
        if not names:
            return None
        weights = np.arange(1, len(names) + 1, dtype=float) ** 2
        return str(self.rng.choice(names, p=weights / weights.sum()))

    @property
    def _kinds(self):
        return {
            "conv": self._conv,
            "conv_of_integers": lambda: self._conv("integers"),
            "sign": self._sign,
            "quantize": self._quantize,
            "add": self._joined,
            "join": self._concatenate,
            "pad": self._pad,
            "max": self._max_pool,
            "max_of_bits": lambda: self._max_pool("bits"),
            "mean": self._average_pool,
            "sign_of_max": self._sign_of_maximum,
            "block": self._block,
            "shared": self._shared,
        }

    def _grow(self, kind):
        self._kinds[kind]()

    def _conv(self, wanted="bits", source=None):
        source = source or self._pick(wanted)
        if source is None:
            return None
        value = self.values[source]
        if not isinstance(value, Bits) and max(-value.lowest, value.highest) > 2**12:
            return None
        height, width, channels = value.shape
        kernel = int(self.rng.integers(1, min(3, height, width) + 1))
        keeps = bool(self.rng.integers(4)) and kernel == 3
        padding = (1, 1, 1, 1) if keeps else NO_PADDING
        pad_value = int(self.rng.choice([-1, 1])) if isinstance(value, Bits) else 0
        groups = channels if channels < 4 and self.rng.integers(4) == 0 else 1
        mh = groups * int(self.rng.integers(1, 3)) if groups > 1 else int(self.rng.integers(2, 5))
        weights = self.rng.choice([-1.0, 1.0], size=(mh, channels // groups, kernel, kernel)).astype(np.float32)
        return self._add(
            Matrix(
                self._name("conv"),
                (source,),
                weights,
                is_convolution=True,
                stride=(int(self.rng.integers(1, 3)),) * 2 if not keeps else (1, 1),
                padding=padding,
                pad_value=pad_value if keeps else 0,
                groups=groups,
            )
        )

    def _affine(self, source, **after):
        """Scales of both signs, 0 among them, about so that the values' spread becomes that of a few units."""
        value = self.values[source]
        channels = value.shape[2]
        spread = max(1.0, (value.highest - value.lowest) * 2.0**-value.fraction_bits / 4)
        scale = self.rng.normal(size=channels) * self.rng.choice([0, 1, 1, 1, 1], size=channels) / spread * 2
        centre = (value.highest + value.lowest) / 2 * 2.0**-value.fraction_bits
        return Affine(scale, self.rng.normal(size=channels) * 0.7 - scale * centre, **after)

    def _sign(self, source=None):
        source = source or self._pick("integers")
        if source is None:
            return None
        return self._add(Sign(self._name("sign"), (source,), self._affine(source, sign=True)))

    def _sign_of_maximum(self):
        """A max pool that only a sign reads."""
        source = self._conv() or self._pick("integers")
        if source is not None and min(self.values[source].shape[:2]) >= 2:
            self._sign(self._add(MaxPool(self._name("max"), (source,), kernel=(2, 2), stride=(1, 1))))

    def _block(self):
        """What is added to itself, put on its grid, or as it is."""
        shortcut = self._pick("integers")
        if shortcut is None:
            return
        value = self.values[shortcut]
        channels = value.shape[2]
        weights = self.rng.choice([-1.0, 1.0], size=(channels, channels, 1, 1)).astype(np.float32)
        sums = self._add(Matrix(self._name("conv"), (self._sign(shortcut),), weights, is_convolution=True))
        if value.fraction_bits or self.rng.integers(2):
            sums = self._quantize(sums, value.fraction_bits)
        self._add(Add(self._name("sum"), (sums, shortcut)))

    def _shared(self):
        """A matrix with two readers, one of which makes bits for a pool or another matrix."""
        source = self._conv()
        if source is None:
            return
        self._quantize(source)
        bits = self._sign(source)
        if min(self.values[source].shape[:2]) >= 2 and self.rng.integers(2):
            self._add(MaxPool(self._name("max"), (bits,), kernel=(2, 2), stride=(2, 2)))
        else:
            self._conv(source=bits)

    def _quantize(self, source=None, fraction_bits=None):
        source = source or self._pick("integers")
        if source is None:
            return None
        fraction_bits = int(self.rng.integers(0, 7)) if fraction_bits is None else fraction_bits
        highest = int(2**fraction_bits * self.rng.uniform(0.5, 4))  # often saturates
        grid = (fraction_bits, -highest - 1, highest)
        return self._add(
            Quantize(
                self._name("grid"),
                (source,),
                self._affine(source, grid=grid),
                fraction_bits=fraction_bits,
                lowest=grid[1],
                highest=grid[2],
            )
        )

    def _same(self, value, *, channels):
        """Other values that this one can be joined with."""
        return [
            name
            for name, other in self.values.items()
            if other.shape[:2] == value.shape[:2]
            and type(other) is type(value)
            and getattr(other, "fraction_bits", 0) == getattr(value, "fraction_bits", 0)
            and (not channels or other.shape == value.shape)
        ]

    def _joined(self):
        first = self._pick("integers")
        if first is None:
            return
        value = self.values[first]
        names = [first, str(self.rng.choice(self._same(value, channels=True)))]
        if self.rng.integers(3) == 0:
            names.append(str(self.rng.choice(self._same(value, channels=True))))
        if sum(max(-self.values[name].lowest, self.values[name].highest) for name in names) < 2**16:
            self._add(Add(self._name("sum"), tuple(names)))

    def _concatenate(self):
        first = self._pick(str(self.rng.choice(["bits", "integers"])))
        if first is None:
            return
        value = self.values[first]
        second = str(self.rng.choice(self._same(value, channels=False)))
        if value.shape[2] + self.values[second].shape[2] <= 8:
            self._add(Concatenate(self._name("both"), (first, second)))

    def _pad(self):
        source = self._pick(str(self.rng.choice(["bits", "integers"])))
        if source is None or self.values[source].shape[2] > 6:
            return
        bits = isinstance(self.values[source], Bits)
        value = int(self.rng.choice([-1, 1])) if bits else int(self.rng.integers(-2, 3))
        self._add(PadChannels(self._name("wide"), (source,), before=1, after=int(self.rng.integers(0, 2)), value=value))

    def _max_pool(self, wanted="integers"):
        source = self._pick(wanted)
        if source is not None and min(self.values[source].shape[:2]) >= 2:
            padding = (1, 0, 0, 1) if self.rng.integers(3) == 0 else NO_PADDING
            step = int(self.rng.integers(1, 3))
            self._add(MaxPool(self._name("max"), (source,), kernel=(2, 2), stride=(step, step), padding=padding))

    def _average_pool(self):
        source = self._pick("integers")
        if source is None or min(self.values[source].shape[:2]) < 2:
            return
        fraction_bits, area = self.values[source].fraction_bits, 4

        self._add(
            AveragePool(self._name("mean"), (source,), kernel=(2, 2), stride=(2, 2), epilogue=Mean(area, fraction_bits))
        )

    def _finish(self):
        """Bring every value that nobody reads to one grid, and their sums over the image to the logits."""
        classes = int(self.rng.integers(2, 5))
        parts = []
        while True:
            read = {name for node in self.nodes for name in node.inputs}
            dead = [name for name in self.values if name not in read and name not in parts]
            if not dead:
                break
            parts.append(self._summed(dead[0], classes))
        last = parts[0] if len(parts) == 1 else self._add(Add("last.sum", tuple(parts)))
        affine = self._affine(last)
        if self.rng.integers(2):
            affine = Affine(np.full(classes, affine.scale[0]), np.full(classes, affine.offset[0]))
        self._add(Logits("logits", (last,), affine))

    def _summed(self, name, classes):
        """(1, 1, classes) integers of a value, of no fraction bits."""
        value = self.values[name]
        if not isinstance(value, Bits) and (self.rng.integers(2) or max(-value.lowest, value.highest) > 2**10):
            name = self._quantize(name, 0)
            if self.rng.integers(2):
                name = self._add(GlobalSum(self._name("total"), (name,)))
        elif not isinstance(value, Bits):
            name = self._add(Sign(self._name("sign"), (name,), self._affine(name, sign=True)))
        height, width, channels = self.values[name].shape
        weights = self.rng.choice([-1.0, 1.0], size=(classes, channels, height, width)).astype(np.float32)
        return self._add(Matrix(self._name("fc"), (name,), weights))


def _source_value(node):
    return ModelGraph((node, *_any_reader(node))).values[node.name]


def _any_reader(node):
    shape = node.output().shape
    weights = np.ones((2, shape[2], *shape[:2]), np.float32)
    return Matrix("any", (node.name,), weights), Logits("logits", ("any",), lambda rows: rows)
