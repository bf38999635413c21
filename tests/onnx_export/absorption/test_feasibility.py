"""Of how many batch norms a grid has M, B and s. Oracle: PyTorch's own batch norm and rounding at every popcount."""

import numpy as np
import pytest
import torch

from onnx_export.absorption.bounds import Table
from onnx_export.absorption.grid_search import feasible_at, find_affine

torch.set_num_threads(1)

FRACTION_BITS = 6


def batch_norms(mw, channels, bits):
    """Popcounts (mw + 1, channels) and what trained batch norms about make of them, on the grid, in ``bits`` bits."""
    generator = torch.Generator().manual_seed(mw)
    norm = torch.nn.BatchNorm2d(channels).eval()
    with torch.no_grad():
        norm.weight.normal_(generator=generator)
        norm.bias.normal_(generator=generator)
        norm.running_mean.normal_(std=mw**0.5, generator=generator)
        norm.running_var.uniform_(0.5 * mw, 1.5 * mw, generator=generator)
        popcounts = np.repeat(np.arange(mw + 1)[:, None], channels, axis=1)
        sums = torch.from_numpy((2 * popcounts - mw).astype(np.float32))[:, :, None, None]
        values = torch.floor(norm(sums) * 2**FRACTION_BITS + 0.5).clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return popcounts, values[:, :, 0, 0].to(torch.int64).numpy()


def table_of(popcounts, values):
    return Table.of(popcounts, values, values.min(), values.max(), np.ones_like(values, bool))


@pytest.mark.parametrize(("mw", "highest_shift"), [(144, 18), (288, 18), (576, 18), (1152, 20)])
def test_batch_norms_of_trained_size_have_a_pair_at_every_popcount(mw, highest_shift):
    popcounts, values = batch_norms(mw, 200, 12)
    affine, _ = find_affine(table_of(popcounts, values))
    assert affine is not None
    assert affine.shift <= highest_shift
    np.testing.assert_array_equal(affine.at(popcounts, values.min(), values.max()), values)


@pytest.mark.slow
def test_feasibility_of_many_batch_norms():
    """Prints the table of docs/results.md."""
    for bits in (9, 12, 16):
        for mw in (144, 288, 576, 1152, 2304, 4608):
            popcounts, values = batch_norms(mw, 1500, bits)
            table = table_of(popcounts, values)
            shares = [100 * feasible_at(table, shift).found.mean() for shift in (14, 16, 18, 20)]
            affine, in_the_way = find_affine(table)
            widths = "none"
            if affine is not None:
                np.testing.assert_array_equal(affine.at(popcounts, values.min(), values.max()), values)
                bits_of = [int(np.abs(part).max()).bit_length() + 1 for part in (affine.multiplier, affine.offset)]
                widths = f"{affine.shift} | {bits_of[0]} | {bits_of[1]}"
            print(f"| {bits} | {mw:,} | {' | '.join(f'{share:.1f}' for share in shares)} | {widths} |")  # noqa: T201
            if mw <= 1152:
                assert affine is not None, in_the_way
