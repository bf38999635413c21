"""Small models in Brevitas, as FINN's tutorials build them, and what Brevitas' exporter and FINN make of them."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model

from tests.support.models import random_batch_norms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from brevitas.export import export_qonnx as brevitas_export
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
    from brevitas_examples.bnn_pynq.models.common import CommonActQuant, CommonWeightQuant

SHAPES = {"mlp": (1, 2, 6, 6), "cnn": (1, 2, 6, 5), "one-logit": (1, 1, 4, 4)}  # of the input, a batch of 1 in front


def _sign() -> torch.nn.Module:
    return QuantIdentity(act_quant=CommonActQuant, bit_width=1)


def _dense(mw: int, mh: int) -> torch.nn.Module:
    return QuantLinear(mw, mh, bias=False, weight_quant=CommonWeightQuant, weight_bit_width=1)


def _conv(c_in: int, c_out: int, kernel: int) -> torch.nn.Module:
    return QuantConv2d(c_in, c_out, kernel, bias=False, weight_quant=CommonWeightQuant, weight_bit_width=1)


class Unit(torch.nn.Module):
    """2 x - 1, as FINN's tutorial models begin."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """To -1..1 from 0..1."""
        return 2.0 * x - torch.tensor([1.0])


def _layers(name: str) -> list[torch.nn.Module]:
    if name == "one-logit":
        return [Unit(), _sign(), torch.nn.Flatten(), _dense(16, 9), torch.nn.BatchNorm1d(9), _sign(), _dense(9, 1)]
    if name == "mlp":
        return [
            *(Unit(), _sign(), torch.nn.Flatten(), _dense(72, 20), torch.nn.BatchNorm1d(20), _sign()),
            *(_dense(20, 33), torch.nn.BatchNorm1d(33), _sign(), _dense(33, 6)),
        ]
    return [
        *(Unit(), _sign(), _conv(2, 7, 3), torch.nn.BatchNorm2d(7), _sign(), torch.nn.MaxPool2d(2)),
        *(_conv(7, 5, 1), torch.nn.BatchNorm2d(5), _sign()),
        *(torch.nn.Flatten(), _dense(10, 9), torch.nn.BatchNorm1d(9), _sign(), _dense(9, 4)),
    ]


def brevitas_model(name: str) -> torch.nn.Module:
    """The model of that name, one of ``SHAPES``, in evaluation mode."""
    torch.manual_seed(4)
    model = torch.nn.Sequential(*_layers(name))
    random_batch_norms(model, mean=3)
    return model.eval()


def export_brevitas(name: str, path: Path, batch: int = 1) -> Path:
    """That model by Brevitas' own exporter, made for ``batch`` images at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = torch.rand(batch, *SHAPES[name][1:])
        brevitas_export(brevitas_model(name), images, str(path), dynamo=False, opset_version=13)
    return path


def cleaned(path: Path) -> ModelWrapper:
    """A file as qonnx cleans it up for FINN."""
    return cleanup_model(ModelWrapper(str(path)))


def finn_transformations(build_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """FINN's transformations that the tests use, by name."""
    monkeypatch.setenv("FINN_BUILD_DIR", str(build_folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
        from finn.transformation.streamline import Streamline
        from finn.transformation.streamline.absorb import AbsorbTransposeIntoMultiThreshold
        from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
        from finn.util.settings import initialize_dummy_settings
    initialize_dummy_settings()
    classes = (ConvertQONNXtoFINN, Streamline, AbsorbTransposeIntoMultiThreshold, MakeMaxPoolNHWC)
    return {transformation.__name__: transformation for transformation in classes}


def transformed(model: ModelWrapper, *transformations: Any) -> ModelWrapper:
    """A model after transformations of qonnx and FINN, given as classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for transformation in transformations:
            model = model.transform(transformation())
    return model
