"""What the file has of a matrix's sums. Oracle: exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from onnx_export.absorption.reach import Reach
from onnx_export.importer.building import Building
from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import Integers
from onnx_export.importer.matrices import Matrix
from onnx_export.importer.products import Product
from onnx_export.importer.signal import Base


@pytest.mark.parametrize("beside", [Fraction(1, 2**60), -Fraction(1, 2**60), Fraction(0)])
def test_a_sum_next_to_0_is_not_0(beside):
    """3 * (1/3 + 2^-60) is 1 in float64: its sum with -1 would be 0, whose sign is another."""
    weights = np.array([[1, 1, 1], [-1, -1, -1]], np.float32)
    node = Node("fc", "MatMul", ("x", "w"), ("y",), {})
    matrix = Matrix(node, weights, np.ones(2), None, None, False, Layout.vector(2, (1, 2)))
    shift = Fraction(1, 3) + beside
    table = np.arange(256)[None] - 128
    base = Base(
        "image",
        node,
        (1, 1, 3),
        lambda: "input",
        lambda numbers: numbers / 2,
        Reach(np.full(3, -128), np.full(3, 127), 1),
        np.zeros(3),
        pixels=Integers(table, 0.5, table.astype(np.float32) / 2, (shift,)),
    )
    sums = Product(Building(), "fc", matrix, base).base()
    for accumulator in (-2, -1, 0, 1, 2):
        values = sums.floats(np.full((1, 2), accumulator, np.float32))[0]
        exact = [(accumulator + 3 * sign * shift) / 2 for sign in (1, -1)]
        assert np.sign(values).tolist() == [(value > 0) - (value < 0) for value in exact]
        np.testing.assert_allclose(values, [float(value) for value in exact], rtol=1e-7, atol=1e-15)
