"""What FINN will call the nodes that our layers become. Names are FINN's interface: its files are keyed by them.

FINN renames every node to TYPE_NUMBER, counting each type along the graph, so a chain of layers fixes all names in
advance. The worker checks the prediction against the graph that FINN built.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from bnn import Chain, ConvLayer, DenseLayer, MaxPoolLayer
from bnn.window import NO_PADDING
from finn_build.errors import GraphError


class Compiler(Enum):
    """Whose FINN builds: the fork that this project pins, or the original."""

    FINN_PLUS = "finn-plus"
    FINN = "finn"


class Role(Enum):
    """What a node does for its layer."""

    INPUT = "input"
    PADDING = "padding"
    WINDOW = "window"
    MATRIX = "matrix"
    POOL = "pool"
    LABEL = "label"


MATRICES = ("MatMul", "XnorPopcountMatMul", "MVAU")  # what a matrix is in one or another of FINN's graphs
POOLS = ("MaxPoolNHWC", "Pool")
THRESHOLDS = ("MultiThreshold", "Thresholding")

STYLES = {  # the variant that FINN makes of each type: its 1-bit matrix unit exists in HLS only
    "Thresholding": "rtl",
    "FMPadding": "rtl",
    "ConvolutionInputGenerator": "rtl",
    "MVAU": "hls",
    "Pool": "hls",
    "StreamingMaxPool": "hls",
    "LabelSelect": "hls",
}


@dataclass(frozen=True)
class FinnNode:
    """One node of FINN's hardware graph.

    Attributes:
        layer: our layer's name; ``input`` and ``label`` for what no layer of ours does.
        role: what it does for that layer.
        op_type: FINN's type before it chooses between HLS and RTL.
        index: how many nodes of this type come before it.
    """

    layer: str
    role: Role
    op_type: str
    index: int

    @property
    def general_name(self) -> str:
        """Its name until ``step_specialize_layers``; what the specialize configuration is keyed by."""
        return f"{self.op_type}_{self.index}"

    @property
    def op_type_specialized(self) -> str:
        """Its type from ``step_specialize_layers`` on."""
        return f"{self.op_type}_{STYLES[self.op_type]}"

    @property
    def name(self) -> str:
        """Its name from ``step_specialize_layers`` on; what the folding configuration and the reports are keyed by."""
        return f"{self.op_type_specialized}_{self.index}"


def general_type(op_type: str) -> str:
    """FINN's type of a node without the variant, as it was before FINN chose between HLS and RTL."""
    return op_type.removesuffix("_hls").removesuffix("_rtl")


def finn_nodes(network: Chain, compiler: Compiler = Compiler.FINN_PLUS) -> tuple[FinnNode, ...]:
    """Every node of FINN's hardware graph of ``network``, in order.

    Raises:
        GraphError: a max pool that the original FINN cannot build.
    """
    kinds: list[tuple[str, Role, str]] = []
    if network.input.binary:
        kinds.append(("input", Role.INPUT, "Thresholding"))
    for layer in network.layers:
        if isinstance(layer, MaxPoolLayer) and compiler is Compiler.FINN:
            if layer.kernel != layer.stride or layer.padding != NO_PADDING:
                raise GraphError(
                    f"layer {layer.name}: kernel {layer.kernel} must equal stride {layer.stride} without padding "
                    f"{layer.padding} in the original FINN; build with finn-plus (leave FINN_ROOT unset)"
                )
            kinds.append((layer.name, Role.POOL, "StreamingMaxPool"))
            continue
        if isinstance(layer, ConvLayer | MaxPoolLayer) and has_window(layer):
            if layer.padding != NO_PADDING:
                kinds.append((layer.name, Role.PADDING, "FMPadding"))
            kinds.append((layer.name, Role.WINDOW, "ConvolutionInputGenerator"))
        is_pool = isinstance(layer, MaxPoolLayer)
        kinds.append((layer.name, Role.POOL, "Pool") if is_pool else (layer.name, Role.MATRIX, "MVAU"))
    if gives_labels(network):
        kinds.append(("label", Role.LABEL, "LabelSelect"))
    counted: Counter[str] = Counter()
    nodes = []
    for name, role, op_type in kinds:
        nodes.append(FinnNode(name, role, op_type, counted[op_type]))
        counted[op_type] += 1
    return tuple(nodes)


def has_window(layer: ConvLayer | MaxPoolLayer) -> bool:
    """Whether the layer needs a sliding window: a 1 x 1 convolution is a matrix at every position."""
    return isinstance(layer, MaxPoolLayer) or (layer.kernel, layer.stride, layer.padding) != (
        (1, 1),
        (1, 1),
        NO_PADDING,
    )


def gives_labels(network: Chain) -> bool:
    """Whether FINN's graph ends with the label; with a score table it ends with the last layer's accumulators.

    FINN has no unit that looks scores up, so the processor does that and picks the label.
    """
    last = network.layers[-1]
    return getattr(last, "score_table", None) is None


def input_shape(network: Chain) -> tuple[int, ...]:
    """Shape of one frame at FINN's input: (1, mw) before a dense layer, else (1, H, W, C)."""
    first = network.layers[0]
    return (1, first.mw) if isinstance(first, DenseLayer) else (1, *network.input.shape)


def output_shape(network: Chain) -> tuple[int, ...]:
    """Shape of FINN's answer to one frame: the label, or the last layer's accumulators."""
    width = 1 if gives_labels(network) else network.classes
    return (1, width) if isinstance(network.layers[-1], DenseLayer) else (1, 1, 1, width)
