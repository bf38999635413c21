"""The stage that absorbs a trained model into integers: the network file, QONNX, and the golden answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import as_chain
from bnn.network import Network
from bnn.serialize import save_network
from flow.ladder.compare import accuracy
from flow.run.folder import Golden, Origin, RunFolder, sha256
from flow.run.progress import console, progress_bar
from flow.stages.stage import Stage
from flow.stages.train import DataOptions, dataset_fingerprint


def write_network(
    run: RunFolder,
    network: Network,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Write ``network.npz``, ``golden/`` and ``export.json``; returns the figures in the last, ``more`` among them."""
    from hw.simulator import Backend, simulate  # noqa: PLC0415 - Numba takes a second to import

    save_network(network, run.network_file)
    with progress_bar("golden answers", len(images)) as progress:
        scores = simulate(network, images, backend=Backend.NUMPY, progress=progress)
    golden = Golden(images, labels, scores)
    run.write_golden(golden, network)
    figures = {
        "sha256": {file.name: sha256(file) for file in (run.network_file, run.model) if file.exists()},
        "accuracy": accuracy(scores, labels),
        "frames": len(golden),
        **more,
    }
    run.write_result("export", network, figures)
    return figures


def show_network(run: RunFolder, figures: dict[str, Any], stage: str) -> None:
    """One line of what was written."""
    network = run.network()
    if figures.get("images"):
        console.print(f"{stage}: images: {figures['images']}", highlight=False)
    rate = "" if figures["accuracy"] is None else f", accuracy {figures['accuracy']:.2%}"
    console.print(
        f"{stage}: {run.network_file}, network {network.hash[:12]}, {network.weight_bits:,} weight bits{rate} on "
        f"{figures['frames']:,} frames"
    )


def _export(run: RunFolder, options: DataOptions) -> dict[str, Any]:
    from onnx_export.absorb import absorb  # noqa: PLC0415 - torch takes seconds to import
    from onnx_export.export import export_qonnx  # noqa: PLC0415
    from onnx_export.graph_export import export_graph  # noqa: PLC0415
    from training.config.load import load_config  # noqa: PLC0415
    from training.data.datasets import load_dataset  # noqa: PLC0415
    from training.fit.train import load_trained  # noqa: PLC0415

    config = load_config(run.config)
    model = load_trained(run.checkpoint, config)
    network = absorb(model.staged())
    dataset = load_dataset(config.data.name, options.data_dir, config.data.preparation)
    if config.network.is_graph:
        export_graph(model.staged(), run.model, network_hash=network.hash)
    else:
        names = [layer.name for layer in as_chain(network).layers]
        export_qonnx(model, network.input.shape, run.model, network_hash=network.hash, layer_names=names)
    more = {
        "checkpoint_sha256": sha256(run.checkpoint),
        "images": dataset.preparation,
        "class_names": list(dataset.class_names),
    }
    return write_network(run, network, dataset.test.pixels, dataset.test.labels, more)


EXPORT = Stage(
    name="export",
    summary="Absorb the trained model into integers: model.onnx, network.npz and the golden answers.",
    example="--run runs/tfc",
    options=DataOptions,
    needs=("config", "checkpoint"),
    makes=("network", "model", "golden", "export"),
    run=_export,
    show=lambda run, figures: show_network(run, figures, "export"),
    outside=dataset_fingerprint,
    keeps_fresh=True,
    origin=Origin.TRAINED,
)
