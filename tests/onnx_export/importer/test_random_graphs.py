"""Random W1A1 graphs made with onnx.helper, opsets 9 to 20. Oracle: qonnx's executor on the file itself."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx_export.importer import ImportRefusedError, import_qonnx

# What a random chain of operators may rightly be refused for.
REFUSALS = ("not monotonic", "besides", "must be two", "pads with", "neither rises nor falls", "must be finite")


class RandomGraph:
    def __init__(self, rng, build, bipolar):
        self.rng, self.bipolar = rng, bipolar
        self.opset = int(rng.integers(9, 21))
        self.height, self.width, self.channels = (int(size) for size in rng.integers(1, 7, size=3))
        self.flat = bool(rng.integers(3) == 0)
        shape = (self.height, self.width, self.channels)
        file_shape = (1, int(np.prod(shape))) if self.flat else (1, self.channels, self.height, self.width)
        if self.flat:
            self.height, self.width, self.channels = 1, 1, file_shape[1]
        self.graph = build(file_shape, opset=self.opset)
        self.pixels()
        for _ in range(int(rng.integers(0, 3))):
            self.layer(hidden=True)
        self.layer(hidden=False)

    def choice(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def pixels(self):
        graph, kind = self.graph, self.choice("bipolar", "quant", "threshold", "raw", "affine-quant", "unsigned-bit")
        if kind == "bipolar":
            graph.node("Mul", 2.0)
            graph.node("Sub", [1.0])
            graph.node("BipolarQuant", self.choice(1.0, 0.5))
        elif kind in {"quant", "affine-quant"}:
            bits = int(self.rng.integers(2, 9))
            if kind == "affine-quant":
                graph.node("Sub", 0.5)
                graph.node("Div", 0.5)
            graph.node(
                "Quant",
                2.0 ** (1 - bits),
                0.0,
                float(bits),
                signed=1,
                narrow=int(self.rng.integers(2)),
                rounding_mode="ROUND",
            )
        elif kind == "unsigned-bit":
            graph.node("Quant", 1.0, 0.0, 1.0, signed=0, narrow=0, rounding_mode="ROUND")
        elif kind == "threshold":
            graph.node(
                "MultiThreshold",
                np.sort(self.rng.random((1, int(self.rng.integers(1, 5)))), axis=1),
                out_dtype="INT8",
                out_scale=self.choice(1.0, 2.0),
                out_bias=self.choice(0.0, -1.0),
            )
        else:
            graph.node("Mul", 255.0)
            graph.node("MultiThreshold", np.arange(0.5, 255)[None], out_dtype="UINT8")

    def weights(self, *shape):
        """A constant tensor of weights in one of the ways that files have, and what its magnitudes are."""
        signs, kind = self.bipolar(self.rng, *shape), self.choice("plain", "scaled", "rows", "bipolar", "quant")
        latent = signs * self.rng.uniform(0.1, 1, size=shape)
        if kind == "scaled":
            return self.graph.constant(signs * 0.25)
        if kind == "rows":
            rows = 2.0 ** self.rng.integers(-2, 2, size=(shape[0], *[1] * (len(shape) - 1)))
            return self.graph.constant(signs * rows)
        if kind == "bipolar":
            return self.graph.off_chain("BipolarQuant", latent, self.choice(1.0, 0.5))
        if kind == "quant":
            return self.graph.off_chain("Quant", latent, 1.0, 0.0, 1.0, signed=1, narrow=1, rounding_mode="ROUND")
        return self.graph.constant(signs)

    def per_channel(self, values):
        shape = (-1,) if self.flat else (-1, 1, 1)
        return np.asarray(values, np.float32).reshape(shape)

    def layer(self, hidden):
        rng, graph = self.rng, self.graph
        if self.flat or rng.integers(3) == 0 or not hidden:
            self.dense(hidden)
        else:
            self.convolution()
        if not hidden:
            for _ in range(int(rng.integers(0, 3))):
                graph.node(
                    self.choice("Mul", "Add"), self.choice(0.7, self.per_channel(rng.normal(size=self.channels)))
                )
            if rng.integers(4) == 0:
                graph.node("Flatten")
            return
        pool_at = int(rng.integers(0, 4)) if not self.flat and min(self.height, self.width) > 1 else -1
        for position in range(3):
            if position == pool_at:
                self.max_pool()
            if rng.integers(3):
                self.arithmetic()
        if pool_at == 3:
            self.max_pool()
        self.activation()
        if rng.integers(3) == 0:
            graph.node("Dropout")
        if not self.flat and rng.integers(4) == 0:
            self.max_pool() if pool_at == -1 and min(self.height, self.width) > 1 else graph.node("Identity")

    def dense(self, hidden):
        rng, graph, mh = self.rng, self.graph, int(rng_size(self.rng))
        mw = self.height * self.width * self.channels
        if not self.flat:
            self.choice(
                lambda: graph.node("Flatten", axis=1),
                lambda: graph.raw("Reshape", [graph.tensor, graph.constant([1, -1], np.int64)]),
                lambda: graph.raw("Reshape", [graph.tensor, graph.constant([0, mw], np.int64)]),
            )()
        if rng.integers(2):
            bias = [graph.constant(rng.integers(-8, 9, size=mh) / 8)] if self.opset < 11 or rng.integers(2) else []
            graph.raw(
                "Gemm", [graph.tensor, self.weights(mh, mw), *bias], transB=1, alpha=float(self.choice(1, 2, -0.5))
            )
        else:
            kept = self.weights(mh, mw)
            tensor, graph.tensor = graph.tensor, kept
            graph.node("Transpose", perm=[1, 0])
            graph.raw("MatMul", [tensor, graph.tensor])
        self.flat, self.height, self.width, self.channels = True, 1, 1, mh

    def convolution(self):
        rng, graph, mh = self.rng, self.graph, int(rng_size(self.rng))
        kernel = [int(rng.integers(1, min(3, size) + 1)) for size in (self.height, self.width)]
        strides = [int(stride) for stride in rng.integers(1, 3, size=2)]
        pads = [0, 0, 0, 0]
        if rng.integers(3) == 0:
            pads = [int(rng.integers(0, kernel[axis % 2])) for axis in range(4)]
            value = self.choice(-1.0, 1.0, 0.0)
            if self.opset < 11:
                graph.node("Pad", pads=[0, 0, *pads[:2], 0, 0, *pads[2:]], value=value)
            else:
                amounts = graph.constant([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64)
                graph.raw("Pad", [graph.tensor, amounts, graph.constant(value)])
        bias = [graph.constant(rng.integers(-8, 9, size=mh) / 8)] if rng.integers(3) == 0 else []
        weights = self.weights(mh, self.channels, *kernel)
        graph.raw("Conv", [graph.tensor, weights, *bias], kernel_shape=kernel, strides=strides)
        self.height = (self.height + pads[0] + pads[2] - kernel[0]) // strides[0] + 1
        self.width = (self.width + pads[1] + pads[3] - kernel[1]) // strides[1] + 1
        self.channels = mh

    def max_pool(self):
        rng = self.rng
        kernel = [int(rng.integers(1, min(3, size) + 1)) for size in (self.height, self.width)]
        strides = [int(stride) for stride in rng.integers(1, 3, size=2)]
        pads = [int(rng.integers(0, size)) for size in kernel] * 2
        self.graph.node("MaxPool", kernel_shape=kernel, strides=strides, pads=pads)
        self.height = (self.height + 2 * pads[0] - kernel[0]) // strides[0] + 1
        self.width = (self.width + 2 * pads[1] - kernel[1]) // strides[1] + 1

    def arithmetic(self):
        rng, graph, channels = self.rng, self.graph, self.channels
        constant = self.per_channel(rng.normal(size=channels) * 2)
        op = self.choice("Mul", "Add", "Sub", "Div", "Rsub", "BatchNormalization", "PRelu", "Relu", "LeakyRelu", "Clip")
        if op == "Rsub":
            graph.raw("Sub", [graph.constant(constant), graph.tensor])
        elif op == "BatchNormalization":
            scale, bias, mean = rng.normal(size=(3, channels))
            variance = graph.constant(rng.uniform(0.1, 20, size=channels))
            graph.node(op, *(graph.constant(value) for value in (scale, bias, mean)), variance, epsilon=1e-4)
        elif op == "PRelu":
            graph.node(op, self.per_channel(rng.uniform(-0.2, 1, size=channels)))
        elif op == "LeakyRelu":
            graph.node(op, alpha=0.125)
        elif op == "Relu":
            graph.node(op)
        elif op == "Clip":
            limits = (-3.0, float(rng.uniform(0, 9)))
            graph.node(op, min=limits[0], max=limits[1]) if self.opset < 11 else graph.node(op, *limits)
        else:
            graph.node(op, self.choice(constant, constant.reshape(-1)[0]))

    def activation(self):
        rng, graph = self.rng, self.graph
        kind = self.choice("bipolar", "threshold", "bit", "where", "sign")
        if kind == "bipolar":
            graph.node("BipolarQuant", self.choice(1.0, 0.5))
        elif kind == "threshold":
            thresholds = self.choice(rng.normal(size=(self.channels, 1)) * 3, np.array([[0.3]]))
            scale, bias = self.choice((2.0, -1.0), (1.0, 0.0), (1.0, -0.5))
            graph.node("MultiThreshold", thresholds, out_dtype="INT2", out_scale=scale, out_bias=bias)
        elif kind == "bit":
            graph.node("Quant", 1.0, 0.0, 1.0, signed=0, narrow=0, rounding_mode="ROUND")
        elif kind == "where" and self.opset >= 12:
            graph.node("GreaterOrEqual", 0.25)
            graph.raw("Where", [graph.tensor, graph.constant(1.0), graph.constant(-1.0)])
        else:
            graph.node("Add", 0.1)
            graph.node("Sign")


def rng_size(rng):
    return rng.integers(1, 6)


@settings(max_examples=120)
@given(st.integers(0, 2**32 - 1))
def test_the_network_answers_as_the_file(build, bipolar, naive_run, same_order, file_logits, tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    graph = RandomGraph(rng, build, bipolar).graph
    path = graph.save(tmp_path_factory.mktemp("graph") / "m.onnx")
    try:
        imported = import_qonnx(path, input_scale=1 / 255)
    except ImportRefusedError as refusal:
        if not any(reason in str(refusal) for reason in REFUSALS):
            raise
        return
    images = rng.integers(0, 256, (3, *imported.network.input.shape), np.uint8)
    last = imported.network.output.name
    for image, logits in zip(images, file_logits(path, imported, images), strict=True):
        meant = logits if len(logits) > 1 else [0, *logits]  # one alone: class 1 where it is above 0
        assert same_order(naive_run(imported.network, image)[last].reshape(-1), meant)
