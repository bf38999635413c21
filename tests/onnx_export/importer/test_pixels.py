"""Normalized input: given by the user or done in the graph, for all channels alike or each its own.

Oracles: onnxruntime on the file, for images normalized as PyTorch does it; and exact fractions, image by image, for the
first layer's sums.
"""

from fractions import Fraction

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from bnn.chain import as_chain
from onnx_export.importer import ImportRefusedError, import_qonnx

MNIST = ("0.1307", "0.3081")
CIFAR = ("0.4914,0.4822,0.4465", "0.2470,0.2435,0.2616")
ONE_STD = ("0.4914,0.4822,0.4465", "0.25")
UNIT = ("0.5", "0.5")


def numbers(text):
    return [Fraction(part) for part in text.split(",")]


def torch_normalized(images, mean, std):
    """(n, C, H, W) float32 of (n, H, W, C) uint8 images."""
    mean, std = (torch.tensor([float(number) for number in numbers(text)])[:, None, None] for text in (mean, std))
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32).div(255).sub(mean).div(std).numpy()


def classifier(build, bipolar, rng, shape, binary, normalization=(), kernel=None):
    """Two layers on an image (1, C, H, W), the first behind a sign where ``binary``."""
    _, channels, height, width = shape
    graph = build(shape)
    for op, *constants in normalization:
        graph.node(op, *constants, name=op.lower())
    if binary:
        graph.sign()
    size = 16
    if kernel:
        graph.node("Conv", bipolar(rng, 16, channels, *kernel), kernel_shape=list(kernel), name="first")
        size = 16 * (height - kernel[0] + 1) * (width - kernel[1] + 1)
    else:
        graph.node("Flatten")
        graph.dense(bipolar(rng, 16, channels * height * width), name="first")
    constants = 0.3 * rng.normal(size=(3, 16)), rng.uniform(0.5, 30, size=16)
    graph.node("BatchNormalization", *constants[0], constants[1], name="norm")
    graph.sign()
    if kernel:
        graph.node("Flatten")
    graph.dense(bipolar(rng, 5, size), name="second")
    return graph


def onnxruntime_logits(path, inputs):
    """BipolarQuant is qonnx's: it is written as Where(x >= 0) for onnxruntime."""
    model = onnx.load(path)
    nodes = []
    for node in model.graph.node:
        if node.op_type == "BipolarQuant":
            bit = f"{node.output[0]}_bit"
            nodes.append(onnx.helper.make_node("GreaterOrEqual", [node.input[0], "zero"], [bit]))
            nodes.append(onnx.helper.make_node("Where", [bit, "one", "minus"], node.output))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for name, value in (("zero", 0), ("one", 1), ("minus", -1)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.float32), name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.concatenate([session.run(None, {"image": frame[None]})[0] for frame in inputs])


def check_classes(path, naive_run, images, mean, std, **keywords):
    imported = import_qonnx(path, **keywords)
    last = imported.network.output.name
    ours = [naive_run(imported.network, image)[last].argmax() for image in imported.images(images)]
    assert ours == onnxruntime_logits(path, torch_normalized(images, mean, std)).argmax(axis=1).tolist()
    assert len(set(ours)) > 1
    return imported


@pytest.mark.parametrize("kernel", [None, (2, 3)])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(("channels", "mean", "std"), [(1, *MNIST), (1, *UNIT), (3, *MNIST), (3, *ONE_STD), (3, *UNIT)])
def test_mean_and_std_given(build, bipolar, naive_run, tmp_path, channels, mean, std, binary, kernel):
    rng = np.random.default_rng(17)
    path = classifier(build, bipolar, rng, (1, channels, 5, 4), binary, kernel=kernel).save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (30, 5, 4, channels), np.uint8)
    imported = check_classes(path, naive_run, images, mean, std, input_mean=mean, input_std=std)
    assert imported.input_scale == 1 / 255
    assert imported.network.input.binary == binary
    assert imported.network.input.per_channel == (binary and mean == ONE_STD[0])


def test_channels_with_stds_of_their_own_where_the_sign_comes_first(build, bipolar, naive_run, tmp_path):
    rng = np.random.default_rng(18)
    path = classifier(build, bipolar, rng, (1, 3, 5, 4), True, kernel=(2, 2)).save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (30, 5, 4, 3), np.uint8)
    network = check_classes(path, naive_run, images, *CIFAR, input_mean=CIFAR[0], input_std=CIFAR[1]).network
    expected = [[p / 255 >= float(mean) for p in range(256)] for mean in numbers(CIFAR[0])]
    np.testing.assert_array_equal(network.input.table, expected)


