"""All foldings that FINN can build of a network, with FINN's own cost, and the cheapest that is fast enough.

FINN estimates each unit by itself and a design as their sum, so the layers are independent of one another: per layer
every legal (pe, simd) and both kinds of memory are looked at, and dynamic programming over the block RAMs joins them.
Optimal therefore means: in FINN's estimate, which counts no FIFOs, width converters and shell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, ConvLayer, MatrixLayer, UserError
from bnn.folding import divisors
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import FinnNode, Role, finn_nodes
from finn_build.package.folding import PeSimd, label_pe, matrix_beside, node_options
from finn_build.package.settings import BuildSettings, Frames
from finn_build.worker.costs import UnitCost, total_cost, unit_costs
from finn_build.worker.process import Progress

NEVER = np.int64(1) << 50
"""LUTs of what cannot be."""
MEMORIES = ("block", "distributed")


@dataclass(frozen=True)
class Budget:
    """What a design may take in FINN's estimate."""

    luts: int
    bram18: int


@dataclass(frozen=True)
class Choice:
    """One way to fold one layer.

    Attributes:
        folding: (pe, simd) of its matrix; None for a pool and for the label.
        ram_styles: role to where its memory goes.
        units: role to what FINN estimates for it.
    """

    folding: PeSimd | None
    ram_styles: Mapping[str, str]
    units: Mapping[str, UnitCost]
    cost: UnitCost = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", total_cost(list(self.units.values())))


@dataclass(frozen=True)
class FinnFolding:
    """A folding of every layer, and what FINN estimates for it."""

    choices: Mapping[str, Choice]

    @property
    def layers(self) -> dict[str, PeSimd]:
        """(pe, simd) of every matrix."""
        return {name: choice.folding for name, choice in self.choices.items() if choice.folding is not None}

    @property
    def ram_styles(self) -> dict[str, dict[str, str]]:
        """As ``BuildSettings`` takes them."""
        return {name: dict(choice.ram_styles) for name, choice in self.choices.items() if choice.ram_styles}

    @property
    def cost(self) -> UnitCost:
        """Of all units."""
        return total_cost([choice.cost for choice in self.choices.values()])


class FinnSpace:
    """Every choice for every layer of a network, with FINN's cost.

    Attributes:
        choices: layer to its choices; the input counts to the first layer, the label is a layer of its own.
    """

    def __init__(self, network: Chain, costs: Mapping[str, list[UnitCost]]) -> None:
        """Put together what ``unit_costs`` gave for ``every_option`` of a network that ``finn_form`` gave."""
        self._network = network
        self.choices: dict[str, list[Choice]] = {}
        for name, nodes in _layers(network).items():
            priced = [list(zip(_options(network, node), costs[node.name], strict=True)) for node in nodes]
            self.choices[name] = [choice for choice in _combine(nodes, priced) if choice.cost.problem is None]
            if not self.choices[name]:
                problem = next(cost.problem for listed in priced for _, cost in listed if cost.problem)
                raise UserError(f"layer {name}: FINN can build no folding of it ({problem})")

    @classmethod
    def of(
        cls,
        network: Chain,
        frames: Frames,
        settings: BuildSettings,
        folder: Path,
        progress: Progress | None = None,
    ) -> FinnSpace:
        """Ask FINN; arguments and errors as of ``unit_costs``. The folding of ``settings`` has no influence."""
        form = finn_form(network).network
        return cls(form, unit_costs(network, frames, settings, folder, every_option(form), progress))

    @property
    def cycles(self) -> list[int]:
        """Every number of cycles a frame that a design can have, ascending."""
        fastest = max(min(choice.cost.cycles for choice in choices) for choices in self.choices.values())
        every = {choice.cost.cycles for choices in self.choices.values() for choice in choices}
        return sorted(cycles for cycles in every if cycles >= fastest)

    def cheapest(self, cycles: int, budget: Budget) -> FinnFolding | None:
        """The fewest LUTs, then block RAMs, with no unit above ``cycles``; None where the budget does not hold them."""
        if budget.bram18 < 0:
            return None
        front = np.full(budget.bram18 + 1, NEVER)  # (bram18,) the fewest LUTs with exactly so many block RAMs
        front[0] = 0
        steps: list[tuple[list[Choice], NDArray[np.int64]]] = []
        for choices in self.choices.values():
            allowed = _undominated([choice for choice in choices if choice.cost.cycles <= cycles])
            after, chosen = np.full_like(front, NEVER), np.full(len(front), -1, np.int64)
            for number, choice in enumerate(allowed):
                rams = choice.cost.bram18
                if rams >= len(front):
                    continue
                luts = front[: len(front) - rams] + choice.cost.luts
                better = luts < after[rams:]
                after[rams:][better] = luts[better]
                chosen[rams:][better] = number
            front = after
            steps.append((allowed, chosen))
        rams = int(front.argmin())
        if front[rams] > budget.luts:
            return None
        found: dict[str, Choice] = {}
        for name, (allowed, chosen) in zip(reversed(self.choices), reversed(steps), strict=True):
            found[name] = allowed[chosen[rams]]
            rams -= found[name].cost.bram18
        return self.with_label({name: found[name] for name in self.choices})

    def fastest(self, budget: Budget, input_cycles: int = 0) -> FinnFolding | None:
        """The fewest cycles a frame within the budget, but no fewer than a frame takes to arrive; then the fewest LUTs.

        None where the budget holds no folding at all.
        """
        cycles = self.cycles
        low, high = 0, len(cycles)
        if input_cycles and (fed := self.cheapest(input_cycles, budget)):
            return fed
        while low < high:
            middle = (low + high) // 2
            if self.cheapest(cycles[middle], budget) is None:
                low = middle + 1
            else:
                high = middle
        return self.cheapest(cycles[low], budget) if low < len(cycles) else None

    def with_label(self, choices: dict[str, Choice]) -> FinnFolding:
        """With the label that ``folding_config`` writes down, which may differ where FINN's cost does not."""
        if Role.LABEL.value in choices:
            slowest = max(choice.units[Role.MATRIX.value].cycles for choice in choices.values() if choice.folding)
            number = divisors(self._network.classes).index(label_pe(self._network, slowest))
            choices[Role.LABEL.value] = self.choices[Role.LABEL.value][number]
        return FinnFolding(choices)


