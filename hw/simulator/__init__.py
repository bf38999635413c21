"""The bit-accurate simulator: a NumPy reference, compiled kernels that equal it, and traces of every layer."""

from hw.simulator.front import (
    Backend,
    available_backends,
    bit_values,
    check_images,
    prepare,
    reference_meaning,
    simulate,
    trace,
)

__all__ = [
    "Backend",
    "available_backends",
    "bit_values",
    "check_images",
    "prepare",
    "reference_meaning",
    "simulate",
    "trace",
]
