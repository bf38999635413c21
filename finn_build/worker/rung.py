"""The last of FINN's graphs as one more way to compute the network's answers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain
from finn_build.board.evaluator import scores_of
from finn_build.compiler.form import finn_form
from finn_build.errors import FinnError
from finn_build.package.package import MODELS, OUTPUT, read_manifest
from finn_build.worker.estimate import layer_names
from finn_build.worker.process import Progress, run_worker

LAST_GRAPH = "step_generate_estimate_reports"


class FinnGraph:
    """FINN's folded hardware graph, which an estimate left, executed node by node in FINN's process.

    Every value is cut to the bits of its type on the way, as it would be in hardware.

    Raises FinnError where there is no estimate, or one of another network.
    """

    def __init__(self, network: Chain, folder: Path) -> None:
        """Take the graph of ``folder/estimate``."""
        self._network = network
        self._form = finn_form(network)
        self._package = (folder / "estimate").absolute()
        self._graph = self._package / OUTPUT / MODELS / f"{LAST_GRAPH}.onnx"
        if not self._graph.exists():
            raise FinnError(f"{self._graph}: not there yet; make it with `askew finn estimate`")
        made_of = read_manifest(self._package)["network_hash"]
        if made_of != network.hash:
            raise FinnError(
                f"{self._package} is of network {made_of[:12]}, this network is {network.hash[:12]}: they cannot be "
                "compared; run `askew finn estimate` again"
            )

    def scores(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.int32]:
        """(n, classes) integer scores of (n, H, W, C) images."""
        result: NDArray[np.int32] = self.trace(images, progress)[self._network.layers[-1].name]
        return result

    def trace(self, images: NDArray[np.uint8], progress: Progress | None = None) -> dict[str, NDArray[Any]]:
        """Every layer's (n, H, W, C) bits, ``input`` first where it is binary; the last layer's (n, classes) scores."""
        with tempfile.TemporaryDirectory(prefix="askew-frames-") as scratch:
            frames, traces = Path(scratch) / "frames.npy", Path(scratch) / "traces.npz"
            np.save(frames, images, allow_pickle=False)
            job = {
                "graph": str(self._graph),
                "frames": str(frames),
                "layers": layer_names(self._form.network),
                "traces": str(traces),
            }
            run_worker("trace", job, self._package, progress)
            with np.load(traces, allow_pickle=False) as archive:
                flat = dict(archive)
        return self._in_our_terms(flat, len(images))

    def _in_our_terms(self, flat: dict[str, NDArray[Any]], count: int) -> dict[str, NDArray[Any]]:
        shapes = {layer.name: layer.output_shape(shape) for layer, shape, _ in self._network.walk()}
        shapes["input"] = self._network.input.shape
        last = self._network.layers[-1].name
        traced: dict[str, NDArray[Any]] = {}
        for name, values in flat.items():
            if name == last:
                traced[name] = scores_of(self._network, values.astype(np.int64))
                continue
            bits = values.reshape(count, *shapes[name]).astype(np.uint8)
            inverted = self._form.inverted.get(name)
            traced[name] = bits if inverted is None else bits ^ inverted.astype(np.uint8)
        return traced
