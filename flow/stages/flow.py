"""The flow: every stage, in the order in which a person meets them."""

from __future__ import annotations

from flow.stages.board_run import BOARD_RUN
from flow.stages.export import EXPORT
from flow.stages.finn import BITSTREAM, FINN_ESTIMATE, FINN_PACKAGE, FINN_RESULTS
from flow.stages.finn_fold import FINN_FOLD
from flow.stages.fold import FOLD
from flow.stages.implement import IMPLEMENT
from flow.stages.importing import IMPORT
from flow.stages.ladder import LADDER
from flow.stages.pynq import PYNQ_BITSTREAM, PYNQ_RESULTS
from flow.stages.report import report_stage
from flow.stages.rtl import RTL
from flow.stages.rtlsim import RTLSIM
from flow.stages.runner import Flow
from flow.stages.shift_cost import SHIFT_COST
from flow.stages.simulate import SIMULATE
from flow.stages.train import TRAIN
from flow.stages.zoo import ZOO_GET

_SHOWN = (
    TRAIN,
    EXPORT,
    IMPORT,
    ZOO_GET,
    SIMULATE,
    LADDER,
    FOLD,
    RTL,
    RTLSIM,
    IMPLEMENT,
    BOARD_RUN,
    PYNQ_BITSTREAM,
    PYNQ_RESULTS,
    SHIFT_COST,
    FINN_FOLD,
    FINN_ESTIMATE,
    FINN_PACKAGE,
    BITSTREAM,
    FINN_RESULTS,
)
_BY_NAME = {stage.name: stage for stage in _SHOWN}

FLOW = Flow({**_BY_NAME, "report": report_stage(_BY_NAME)})
