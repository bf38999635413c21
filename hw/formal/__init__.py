"""Proofs of the streaming units with Yosys and an SMT solver."""

from hw.formal.prove import PROOFS, Proof, ProofError, prove

__all__ = ["PROOFS", "Proof", "ProofError", "prove"]
