"""The stages that FINN does for us: estimate, package, bitstream, results. Everything goes to `runs/NAME/finn/`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bnn.chain import Chain
from bnn.errors import UserError
from bnn.folding import load_folding, shipped_foldings
from bnn.readers import read_json
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import finn_nodes
from finn_build.container.bitstream import build_bitstream
from finn_build.package.capacity import verify_fits
from finn_build.package.folded import read_ram_styles
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings
from finn_build.results.deploy import write_deploy
from finn_build.results.results import collect_results
from finn_build.worker.costs import BUILD_STEPS, UnitCost, unit_costs
from finn_build.worker.estimate import DEFAULT_FRAMES, estimate, estimate_work
from flow.run.folder import Golden, RunFolder
from flow.run.progress import console, progress_bar
from flow.stages.chains import no_chain
from flow.stages.finn_fold import Target, board_of, show_layers
from flow.stages.fold import DEFAULT_BOARD, folding_file_fingerprint, with_board_named
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say


class FinnOptions(Options):
    """What FINN is given. Without a folding: that of `askew finn fold`, with its board and clock."""

    exclusive = ("target_fps", "folding")

    board: str | None = option(None, "Any board that FINN knows; default: that of `askew finn fold`.", kind=Kind.GOAL)
    folding: str | None = option(
        None,
        "A folding file, or finn-tfc or finn-cnv; default: that of `askew finn fold`, made where there is none.",
        kind=Kind.GOAL,
    )
    target_fps: float | None = option(
        None, "Fold for it in the fewest LUTs, by FINN's estimate.", unit="frames/s", kind=Kind.GOAL, ge=1e-6
    )
    clock_mhz: float | None = option(None, "Instead of the board's usual clock.", unit="MHz", kind=Kind.GOAL, ge=1)
    finn_folding: bool = option(False, "With --target-fps: let FINN's own SetFolding choose instead.", kind=Kind.GOAL)

    @property
    def own_folding(self) -> bool:
        """Whether the folding is that of `askew finn fold`."""
        return self.folding is None and not self.finn_folding

    def target(self, run: RunFolder) -> Target:
        """Board and clock; FinnError where FINN does not know the board."""
        if self.own_folding:
            described = read_json(run.finn / "folding.json", f"run `{run.mending('finn fold')}`")
            return Target.of(str(described["board"]), float(described["clock_mhz"]))
        return Target.of(self.board or board_of(run.folding) or DEFAULT_BOARD, self.clock_mhz)

    def settings(self, run: RunFolder, network: Chain) -> BuildSettings:
        """Settings for FINN; UserError where board or folding do not fit."""
        target = self.target(run)
        if self.finn_folding:
            if self.target_fps is None or self.target_fps != int(self.target_fps):
                raise UserError("finn: --finn-folding wants a --target-fps that is a whole number")
            return BuildSettings(target.board, target.clock_mhz, None, int(self.target_fps))
        source = self.folding or str(run.finn / "folding.json")
        layers = {name: (layer.pe, layer.simd) for name, layer in load_folding(source, network).layers.items()}
        described = {} if source in shipped_foldings() else read_json(Path(source), "make it with `askew finn fold`")
        memories = read_ram_styles(described, network, f"folding file {source}")
        return BuildSettings(target.board, target.clock_mhz, layers, ram_styles=memories)


class EstimateOptions(FinnOptions):
    """And on how many frames its graphs are held to golden."""

    frames: int | None = option(None, "Frames that every graph must get right.", ge=1)


class PackageOptions(FinnOptions):
    """And what may be written over."""

    force: bool = option(False, "Delete what another configuration left there.", kind=Kind.PASSING)
    over_capacity: bool = option(False, "Package it even where FINN estimates more than the board has.", kind=Kind.GOAL)


class BitstreamOptions(PackageOptions):
    """And whether anything is built."""

    force: bool = option(False, "Delete what was built before.", kind=Kind.PASSING)
    dry_run: bool = option(False, "Write the package and print the commands only.", kind=Kind.PASSING)


def _needs_folding(_run: RunFolder, options: FinnOptions) -> tuple[str, ...]:
    return ("finn folding",) if options.own_folding else ()


def _given(_run: RunFolder, options: FinnOptions) -> dict[str, str | None]:
    return {} if options.folding is None else {"the folding file": folding_file_fingerprint(options.folding)}


def _estimate(run: RunFolder, options: EstimateOptions) -> tuple[Target, dict[str, Any]]:
    """FINN's estimates, every one of its graphs held to golden; written to `finn/estimate.json` and returned."""
    network = run.chain()
    golden = run.golden(network.network())
    count = min(options.frames or DEFAULT_FRAMES, len(golden))
    settings = options.settings(run, network)
    with progress_bar("finn estimate", estimate_work(count)) as progress:
        figures = estimate(network, golden, settings, run.finn, count=count, progress=progress)
    return options.target(run), figures


def _show_estimate(_run: RunFolder, result: tuple[Target, dict[str, Any]]) -> None:
    target, figures = result
    show_layers(figures)
    say(
        f"{figures['board']} at {figures['clock_mhz']:g} MHz: {len(figures['graphs'])} graphs of "
        f"{figures['finn_version']} on {figures['frames']} frames, {figures['mismatches']} mismatches with golden, "
        f"{figures['seconds']:.0f} s"
    )
    say(fit_line(target, UnitCost.read({"cycles": figures["frame_ii_cycles"], **figures["resources"]})))
    if figures["mismatches"]:
        raise UserError(f"finn estimate: {figures['mismatches']} answers of FINN's graphs differ from golden")


