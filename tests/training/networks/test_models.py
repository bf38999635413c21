"""The network against the same one written in plain PyTorch, and against a naive evaluation of its own stages."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from brevitas.export import export_qonnx
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from bnn.stage import Matrix, ModelGraph, Sign
from bnn.values import Bits
from tests.support.model_graphs import compute
from tests.support.models import model_of
from training.networks.models import to_pixels

CONV_LAYERS = [
    {"conv": 6, "padding": 1, "pad_bit": 1},
    {"pool": 2},
    {"conv": 5, "kernel": 1},
    {"pool": 2, "position": "before_activation"},
    {"dense": 9},
]


def build(layers, *, shape=(8, 8, 1), input_bits=1, seed=0, activation=(), training=()):
    network = {"input_bits": input_bits, "layers": layers}
    model = model_of(network, shape, 10, seed=seed, activation=activation, training=training)
    with torch.no_grad():  # statistics and terms that a training might end with, of both signs
        for stage in model.stage_list():
            for parameter in stage.epilogue.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
            for name, buffer in stage.epilogue.named_buffers():
                if name.endswith("running_mean"):
                    buffer.copy_(torch.randn_like(buffer) * stage.plan.mw**0.5)
                if name.endswith("running_var"):
                    buffer.copy_(torch.rand_like(buffer) * stage.plan.mw)
    return model


def images_of(shape, count=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_forward_and_gradients_are_those_of_plain_pytorch():
    shifts = [0.25, -0.5]
    model = build([{"dense": 20}, {"dense": 15}], activation={"threshold_shift": shifts})
    images, labels = images_of((8, 8, 1), 64), torch.arange(64) % 10
    loss = F.cross_entropy(model(to_pixels(images)), labels)
    loss.backward()

    weights = [stage.matrix.weight.detach().clone().requires_grad_() for stage in model.stage_list()]
    norms = [stage.epilogue.norm for stage in model.stage_list()[:2]]
    x = torch.tensor(np.where(images.reshape(64, -1) >= 128, 1.0, -1.0), dtype=torch.float32)
    for weight, norm, shift in zip(weights, norms, shifts, strict=False):
        signs = weight + (torch.where(weight >= 0, 1.0, -1.0) - weight).detach()
        y = F.batch_norm(x @ signs.T, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
        clipped = F.hardtanh(y - shift)
        x = clipped + (torch.where(y - shift >= 0, 1.0, -1.0) - clipped).detach()
    last = model.stage_list()[-1].epilogue.affine
    signs = weights[2] + (torch.where(weights[2] >= 0, 1.0, -1.0) - weights[2]).detach()
    oracle = F.cross_entropy(x @ signs.T * last.scale + last.offset, labels)
    oracle.backward()
    torch.testing.assert_close(loss, oracle)
    for stage, weight in zip(model.stage_list(), weights, strict=True):
        torch.testing.assert_close(stage.matrix.weight.grad, weight.grad, rtol=1e-4, atol=1e-7)


def run_staged(staged: ModelGraph, images):
    """The graph as its documentation says, node by node: every value of bits by name, and logits."""
    values = {name: tensor.permute(0, 2, 3, 1).numpy() for name, tensor in compute(staged, images).items()}
    bits = {name: (values[name] > 0).astype(np.uint8) for name, kind in staged.values.items() if isinstance(kind, Bits)}
    return bits, values[staged.nodes[-1].name][:, 0, 0]


LAYERS = st.sampled_from(
    [
        [],
        [{"dense": 11}],
        [{"dense": 11}, {"dense": 7}],
        CONV_LAYERS,
        [{"conv": 4, "kernel": [2, 3], "stride": [2, 1]}, {"conv": 3, "kernel": 2}],
        [{"conv": 4}, {"pool": 3, "stride": 1, "position": "before_activation"}, {"pool": 2}, {"dense": 5}],
    ]
)


@settings(max_examples=30)
@given(
    layers=LAYERS,
    seed=st.integers(0, 99),
    input_bits=st.sampled_from([1, 3, 8]),
    kind=st.sampled_from(["none", "leaky_relu", "prelu"]),
    shift=st.sampled_from([0.0, 0.5, "learned"]),
)
def test_staged_trace_and_forward_agree_bit_for_bit(layers, seed, input_bits, kind, shift):
    if input_bits > 1:
        layers = [
            {key.replace("pad_bit", "pad_pixel"): v for key, v in layer.items()} for layer in layers[:1]
        ] + layers[1:]
    activation = {"pre_activation": kind, "threshold_shift": shift}
    model = build(layers, shape=(8, 7, 2), input_bits=input_bits, seed=seed, activation=activation)
    images = images_of((8, 7, 2), seed=seed)
    traces, logits = model.trace(images, batch=5)
    expected_traces, expected_logits = run_staged(model.staged(), images)
    assert list(traces) == list(expected_traces)
    for name, bits in traces.items():
        np.testing.assert_array_equal(bits, expected_traces[name])
    np.testing.assert_array_equal(logits.view(np.uint32), expected_logits.view(np.uint32))
    with torch.no_grad():
        assert torch.equal(model.eval()(to_pixels(images)), torch.tensor(logits))


def test_tracing_names_every_binary_tensor_and_leaves_the_model_as_it_was():
    model = build(CONV_LAYERS)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    traces, _ = model.trace(images_of((8, 8, 1)))
    shapes = {name: bits.shape[1:] for name, bits in traces.items()}
    assert shapes == {
        "input": (8, 8, 1),
        "conv1": (8, 8, 6),
        "pool1": (4, 4, 6),
        "pool2": (2, 2, 5),
        "fc1": (1, 1, 9),
    }
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_staged_is_free_of_the_model():
    model = build([{"dense": 8}])
    staged = model.staged()
    matrix, sign = staged.steps[:2]
    assert isinstance(matrix, Matrix)
    assert isinstance(sign, Sign)
    weights, values = matrix.weights.copy(), sign.epilogue(np.ones((1, 8), np.float32))
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.zero_()
    np.testing.assert_array_equal(matrix.weights, weights)
    np.testing.assert_array_equal(sign.epilogue(np.ones((1, 8), np.float32)), values)


def test_pixels_reach_the_first_layer_unscaled():
    model = build([{"dense": 8}], input_bits=8).eval()
    images = images_of((8, 8, 1))
    signs = np.where(model.stage_list()[0].matrix.weight.detach().numpy() >= 0, 1, -1)
    accumulators = model.stage_list()[0].accumulate(to_pixels(images))
    np.testing.assert_array_equal(accumulators.detach().numpy(), images.reshape(12, -1).astype(np.int64) @ signs.T)


def test_dropout_acts_while_training_alone():
    model = build([{"dense": 8}], training={"dropout": 0.5, "input_dropout": 0.5})
    x = to_pixels(images_of((8, 8, 1)))
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_clipping_keeps_latent_weights_within_one_and_slopes_rising():
    model = build([{"dense": 8}], activation={"pre_activation": "prelu"})
    first = model.stage_list()[0]
    with torch.no_grad():
        first.matrix.weight.mul_(100)
        first.epilogue.activation.weight.fill_(-0.5)
        expected = first.matrix.weight.clamp(-1, 1)
    model.clip()
    assert torch.equal(first.matrix.weight, expected)
    assert first.epilogue.activation.weight.tolist() == [0.0] * 8


@pytest.mark.filterwarnings("ignore:.*fast_hadamard_transform:UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("layers", "input_bits"), [([{"dense": 16}, {"dense": 12}], 1), (CONV_LAYERS, 1), ([{"conv": 4}, {"dense": 6}], 8)]
)
def test_brevitas_exports_bipolar_quantizers_that_qonnx_computes_alike(tmp_path, layers, input_bits):
    model = build(layers, input_bits=input_bits, activation={"threshold_shift": 0.25, "pre_activation": "prelu"}).eval()
    path = tmp_path / "model.onnx"
    export_qonnx(model, torch.zeros(1, 1, 8, 8), str(path), opset_version=13, dynamo=False)
    exported = cleanup_model(ModelWrapper(str(path)))
    kinds = [node.op_type for node in exported.graph.node]
    matrices = len(model.stage_list())
    assert kinds.count("BipolarQuant") == matrices + (matrices - 1) + (input_bits == 1)
    images = images_of((8, 8, 1), 6)
    name_in, name_out = exported.graph.input[0].name, exported.graph.output[0].name
    with torch.no_grad():
        logits = model(to_pixels(images)).numpy()
    for index in range(len(images)):
        theirs = execute_onnx(exported, {name_in: to_pixels(images[index : index + 1]).numpy()})[name_out]
        np.testing.assert_array_equal(theirs[0], logits[index])


def test_the_summary_names_every_layer():
    lines = build(CONV_LAYERS).summary().splitlines()
    assert [line.split()[0] for line in lines] == ["input", "conv1", "conv2", "fc1", "fc2"]
    assert lines[1].endswith("9 x 6 = 54 weights -> 4 x 4 x 6, pool1")
