"""One stage of a binary network as PyTorch trains it: a matrix of binary weights and everything up to the next."""

from __future__ import annotations

from torch import Tensor, nn

from bnn.stage import Pool
from bnn.window import NO_PADDING
from training.config.load import Config
from training.config.settings import Estimator, PreActivation
from training.fit.arithmetic import PLAIN
from training.networks import layers
from training.networks.fused import norm_sign_pool
from training.networks.plan import StagePlan


class BinaryStage(nn.Module):
    """One matrix of binary weights and everything up to the next: pool, batch norm, activation, shift, sign, pool.

    Attributes:
        arithmetic: in which it trains. Evaluation is in plain float32 whatever this is.
    """

    def __init__(self, plan: StagePlan, config: Config, shift: float | None) -> None:
        super().__init__()
        self.plan = plan
        self.arithmetic = PLAIN
        training, activation = config.training, config.activation
        self.pad = layers.ConstantPad(plan.padding, plan.pad_value) if plan.padding != NO_PADDING else None
        self.matrix = _matrix(plan, None if activation.hardtanh else training.weight_start)
        self.pool_before = _pool(plan.pool_before)
        self.pool_after = _pool(plan.pool_after)
        self.dropout = nn.Dropout(training.dropout) if training.dropout and not plan.is_last else None
        self.epilogue: nn.Sequential = nn.Sequential()
        # what the fused operation knows: batch norm, a shift or none, and the sign
        self._is_fusible = (
            not plan.is_last and activation.pre_activation is PreActivation.NONE and activation.hardtanh is None
        )
        self._is_polynomial = activation.ste is Estimator.APPROX_SIGN
        self._half_width = activation.ste_half_width or layers.HALF_WIDTH
        if plan.is_last:
            self.epilogue.add_module("affine", layers.ScalarAffine(plan.mw))
            return
        self.epilogue.add_module("norm", layers.BatchNorm(plan.mh, activation.batch_norm_bias_start))
        for name, part in layers.activation(activation, plan.mh, shift).items():
            self.epilogue.add_module(name, part)

    def accumulate(self, x: Tensor) -> Tensor:
        """Accumulators behind the pool that stands before the activation: (n, c, h, w), or (n, mh) where dense."""
        if self.pad is not None:
            x = self.pad(x)
        if not self.plan.is_convolution and x.dim() > 2:
            x = x.flatten(1)
        is_plain = self.arithmetic == PLAIN or not self.training
        x = self.matrix(x) if is_plain else layers.multiply(self.matrix, x)
        return x if self.pool_before is None else self.pool_before(x)

    def finish(self, x: Tensor) -> Tensor:
        """From the epilogue's values to the next stage's input."""
        if self.pool_after is not None:
            x = self.pool_after(x)
        return x if self.dropout is None else self.dropout(x)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) or (n, c) of the stage's input to the next one's."""
        if not self.training or self.arithmetic == PLAIN:
            return self.finish(self.epilogue(self.accumulate(x)))
        if self.plan.is_last:  # the logits are float32, and what they are computed from is exact
            return self.epilogue(self.accumulate(x.float()))  # type: ignore[no-any-return]
        x = self.accumulate(x)
        if not self.arithmetic.fused or not self._is_fusible:
            return self.finish(self.epilogue(x.float()).to(self.arithmetic.dtype))
        pool = self.plan.pool_after
        window = pool.kernel if pool is not None and pool.kernel == pool.stride else (1, 1)
        x = norm_sign_pool(
            x,
            self._norm,
            self._bias(),
            is_polynomial=self._is_polynomial,
            half_width=self._half_width,
            window=window,
        )
        if pool is not None and pool.kernel != pool.stride:
            return self.finish(x)
        return x if self.dropout is None else self.dropout(x)

    @property
    def _norm(self) -> layers.BatchNorm:
        norm = self.epilogue.get_submodule("norm")
        assert isinstance(norm, layers.BatchNorm)
        return norm

    def _bias(self) -> Tensor:
        """The batch norm's bias minus the shift, (c,): what the sign compares with zero is the same."""
        if not hasattr(self.epilogue, "shift"):
            return self._norm.bias
        return self._norm.bias - self.epilogue.shift.shift  # type: ignore[operator, union-attr]


def _matrix(plan: StagePlan, weight_start: float | None) -> nn.Module:
    """Binary weights that start within +-``weight_start``; real ones where None."""
    if plan.is_convolution:
        sizes = (plan.input_shape[2], plan.mh, plan.kernel, plan.stride)
        return layers.real_conv(*sizes) if weight_start is None else layers.binary_conv(*sizes, weight_start)
    if weight_start is None:
        return layers.real_dense(plan.mw, plan.mh)
    return layers.binary_dense(plan.mw, plan.mh, weight_start)


def _pool(pool: Pool | None) -> nn.Module | None:
    return None if pool is None else nn.MaxPool2d(pool.kernel, pool.stride)
