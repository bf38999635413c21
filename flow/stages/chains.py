"""What the stages of the hardware cannot take yet: a network that is no chain of layers."""

from __future__ import annotations

from bnn.chain import PATTERN, as_chain
from bnn.errors import UserError
from bnn.values import NetworkError
from flow.run.folder import RunFolder


def no_chain(run: RunFolder) -> str | None:
    """Why there can be no hardware of the run's network, by its first node that is no part of a chain.

    None where it is a chain, and where it is not there or damaged, which is for the stages to say.
    """
    if not run.network_file.exists():
        return None
    try:
        network = run.network()
    except UserError:
        return None
    try:
        as_chain(network)
    except NetworkError as error:
        return f"hardware is made of chains alone so far: {str(error).removesuffix(f'; {PATTERN}')}"
    return None
