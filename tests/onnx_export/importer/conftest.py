"""ONNX files by hand: no exporter stands behind these tests."""

import numpy as np
import pytest

from tests.support.onnx_builder import Builder


@pytest.fixture(scope="session")
def build():
    """``build(input_shape, opset=13)``: a Builder."""
    return Builder


@pytest.fixture(scope="session")
def bipolar():
    """``bipolar(rng, *shape)``: random -1 and +1."""
    return lambda rng, *shape: rng.choice([-1.0, 1.0], size=shape).astype(np.float32)
