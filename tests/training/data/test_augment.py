"""Augmentation of whole batches, against a loop over single pixels."""

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bnn.errors import UserError
from training.data.augment import Augmentation


def moved_by_loop(images, moves, fill):
    """Each pixel in turn: flip first, then (down, right)."""
    count, channels, height, width = images.shape
    result = torch.full_like(images, fill)
    for n in range(count):
        down, right, flip = moves[n].tolist()
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    from_y, from_x = y - down, x - right
                    if 0 <= from_y < height and 0 <= from_x < width:
                        source_x = width - 1 - from_x if flip else from_x
                        result[n, c, y, x] = images[n, c, from_y, source_x]
    return result


@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 5), st.booleans(),
    st.integers(0, 255), st.integers(0, 2**32),
)  # fmt: skip
def test_every_pixel_lands_where_the_loop_puts_it(count, channels, height, width, shift, flip, fill, seed):
    augmentation = Augmentation(min(shift, height - 1, width - 1), flip, fill)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator)
    moves = augmentation.draw(count, generator)
    found = augmentation.apply(images, moves)
    assert found.dtype == torch.uint8
    assert torch.equal(found, moved_by_loop(images, moves, fill))


def resampled_by_loop(images, moves, fill):
    """Where each pixel was, by complex numbers about the middle, and the four neighbours there weighted by hand."""
    count, channels, height, width = images.shape
    source = images.double().numpy()
    result = np.empty(images.shape)

    def pixel(n, c, y, x):
        return source[n, c, y, x] if 0 <= y < height and 0 <= x < width else fill

    for n, c, y, x in np.ndindex(count, channels, height, width):
        down, right, flip, angle, zoom = moves[n].tolist()
        # the imaginary axis points up, as an angle is seen
        point = complex(x - right - (width - 1) / 2, -(y - down - (height - 1) / 2))
        point *= cmath.exp(-1j * angle) / zoom
        from_x, from_y = point.real * (-1 if flip else 1) + (width - 1) / 2, -point.imag + (height - 1) / 2
        left, top = math.floor(from_x), math.floor(from_y)
        a, b = from_x - left, from_y - top
        result[n, c, y, x] = (1 - b) * ((1 - a) * pixel(n, c, top, left) + a * pixel(n, c, top, left + 1)) + b * (
            (1 - a) * pixel(n, c, top + 1, left) + a * pixel(n, c, top + 1, left + 1)
        )
    return result


@pytest.mark.parametrize(("shift", "flip", "fill"), [(0, False, 0), (2, True, 0), (1, True, 200)])
def test_turned_and_zoomed_pixels_are_the_loops(shift, flip, fill):
    augmentation = Augmentation(shift, flip, fill, rotate=40.0, zoom=0.3)
    generator = torch.Generator().manual_seed(shift)
    images = torch.randint(0, 256, (6, 2, 7, 9), dtype=torch.uint8, generator=generator)
    moves = augmentation.draw(6, generator)
    found = augmentation.apply(images, moves)
    assert found.dtype == torch.uint8
    # rounding of a half may go either way
    np.testing.assert_allclose(found.double().numpy(), resampled_by_loop(images, moves, fill), rtol=0, atol=0.501)


def test_turns_and_zooms_are_drawn_evenly_from_their_ranges():
    moves = Augmentation(rotate=10.0, zoom=0.2).draw(50000, torch.Generator().manual_seed(1))
    for column, low, high in ((3, -math.radians(10), math.radians(10)), (4, 0.8, 1.2)):
        counts, _ = np.histogram(moves[:, column].numpy(), bins=10, range=(low, high))
        assert counts.sum() == 50000
        assert np.abs(counts - 5000).max() < 350  # five standard deviations


def test_float_images_move_like_bytes():
    augmentation = Augmentation(shift=2, flip=True)
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (8, 3, 6, 5), dtype=torch.uint8, generator=generator)
    moves = augmentation.draw(8, generator)
    assert torch.equal(augmentation.apply(images.float(), moves), augmentation.apply(images, moves).float())


def test_every_move_is_drawn_and_equally_often():
    augmentation = Augmentation(shift=2, flip=True)
    moves = augmentation.draw(50000, torch.Generator().manual_seed(1))
    for column in (0, 1):
        values, counts = moves[:, column].unique(return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert (counts - 10000).abs().max() < 500  # five standard deviations
    assert abs(int(moves[:, 2].sum()) - 25000) < 600


def test_the_same_generator_draws_the_same_moves():
    augmentation = Augmentation(shift=3, flip=True)
    first = augmentation.draw(100, torch.Generator().manual_seed(9))
    assert torch.equal(first, augmentation.draw(100, torch.Generator().manual_seed(9)))
    assert not torch.equal(first, augmentation.draw(100, torch.Generator().manual_seed(10)))


def test_without_shift_and_flip_nothing_moves():
    augmentation = Augmentation()
    images = torch.arange(24, dtype=torch.uint8).reshape(2, 1, 3, 4)
    moves = augmentation.draw(2, torch.Generator().manual_seed(0))
    assert not moves.any()
    assert torch.equal(augmentation.apply(images, moves), images)


def test_what_cannot_be_is_refused():
    with pytest.raises(UserError, match=r"^augmentation: shift \(-1\) must be at least 0 pixels$"):
        Augmentation(shift=-1)
    with pytest.raises(UserError, match=r"^augmentation: fill \(256\) must be a pixel value, 0\.\.255$"):
        Augmentation(fill=256)
    with pytest.raises(UserError, match="rotate"):
        Augmentation(rotate=181.0)
    with pytest.raises(UserError, match="zoom"):
        Augmentation(zoom=1.0)
    with pytest.raises(UserError, match=r"^augmentation: shift \(8\) must be smaller than .* \(8 x 9\)$"):
        Augmentation(shift=8).verify(8, 9)