def test_channels_with_stds_of_their_own_where_sums_come_first(build, bipolar, tmp_path):
    rng = np.random.default_rng(18)
    path = classifier(build, bipolar, rng, (1, 3, 5, 4), False, kernel=(2, 2)).save(tmp_path / "m.onnx")
    message = (
        r"m.onnx: node first \(Conv\): a pixel's step is 0.0158768 in channel 0 of the image and 0.016\d+ in channel "
        "1, so that their sum is no integer; give all channels one std, or quantize the input behind"
    )
    with pytest.raises(ImportRefusedError, match=message):
        import_qonnx(path, input_mean=CIFAR[0], input_std=CIFAR[1])


def test_a_quantizer_behind_the_normalization_makes_integers_of_every_channel(build, bipolar, naive_run, tmp_path):
    rng = np.random.default_rng(19)
    graph = build((1, 3, 5, 4))
    graph.node("Quant", 2**-4, 0.0, 8.0, signed=1, narrow=0, rounding_mode="ROUND")
    graph.node("Conv", bipolar(rng, 6, 3, 2, 2), kernel_shape=[2, 2], pads=[1, 0, 0, 1], name="first")
    graph.node("Add", np.float32(0.125) * np.arange(6)[:, None, None])
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(rng, 4, 6 * 5 * 4))
    imported = import_qonnx(graph.save(tmp_path / "m.onnx"), input_mean=CIFAR[0], input_std=CIFAR[1])
    encoding = imported.network.input
    image = np.arange(256, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    expected = np.rint(torch_normalized(image, *CIFAR)[:, :, 0, 0] * 16)
    np.testing.assert_array_equal(encoding.table.T, expected)
    weights = bipolar(np.random.default_rng(19), 6, 3, 2, 2)
    images = rng.integers(0, 256, (3, 5, 4, 3), np.uint8)
    for image in images:
        integers = torch.from_numpy(encoding.encode(image[None]).astype(np.float64))
        padded = torch.nn.functional.pad(integers, (0, 0, 0, 1, 1, 0))
        sums = torch.nn.functional.conv2d(padded.permute(0, 3, 1, 2), torch.from_numpy(weights).double()) / 16
        bits = (sums + torch.arange(6)[:, None, None] / 8 >= 0)[0].permute(1, 2, 0)
        np.testing.assert_array_equal(naive_run(imported.network, image)["first"], bits)


@pytest.mark.parametrize(("mean", "std"), [MNIST, ("0.2", "0.4"), ("51/255,0.1,1/3", "7/255")])
def test_sums_are_exact(build, bipolar, naive_run, tmp_path, mean, std):
    """Without batch norm the bit is the sign of the sum, 0 included: nothing but the exact sum decides."""
    rng = np.random.default_rng(20)
    channels = len(numbers(mean))
    weights = bipolar(rng, 64, 4 * channels)
    graph = build((1, channels, 2, 2))
    graph.node("Flatten")
    graph.dense(weights, name="first")
    graph.sign()
    graph.dense(bipolar(rng, 3, 64))
    imported = import_qonnx(graph.save(tmp_path / "m.onnx"), input_mean=mean, input_std=std)
    means = numbers(mean)
    zeros = 0
    for _ in range(40):
        # around the mean, so that sums are small; 0.2 is 51/255 exactly
        image = rng.integers(49, 54, (2, 2, channels), np.uint8)
        flat = image.transpose(2, 0, 1).reshape(-1).tolist()
        offsets = [means[index // 4] for index in range(4 * channels)]
        sums = [
            sum(int(w) * (Fraction(p, 255) - m) for w, p, m in zip(row, flat, offsets, strict=True)) for row in weights
        ]
        zeros += sums.count(0)
        bits = naive_run(imported.network, image)["first"].reshape(-1)
        assert bits.tolist() == [int(total >= 0) for total in sums]
    assert zeros > 0


GRAPH_MEAN, GRAPH_STD = np.float32([0.4914, 0.4822, 0.4465]), np.float32(0.25)


def spelled(kind, shape):
    """The same normalization as operators: (x - mean) / std per channel."""
    mean = GRAPH_MEAN.reshape(shape)
    match kind:
        case "Sub, Div":
            return [("Sub", mean), ("Div", GRAPH_STD)]
        case "Mul, Add":
            return [("Mul", 1 / GRAPH_STD), ("Add", -mean / GRAPH_STD)]
        case "Sub, Mul":
            return [("Sub", mean), ("Mul", np.full(shape, 4, np.float32))]
    return [("BatchNormalization", np.full(3, 0.5), np.zeros(3), GRAPH_MEAN, np.full(3, 0.015625 - 1e-5))]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["Sub, Div", "Mul, Add", "Sub, Mul", "BatchNormalization"])
def test_normalization_of_each_channel_inside_the_graph(build, bipolar, naive_run, tmp_path, kind, binary):
    rng = np.random.default_rng(21)
    operators = spelled(kind, (1, 3, 1, 1))
    path = classifier(build, bipolar, rng, (1, 3, 5, 4), binary, operators, kernel=(2, 2)).save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (30, 5, 4, 3), np.uint8)
    network = check_classes(path, naive_run, images, "0", "1").network
    assert network.input.per_channel == binary


def test_normalization_of_a_channel_last_image(build, bipolar, naive_run, file_logits, same_order, tmp_path):
    rng = np.random.default_rng(22)
    graph = build((1, 6, 5, 3))
    for op, *constants in spelled("Sub, Div", (1, 1, 1, 3)):
        graph.node(op, *constants)
    graph.sign()
    graph.node("Transpose", perm=[0, 3, 1, 2])
    graph.node("Conv", bipolar(rng, 7, 3, 3, 2), kernel_shape=[3, 2])
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(rng, 4, 7 * 4 * 4))
    path = graph.save(tmp_path / "m.onnx")
    imported = import_qonnx(path)
    assert imported.network.input.per_channel
    images = rng.integers(0, 256, (5, 6, 5, 3), np.uint8)
    last = imported.network.output.name
    for image, logits in zip(images, file_logits(path, imported, images), strict=True):
        assert same_order(naive_run(imported.network, image)[last].reshape(-1), logits)


