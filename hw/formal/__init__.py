"""Proofs of the streaming units with Yosys and an SMT solver."""

from hw.formal.proofs import PROOFS, Proof
from hw.formal.prove import ProofError, prove

__all__ = ["PROOFS", "Proof", "ProofError", "prove"]
