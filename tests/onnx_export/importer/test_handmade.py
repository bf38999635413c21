"""Files by hand, each with one trait that users' files have. Oracle: qonnx on the file, a naive loop on the network."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bnn.chain import as_chain
from bnn.errors import UserError
from bnn.layers import MaxPoolLayer
from onnx_export.importer import import_qonnx

RNG = np.random.default_rng(11)


@pytest.fixture
def check(file_logits, naive_run, same_order):
    """Import a file, compare the answers to a few random images, and give what was imported."""

    def run(path, **keywords):
        imported = import_qonnx(path, **keywords)
        images = RNG.integers(0, 256, (4, *imported.network.input.shape), np.uint8)
        last = imported.network.output.name
        for image, logits in zip(images, file_logits(path, imported, images), strict=True):
            assert same_order(naive_run(imported.network, image)[last].reshape(-1), logits)
        return imported

    return run


def bipolar_pixels(graph):
    graph.node("Mul", 2.0)
    graph.node("Sub", 1.0)
    graph.sign()


def small_cnn(graph, bipolar, kernel=(2, 2), classes=4, channels=2, **attributes):
    bipolar_pixels(graph)
    graph.node("Conv", bipolar(RNG, 5, channels, *kernel), kernel_shape=list(kernel), **attributes)
    graph.node("Add", RNG.normal(size=(5, 1, 1)))
    graph.sign()
    return graph


def finish(graph, bipolar, width, classes=4):
    graph.node("Flatten")
    graph.dense(bipolar(RNG, classes, width))
    return graph


def test_channel_last_image(build, bipolar, check, tmp_path):
    graph = build((1, 4, 6, 3))
    graph.node("Transpose", perm=[0, 3, 1, 2])
    finish(small_cnn(graph, bipolar, channels=3), bipolar, 3 * 5 * 5)
    assert check(graph.save(tmp_path / "m.onnx")).network.input.shape == (4, 6, 3)


def test_flat_input_that_becomes_an_image(build, bipolar, check, tmp_path):
    graph = build((1, 60))
    graph.raw("Reshape", ["image", graph.constant([1, 3, 5, 4], np.int64)])
    finish(small_cnn(graph, bipolar, channels=3), bipolar, 5 * 4 * 3)
    imported = check(graph.save(tmp_path / "m.onnx"))
    assert imported.network.input.shape == (5, 4, 3)
    image = np.arange(60, dtype=np.uint8)
    in_order = imported.images(image[None])
    np.testing.assert_array_equal(in_order[0], image.reshape(3, 5, 4).transpose(1, 2, 0))


def test_many_channels_that_look_like_rows(build, bipolar, check, tmp_path):
    graph = build((1, 6, 4, 1))
    finish(small_cnn(graph, bipolar, kernel=(2, 1), channels=6), bipolar, 5 * 3 * 1)
    assert check(graph.save(tmp_path / "m.onnx")).network.input.shape == (4, 1, 6)


def test_image_without_channels(build, bipolar, check, tmp_path):
    graph = build((1, 4, 5))
    bipolar_pixels(graph)
    finish(graph, bipolar, 20)
    imported = check(graph.save(tmp_path / "m.onnx"))
    assert imported.network.input.shape == (4, 5, 1)
    assert imported.images(np.zeros((2, 4, 5), np.uint8)).shape == (2, 4, 5, 1)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, (2, 3)),
        ({"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, (2, 3)),
        ({"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_LOWER"}, (3, 5)),
        ({"kernel_shape": [2, 3], "strides": [1, 1], "auto_pad": "VALID"}, (2, 3)),
        ({"kernel_shape": [3, 3], "strides": [2, 1], "pads": [1, 2, 0, 1]}, (1, 6)),
    ],
)
def test_windows_of_max_pools(build, bipolar, check, tmp_path, attributes, expected):
    graph = small_cnn(build((1, 2, 4, 6)), bipolar)
    graph.node("MaxPool", name="/features/pool/MaxPool", **attributes)
    finish(graph, bipolar, 5 * int(np.prod(expected)))
    network = check(graph.save(tmp_path / "m.onnx")).network
    pool = as_chain(network).layers[1]
    assert isinstance(pool, MaxPoolLayer)
    assert pool.name == "features_pool"
    assert pool.output_shape((3, 5, 5))[:2] == expected


def test_global_max_pool(build, bipolar, check, tmp_path):
    graph = small_cnn(build((1, 2, 4, 6)), bipolar)
    graph.node("GlobalMaxPool")
    finish(graph, bipolar, 5)
    check(graph.save(tmp_path / "m.onnx"))


def test_convolution_padded_with_zeros_on_bipolar_pixels_becomes_integers(build, bipolar, check, tmp_path):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar, pads=[1, 0, 1, 1]), bipolar, 5 * 5 * 6)
    network = check(graph.save(tmp_path / "m.onnx")).network
    assert not network.input.binary
    assert network.input.range == (-1, 1)


def test_same_padding_of_a_convolution(build, bipolar, check, tmp_path):
    graph = small_cnn(build((1, 2, 5, 6)), bipolar, kernel=(3, 2), auto_pad="SAME_UPPER", strides=[2, 1])
    check(finish(graph, bipolar, 5 * 3 * 6).save(tmp_path / "m.onnx"))


def test_convolution_to_one_by_one_at_the_end(build, bipolar, check, tmp_path):
    graph = small_cnn(build((1, 2, 4, 6)), bipolar)
    graph.node("Conv", bipolar(RNG, 7, 5, 3, 5), np.arange(7) / 4, kernel_shape=[3, 5])
    check(graph.save(tmp_path / "m.onnx"))


def test_open_batch_with_the_shape_computed_in_the_graph(build, bipolar, check, tmp_path):
    weights = bipolar(RNG, 3, 75)
    graph = small_cnn(build((1, 2, 4, 6)), bipolar)
    before = graph.nodes[:]
    image = graph.tensor
    batch = graph.raw("Gather", [graph.node("Shape"), graph.constant(0, np.int64)])
    axis, rest = graph.constant([0], np.int64), graph.constant(-1, np.int64)
    ends = [graph.raw("Unsqueeze", [part, axis]) for part in (batch, rest)]
    graph.raw("Reshape", [image, graph.raw("Concat", ends, axis=0)])
    graph.dense(weights, name="fc")
    model = graph.model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.save(model, tmp_path / "open.onnx")
    graph.nodes, graph.tensor = before, image
    graph.node("Flatten")
    graph.dense(weights, name="fc")
    fixed = check(graph.save(tmp_path / "fixed.onnx"))
    assert import_qonnx(tmp_path / "open.onnx").network.hash == fixed.network.hash


def test_batch_of_eight_in_the_file(build, bipolar, tmp_path):
    hashes = []
    for batch in (1, 8):
        graph, rng = build((batch, 2, 3, 4)), np.random.default_rng(5)
        bipolar_pixels(graph)
        graph.raw("Reshape", [graph.tensor, graph.constant([batch, -1], np.int64)])
        graph.dense(bipolar(rng, 3, 24))
        hashes.append(import_qonnx(graph.save(tmp_path / "m.onnx")).network.hash)
    assert hashes[0] == hashes[1]


def test_external_data(build, bipolar, check, tmp_path):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar), bipolar, 75)
    onnx.save(graph.model(), tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    assert (tmp_path / "m.bin").stat().st_size > 0
    check(tmp_path / "m.onnx")


@pytest.mark.parametrize("domain", ["finn.custom_op.general", "onnx.brevitas", "finn"])
def test_domains_of_older_exporters(build, bipolar, tmp_path, domain):
    graph = finish(small_cnn(build((1, 2, 4, 6), opset=9), bipolar), bipolar, 75)
    today = import_qonnx(graph.save(tmp_path / "m.onnx"))
    for node in graph.nodes:
        node.domain = node.domain and domain
    assert import_qonnx(graph.save(tmp_path / "old.onnx")).network.hash == today.network.hash


def test_initializers_that_are_inputs_too(build, bipolar, tmp_path):
    graph = finish(small_cnn(build((1, 2, 4, 6), opset=9), bipolar), bipolar, 75)
    today = import_qonnx(graph.save(tmp_path / "m.onnx"))
    model = graph.model()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, tmp_path / "old.onnx")
    assert import_qonnx(tmp_path / "old.onnx").network.hash == today.network.hash


def test_local_functions_are_written_out(build, bipolar, tmp_path):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar), bipolar, 75)
    plain = import_qonnx(graph.save(tmp_path / "m.onnx"))
    model = graph.model()
    body = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Identity", ["y"], ["z"])]
    model.functions.append(helper.make_function("mine", "Rectify", ["x"], ["z"], body, list(model.opset_import)))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node.append(helper.make_node("Rectify", [graph.tensor], ["out"], domain="mine"))
    model.graph.output[0].name = "out"
    onnx.save(model, tmp_path / "f.onnx")
    with_relu = import_qonnx(tmp_path / "f.onnx").network
    assert as_chain(with_relu).layers[-1].score_table is not None  # all logits below 0 are equal now
    assert (
        as_chain(with_relu).layers[:-1][0].thresholds.tolist() == as_chain(plain.network).layers[0].thresholds.tolist()
    )


def test_pixel_table_that_is_not_affine(build, bipolar, check, tmp_path):
    graph = build((1, 1, 2, 3))
    graph.node("MultiThreshold", [[0.1, 0.11, 0.5, 0.9]], out_dtype="UINT4")
    network = check(finish(graph, bipolar, 6).save(tmp_path / "m.onnx")).network
    table = network.input.table
    limits = (np.arange(256)[:, None] / 255 >= np.float32([0.1, 0.11, 0.5, 0.9])).sum(axis=1)
    np.testing.assert_array_equal(table, limits)


def test_pixels_that_no_quantizer_rounds_keep_all_their_steps(build, bipolar, check, tmp_path):
    graph = build((1, 1, 2, 3))
    graph.node("Sub", 0.5)
    graph.node("Div", 0.5)
    network = check(finish(graph, bipolar, 6).save(tmp_path / "m.onnx")).network
    np.testing.assert_array_equal(network.input.table, 2 * np.arange(256) - 255)


@pytest.mark.parametrize("kind", ["ArgMax", "Softmax", "LogSoftmax", "TopK"])
def test_what_stands_behind_the_logits(build, bipolar, file_logits, naive_run, tmp_path, kind):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar), bipolar, 75)
    output_type = TensorProto.FLOAT
    if kind == "ArgMax":
        graph.node("ArgMax", axis=1, keepdims=0)
        output_type = TensorProto.INT64
    elif kind == "TopK":
        graph.raw("TopK", [graph.tensor, graph.constant([1], np.int64)], axis=-1)
        graph.nodes[-1].output.append("index")
        graph.tensor, output_type = "index", TensorProto.INT64
    else:
        graph.node(kind, axis=-1)
    path = graph.save(tmp_path / "m.onnx", output_type=output_type)
    imported = import_qonnx(path)
    assert any(kind in note for note in imported.notes)
    images = RNG.integers(0, 256, (5, 4, 6, 2), np.uint8)
    last = imported.network.output.name
    for image, answer in zip(images, file_logits(path, imported, images), strict=True):
        ours = naive_run(imported.network, image)[last].argmax()
        assert ours == (answer.argmax() if "oftmax" in kind else int(answer[0]))


def test_layers_are_named_after_their_nodes(build, bipolar, tmp_path):
    graph = build((1, 9))
    bipolar_pixels(graph)
    for name in ("/features.2/MatMul", "block.fc_matmul", "/features.2/MatMul_1", ""):
        graph.dense(bipolar(RNG, 9, 9), name=name)
        if name:
            graph.sign()
    names = [layer.name for layer in as_chain(import_qonnx(graph.save(tmp_path / "m.onnx")).network).layers]
    assert names == ["features_2", "block_fc", "features_2_MatMul_1", "MatMul_9"]


SCALES = {
    "metadata": (1 / 128, None),
    "uint8": (1.0, None),
    "annotated": (1.0, None),
    "divides": (1.0, None),
    "default": (1 / 255, "pixels are taken as 0..1"),
}


@pytest.mark.parametrize("kind", SCALES)
def test_scale_of_the_pixels(build, bipolar, tmp_path, kind):
    graph = build((1, 6), input_type=TensorProto.UINT8 if kind == "uint8" else TensorProto.FLOAT)
    if kind == "uint8":
        graph.node("Cast", to=TensorProto.FLOAT)
    if kind == "divides":
        graph.node("Div", 255.0)
    graph.node("MultiThreshold", [[0.4]], out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0)
    graph.dense(bipolar(RNG, 3, 6))
    model = graph.model()
    if kind == "metadata":
        model.metadata_props.add(key="input_scale", value=repr(1 / 128))
    if kind == "annotated":
        entry = onnx.StringStringEntryProto(key="finn_datatype", value="UINT8")
        model.graph.quantization_annotation.add(tensor_name="image", quant_parameter_tensor_names=[entry])
    onnx.save(model, tmp_path / "m.onnx")
    imported = import_qonnx(tmp_path / "m.onnx")
    scale, note = SCALES[kind]
    assert imported.input_scale == scale
    assert [note in given for given in imported.notes] == ([True] if note else [])
    pixels = (np.arange(256) * scale).astype(np.float32) / (255 if kind == "divides" else 1)
    np.testing.assert_array_equal(imported.network.input.table, pixels >= np.float32(0.4))


def test_given_scale_wins(build, bipolar, tmp_path):
    graph = build((1, 6))
    graph.sign()
    graph.dense(bipolar(RNG, 3, 6))
    assert import_qonnx(graph.save(tmp_path / "m.onnx"), input_scale=2.0).input_scale == 2.0
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match=f"m.onnx: input scale {wrong}, must be a number above 0"):
            import_qonnx(tmp_path / "m.onnx", input_scale=wrong)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((5, 4, 6, 2), np.float32, "images: type float32, must be uint8"),
        ((5, 6, 4, 2), np.uint8, r"images: shape \(5, 6, 4, 2\), must be .*\(4, 6, 2\)"),
        ((5, 48), np.uint8, r"images: shape \(5, 48\), must be"),
        ((), np.uint8, r"images: shape \(\), must be"),
    ],
)
def test_images_that_do_not_fit(build, bipolar, tmp_path, shape, dtype, message):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar), bipolar, 75)
    imported = import_qonnx(graph.save(tmp_path / "m.onnx"))
    with pytest.raises(UserError, match=message):
        imported.images(np.zeros(shape, dtype))


def test_images_in_the_networks_or_the_files_order(build, bipolar, tmp_path):
    graph = finish(small_cnn(build((1, 2, 4, 6)), bipolar), bipolar, 75)
    imported = import_qonnx(graph.save(tmp_path / "m.onnx"))
    images = RNG.integers(0, 256, (3, 4, 6, 2), np.uint8)
    np.testing.assert_array_equal(imported.images(images), images)
    np.testing.assert_array_equal(imported.images(images.transpose(0, 3, 1, 2)), images)