def test_normalization_of_a_flat_image_that_becomes_one_with_channels(build, bipolar, naive_run, file_logits, tmp_path):
    """The constants are read where the image is still a vector: each channel's are found again behind the Reshape."""
    rng = np.random.default_rng(23)
    graph = build((1, 60))
    graph.node("Sub", np.repeat(GRAPH_MEAN, 20)[None])
    graph.raw("Reshape", [graph.tensor, graph.constant([1, 3, 5, 4], np.int64)])
    graph.sign()
    graph.node("Conv", bipolar(rng, 7, 3, 3, 2), kernel_shape=[3, 2])
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(rng, 4, 7 * 3 * 3))
    path = graph.save(tmp_path / "m.onnx")
    imported = import_qonnx(path)
    assert imported.network.input.table.shape == (3, 256)
    images = rng.integers(0, 256, (5, 5, 4, 3), np.uint8)
    last = imported.network.output.name
    for image, logits in zip(images, file_logits(path, imported, images), strict=True):
        assert naive_run(imported.network, image)[last].argmax() == logits.argmax()
    mean_image = build((1, 60))
    mean_image.node("Sub", np.arange(60, dtype=np.float32)[None] / 60, name="mean_image")
    mean_image.raw("Reshape", [mean_image.tensor, mean_image.constant([1, 3, 5, 4], np.int64)])
    mean_image.sign()
    mean_image.node("Conv", bipolar(rng, 7, 3, 5, 4), kernel_shape=[5, 4])
    with pytest.raises(ImportRefusedError, match=r"node mean_image \(Sub\): treats the positions of one channel"):
        import_qonnx(mean_image.save(tmp_path / "p.onnx"))


def test_a_mean_image_for_a_dense_layer(build, bipolar, naive_run, file_logits, tmp_path):
    rng = np.random.default_rng(24)
    graph = build((1, 30))
    graph.node("Sub", rng.uniform(size=(1, 30)))
    graph.sign()
    graph.dense(bipolar(rng, 4, 30), name="first")
    path = graph.save(tmp_path / "m.onnx")
    imported = import_qonnx(path)
    assert imported.network.input.table.shape == (30, 256)
    images = rng.integers(0, 256, (6, 1, 1, 30), np.uint8)
    for image, logits in zip(images, file_logits(path, imported, images), strict=True):
        np.testing.assert_array_equal(naive_run(imported.network, image)["first"].reshape(-1), logits)


