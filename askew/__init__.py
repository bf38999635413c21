"""Askew from Python: the same work as the command line's, on objects instead of a run folder.

    import askew

    imported = askew.import_qonnx("model.onnx", input_scale="1/255")     # anybody's W1A1 network as integers
    images = imported.images(pixels)                                     # (n, H, W, C) uint8
    scores = askew.simulate(imported.network, images)                    # (n, classes) int32: golden
    folded = askew.fold(imported.network, "Pynq-Z2")                     # PE, SIMD, buffers; cycles and LUTs
    askew.rtl(folded, "rtl")                                             # a folder of SystemVerilog
    measured = askew.rtlsim(folded, images[:20])                         # the same frames through it in Verilator
    assert (measured.scores == scores[:20]).all()
    assert measured.latency_cycles == askew.predict(folded).latency_cycles

Whatever the caller can mend raises ``askew.UserError`` (a ``ValueError``) with one line: what is wrong, where, what to
do; a file that is not there raises ``FileNotFoundError``.
"""

from askew.hardware import fold, load_board, predict, rtl, rtlsim
from askew.software import import_qonnx, load_network, save_network, simulate
from bnn.chain import Chain, as_chain
from bnn.classes import classes_of
from bnn.encoding import pack_bits
from bnn.errors import UserError
from bnn.folding import Folding, LayerFolding, LoopOrder
from bnn.layers import ConvLayer, DenseLayer, MaxPoolLayer
from bnn.network import Network
from bnn.nodes import Encode
from bnn.version import VERSION
from hw.boards.board import Board, board_names
from hw.cycles import Prediction, UnitCycles
from hw.resources import Resources
from hw.rtlsim import RtlResult
from hw.simulator import Backend
from hw.solver import FoldedDesign

__version__ = VERSION

__all__ = [
    "Backend",
    "Board",
    "Chain",
    "ConvLayer",
    "DenseLayer",
    "Encode",
    "FoldedDesign",
    "Folding",
    "LayerFolding",
    "LoopOrder",
    "MaxPoolLayer",
    "Network",
    "Prediction",
    "Resources",
    "RtlResult",
    "UnitCycles",
    "UserError",
    "__version__",
    "as_chain",
    "board_names",
    "classes_of",
    "fold",
    "import_qonnx",
    "load_board",
    "load_network",
    "pack_bits",
    "predict",
    "rtl",
    "rtlsim",
    "save_network",
    "simulate",
]
