"""The compiled batch norm, shift, sign and pool. The oracle is PyTorch's own batch norm, max pool and autograd."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.networks.fused import norm_sign_pool


class Sign(torch.autograd.Function):
    """sign with either derivative, written anew."""

    @staticmethod
    def forward(ctx, z, is_polynomial, half_width):
        ctx.save_for_backward(z)
        ctx.is_polynomial, ctx.half_width = is_polynomial, half_width
        return torch.where(z >= 0, 1.0, -1.0).to(z.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (z,) = ctx.saved_tensors
        slope = 2 - 2 * z.abs() / ctx.half_width if ctx.is_polynomial else torch.ones_like(z)
        return gradient * slope * (z.abs() < ctx.half_width), None, None


def by_pytorch(x, norm, shift, is_polynomial, window, half_width=1.0):
    """The same in float64 by PyTorch's layers, and the sign's inputs."""
    twin = type(norm)(norm.num_features, eps=norm.eps).double()
    twin.load_state_dict(norm.state_dict())
    z = twin(x) - shift.view(1, -1, *[1] * (x.dim() - 2))
    y = Sign.apply(z, is_polynomial, half_width)
    return (functional.max_pool2d(y, window) if x.dim() == 4 else y), z, twin


def made(shape, dtype, spread=40.0):
    """Accumulators with another mean in every channel, and a batch norm with some falling channels."""
    generator = torch.Generator().manual_seed(3)
    channels = shape[1]
    middle = torch.linspace(-300, 300, channels).view(1, -1, *[1] * (len(shape) - 2))
    x = (torch.randn(shape, generator=generator) * spread + middle).round().to(dtype)
    norm = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(channels)
    norm.weight.data.uniform_(-1.5, 1.5, generator=generator)
    norm.bias.data.uniform_(-0.5, 0.5, generator=generator)
    norm.running_mean.uniform_(-5, 5, generator=generator)
    shift = torch.rand(channels, generator=generator)
    return x, norm, shift


SHAPES = [
    ((6, 20, 8, 8), (1, 1)),
    ((6, 20, 8, 8), (2, 2)),
    ((4, 33, 7, 10), (3, 2)),  # rows and columns that no window covers
    ((3, 16, 6, 6), (6, 6)),
    ((50, 24), (1, 1)),
]


@pytest.mark.parametrize(("is_polynomial", "half_width"), [(False, 1.0), (True, 1.0), (False, 0.4), (True, 1.7)])
@pytest.mark.parametrize(("shape", "window"), SHAPES)
def test_in_float32_it_is_pytorchs_layers(shape, window, is_polynomial, half_width):
    x, norm, shift = made(shape, torch.float32)
    ours, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    our_shift, their_shift = shift.clone().requires_grad_(), shift.double().requires_grad_()
    expected, z, twin = by_pytorch(theirs, norm, their_shift, is_polynomial, window, half_width)
    assert z.detach().abs().min() > 1e-6, "no sign may depend on rounding"
    estimator = {"is_polynomial": is_polynomial, "half_width": half_width}
    y = norm_sign_pool(ours, norm, norm.bias - our_shift, **estimator, window=window)
    assert y.dtype is torch.float32
    torch.testing.assert_close(y, expected.float(), rtol=0, atol=0)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(4))
    (y * weights).sum().backward()
    (expected * weights.double()).sum().backward()
    pairs = [
        (ours.grad, theirs.grad),
        (norm.weight.grad, twin.weight.grad),
        (norm.bias.grad, twin.bias.grad),
        (our_shift.grad, their_shift.grad),
        (norm.running_mean, twin.running_mean),
        (norm.running_var, twin.running_var),
    ]
    for mine, oracle in pairs:
        scale = float(oracle.abs().max())
        torch.testing.assert_close(mine.double(), oracle, rtol=1e-5, atol=1e-5 * scale)
    assert int(norm.num_batches_tracked) == int(twin.num_batches_tracked) == 1


@pytest.mark.parametrize(("shape", "window"), SHAPES)
def test_in_bfloat16_only_what_is_stored_is_rounded(shape, window):
    x, norm, shift = made(shape, torch.bfloat16)
    ours, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    expected, z, twin = by_pytorch(theirs, norm, shift.double(), True, window)
    assert z.detach().abs().min() > 1e-6
    y = norm_sign_pool(ours, norm, norm.bias - shift, is_polynomial=True, window=window)
    assert y.dtype is torch.bfloat16
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=0)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(4)).bfloat16()
    (y * weights).sum().backward()
    (expected * weights.double()).sum().backward()
    for statistics in ("running_mean", "running_var"):  # in float32, whatever the accumulators are in
        torch.testing.assert_close(getattr(norm, statistics).double(), getattr(twin, statistics), rtol=1e-5, atol=1e-5)
    for mine, oracle in ((norm.weight.grad, twin.weight.grad), (norm.bias.grad, twin.bias.grad)):
        torch.testing.assert_close(mine.double(), oracle, rtol=1e-5, atol=1e-5 * float(oracle.abs().max()))
    # dz and dx are each rounded to 8 bits
    torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=2**-6, atol=2**-8 * float(theirs.grad.abs().max()))


def test_a_mean_far_from_zero_does_not_cost_the_variance():
    x = torch.tensor([[100_000.0], [100_001.0], [100_002.0], [100_003.0]]).repeat(500, 2)
    norm = nn.BatchNorm1d(2, momentum=1.0)
    norm_sign_pool(x, norm, norm.bias, is_polynomial=False, window=(1, 1))
    torch.testing.assert_close(norm.running_var.double(), x.double().var(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(norm.running_mean.double(), x.double().mean(0), rtol=1e-7, atol=0)


def test_memory_that_is_not_channels_last_gives_the_same():
    x, norm, _ = made((4, 20, 6, 6), torch.float32)
    plain = x.clone().requires_grad_()
    last = x.clone(memory_format=torch.channels_last).requires_grad_()
    answers = [norm_sign_pool(each, norm, norm.bias, is_polynomial=True, window=(2, 2)) for each in (plain, last)]
    assert torch.equal(*answers)
    for answer in answers:
        (answer * torch.arange(answer.numel()).view(answer.shape)).sum().backward()
    assert torch.equal(plain.grad, last.grad)
