"""``python -m hw.verify.formal [NAME ...]``: run all proofs, or those named; ``--sby`` writes SymbiYosys files."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from hw.verify.formal.proofs import PROOFS
from hw.verify.formal.prove import ProofError, prove
from hw.verify.formal.sby import write_sby


def main(names: list[str]) -> int:
    """0 when every proof holds, 1 when one does not, 2 for a name that is none."""
    if names == ["--sby"]:
        write_sby()
        return 0
    unknown = set(names) - {proof.name for proof in PROOFS}
    if unknown:
        sys.stderr.write(f"no proof {min(unknown)}; there are {', '.join(proof.name for proof in PROOFS)}\n")
        return 2
    failed = 0
    for proof in PROOFS:
        if names and proof.name not in names:
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"askew-{proof.name}-"))
        try:
            prove(proof, folder)
            sys.stdout.write(f"{proof.name}: holds\n")
            shutil.rmtree(folder)
        except ProofError as error:
            sys.stdout.write(f"{error}\n")
            failed = 1
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