def test_padding_in_front_of_normalized_sums(build, bipolar, tmp_path):
    rng = np.random.default_rng(25)
    weights = bipolar(rng, 6, 1, 3, 3)
    graph = build((1, 1, 5, 4))
    graph.node("Conv", weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1], name="first")
    graph.node("Add", np.float32(rng.normal(size=(6, 1, 1))))
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(rng, 4, 6 * 20))
    path = graph.save(tmp_path / "m.onnx")
    with pytest.raises(
        ImportRefusedError,
        match=r"first \(Conv\): pads with 0, which is 33.3285 among the input.s integers 0..255",
    ):
        import_qonnx(path, input_mean=MNIST[0], input_std=MNIST[1])
    network = import_qonnx(path, input_mean="33/255", input_std=MNIST[1]).network
    np.testing.assert_array_equal(network.input.table, np.arange(256) - 33)
    assert as_chain(network).layers[0].pad_values.tolist() == [0]


@pytest.mark.parametrize("mean", [MNIST[0], "0.1307,0.2307", f"0.1307,{Fraction('0.1307') + Fraction(3, 255)}"])
def test_normalized_sums_padded_with_a_pixel(build, bipolar, naive_run, tmp_path, mean):
    """Black stays black: 0 - mean, whatever it is, is a pixel value."""
    rng = np.random.default_rng(29)
    channels = len(numbers(mean))
    weights = bipolar(rng, 6, channels, 3, 2)
    black = np.float32((0 - np.float32(0.1307)) / np.float32(0.3081))
    graph = build((1, channels, 4, 3))
    graph.raw(
        "Pad", [graph.tensor, graph.constant([0, 0, 1, 0, 0, 0, 2, 1], np.int64), graph.constant(black)], name="pad"
    )
    graph.node("Conv", weights, kernel_shape=[3, 2], name="first")
    graph.node("Add", np.float32(rng.normal(size=(6, 1, 1))), name="bias")
    biases = onnx.numpy_helper.to_array(graph.constants[-1]).reshape(-1)
    graph.sign()
    graph.node("Flatten")
    graph.dense(bipolar(rng, 4, 6 * 5 * 3))
    path = graph.save(tmp_path / "m.onnx")
    if mean == "0.1307,0.2307":  # 25.5 steps apart
        with pytest.raises(ImportRefusedError, match="pads channels 0 and 1 of the image, .* -25.5 steps"):
            import_qonnx(path, input_mean=mean, input_std=MNIST[1])
        return
    network = import_qonnx(path, input_mean=mean, input_std=MNIST[1]).network
    for image in rng.integers(0, 256, (4, 4, 3, channels), np.uint8):
        exact = np.full((7, 4, channels), (0 - 0.1307) / 0.3081)
        exact[1:5, :3] = (image / 255 - np.array([float(own) for own in numbers(mean)])) / 0.3081
        expected = np.empty((5, 3, 6))
        for y, x, channel in np.ndindex(expected.shape):
            products = weights[channel].transpose(1, 2, 0) * exact[y : y + 3, x : x + 2]
            expected[y, x, channel] = products.sum() + biases[channel] >= 0
        np.testing.assert_array_equal(naive_run(network, image)["first"], expected)


def test_a_mean_next_to_a_half_is_not_taken_for_one(build, bipolar, tmp_path):
    """Pixels of which 1000th parts of a step are missing are no multiples of it: the sum would be off by 9 of those."""
    path = classifier(build, bipolar, np.random.default_rng(26), (1, 1, 3, 3), False).save(tmp_path / "m.onnx")
    half = import_qonnx(path, input_mean="0.5").network.input.table
    near = import_qonnx(path, input_mean="0.499999").network.input.table
    np.testing.assert_array_equal(half, 2 * np.arange(256) - 255)
    np.testing.assert_array_equal(near, np.arange(256))


def test_input_that_does_not_depend_on_the_image_is_noted(build, bipolar, tmp_path):
    path = classifier(build, bipolar, np.random.default_rng(27), (1, 2, 4, 4), True).save(tmp_path / "m.onnx")
    (_, note) = import_qonnx(path).notes  # 0..1 is never below 0
    assert note.startswith("every pixel value becomes the same integer 1")
    assert "check --input-scale, --input-mean and --input-std" in note
    (note,) = import_qonnx(path, input_mean="0.5,0").notes
    assert note.startswith("every pixel value of channel 1 of the image becomes the same bit 1")
    assert not import_qonnx(path, input_mean="0.5").notes


def test_means_for_other_channels_than_the_image_has(build, bipolar, tmp_path):
    path = classifier(build, bipolar, np.random.default_rng(28), (1, 2, 4, 4), True).save(tmp_path / "m.onnx")
    with pytest.raises(ImportRefusedError, match=r"tell 3 channels, the image \(4, 4, 2\) has 2; give one number, or"):
        import_qonnx(path, input_mean=CIFAR[0])
