"""The compiled batch norm, grid, shortcut and sign. The oracle is PyTorch's batch norm and autograd in float64."""

import pytest
import torch
from torch import nn

from training.networks.fused_sums import norm_grid_sum
from training.networks.graph.steps import Grid


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


def on_grid(z, fraction_bits, lowest, highest):
    """The grid by torch's own operations: round half up, and a clamp whose gradient is autograd's."""
    steps = torch.floor(z * 2**fraction_bits + 0.5)
    inside = z + (steps / 2**fraction_bits - z).detach()
    ends = torch.where(steps > highest, highest / 2**fraction_bits, lowest / 2**fraction_bits).to(z.dtype)
    return torch.where((steps >= lowest) & (steps <= highest), inside, ends)


def made(dtype, shape=(6, 20, 8, 7)):
    """Accumulators with another mean in every channel, a batch norm with falling channels, and a shortcut."""
    generator = torch.Generator().manual_seed(3)
    middle = torch.linspace(-60, 60, shape[1]).view(1, -1, 1, 1)
    x = (torch.randn(shape, generator=generator) * 20 + middle).round().to(dtype)
    norm = nn.BatchNorm2d(shape[1])
    norm.weight.data.uniform_(-1.5, 1.5, generator=generator)
    norm.bias.data.uniform_(-0.5, 0.5, generator=generator)
    shortcut = (torch.randn(shape, generator=generator) * 64).round() / 64
    shift = torch.rand(shape[1], generator=generator) / 3 + 0.001  # never a step of the grid
    return x, norm, shortcut, shift


@pytest.mark.parametrize(("is_polynomial", "half_width"), [(False, 1.0), (True, 1.0), (False, 0.375), (True, 1.7)])
@pytest.mark.parametrize("has_sign", [False, True])
@pytest.mark.parametrize("has_shortcut", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_pytorchs_layers(dtype, has_shortcut, has_sign, is_polynomial, half_width):
    x, norm, shortcut, shift = made(dtype)
    grid = Grid(fraction_bits=5, lowest=-48, highest=47)  # +-1.5: many saturate
    twin = nn.BatchNorm2d(x.shape[1]).double()
    twin.load_state_dict(norm.state_dict())
    ours = [t.clone().requires_grad_() for t in (x, shortcut, shift)]
    theirs = [t.double().requires_grad_() for t in (x, shortcut, shift)]
    z = twin(theirs[0])
    steps = z.detach() * 32 + 0.5
    assert (steps - steps.round()).abs().min() > 1e-6, "no step may depend on rounding"
    placed = on_grid(z, 5, -48, 47)
    assert ((placed.detach() == 47 / 32) | (placed.detach() == -48 / 32)).double().mean() > 0.05
    expected = placed + theirs[1] if has_shortcut else placed
    expected_signs = Sign.apply(expected - theirs[2].view(1, -1, 1, 1), is_polynomial, half_width)
    total, signs = norm_grid_sum(
        ours[0],
        norm,
        grid,
        ours[1] if has_shortcut else None,
        ours[2] if has_sign else None,
        is_polynomial=is_polynomial,
        half_width=half_width,
        dtype=dtype,
    )
    torch.testing.assert_close(total.double(), expected, rtol=0, atol=0)
    generator = torch.Generator().manual_seed(4)
    at_total = torch.randn(total.shape, generator=generator)
    at_signs = torch.randn(total.shape, generator=generator).to(dtype)
    loss, expected_loss = (total * at_total).sum(), (expected * at_total.double()).sum()
    if has_sign:
        assert signs.dtype is dtype
        torch.testing.assert_close(signs.double(), expected_signs, rtol=0, atol=0)
        loss = loss + (signs * at_signs).float().sum()
        expected_loss = expected_loss + (expected_signs * at_signs.double()).sum()
    else:
        assert signs.numel() == 0
    loss.backward()
    expected_loss.backward()
    pairs = [(norm.weight.grad, twin.weight.grad), (norm.bias.grad, twin.bias.grad)]
    pairs += [(norm.running_mean, twin.running_mean), (norm.running_var, twin.running_var)]
    pairs += [(ours[1].grad, theirs[1].grad)] if has_shortcut else []
    pairs += [(ours[2].grad, theirs[2].grad)] if has_sign else []
    for mine, oracle in pairs:
        torch.testing.assert_close(mine.double(), oracle, rtol=1e-5, atol=1e-5 * float(oracle.abs().max()))
    tolerance = 1e-5 if dtype is torch.float32 else 2**-6  # dz and dx are each rounded to 8 bits
    worst = float(theirs[0].grad.abs().max())
    torch.testing.assert_close(ours[0].grad.double(), theirs[0].grad, rtol=tolerance, atol=tolerance / 4 * worst)
    assert int(norm.num_batches_tracked) == 1


def test_the_grids_gradient_is_one_but_where_it_saturates():
    """Oracle: written by hand, for steps of a quarter between -1 and 3/4."""
    x = torch.tensor([-2.0, -1.13, -1.12, -0.3, 0.124, 0.125, 0.87, 0.88, 5.0], requires_grad=True)
    y = Grid(2, -4, 3)(x)
    assert y.tolist() == [-1, -1, -1, -0.25, 0, 0.25, 0.75, 0.75, 0.75]
    y.backward(torch.arange(1.0, 10.0))
    assert x.grad.tolist() == [0, 0, 3, 4, 5, 6, 7, 0, 0]
