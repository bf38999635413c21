"""Augmentation of whole batches, against a loop over single pixels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bnn.errors import UserError
from training.augment import Augmentation


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
    with pytest.raises(UserError, match=r"^augmentation: shift \(8\) must be smaller than .* \(8 x 9\)$"):
        Augmentation(shift=8).verify(8, 9)
