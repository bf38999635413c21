"""A unit in one line of text, such as ``mvau mw=64 mh=64 simd=8 pe=8``: its name in commands and in the kept data.

Weights, start values and tables are random, each bit with the same probability, and thresholds lie around the middle,
as trained networks' do: Yosys merges what is equal and simplifies what is regular, so constant weights would cost
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bnn import UserError
from hw.units import KINDS, Unit
from hw.units.memory import hex_words
from hw.units.specification import Numbers, SpecificationError


@dataclass(frozen=True)
class Specification:
    """A unit and what its memories hold.

    Attributes:
        text: the normal form: the kind, then ``key=value`` in the order given.
        unit: named ``name`` as its maker was told.
        memories: file name and contents.
    """

    text: str
    unit: Unit
    memories: Mapping[str, str]


def specify(text: str, name: str = "unit") -> Specification:
    """The unit that ``text`` describes; the same text always gets the same random memories.

    Raises:
        SpecificationError: no such module, or a number is missing, unknown or does not fit the others.
    """
    kind = text.split(maxsplit=1)[0] if text.strip() else ""
    if kind not in KINDS:
        raise SpecificationError(f"unit {text!r}: no module {kind!r}; there are {', '.join(KINDS)}")
    numbers = Numbers(text, name)
    try:
        unit, memories = KINDS[kind].specify(numbers)
    except SpecificationError:
        raise
    except (ZeroDivisionError, AssertionError, UserError) as error:
        raise SpecificationError(f"unit {text!r}: these numbers do not go together") from error
    if numbers.unused:
        raise SpecificationError(f"unit {text!r}: {min(numbers.unused)} is none of its numbers")
    files = {unit.memory_file(memory): hex_words(bits) for memory, bits in memories.items()}
    return Specification(" ".join(text.split()), unit, files)


__all__ = ["Specification", "SpecificationError", "specify"]
