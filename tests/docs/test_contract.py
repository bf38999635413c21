"""The contract's page shows the nodes as they are. Oracle: what each kind says of itself in its own file."""

from pathlib import Path

from bnn.nodes.table import rows

PAGE = Path(__file__).parents[2] / "docs" / "contract.md"


def test_the_table_of_nodes_is_up_to_date():
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert shown == list(rows()), "put the output of `python -m bnn.nodes.table` into docs/contract.md"
