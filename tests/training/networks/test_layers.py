"""Binary layers against autograd through formulas, Brevitas' own quantizers and NumPy in float32."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from brevitas.core.quant import ClampedBinaryQuant
from brevitas.core.scaling import ConstScaling
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from training.config.settings import Estimator, PreActivation
from training.networks.layers import (
    BatchNorm,
    ConstantPad,
    ScalarAffine,
    ThresholdShift,
    binary_conv,
    binary_dense,
    binary_sign,
    binary_weights,
    hand_out_plain_tensors,
    pre_activation,
)

SURROGATES = {  # what each estimator's derivative is the derivative of
    Estimator.CLIPPED_IDENTITY: F.hardtanh,
    Estimator.APPROX_SIGN: lambda x: torch.where(
        x < -1, -1.0, torch.where(x < 0, 2 * x + x * x, torch.where(x < 1, 2 * x - x * x, 1.0))
    ),
}

values = hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(-3, 3, width=32))
shifts = st.floats(-2, 2, width=32)


@pytest.mark.parametrize("estimator", Estimator)
@given(x=values, shift=shifts, learned=st.booleans())
def test_gradient_is_that_of_the_surrogate_centred_on_the_threshold(estimator, x, shift, learned):
    layer = nn.Sequential(ThresholdShift(shift, x.size if learned else None), binary_sign(estimator))
    given_x = torch.tensor(x)[None].requires_grad_()
    weights = torch.linspace(-2, 3, x.size)
    (layer(given_x) * weights).sum().backward()

    oracle_x = torch.tensor(x)[None].requires_grad_()
    oracle_shift = torch.full((x.size,), shift).requires_grad_()
    (SURROGATES[estimator](oracle_x - oracle_shift) * weights).sum().backward()
    torch.testing.assert_close(given_x.grad, oracle_x.grad, rtol=0, atol=1e-6)
    if learned:
        torch.testing.assert_close(layer[0].shift.grad, oracle_shift.grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize("estimator", Estimator)
@given(x=values, half_width=st.floats(0.25, 4, width=16))
def test_a_wider_window_stretches_the_surrogate(estimator, x, half_width):
    given_x, oracle_x = (torch.tensor(x)[None].requires_grad_() for _ in range(2))
    weights = torch.linspace(-2, 3, x.size)
    (binary_sign(estimator, half_width)(given_x) * weights).sum().backward()
    # the derivative of w f(x / w) is f'(x / w)
    (half_width * SURROGATES[estimator](oracle_x / half_width) * weights).sum().backward()
    torch.testing.assert_close(given_x.grad, oracle_x.grad, rtol=0, atol=2e-6)


@pytest.mark.parametrize("estimator", Estimator)
@given(x=values, shift=shifts)
def test_output_is_plus_one_from_the_threshold_on(estimator, x, shift):
    layer = nn.Sequential(ThresholdShift(shift), binary_sign(estimator))
    expected = np.where(x - np.float32(shift) >= 0, 1, -1).astype(np.float32)
    np.testing.assert_array_equal(layer(torch.tensor(x)[None])[0].numpy(), expected)


@pytest.mark.parametrize("estimator", Estimator)
def test_sign_of_both_zeros_is_plus_one(estimator):
    assert binary_sign(estimator)(torch.tensor([[0.0, -0.0]])).tolist() == [[1.0, 1.0]]


def test_clipped_identity_is_brevitas_own_binary_quantizer():
    x = torch.linspace(-2, 2, 401)[None]
    x = x[(x.abs() - 1).abs() > 1e-6][None]  # at +-1 itself Brevitas' clamp passes the gradient, hardtanh's stops it
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    our_output = binary_sign(Estimator.CLIPPED_IDENTITY)(ours)
    their_output = ClampedBinaryQuant(ConstScaling(1.0))(theirs)[0]
    assert torch.equal(our_output, their_output)
    our_output.backward(x)
    their_output.backward(x)
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("plain", [True, False])
def test_dense_layer_multiplies_with_the_signs_and_passes_the_gradient_to_the_latent_weights(plain):
    torch.manual_seed(1)
    layer = binary_dense(30, 7, 0.1)
    assert layer.weight.abs().max() <= 0.1
    hand_out_plain_tensors(layer, plain)
    x, gradient = torch.randn(5, 30), torch.randn(5, 7)
    output = layer(x)
    output.backward(gradient)
    signs = np.where(layer.weight.detach().numpy() >= 0, 1, -1)
    np.testing.assert_allclose(output.detach().numpy(), x.numpy() @ signs.T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.weight.grad.numpy(), gradient.numpy().T @ x.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(binary_weights(layer).numpy(), signs)


def test_conv_is_a_naive_loop_over_windows():
    torch.manual_seed(2)
    layer = binary_conv(3, 4, (2, 3), (2, 1), 0.5)
    x = torch.randint(0, 256, (2, 3, 6, 5)).float()
    signs = binary_weights(layer).numpy()
    output = layer(x).detach().numpy()
    assert output.shape == (2, 4, 3, 3)
    for image, channel, row, column in np.ndindex(output.shape):
        window = x.numpy()[image, :, 2 * row : 2 * row + 2, column : column + 3]
        assert output[image, channel, row, column] == (window * signs[channel]).sum()


floats = st.floats(-1e4, 1e4, width=32, allow_subnormal=True)


@given(
    terms=hnp.arrays(np.float32, (4, 6), elements=floats),
    accumulators=hnp.arrays(np.float32, (5, 6), elements=st.integers(-5000, 5000).map(float)),
    is_image=st.booleans(),
)
def test_batch_norm_in_evaluation_is_two_float32_operations_bit_for_bit(terms, accumulators, is_image):
    norm = BatchNorm(6).eval()
    weight, bias, mean, variance = terms
    variance = np.abs(variance)
    with torch.no_grad():
        for tensor, value in zip(
            (norm.weight, norm.bias, norm.running_mean, norm.running_var), (*terms[:3], variance), strict=True
        ):
            tensor.copy_(torch.tensor(value))
        x = torch.tensor(accumulators)
        ours = norm(x[:, :, None, None])[:, :, 0, 0] if is_image else norm(x)
    scale = weight / np.sqrt(variance + np.float32(norm.eps))
    offset = bias - mean * scale
    product = accumulators * scale
    expected = product + offset
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(ours.numpy().view(np.uint32), expected.view(np.uint32))


def test_batch_norm_scales_are_numpys_for_every_variance():
    # a hundred thousand of them: one root in a hundred is off by one in the last place in some builds of PyTorch
    variances = np.random.default_rng(0).random(100_000, dtype=np.float32) * 1e4
    norm = BatchNorm(len(variances)).eval()
    with torch.no_grad():
        norm.running_var.copy_(torch.tensor(variances))
        scale, _ = norm.affine_terms()
    expected = np.float32(1) / np.sqrt(variances + np.float32(norm.eps))
    np.testing.assert_array_equal(scale.numpy().view(np.uint32), expected.view(np.uint32))


def test_batch_norm_is_pytorchs_while_training_and_close_to_it_in_evaluation():
    torch.manual_seed(3)
    for x, theirs in ((torch.randn(9, 4), nn.BatchNorm1d(4)), (torch.randn(9, 4, 3, 2), nn.BatchNorm2d(4))):
        ours = BatchNorm(4)
        assert torch.equal(ours(x), theirs(x))
        assert torch.equal(ours.running_var, theirs.running_var)
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_batch_norm_bias_can_start_elsewhere():
    assert BatchNorm(3, -0.5).bias.tolist() == [-0.5] * 3


def test_a_shift_and_the_opposite_bias_are_the_same_function_with_the_same_gradients():
    # the oracle is the identity norm(x) - t = norm with bias b - t
    torch.manual_seed(4)
    x = torch.randn(50, 6) * 3
    shifted = nn.Sequential(BatchNorm(6), ThresholdShift(0.375), binary_sign(Estimator.APPROX_SIGN))
    biased = nn.Sequential(BatchNorm(6, -0.375), binary_sign(Estimator.APPROX_SIGN))
    weights = torch.randn(50, 6)
    for model in (shifted, biased):
        (model(x) * weights).sum().backward()
    assert torch.equal(shifted(x), biased(x))
    torch.testing.assert_close(shifted[0].bias.grad, biased[0].bias.grad)
    torch.testing.assert_close(shifted[0].weight.grad, biased[0].weight.grad)


def test_scalar_affine_keeps_the_order_of_the_classes():
    affine = ScalarAffine(64)
    logits = affine(torch.tensor([[64.0, -64.0, 0.0]]))
    assert logits.tolist() == [[8.0, -8.0, 0.0]]  # 64 signs summed have deviation 8


@pytest.mark.parametrize("value", [-1.0, 1.0, 17.0])
def test_padding_is_numpys(value):
    x = torch.randn(2, 3, 4, 5)
    padded = ConstantPad((1, 2, 3, 4), value)(x)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 3), (2, 4)), constant_values=value)
    np.testing.assert_array_equal(padded.numpy(), expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(PreActivation.RELU, [0.0, 3.0]), (PreActivation.LEAKY_RELU, [-0.5, 3.0]), (PreActivation.PRELU, [-0.5, 3.0])],
)
def test_pre_activations(kind, expected):
    assert pre_activation(kind, 2, 0.25)(torch.tensor([[-2.0, 3.0]])).tolist() == [expected]


def test_no_pre_activation_is_none():
    assert pre_activation(PreActivation.NONE, 2, 0.25) is None
