"""What flows between the layers of a graph, with the range that proves its arithmetic exact in float32."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bnn.values import Shape
from training.config.load import ConfigError

EXACT = 2**24  # float32 holds every integer up to here, so that sums within it are exact in whatever order


@dataclass(frozen=True)
class Signal:
    """Bits, which are -1 and +1, or integers, whose step is 2^-fraction_bits.

    Attributes:
        shape: (H, W, C).
        lowest: in steps; no value is lower.
        highest: in steps; none is higher.
        is_bits: whether there is nothing but -1 and +1.
        fraction_bits: a value is an integer times 2^-fraction_bits.
        spread: about how far values lie apart at the start of a training; nothing but starting values follows from it.
        is_pixels: whether it is the image itself.
    """

    shape: Shape
    lowest: int = -1
    highest: int = 1
    is_bits: bool = False
    fraction_bits: int = 0
    spread: float = 1.0
    is_pixels: bool = False

    @property
    def positions(self) -> int:
        """H W."""
        return self.shape[0] * self.shape[1]

    @property
    def magnitude(self) -> int:
        """In steps; no value is further from 0."""
        return max(abs(self.lowest), abs(self.highest))

    def reshaped(self, shape: Shape) -> Signal:
        """The same values on another shape."""
        return replace(self, shape=shape)

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape))
        if self.is_bits:
            return f"bits {size}"
        grid = f" on 2^-{self.fraction_bits}" if self.fraction_bits else ""
        return f"integers {size} of {self.lowest}..{self.highest}{grid}"


def bits(shape: Shape) -> Signal:
    """-1 and +1."""
    return Signal(shape, is_bits=True)


class InexactError(ConfigError):
    """Arithmetic whose range float32 does not hold exactly."""


def check_exact(key: str, what: str, largest: int) -> None:
    """InexactError unless sums up to ``largest`` steps are exact in float32."""
    if largest > EXACT:
        raise InexactError(
            f"{key}: {what} may reach {largest:,} steps of its grid, must be at most {EXACT:,} (2^24) to be exact in "
            "float32; take fewer residual_bits, fewer sums, or a smaller window"
        )


def need_integers(key: str, what: str, value: Signal, name: str) -> None:
    """ConfigError where ``value`` is bits."""
    if value.is_bits:
        raise ConfigError(f'{key}: {what} is of integers, and {name} gives bits; let it give "grid" or "integers"')


def need_alike(key: str, what: str, names: tuple[str, ...], values: tuple[Signal, ...]) -> None:
    """ConfigError where integers lie on different grids, or bits stand beside integers."""
    for name, value in zip(names, values, strict=True):
        if value.is_bits != values[0].is_bits:
            kinds = ["bits" if one.is_bits else "integers" for one in (values[0], value)]
            raise ConfigError(f"{key}: {names[0]} gives {kinds[0]} and {name} {kinds[1]}; {what} needs one kind")
        if value.fraction_bits != values[0].fraction_bits:
            raise ConfigError(
                f"{key}: {names[0]} has fraction_bits {values[0].fraction_bits} and {name} {value.fraction_bits}; "
                f"{what} needs one grid"
            )
