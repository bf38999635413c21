"""Proofs of the streaming units with Yosys and an SMT solver."""

from hw.verify.formal.proofs import PROOFS, Proof
from hw.verify.formal.prove import ProofError, prove

__all__ = ["PROOFS", "Proof", "ProofError", "prove"]
