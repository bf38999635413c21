"""What the modules of an epilogue compute in evaluation, as the operators that a file writes down."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.stage.operators import Operator
from training.networks import layers


def module_operators(*modules: nn.Module) -> tuple[Operator, ...]:
    """The operators of modules one after the other; signs and grids, which end an epilogue, are left to its reader."""
    return tuple(operator for module in modules for operator in _of(module))


def factor(role: str, value: float) -> Operator:
    """A multiplication by one number."""
    return Operator("Mul", role, np.asarray(value, np.float32))


def _of(module: nn.Module) -> tuple[Operator, ...]:
    match module:
        case layers.BatchNorm():
            scale, offset = (_array(term) for term in module.affine_terms())
            return Operator("Mul", "batchnorm_mul", scale), Operator("Add", "batchnorm_add", offset)
        case layers.ThresholdShift():
            return (Operator("Sub", "threshold_sub", _array(module.shift)),)
        case layers.ScalarAffine():
            terms = _array(module.scale), _array(module.offset)
            return Operator("Mul", "affine_mul", terms[0]), Operator("Add", "affine_add", terms[1])
        case nn.ReLU():
            return (Operator("Relu", "activation"),)
        case nn.LeakyReLU():
            return (Operator("LeakyRelu", "activation", attributes={"alpha": float(module.negative_slope)}),)
        case nn.PReLU():
            return (Operator("PRelu", "activation", _array(module.weight)),)
    return ()


def _array(term: Tensor) -> NDArray[np.float32]:
    with torch.no_grad():
        found: NDArray[np.float32] = term.detach().float().cpu().numpy().copy()
    return found
