"""What a user can get wrong on the way to FINN and its bitstream."""

from __future__ import annotations

from bnn.errors import UserError


class GraphError(UserError):
    """A network that FINN's units cannot hold: the message names the layer and the reason."""


class FinnError(UserError):
    """FINN, Docker or the Xilinx tools did not do their part: one line with the cause and what to do."""


class TypesError(FinnError):
    """A type in one of FINN's graphs cannot hold what reaches it: the hardware would compute something else."""
