"""Training in several processes, each of which ends in order."""

from __future__ import annotations

import gc
import os

import torch.distributed
from lightning.pytorch.strategies import DDPStrategy


class Processes(DDPStrategy):
    """Lightning's DDP, closing the process group when a process is done.

    Lightning leaves it open on a CPU. Its threads then outlive the interpreter that they need to let go of a tensor,
    and now and then a worker with its work done ends in "terminate called without an active exception"
    (pytorch/pytorch pull request 179291).
    """

    def __init__(self, num_nodes: int) -> None:
        launched = num_nodes > 1 or "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_NTASKS" in os.environ
        super().__init__(start_method="popen" if launched else "spawn")

    def teardown(self) -> None:
        """What Lightning does, and then the process group; called on success and after an error."""
        super().teardown()
        gc.collect()  # the wrapper of the model is in a cycle, and holds the group's threads
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
