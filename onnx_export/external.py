"""Files that lie beside an ONNX file and hold the values of its constants."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import external_data_helper


def external_files(path: Path) -> list[Path]:
    """The files that an ONNX file takes constants from, sorted; none where it is damaged, which the import refuses."""
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception:  # protobuf raises errors of its own kind
        return []
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    held = [entry.t for node in nodes for entry in node.attribute if entry.HasField("t")]
    names = {
        external_data_helper.ExternalDataInfo(tensor).location
        for tensor in (*model.graph.initializer, *held)
        if external_data_helper.uses_external_data(tensor)
    }
    return [path.parent / name for name in sorted(names)]


def copy_file(source: Path, target: Path) -> None:
    """A copy of an ONNX file with its external data inside of it; the target must be a temporary name."""
    onnx.save(onnx.load(source), target)
