"""Who takes part in the simulator's benchmark: each computes the same frames of the same network its own way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from bnn import Network, classes_of
from flow.bench.standard_onnx import SignAs, to_standard_onnx
from flow.run.figures.bench import Check
from hw.simulator import Backend, simulate
from onnx_export.absorb import absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.export import export_qonnx
from training.config.load import load_config
from training.networks.models import BinaryNetwork, to_pixels

Run = Callable[[], int]  # compute some frames, give their number
QONNX_FRAMES = 4
CHECKED_FRAMES = 64


@dataclass(frozen=True)
class Size:
    """How a network is measured: the numbers of frames a call that we may choose from, and the peers' batch sizes."""

    config: str
    shape: tuple[int, int, int]
    frames: tuple[int, ...]
    batches: tuple[int, ...]


SIZES = {
    "TFC": Size("tfc-mnist", (28, 28, 1), (8192, 16384, 65536), (64, 256, 1024, 4096)),
    "SFC": Size("sfc-mnist", (28, 28, 1), (8192, 32768), (64, 256, 1024, 4096)),
    "LFC": Size("lfc-mnist", (28, 28, 1), (4096, 10000), (64, 256, 1024, 4096)),
    "CNV": Size("cnv-cifar10", (32, 32, 3), (1024,), (8, 32, 64, 128)),
}


class BenchCase(Protocol):
    """One network with random weights, in every form that somebody runs."""

    network: Network

    def contestants(self) -> dict[str, dict[str, Run]]:
        """What can be measured, by who and by how."""

    def check(self) -> Check:
        """Whether everybody computes the same."""


class Case:
    """One network with random weights and batch norms, in every form that somebody runs."""

    def __init__(self, size: Size, folder: Path, threads: int) -> None:
        self.size = size
        self.threads = threads
        torch.manual_seed(0)
        self.model = BinaryNetwork(load_config(size.config), size.shape, 10)
        _randomize_batch_norms(self.model)
        self.model.eval()
        self.network: Network = absorb(self.model.staged())
        path = folder / f"{size.config}.onnx"
        export_qonnx(self.model, size.shape, path, network_hash=self.network.hash)
        self.qonnx = QonnxExecutor(path)
        self.sessions = {sign_as: session(to_standard_onnx(path, sign_as), threads) for sign_as in SignAs}
        self.images = np.random.default_rng(0).integers(0, 256, (max(size.frames), *size.shape), dtype=np.uint8)

    def contestants(self) -> dict[str, dict[str, Run]]:
        """What can be measured, by who and by how."""
        return {
            "numba": {f"{frames} frames": self._ours(Backend.NUMBA, frames) for frames in self.size.frames},
            "numpy": {"": self._ours(Backend.NUMPY, max(len(self.images) // 16, 64))},
            "onnxruntime": {
                f"{sign_as.value}, batch {batch}": self._session_run(sign_as, batch)
                for sign_as in SignAs
                for batch in self.size.batches
            },
            "brevitas": {f"batch {batch}": self._model_run(batch) for batch in self.size.batches},
            "qonnx": {"": self._qonnx_run()},
        }

    def check(self) -> Check:
        """Frames on which somebody's class is another than the trained model's, and how far onnxruntime's logits are.

        onnxruntime may join the last multiplication and addition, which rounds once instead of twice.
        """
        images = self.images[:CHECKED_FRAMES]
        with torch.no_grad():
            logits = self.model(to_pixels(images)).numpy()
        ours = {backend.value: simulate(self.network, images, backend=backend) for backend in Backend}
        peers = {
            f"onnxruntime {sign_as.value}": peer.run(None, {"pixels": to_pixels(images).numpy()})[0]
            for sign_as, peer in self.sessions.items()
        }
        few = images[:QONNX_FRAMES]
        results = {**ours, **peers, "qonnx": self.qonnx.scores(few)}
        classes = classes_of(logits)
        return Check(
            frames=CHECKED_FRAMES,
            other_classes={
                name: int((classes_of(scores) != classes[: len(scores)]).sum()) for name, scores in results.items()
            },
            onnxruntime_logits_farthest=max(float(np.abs(scores - logits).max()) for scores in peers.values()),
        )

    def _ours(self, backend: Backend, frames: int) -> Run:
        def run() -> int:
            simulate(self.network, self.images[:frames], backend=backend, threads=self.threads)
            return frames

        return run

    def _session_run(self, sign_as: SignAs, batch: int) -> Run:
        pixels = self._pixels(batch)

        def run() -> int:
            self.sessions[sign_as].run(None, {"pixels": pixels})
            return batch

        return run

    def _model_run(self, batch: int) -> Run:
        pixels = torch.from_numpy(self._pixels(batch))

        def run() -> int:
            with torch.inference_mode():
                self.model(pixels)
            return batch

        return run

    def _qonnx_run(self) -> Run:
        def run() -> int:
            self.qonnx.scores(self.images[:QONNX_FRAMES])
            return QONNX_FRAMES

        return run

    def _pixels(self, batch: int) -> NDArray[np.float32]:
        """Peers are handed float32 pixels, and so are spared the conversion."""
        return to_pixels(self.images[:batch]).numpy()


def frames_per_second(run: Run, seconds: float) -> float:
    """The rate over at least so many seconds, and at least one call."""
    done, start = 0, time.perf_counter()
    while True:
        done += run()
        passed = time.perf_counter() - start
        if passed >= seconds:
            return done / passed


def session(model: bytes, threads: int) -> Any:
    """onnxruntime, with all of its optimizations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _randomize_batch_norms(model: torch.nn.Module) -> None:
    """Batch norms of both signs, so that thresholds are not all in the middle."""
    with torch.no_grad():
        for module in model.modules():
            if hasattr(module, "running_mean"):
                module.running_mean.normal_(0, 5)  # type: ignore[operator]
                module.running_var.uniform_(1, 50)  # type: ignore[operator]
                module.weight.normal_()  # type: ignore[operator]
                module.bias.normal_()  # type: ignore[operator]