def every_option(network: Chain) -> dict[str, list[Mapping[str, Any]]]:
    """Node to every setting of its attributes, of a network that ``finn_form`` gave."""
    return {node.name: [tried.attributes for tried in _options(network, node)] for node in finn_nodes(network)}


@dataclass(frozen=True)
class _Option:
    """Attributes of one node to try, and what they mean: its layer's folding (0 where it has no part in it)."""

    attributes: Mapping[str, Any]
    pe: int = 0
    simd: int = 0
    ram_style: str | None = None


def _layers(network: Chain) -> dict[str, list[FinnNode]]:
    """The nodes that must agree on a folding: those of a layer; the input's with those of the first."""
    layers: dict[str, list[FinnNode]] = {}
    for node in finn_nodes(network):
        name = network.layers[0].name if node.role is Role.INPUT else node.layer
        layers.setdefault(name, []).append(node)
    return layers


def _options(network: Chain, node: FinnNode) -> list[_Option]:
    if node.role is Role.LABEL:
        return [_Option({"PE": pe}) for pe in divisors(network.classes)]
    layers = {layer.name: layer for layer in network.layers}
    matrix = layers[matrix_beside(network, node)]
    assert isinstance(matrix, MatrixLayer)
    follows = node.layer == matrix.name or (node.role is Role.INPUT and network.layers[0] is matrix)
    simds = divisors(matrix.c_in if isinstance(matrix, ConvLayer) else matrix.mw) if follows else [0]
    pes = divisors(matrix.mh) if node.role is Role.MATRIX else [0]
    styles = MEMORIES if node.role in (Role.MATRIX, Role.WINDOW) else (None,)
    return [
        _Option(node_options(network, node, (pe or 1, simd or 1), style), pe, simd, style)
        for pe, simd, style in product(pes, simds, styles)
    ]


def _combine(nodes: list[FinnNode], priced: list[list[tuple[_Option, UnitCost]]]) -> Iterator[Choice]:
    """Every choice of a layer: one option a node, all of the same SIMD."""
    for simd in sorted({option.simd for option, _ in priced[-1]}):
        fitting = [[(option, cost) for option, cost in listed if option.simd in (0, simd)] for listed in priced]
        for taken in product(*fitting):
            styles = {n.role.value: o.ram_style for n, (o, _) in zip(nodes, taken, strict=True) if o.ram_style}
            pe = max(option.pe for option, _ in taken)
            units = {node.role.value: cost for node, (_, cost) in zip(nodes, taken, strict=True)}
            yield Choice((pe, simd) if pe else None, styles, units)


def _undominated(choices: list[Choice]) -> list[Choice]:
    """Without those that another beats in LUTs and block RAMs, cheapest in LUTs first."""
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda choice: (choice.cost.luts, choice.cost.bram18, choice.cost.cycles)):
        if not kept or choice.cost.bram18 < kept[-1].cost.bram18:
            kept.append(choice)
    return kept
