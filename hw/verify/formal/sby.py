"""The proofs for SymbiYosys: one ``.sby`` file a proof, with which ``sby -f NAME.sby`` proves the same as we do."""

from __future__ import annotations

import os
from pathlib import Path

from hw.generator.design import rtl_headers
from hw.verify.formal.proofs import HERE, PROOFS, Proof, proof_script, proof_sources

SBY_FOLDER = HERE / "sby"


def emit_sby(proof: Proof) -> str:
    """The text of the proof's ``.sby`` file in ``SBY_FOLDER``, in which SymbiYosys is to be run."""
    sources = proof_sources(proof)
    sections = {
        "options": [f"mode {'prove' if proof.induction else 'bmc'}", f"depth {proof.depth}"],
        "engines": ["smtbmc z3"],
        "script": proof_script(proof, sources),
        "files": [os.path.relpath(path, SBY_FOLDER) for path in [*sources, *rtl_headers()]],
    }
    sections |= {f"file {name}": text.splitlines() for name, text in proof.files.items()}
    text = "# Written by `python -m hw.verify.formal --sby` from hw/verify/formal/proofs.py; run it in this folder.\n"
    return text + "".join(f"\n[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items())


def emitted() -> dict[Path, str]:
    """Every ``.sby`` file and its text."""
    return {SBY_FOLDER / f"{proof.name}.sby": emit_sby(proof) for proof in PROOFS}


def write_sby() -> None:
    """Write them all; others in the folder go."""
    files = emitted()
    SBY_FOLDER.mkdir(exist_ok=True)
    for path in SBY_FOLDER.glob("*.sby"):
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
