"""In what arithmetic networks train. The oracle of every fast step is the same network's plain float32 step."""

import numpy as np
import pytest
import torch

from bnn.stage import Logits, Matrix, Sign
from tests.support.models import config_of, model_of
from training.config.load import CONFIG_FOLDER, ConfigError, load_config
from training.fit import arithmetic
from training.fit.arithmetic import PLAIN, Arithmetic, choose_arithmetic
from training.fit.evaluate import float_scores
from training.fit.module import loss_value

FUSED, HALF = Arithmetic(torch.float32, True), Arithmetic(torch.bfloat16, True)
POOLED_AFTER = [{"conv": 20}, {"conv": 12, "padding": 1, "pad_bit": 0}, {"pool": 2}, {"dense": 24}]
POOLED_BEFORE = [
    {"conv": 20, "padding": 1, "pad_pixel": 7},
    {"pool": 2, "position": "before_activation"},
    {"conv": 12, "padding": 1, "pad_bit": 1},
    {"pool": 2, "stride": 1},
]

RESNETS = [("resnet20", "cifar10"), ("resnet18", "imagenet")]  # which came with the fused operation


def network_of(layers, input_bits=8, classes=10, **activation):
    network = {"input_bits": input_bits, "layers": layers}
    model = model_of(network, (10, 10, 3), classes, seed=5, activation=activation)
    return model, config_of(network, activation=activation)


def a_step(network, config, arithmetic):
    """Logits and every gradient of one step."""
    generator = torch.Generator().manual_seed(6)
    images = torch.randint(0, 256, (32, 3, 10, 10), generator=generator).float()
    labels = torch.randint(0, 10, (32,), generator=generator)
    network.use(arithmetic)
    network.zero_grad()
    logits = network(images)
    loss_value(logits, labels, config.training).backward()
    return logits.detach(), {name: parameter.grad.clone() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("layers", [POOLED_AFTER, POOLED_BEFORE])
@pytest.mark.parametrize(
    "activation",
    [
        {"threshold_shift": 0.5},
        {"threshold_shift": "learned", "learned_shift_start": 0.25, "ste": "approx_sign"},
        {"pre_activation": "prelu"},
    ],
)
def test_a_fused_step_is_the_plain_step(layers, activation):
    network, config = network_of(layers, **activation)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    expected, gradients = a_step(network, config, PLAIN)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(start)
    logits, fast = a_step(network, config, FUSED)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    assert fast.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert fast[name].is_contiguous(), "a fused Adam takes the memory as it lies"
        torch.testing.assert_close(fast[name], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()), msg=name)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=1e-5, atol=1e-5, msg=name)


def test_a_step_in_bfloat16_has_the_plain_steps_signs_where_sums_are_small():
    """+-1 and sums up to 256 are exact in bfloat16, so that the logits are the same bit by bit."""
    network, config = network_of(POOLED_AFTER, input_bits=1, threshold_shift=0.5)
    assert all(stage.plan.mw <= 256 for stage in network.stage_list()[:-1])
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    expected, gradients = a_step(network, config, FUSED)
    network.load_state_dict(start)
    logits, fast = a_step(network, config, HALF)
    assert logits.dtype is torch.float32
    assert torch.equal(logits, expected)
    for name, gradient in gradients.items():
        assert fast[name].dtype is torch.float32
        away = float((fast[name] - gradient).norm() / gradient.norm())
        assert away < 0.02, (name, away)


def test_without_the_fused_operation_bfloat16_takes_the_plain_layers():
    network, config = network_of(POOLED_AFTER, input_bits=1, threshold_shift=0.5)
    expected, _ = a_step(network, config, HALF)
    network, _ = network_of(POOLED_AFTER, input_bits=1, threshold_shift=0.5)
    logits, _ = a_step(network, config, Arithmetic(torch.bfloat16))
    assert torch.equal(logits, expected)


def test_evaluation_and_absorption_are_in_float32_whatever_the_training():
    network, config = network_of(POOLED_AFTER, threshold_shift=0.5)
    a_step(network, config, HALF)
    twin, _ = network_of(POOLED_AFTER, threshold_shift=0.5)
    twin.load_state_dict(network.state_dict())
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32, torch.int64}
    images = np.random.default_rng(7).integers(0, 256, (20, 10, 10, 3), dtype=np.uint8)
    np.testing.assert_array_equal(float_scores(network, images), float_scores(twin, images))
    traces, logits = network.trace(images)
    expected_traces, expected_logits = twin.trace(images)
    np.testing.assert_array_equal(logits, expected_logits)
    for name, bits in expected_traces.items():
        np.testing.assert_array_equal(traces[name], bits)
    width = 0
    for ours, theirs in zip(network.staged().steps, twin.staged().steps, strict=True):
        if isinstance(ours, Matrix):
            width, height = ours.mw, ours.mh
        if isinstance(ours, Sign | Logits):
            sums = np.repeat(np.arange(-width, width + 1, dtype=np.float32)[:, None], height, axis=1)
            np.testing.assert_array_equal(ours.epilogue(sums), theirs.epilogue(sums))
    assert width


def test_what_is_chosen(monkeypatch):
    convolutional, dense = load_config("cnv-cifar10"), load_config("tfc-mnist")
    monkeypatch.setattr(arithmetic, "cpu_has_bfloat16", lambda: True)
    assert choose_arithmetic(convolutional, on_gpu=False) == HALF
    assert choose_arithmetic(convolutional, on_gpu=True) == PLAIN
    monkeypatch.setattr(arithmetic, "cpu_has_bfloat16", lambda: False)
    assert choose_arithmetic(convolutional, on_gpu=False) == FUSED
    assert choose_arithmetic(dense, on_gpu=False) == PLAIN
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        asked = convolutional.with_overrides([f"training.precision={precision}"])
        assert choose_arithmetic(asked, on_gpu=False) == Arithmetic(dtype, True)
        assert choose_arithmetic(asked, on_gpu=True) == Arithmetic(dtype)
    twin = convolutional.with_overrides(["activation={hardtanh={}}"])
    assert choose_arithmetic(twin, on_gpu=False) == PLAIN


def test_what_was_measured_in_plain_float32_stays_there(monkeypatch):
    monkeypatch.setattr(arithmetic, "cpu_has_bfloat16", lambda: True)
    configs = {path.stem: load_config(path.stem) for path in CONFIG_FOLDER.glob("*.toml")}
    fast = {name for name, config in configs.items() if choose_arithmetic(config, on_gpu=False) != PLAIN}
    exact = {f"{name}-{order}-{data}" for name, data in RESNETS for order in ("grid", "integer")}
    assert fast == {"cnv-cifar10", "vgg-small-cifar10"} | exact


def test_auto_is_what_an_unset_precision_is():
    config = load_config("cnv-cifar10")
    assert config.with_overrides(["training.precision=auto"]) == config
    with pytest.raises(ConfigError, match=r"training.precision.*half.*float32"):
        config.with_overrides(["training.precision=half"])


@pytest.mark.parametrize("one", [PLAIN, FUSED, HALF, Arithmetic(torch.bfloat16)])
def test_a_checkpoint_names_the_arithmetic(one):
    assert Arithmetic.from_name(one.name) == one


@pytest.mark.parametrize("features", [{}, {"avx512_bf16": False}, {"avx512_bf16": True}, {"amx_bf16": True}])
def test_whether_the_cpu_computes_in_bfloat16_is_what_pytorch_says(monkeypatch, features):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert arithmetic.cpu_has_bfloat16() == any(features.values())
