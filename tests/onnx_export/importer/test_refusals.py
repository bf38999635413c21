"""Files that cannot become integers: one line each, with the node's name and the reason."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from onnx_export.importer import ImportRefusedError, import_qonnx

RNG = np.random.default_rng(23)


def bipolar(*shape):
    return RNG.choice([-1.0, 1.0], size=shape).astype(np.float32)


def start(build, shape=(1, 2, 4, 4), **keywords):
    graph = build(shape, **keywords)
    if graph.opset >= 9:
        graph.node("Sub", 0.5)
    graph.sign()
    return graph


def then(graph, op, *constants, **attributes):
    graph.node(op, *constants, **attributes)
    return graph


def conv(graph, **attributes):
    graph.node("Conv", bipolar(3, 2, 2, 2), kernel_shape=[2, 2], name="conv1", **attributes)
    return graph


def dense(build, weights, op="MatMul", **attributes):
    graph = start(build, (1, 6))
    graph.node(op, weights, name="fc1", **attributes)
    return graph


def after_dense(build, *nodes):
    graph = start(build, (1, 6))
    graph.dense(bipolar(6, 6), name="fc1")
    for op, *constants in nodes:
        graph.node(op, *constants, name=op.lower())
    graph.dense(bipolar(3, 6), name="fc2")
    return graph


def branched(build):
    graph = start(build, (1, 6))
    graph.dense(bipolar(6, 6), name="fc1")
    graph.node("BatchNormalization", *RNG.uniform(1, 2, size=(4, 6)), name="norm")
    shortcut = graph.tensor
    graph.sign()
    graph.dense(bipolar(6, 6))
    graph.raw("Add", [graph.tensor, shortcut], name="join")
    graph.sign()
    graph.dense(bipolar(3, 6))
    return graph


def alphas(build):
    graph = start(build, (1, 6))
    graph.dense(bipolar(6, 6) * np.arange(1, 7)[:, None], name="fc1")
    shortcut = graph.tensor
    graph.sign()
    graph.dense(bipolar(6, 6))
    graph.raw("Add", [graph.tensor, shortcut], name="join")
    graph.sign()
    graph.dense(bipolar(3, 6))
    return graph


def grids(build, one, other, op="Add", *, flat=False):
    graph = start(build, (1, 6))
    bits, branches = graph.tensor, []
    for number, step in enumerate((one, other)):
        graph.tensor = bits
        graph.dense(bipolar(6, 6))
        graph.node("Mul", np.linspace(0.1, 0.3, 6))
        graph.node("Quant", step, 0.0, 6.0, signed=1, narrow=0, rounding_mode="FLOOR")
        if flat and number:
            graph.raw("Reshape", [graph.tensor, graph.constant([1, 6, 1, 1], np.int64)])
        branches.append(graph.tensor)
    graph.raw(op, branches, name="join")
    graph.sign()
    if not flat:
        graph.dense(bipolar(3, 6))
    return graph


def reflected(build):
    graph = start(build)
    graph.raw("Pad", [graph.tensor, graph.constant([0, 0, 1, 0, 0, 0, 0, 0], np.int64)], name="pad1", mode="reflect")
    return conv(graph)


def two_outputs(build):
    graph = dense(build, bipolar(6, 4))
    kept = graph.tensor
    graph.sign()
    graph.dense(bipolar(3, 4))
    graph.more_outputs = [kept]
    return graph


def padded(build, value, axes=(0, 0, 1, 0, 0, 0, 0, 1), conv_pads=None, then=None):
    graph = start(build)
    graph.node("Conv", bipolar(2, 2, 1, 1), kernel_shape=[1, 1])
    graph.sign()
    amounts = graph.constant(list(axes), np.int64)
    graph.raw("Pad", [graph.tensor, amounts, graph.constant(value)], name="pad1")
    if then:
        graph.node(then, name="then")
    conv(graph, **({"pads": conv_pads} if conv_pads else {}))
    return graph


def pooled(build, *before):
    graph = conv(start(build))
    for op, *constants in before:
        graph.node(op, *constants, name=op.lower())
    graph.node("MaxPool", kernel_shape=[2, 2], name="pool1")
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(3, 12))
    return graph


def quantized_weights(build, bits):
    graph = start(build, (1, 6))
    latent = np.linspace(-1, 1, 24).reshape(6, 4)
    weights = graph.off_chain("Quant", latent, 0.5, 0.0, float(bits), signed=1, narrow=1, rounding_mode="ROUND")
    graph.raw("MatMul", [graph.tensor, weights], name="fc1")
    return graph


def weights_first(build):
    graph = start(build, (6, 6))
    graph.raw("MatMul", [graph.constant(bipolar(6, 6)), graph.tensor], name="fc1")
    return graph


def training_dropout(build):
    graph = start(build)
    graph.node("Dropout", 0.5, graph.constant(True, np.bool_), name="drop")
    return graph


def training_batch_norm(build):
    graph = start(build, (1, 6))
    graph.dense(bipolar(6, 6), name="fc1")
    graph.node("BatchNormalization", *RNG.uniform(1, 2, size=(4, 6)), name="norm")
    graph.nodes[-1].output.extend(["mean", "var", "saved_mean", "saved_var"])
    graph.sign()
    graph.dense(bipolar(3, 6), name="fc2")
    return graph


BITS = RNG.integers(0, 2, (6, 3))
NAN = np.where(np.arange(24).reshape(6, 4) == 7, np.nan, 1.0)
CASES = {
    "unsupported node": (
        lambda b: after_dense(b, ("Tanh",)),
        r"node tanh \(Tanh\): cannot become integers; known are Add, .*XnorPopcountMatMul",
    ),
    "two-bit weights": (
        lambda b: quantized_weights(b, 2),
        r"node fc1 \(MatMul\): weights of output \d take 3 values \(-0.5, 0, 0.5\), must be -s and \+s.*1-bit weights",
    ),
    "float weights": (
        lambda b: dense(b, RNG.normal(size=(6, 4))),
        r"node fc1 \(MatMul\): weights of output 0 take 6 values \(.*, \.\.\.\)",
    ),
    "zero weights": (
        lambda b: dense(b, np.zeros((6, 4))),
        r"node fc1 \(MatMul\): weights of output 0 take 1 values \(0\)",
    ),
    "NaN weights": (lambda b: dense(b, NAN), r"node fc1 \(MatMul\): its constant c\d holds NaN"),
    "NaN in an epilogue": (
        lambda b: after_dense(b, ("Add", np.nan), ("BipolarQuant", 1.0)),
        r"node add \(Add\): its constant c\d holds NaN",
    ),
    "infinite weights": (
        lambda b: dense(b, np.full((6, 4), np.inf)),
        r"node fc1 \(MatMul\): its weights c\d hold NaN or infinity",
    ),
    "not monotonic": (
        lambda b: after_dense(b, ("Relu",), ("Sub", 1.5), ("PRelu", [-3.0]), ("Sub", 2.0), ("BipolarQuant", 1.0)),
        r"layer fc1 channel 0: not monotonic, the output turns to -1 at accumulator .* and back to \+1",
    ),
    "relu alone": (
        lambda b: after_dense(b, ("Relu",)),
        r"node relu \(Relu\): layer fc1 channel 0 gives 2 at accumulator 2, besides 0 and 6; only activations of 1 bit",
    ),
    "sign of zero": (
        lambda b: after_dense(b, ("Sign",)),
        r"node sign \(Sign\): layer fc1 channel 0 gives 0 at accumulator 0, besides -1 and 1",
    ),
    "scales that differ between channels": (
        lambda b: after_dense(b, ("BipolarQuant", np.arange(1.0, 7.0))),
        r"node bipolarquant \(BipolarQuant\): layer fc1 would give 12 values .*alike for all channels",
    ),
    "cropping": (
        lambda b: padded(b, 1.0, (0, 0, -1, 0, 0, 0, 0, 0)),
        r"node pad1 \(Pad\): pads \[.*\]; only height and width",
    ),
    "two paddings": (
        lambda b: padded(b, 1.0, conv_pads=[1, 1, 1, 1]),
        r"node pad1 \(Pad\): pads with 1, and node conv1 \(Conv\) pads with 0 once more",
    ),
    "padding before a flatten": (
        lambda b: padded(b, 1.0, then="Flatten"),
        r"node pad1 \(Pad\): is followed by node then \(Flatten\); only a convolution",
    ),
    "groups that do not divide": (
        lambda b: conv(start(b), group=3),
        r"node conv1 \(Conv\): weights of shape \(3, 2, 2, 2\) and 3 groups for 2 channels",
    ),
    "padding with a third value": (
        lambda b: padded(b, 0.5),
        r"node conv1 \(Conv\): pads with 0.5 where its input is -1 or 1; bits have no third value",
    ),
    "padding of channels and rows": (
        lambda b: padded(b, 1.0, (0, 1, 1, 0, 0, 0, 0, 0)),
        r"node pad1 \(Pad\): pads \[0, 1, 1, .*; must pad height and width, or channels alone",
    ),
    "real shortcut": (
        branched,
        r"node join \(Add\): computes with what node norm \(BatchNormalization\) gives: it carries real numbers .* put "
        r"them on a grid in training, floor\(x \* 2\^f \+ 0.5\) / 2\^f",
    ),
    "scales of their own in a shortcut": (
        alphas,
        r"node join \(Add\): adds what node fc1 \(MatMul\) gives: its channels have scales of their own",
    ),
    "grids of other steps": (
        lambda b: grids(b, 0.25, 0.15),
        r"node join \(Add\): adds numbers whose steps are 0.25 and 0.15, none of which is a multiple of the other",
    ),
    "product of branches": (lambda b: grids(b, 0.5, 0.5, "Mul"), r"node join \(Mul\): joins two branches; .* added"),
    "branches of other shapes": (
        lambda b: grids(b, 0.5, 0.5, flat=True),
        r"node join \(Add\): joins tensors of shapes \(1, 6\) and \(1, 6, 1, 1\), whose elements must",
    ),
    "average over padding": (
        lambda b: then(conv(start(b)), "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], name="mean"),
        r"node mean \(AveragePool\): averages over padding \(1, 1, 1, 1\), .*; leave the padding and ceil_mode out",
    ),
    "reflected padding": (
        reflected,
        r"node pad1 \(Pad\): pads by reflect; only a constant can be padded with",
    ),
    "two outputs": (
        two_outputs,
        r"tensor image: leads to 2 outputs \(t\d, t\d\); must lead to one, the logits",
    ),
    "dilated": (lambda b: conv(start(b), dilations=[2, 1]), r"node conv1 \(Conv\): dilations \[2, 1\], must be 1"),
    "image at the end": (
        lambda b: conv(start(b)),
        r"node conv1 \(Conv\): the last layer gives \(3, 3, 3\), must be one value",
    ),
    "pool of what turns twice": (
        lambda b: pooled(b, ("PRelu", [-1.0])),
        r"node pool1 \(MaxPool\): layer conv1 channel 0: what it takes the maximum of neither rises nor falls",
    ),
    "pixels that no step divides": (
        lambda b: then(then(then(b((1, 6)), "Sub", 0.1307), "Max", 0.1), "MatMul", bipolar(6, 3), name="fc1"),
        r"node fc1 \(MatMul\): the pixels that enter it take \d+ values .* quantize the input",
    ),
    "pixels scaled by channel": (
        lambda b: conv(then(b((1, 2, 4, 4)), "Mul", RNG.random((1, 2, 1, 1)), name="m")),
        r"node conv1 \(Conv\): a pixel's step is 0.\d+ in channel 0 of the image and 0.\d+ in channel 1, so that their",
    ),
    "0 besides -1 and 1": (
        lambda b: after_dense(b, ("Sign",)),
        r"node sign \(Sign\): layer fc1 channel 0 gives 0 at accumulator 0, .*; use x >= 0, or sign\(sign",
    ),
    "batch norm in training mode before opset 14": (
        training_batch_norm,
        r"node norm \(BatchNormalization\): is in training mode, as its 5 outputs say; export the model in",
    ),
    "one logit and a class picked": (
        lambda b: then(dense(b, bipolar(6, 1)), "ArgMax", axis=1, name="pick"),
        r"node pick \(ArgMax\): picks the highest of one value, which is always class 0",
    ),
    "softmax of one logit": (
        lambda b: then(dense(b, bipolar(6, 1)), "Softmax", axis=1, name="soft"),
        r"node soft \(Softmax\): of one value is always the same; .* ends in that or in a Sigmoid",
    ),
    "no matrix": (start, "has no MatMul, Gemm or Conv between its input and its output"),
    "weights first": (
        weights_first,
        r"node fc1 \(MatMul\): its weights must be its second input",
    ),
    "weights of another size": (
        lambda b: dense(b, bipolar(5, 4)),
        r"node fc1 \(MatMul\): weights of shape \(5, 4\) for 6 inputs",
    ),
    "kernel larger than the image": (
        lambda b: conv(start(b, (1, 2, 1, 4))),
        r"node conv1 \(Conv\): its kernel \(2, 2\) is larger than its padded input \(1, 4\)",
    ),
    "argmin": (
        lambda b: then(with_k(dense(b, bipolar(6, 4))), "TopK", "k", name="top", largest=0),
        r"node top \(TopK\): picks the smallest",
    ),
    "last of equals": (
        lambda b: then(dense(b, bipolar(6, 4)), "ArgMax", name="top", axis=1, select_last_index=1),
        r"node top \(ArgMax\): picks the last of equal logits",
    ),
    "class over images": (
        lambda b: then(dense(b, bipolar(6, 4)), "ArgMax", name="top"),
        r"node top \(ArgMax\): looks along axis 0 of shape \(1, 4\)",
    ),
    "training mode": (
        training_dropout,
        r"node drop \(Dropout\): is in training mode",
    ),
    "unknown domain": (
        lambda b: then(start(b), "Magic", name="m", domain="com.wizards"),
        r"node m \(Magic\): of the domain com.wizards",
    ),
    "bit counting of bipolar": (
        lambda b: then(start(b, (1, 6)), "XnorPopcountMatMul", BITS, name="x"),
        r"node x \(XnorPopcountMatMul\): counts equal bits, so its input must be 0 or 1",
    ),
    "infinite logits": (
        lambda b: then(dense(b, bipolar(6, 4)), "Div", [0.0, 1.0, 1.0, 1.0]),
        r"layer fc1 channel 0: the logit is -inf at accumulator -\d, must be finite",
    ),
    "old opset": (lambda b: start(b, opset=8), "opset 8, must be 9 to 23; export it again with opset_version=18"),
    "new opset": (lambda b: start(b, opset=24), "opset 24, must be 9 to 23"),
    "open sizes": (
        lambda b: start(b, (1, 3, "h", "w")),
        r"input image: shape \(1, 3, h, w\), must be a batch and fixed sizes",
    ),
    "wrong type": (
        lambda b: start(b, input_type=TensorProto.DOUBLE),
        "input image: type DOUBLE, must be FLOAT or UINT8",
    ),
}


def with_k(graph):
    graph.constants.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "k"))
    return graph


@pytest.mark.parametrize("case", CASES)
def test_refused_in_one_line(build, tmp_path, case):
    make, message = CASES[case]
    path = make(build).save(tmp_path / "m.onnx")
    with pytest.raises(ImportRefusedError, match=rf"^{re.escape(str(path))}: {message}") as refusal:
        import_qonnx(path)
    assert "\n" not in str(refusal.value)


def test_two_inputs(build, tmp_path):
    model = dense(build, bipolar(6, 4)).model()
    model.graph.input.append(onnx.helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ImportRefusedError, match=r"m.onnx: has 2 inputs \(image, other\), must have one, the image"):
        import_qonnx(tmp_path / "m.onnx")


def test_missing_external_data(build, tmp_path):
    model = dense(build, bipolar(6, 4)).model()
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    (tmp_path / "m.bin").unlink()
    with pytest.raises(
        ImportRefusedError, match="constant c0: its values are in the file m.bin, which is not in .*; copy it"
    ):
        import_qonnx(tmp_path / "m.onnx")


def test_truncated_external_data(build, tmp_path):
    model = dense(build, bipolar(6, 4)).model()
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    (tmp_path / "m.bin").write_bytes((tmp_path / "m.bin").read_bytes()[:-5])
    with pytest.raises(ImportRefusedError, match=r"constant c2: cannot be read from m.bin \(.*\)$"):
        import_qonnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("contents", [b"", b"not an onnx file at all", bytes(range(256))])
def test_other_files(tmp_path, contents):
    (tmp_path / "m.onnx").write_bytes(contents)
    with pytest.raises(ImportRefusedError, match=r"m.onnx: not a whole ONNX file \(.*\)$"):
        import_qonnx(tmp_path / "m.onnx")


def test_damaged_file(build, tmp_path):
    path = dense(build, bipolar(6, 4)).save(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImportRefusedError, match="m.onnx: not a whole ONNX file"):
        import_qonnx(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        import_qonnx(tmp_path / "none.onnx")
