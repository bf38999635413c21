"""Windows that slide over an image: what kernel, stride and padding allow, and at how many places a window stands."""

from __future__ import annotations

from bnn.values import NetworkError, Shape

Pair = tuple[int, int]  # (vertical, horizontal)
Padding = tuple[int, int, int, int]  # (top, left, bottom, right)

NO_PADDING: Padding = (0, 0, 0, 0)


def check_window(where: str, kernel: Pair, stride: Pair, padding: Padding = NO_PADDING) -> None:
    """NetworkError for a window of no size, or one that could lie in the padding alone."""
    if len(kernel) != 2 or len(stride) != 2 or len(padding) != 4:
        raise NetworkError(f"{where}: kernel {kernel} and stride {stride} need two sizes, padding {padding} four")
    if min(*kernel, *stride) < 1 or min(padding) < 0:
        raise NetworkError(
            f"{where}: kernel {kernel} and stride {stride} must be at least 1, padding {padding} at least 0"
        )
    if max(padding[0], padding[2]) >= kernel[0] or max(padding[1], padding[3]) >= kernel[1]:
        raise NetworkError(f"{where}: padding {padding} must be smaller than the kernel {kernel}")


def window_positions(where: str, shape: Shape, kernel: Pair, stride: Pair, padding: Padding = NO_PADDING) -> Pair:
    """(H_out, W_out) of windows over an image (H, W, C); NetworkError where it is smaller than the window."""
    padded = (shape[0] + padding[0] + padding[2], shape[1] + padding[1] + padding[3])
    if padded[0] < kernel[0] or padded[1] < kernel[1]:
        raise NetworkError(f"{where}: kernel {kernel} is larger than its padded input {padded}")
    return (padded[0] - kernel[0]) // stride[0] + 1, (padded[1] - kernel[1]) // stride[1] + 1
