"""A graph of layers in plain loops: int64 sums, float32 only where a batch norm, a shift or a mean stands.

It reads the layers as the TOML has them and a state dict, and shares nothing with ``training.networks``.
"""

import math

import numpy as np

F32 = np.float32


class NaiveGraph:
    """Every value of a graph as integers (n, h, w, c), in steps of 2^-f; bits as -1 and +1."""

    def __init__(self, network, layers, state, *, shift=0.0):
        self.settings = network
        self.layers = layers
        self.state = {name: tensor.numpy() for name, tensor in state.items()}
        self.shift = shift
        self.saturated = 0

    def run(self, images, factor=1.0):
        """(values by name, the fraction bits of each, logits); ``factor`` is the classifier's power of two."""
        values = {"input": self.encode(images.astype(np.int64))}
        fractions = {"input": 0}
        is_bits = {"input": "thermometer" in self.settings or self.settings.get("input_bits", 8) == 1}
        above, counts = "input", {}
        short = {"dense": "fc", "conv": "conv", "pool": "pool", "add": "add", "concatenate": "concatenate"}
        short |= {"sign": "sign", "batch_norm": "norm", "average_pool": "average", "pad_channels": "pad"}
        for layer in self.layers:
            kind = next(key for key in short if key in layer)
            counts[kind] = counts.get(kind, 0) + 1
            name = layer.get("name", f"{short[kind]}{counts[kind]}")
            sources = layer[kind] if kind in {"add", "concatenate"} else [layer.get("input", above)]
            x, f = [values[one] for one in sources], fractions[sources[0]]
            y = getattr(self, kind)(layer, name, x, is_bits[sources[0]], f)
            given = layer.get("gives", "bits") if kind in {"dense", "conv"} else layer.get("batch_norm")
            is_bits[name] = kind == "sign" or given == "bits" or (given is None and is_bits[sources[0]])
            if given == "grid":
                f = layer.get("fraction_bits", self.settings.get("fraction_bits", 6))
            values[name], fractions[name], above = y, 0 if is_bits[name] else f, name
        x, f = values[above], fractions[above]
        if self.settings.get("classifier") == "sum":
            x = x.sum(axis=(1, 2), keepdims=True)
        weights = self.weights("classifier").reshape(-1, x.shape[3], *x.shape[1:3])  # (classes, c, h, w)
        sums = np.einsum("nhwc,kchw->nk", x, weights)
        near_one = F32(sums) * F32(2.0**-f) * F32(factor)  # exact
        logits = near_one * self.state["classifier.affine.scale"] + self.state["classifier.affine.offset"]
        return values, fractions, logits

    def encode(self, pixels):
        if "thermometer" in self.settings:
            n = self.settings["thermometer"]
            thresholds = [round(255 * (k + 1) / (n + 1)) for k in range(n)]
            parts = [pixels[..., c] >= t for c in range(pixels.shape[3]) for t in thresholds]
            return np.where(np.stack(parts, -1), 1, -1)
        depth = self.settings.get("input_bits", 8)
        return np.where(pixels >= 128, 1, -1) if depth == 1 else pixels // 2 ** (8 - depth)

    def weights(self, name):
        latent = self.state[f"{name}.matrix.weight"]
        return np.where(latent >= 0, 1, -1).astype(np.int64)

    def conv(self, layer, name, x, is_bits, f):
        weights = self.weights(f"blocks.{name}")
        (kh, kw), (sv, sh), (pv, ph) = (
            pair(layer.get(k, d)) for k, d in (("kernel", 3), ("stride", 1), ("padding", 0))
        )
        fill = 0
        if is_bits and pv + ph:
            fill = 2 * layer["pad_bit"] - 1
        elif "pad_pixel" in layer:
            fill = layer["pad_pixel"] // 2 ** (8 - self.settings.get("input_bits", 8))
        x = np.pad(x[0], ((0, 0), (pv, pv), (ph, ph), (0, 0)), constant_values=fill)
        rows = range(0, x.shape[1] - kh + 1, sv)
        columns = range(0, x.shape[2] - kw + 1, sh)
        windows = [[np.einsum("nhwc,kchw->nk", x[:, i : i + kh, j : j + kw], weights) for j in columns] for i in rows]
        return self.finish(layer, name, np.array(windows).transpose(2, 0, 1, 3), f)

    def dense(self, layer, name, x, is_bits, f):
        weights = self.weights(f"blocks.{name}").reshape(-1, x[0].shape[3], *x[0].shape[1:3])
        return self.finish(layer, name, np.einsum("nhwc,kchw->nk", x[0], weights)[:, None, None], f)

    def finish(self, layer, name, sums, f):
        given = layer.get("gives", "bits")
        return sums if given == "integers" else self.to(given, layer, name, self.norm(name, sums, f))

    def norm(self, name, sums, f):
        """Two float32 operations a channel."""
        t = {k: self.state[f"blocks.{name}.steps.norm.{k}"] for k in ("running_mean", "running_var", "weight", "bias")}
        root = F32(np.sqrt(np.float64(t["running_var"] + F32(1e-5))))
        scale = t["weight"] / root
        return F32(sums * 2.0**-f) * scale + (t["bias"] - t["running_mean"] * scale)

    def to(self, given, layer, name, z):
        assert z.dtype == F32
        if given == "bits":
            return np.where(z - F32(self.shift) >= 0, 1, -1)
        f = layer.get("fraction_bits", self.settings.get("fraction_bits", 6))
        half = 2 ** (layer.get("residual_bits", self.settings.get("residual_bits", 8)) - 1)
        steps = np.floor(z * F32(2**f) + F32(0.5)).astype(np.int64)
        self.saturated += int(((steps < -half) | (steps >= half)).sum())
        return np.clip(steps, -half, half - 1)

    def batch_norm(self, layer, name, x, is_bits, f):
        return self.to(layer["batch_norm"], layer, name, self.norm(name, x[0], f))

    def sign(self, layer, name, x, is_bits, f):
        return self.to("bits", layer, name, F32(x[0] * 2.0**-f))

    def add(self, layer, name, x, is_bits, f):
        return sum(x[1:], x[0])

    def concatenate(self, layer, name, x, is_bits, f):
        return np.concatenate(x, axis=3)

    def pad_channels(self, layer, name, x, is_bits, f):
        return np.pad(x[0], ((0, 0), (0, 0), (0, 0), tuple(layer["pad_channels"])))

    def windows(self, x, kernel, stride, padding=(0, 0), fill=0):
        """(n, h, w, places, c)."""
        x = np.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)), constant_values=fill)
        rows = range(0, x.shape[1] - kernel[0] + 1, stride[0])
        columns = range(0, x.shape[2] - kernel[1] + 1, stride[1])
        parts = [[x[:, i : i + kernel[0], j : j + kernel[1]] for j in columns] for i in rows]
        return np.array(parts).transpose(2, 0, 1, 3, 4, 5).reshape(len(x), len(rows), len(columns), -1, x.shape[3])

    def pool(self, layer, name, x, is_bits, f):
        kernel = pair(layer["pool"])
        stride = pair(layer.get("stride", kernel))
        return self.windows(x[0], kernel, stride, pair(layer.get("padding", 0)), -(2**40)).max(axis=3)

    def average_pool(self, layer, name, x, is_bits, f):
        kernel = pair(layer["average_pool"])
        size = math.prod(kernel)
        sums = self.windows(x[0], kernel, pair(layer.get("stride", kernel))).sum(axis=3)
        if size & (size - 1) == 0:
            return (sums + size // 2) // size  # floor((sum + size / 2) / size)
        return np.floor(F32(sums) * F32(1 / size) + F32(0.5)).astype(np.int64)


def pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def model_values(model, images):
    """Every value of a ``bnn.stage.ModelGraph`` as integers (n, h, w, c), bits as -1 and +1; the logits as they are."""
    values = {}
    fractions = {name: getattr(value, "fraction_bits", 0) for name, value in model.values.items() if name != "logits"}
    source = model.input
    encoded = source.encode(images).astype(np.int64)
    values[source.name] = 2 * encoded - 1 if getattr(source, "binary", source.kind == "thermometer") else encoded
    slide = NaiveGraph.windows
    for node in model.steps:
        x = [values[name] for name in node.inputs]
        f = fractions[node.inputs[0]]
        if node.kind in {"sign", "quantize", "logits", "average_pool"}:
            rows = x[0]
            if node.kind == "average_pool":
                rows = slide(None, rows, node.kernel, node.stride).sum(axis=3)
            numbers = node.epilogue(F32(rows.reshape(-1, rows.shape[3]) * 2.0**-f)).reshape(rows.shape)
            assert numbers.dtype == F32
            values[node.name] = numbers if node.kind == "logits" else exactly(numbers * 2.0 ** fractions[node.name])
        elif node.kind == "matrix":
            weights = node.weights.astype(np.int64)
            if weights.ndim == 2:
                weights = weights[:, :, None, None]
            top, left, bottom, right = node.padding
            padded = np.pad(x[0], ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=node.pad_value)
            flat = slide(None, padded, weights.shape[2:], node.stride)  # (n, h, w, places, c)
            values[node.name] = np.einsum("nhwpc,kcp->nhwk", flat, weights.reshape(*weights.shape[:2], -1))
        elif node.kind == "max_pool":
            assert node.padding[:2] == node.padding[2:]
            values[node.name] = slide(None, x[0], node.kernel, node.stride, node.padding[:2], -(2**40)).max(axis=3)
        elif node.kind == "add":
            values[node.name] = sum(x[1:], x[0])
        elif node.kind == "concatenate":
            values[node.name] = np.concatenate(x, axis=3)
        elif node.kind == "pad_channels":
            around = (node.before, node.after)
            values[node.name] = np.pad(x[0], ((0, 0), (0, 0), (0, 0), around), constant_values=node.value)
        else:
            assert node.kind == "global_sum", node.kind
            values[node.name] = x[0].sum(axis=(1, 2), keepdims=True)
    return values


def exactly(numbers):
    """Floats that must be integers, as integers."""
    integers = numbers.astype(np.int64)
    assert np.array_equal(integers, numbers)
    return integers