def _package(run: RunFolder, options: PackageOptions) -> Path:
    """Write `finn/build/`, the folder that FINN builds from, and `finn/deploy/` for the board; returns the first."""
    network = run.chain()
    golden = run.golden(network.network())
    folder = run.finn / "build"
    settings = options.settings(run, network)
    _verify_fits(run, network, golden, settings, options)
    write_package(folder, network, golden, settings, force=options.force)
    write_deploy(run.finn)
    return folder


def _bitstream(run: RunFolder, options: BitstreamOptions) -> dict[str, Any]:
    """Build the bitfile in FINN's container, or only say how; as `build_bitstream` returns."""
    network = run.chain()
    run.finn.mkdir(exist_ok=True)
    golden = run.golden(network.network())
    settings = options.settings(run, network)
    _verify_fits(run, network, golden, settings, options)
    found = build_bitstream(
        run.finn,
        network,
        golden,
        settings,
        os.environ,
        console.print,
        dry_run=options.dry_run,
        force=options.force,
    )
    return found | {"dry_run": options.dry_run}


def _show_bitstream(run: RunFolder, found: dict[str, Any]) -> None:
    if not found["dry_run"]:
        say(f"bitstream: {found['bitfile']}; what goes to the board is in {run.finn / 'deploy'}")
        return
    say(f"package: {found['package']}")
    for missing in found["missing"]:
        say(f"missing: {missing}")
    for command in found["commands"]:
        say(command)


def _verify_fits(
    run: RunFolder, network: Chain, golden: Golden, settings: BuildSettings, options: PackageOptions
) -> None:
    """FinnError for what FINN estimates to be larger than the board, or cannot generate; says how much is taken."""
    run.finn.mkdir(exist_ok=True)
    target = options.target(run)
    with progress_bar("finn capacity", BUILD_STEPS + len(finn_nodes(finn_form(network).network))) as progress:
        costs = unit_costs(network, golden, settings, run.finn, progress=progress)
    advice = f"fold by FINN's estimate with `askew finn fold --run {run.path} --board {target.board.name}`"
    say(fit_line(target, verify_fits(costs, target.capacity, advice, over_capacity=options.over_capacity)))


def fit_line(target: Target, cost: UnitCost) -> str:
    """How much of its board a design takes by FINN's estimate, in words."""
    capacity = target.capacity
    if capacity is None:
        return f"FINN estimates {cost.luts:,} LUTs; what {target.board.name} has is not known here, so nobody checks it"
    parts = (
        f"{taken:,} of {offered:,} {what}" + (f" ({taken / offered:.0%})" if offered else "")
        for what, taken, offered in (
            ("LUTs", cost.luts, capacity.luts),
            ("block RAMs of 18 kbit", cost.bram18, capacity.bram18),
            ("DSPs", cost.dsp, capacity.dsp),
        )
    )
    return f"{target.board.name}: FINN estimates {', '.join(parts)}, without FIFOs, width converters and shell"


class ResultsOptions(Options):
    """None: it reads what is there."""


def _needs_package(run: RunFolder, _options: ResultsOptions) -> tuple[str, ...]:
    """Where none lies there. One that a build was made of is read whatever it was made from: its manifest says."""
    return () if (run.finn / "build" / "manifest.json").exists() else ("finn package",)


def _show_results(run: RunFolder, found: dict[str, Any]) -> None:
    say(f"finn results: {run.finn / 'results.json'}")
    for part, command in found["missing"].items():
        say(f"  {part}: missing; {command}")


FINN_ESTIMATE = Stage(
    name="finn estimate",
    summary="FINN's cycles and resources without Vivado; every graph of its compiler is held to golden.",
    example="--run runs/tfc --board Pynq-Z2",
    options=EstimateOptions,
    needs=("network", "golden"),
    needs_more=_needs_folding,
    first=("finn fold",),
    prepare=with_board_named,
    makes=("finn estimate",),
    run=_estimate,
    show=_show_estimate,
    outside=_given,
    refused=no_chain,
)
FINN_PACKAGE = Stage(
    name="finn package",
    summary="Write the folder that FINN builds a bitstream from, golden answers included.",
    example="--run runs/tfc --board Pynq-Z2",
    options=PackageOptions,
    needs=("network", "golden"),
    needs_more=_needs_folding,
    first=("finn fold",),
    prepare=with_board_named,
    makes=("finn package",),
    run=_package,
    show=lambda _run, folder: say(f"finn package: {folder}"),
    outside=_given,
    refused=no_chain,
)
BITSTREAM = Stage(
    name="bitstream",
    summary="Build the bitfile with FINN and Vivado in docker; an interrupted build goes on where it stopped.",
    example="--run runs/tfc --board Pynq-Z2 --dry-run",
    options=BitstreamOptions,
    needs=("network", "golden"),
    needs_more=_needs_folding,
    first=("finn fold",),
    prepare=with_board_named,
    makes=("bitfile",),
    records=lambda options: not options.dry_run,
    run=_bitstream,
    show=_show_bitstream,
    outside=_given,
    refused=no_chain,
)
FINN_RESULTS = Stage(
    name="finn results",
    summary="Read what a build, finished or not, has come to.",
    example="--run runs/tfc",
    options=ResultsOptions,
    needs=("network",),
    needs_more=_needs_package,
    makes=("finn results",),
    uses=("finn package", "bitfile"),
    run=lambda run, _options: collect_results(run.finn, run.chain()),
    show=_show_results,
    refused=no_chain,
)
