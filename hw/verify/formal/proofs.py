"""What is proved: the properties, of which module and how deep, and what Yosys reads for it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hw.generator.design import RTL_FOLDER, rtl_files

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Proof:
    """One property set of one module.

    Attributes:
        name: what ``python -m hw.verify.formal`` calls it.
        module: top module, in the file of that name in hw/verify/formal.
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
    _mvau(order=0, style=3, mw=6, simd=3),
)


def proof_sources(proof: Proof, rtl: Path = RTL_FOLDER) -> list[Path]:
    """The files that a proof needs of those in ``rtl``, in the order in which Yosys takes them."""
    there = [*rtl_files(rtl), *sorted((rtl / "sim").glob("*.sv")), *sorted(HERE.glob("*.sv"))]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in there}
    needed: set[str] = set()
    left = [proof.module]
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += set(re.findall(r"\b(?:askew_\w+|LUT6(?:_2)?|CARRY4|CCU2C)\b", texts[name])) & set(texts)
    return [path for path in there if path.stem in needed]


def proof_script(proof: Proof, sources: list[Path]) -> list[str]:
    """Yosys' commands, run in a folder with all sources, up to where every solver's own begin."""
    parameters = "".join(f" -chparam {name} {value}" for name, value in proof.parameters.items())
    return [
        f"read_verilog -formal -sv -defer {' '.join(path.name for path in sources)}",
        f"hierarchy -top {proof.module}{parameters}",
        f"prep -top {proof.module} -flatten -nordff",
        "memory_map",  # z3 is far slower on arrays than on the few registers of these memories
        "opt -fast",
    ]
