"""The commands of `askew`: what each takes, and which function does it. Heavy imports wait until one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.files import write_json, write_text
from bnn.version import VERSION
from flow.cli.flow_commands import flow_app, print_columns, run_and_show
from flow.cli.generate import Force, Run, command_of
from flow.cli.order import InFlowOrder
from flow.cli.zoo_commands import zoo_app
from flow.run.folder import RunFolder
from flow.stages.flow import FLOW

app = typer.Typer(
    cls=InFlowOrder,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Askew: from binary neural network to FPGA without losing a bit.",
)
data_app = typer.Typer(no_args_is_help=True, help="Data sets: which there are, and fetching them.")
app.add_typer(data_app, name="data")
finn_app = typer.Typer(no_args_is_help=True, help="FINN: folding and estimates without Vivado, package, results.")
app.add_typer(finn_app, name="finn")
pynq_app = typer.Typer(no_args_is_help=True, help="Our own design as an overlay for PYNQ boards.")
app.add_typer(pynq_app, name="pynq")
board_app = typer.Typer(no_args_is_help=True, help="A board on a serial port, with the bitstream of `implement`.")
app.add_typer(board_app, name="board")
app.add_typer(zoo_app, name="zoo")
app.add_typer(flow_app)

_GROUPS = {"finn": finn_app, "board": board_app, "pynq": pynq_app, "": app}
WITH_COMMANDS_OF_THEIR_OWN = {"train", "import", "zoo get", "simulate"}  # they take more than a run
for _stage in FLOW.stages.values():
    if _stage.name not in WITH_COMMANDS_OF_THEIR_OWN:
        _group, _, _name = _stage.name.rpartition(" ")
        _GROUPS[_group].command(_name)(command_of(FLOW, _stage))

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="ASKEW_DATA", help="Where data sets lie; else they are downloaded.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads to use; default: all cores.")]
InputScale = Annotated[
    str | None, typer.Option("--input-scale", help="The model's input is the pixel value times this, such as 1/255.")
]
InputMean = Annotated[
    str | None, typer.Option("--input-mean", help="Subtracted then: a number, or one a channel (a,b,c).")
]
InputStd = Annotated[
    str | None, typer.Option("--input-std", help="Divided by then, likewise: torchvision's Normalize(mean, std).")
]
Frames = Annotated[int | None, typer.Option("--frames", min=1, help="Only this many frames.")]


def _print(text: str) -> None:
    Console(soft_wrap=True, highlight=False, markup=False).print(text)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        _print(f"askew {VERSION}")
        raise typer.Exit


@app.command()
def doctor() -> None:
    """Say what is installed, what is missing, and what each missing thing would enable."""
    from flow.doctor import examine  # noqa: PLC0415

    findings = examine()
    width = max(len(finding.check.name) for finding in findings)
    for finding in findings:
        check = finding.check
        explained = finding.found or f"needed for {check.enables}: {check.remedy}"
        _print(f"{'ok' if finding.found else 'missing':8}{check.name:{width + 2}}{explained}")
    if any(finding.check.required and not finding.found for finding in findings):
        raise UserError("doctor: something that everything needs is missing, see above")


@app.command()
def boards() -> None:
    """List the boards that are known here, to FINN, or to both, and what they have."""
    from flow.boards import known_boards  # noqa: PLC0415

    rows = [("board", "part", "LUTs", "BRAM18", "clock MHz", "our RTL", "FINN")]
    for board in known_boards():
        ours, part = board.ours, board.ours.part if board.ours else board.finn.part if board.finn else "-"
        sizes = (f"{ours.luts:,}", f"{ours.bram18:,}", f"{ours.clock_mhz:g}") if ours else ("-", "-", "-")
        finn = "-" if board.finn is None else "bitstream" if board.finn.shell else "estimate"
        rows.append((board.name, part, *sizes, "yes" if ours else "-", finn))
    print_columns(rows)


@data_app.command("list")
def data_list(data_dir: DataDir = None) -> None:
    """List the data sets, and where each was found."""
    from training.data.datasets import list_datasets  # noqa: PLC0415

    table = Table("name", "images", "classes", "train", "test", "where", box=None, pad_edge=False)
    for info in list_datasets(data_dir):
        height, width, channels = info.shape
        size = f"{height}x{width}x{channels}"
        counts = (f"{info.train_images:,}", f"{info.test_images:,}")
        table.add_row(info.name, size, str(info.classes), *counts, info.where)
    Console(soft_wrap=True).print(table)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="As `askew data list` names it.")], data_dir: DataDir = None
) -> None:
    """Download a data set and check it."""
    from training.data.datasets import fetch_dataset  # noqa: PLC0415

    _print(f"{name}: {fetch_dataset(name, data_dir)}")


@app.command()
def train(
    config: Annotated[str, typer.Option("--config", help="A TOML file, or the name of a shipped config.")],
    run: Run,
    data_dir: DataDir = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the config's.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Instead of the config's.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
    ] = None,
    devices: Annotated[int, typer.Option("--devices", min=1, help="Processes or GPUs on each node.")] = 1,
    num_nodes: Annotated[int, typer.Option("--num-nodes", min=1, help="Nodes of a distributed training.")] = 1,
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Train the network that a config describes; an interrupted training goes on to the same result."""
    from flow.stages.claim import claim_for_training  # noqa: PLC0415

    overrides = list(settings or [])
    if epochs is not None:
        overrides.append(f"training.epochs={epochs}")
    if seed is not None:
        overrides.append(f"training.seed={seed}")
    claim_for_training(run, config, overrides)
    given = {
        "data_dir": data_dir,
        "devices": devices,
        "num_nodes": num_nodes,
        "threads": threads,
        "restart": force,
    }
    run_and_show("train", run, {name: value for name, value in given.items() if value is not None}, force=force)


@app.command("import")
def import_network(
    model: Annotated[Path, typer.Option("--model", help="A W1A1 QONNX or FINN-ONNX file, or a network.npz.")],
    run: Run,
    images: Annotated[Path, typer.Option("--images", help=".npy, uint8 (n, H, W, C) or in the file's own layout.")],
    labels: Annotated[Path | None, typer.Option("--labels", help=".npy, integers (n,).")] = None,
    input_scale: InputScale = None,
    input_mean: InputMean = None,
    input_std: InputStd = None,
    force: Force = False,
) -> None:
    """Make a run of somebody's own network, from which every stage works."""
    from flow.stages.importing import claim_for_import  # noqa: PLC0415

    folder = claim_for_import(
        run, model, images, labels, input_scale=input_scale, input_mean=input_mean, input_std=input_std
    )
    try:
        run_and_show("import", run, {}, force=force)
    except (UserError, OSError):
        folder.release()
        raise


@app.command()
def diff(
    run: Run,
    rung_a: Annotated[str, typer.Argument(help="A rung.")],
    rung_b: Annotated[str, typer.Argument(help="Another rung.")],
    frame: Annotated[int | None, typer.Option("--frame", min=0, help="Only this frame.")] = None,
    frames: Frames = None,
) -> None:
    """Name the first node, frame, position and channel at which two rungs differ; exit status 1 if they do."""
    from flow.ladder.chips import ChipRung  # noqa: PLC0415
    from flow.ladder.diff import diff_rungs  # noqa: PLC0415
    from flow.ladder.rungs import FileRung, open_rung  # noqa: PLC0415

    folder = RunFolder.open(run)
    wanted = frame + 1 if frame is not None else frames or 100
    golden = folder.golden(folder.network(), wanted)
    if frame is not None and frame >= len(golden):
        raise UserError(f"--frame {frame}: must be below the number of golden frames ({len(golden)})")
    first = frame or 0
    images = golden.images[first:]
    one, other = open_rung(rung_a, folder), open_rung(rung_b, folder)
    difference = diff_rungs(one, other, images, first)
    answers_alone = isinstance(one, FileRung | ChipRung) or isinstance(other, FileRung | ChipRung)
    why = "a chip shows no nodes" if isinstance(one, ChipRung) or isinstance(other, ChipRung) else ""
    where = f"their answers ({why or 'the imported file names no nodes'})" if answers_alone else "every node"
    if difference:
        _print(f"{rung_a} and {rung_b} differ first at {difference}")
        raise typer.Exit(1)
    _print(f"{rung_a} and {rung_b} agree in {where} on {len(images):,} frames")


@app.command()
def simulate(
    run: Annotated[Path | None, typer.Option("--run", help="The run folder, runs/NAME.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Instead of a run: any W1A1 QONNX file.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="With --model: .npy, uint8 (n, H, W, C).")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="With --model: .npy, integers (n,).")] = None,
    input_scale: InputScale = None,
    input_mean: InputMean = None,
    input_std: InputStd = None,
    predictions: Annotated[Path | None, typer.Option("--predictions", help="Write the classes here (.npy).")] = None,
    scores: Annotated[Path | None, typer.Option("--scores", help="Write the integer scores here (.npy).")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    frames: Frames = None,
    backend: Annotated[str | None, typer.Option("--backend", help="numpy or numba; default: the fastest.")] = None,
    threads: Threads = None,
) -> None:
    """Run an integer network bit by bit: a run's on its golden frames, or any W1A1 QONNX file's on your images."""
    from flow.stages import foreign  # noqa: PLC0415
    from flow.stages.simulate import describe  # noqa: PLC0415
    from flow.stages.simulation import find_backend  # noqa: PLC0415

    chosen = find_backend(backend)
    if (run is None) == (model is None):
        raise UserError("simulate: needs either --run or --model")
    if run is not None:
        given = {"--images": images, "--labels": labels, "--input-scale": input_scale}
        for option, value in (given | {"--input-mean": input_mean, "--input-std": input_std}).items():
            if value is not None:
                raise UserError(f"simulate: {option} goes with --model; a run has its own")
        wanted = {"frames": frames, "backend": backend, "threads": threads}
        figures, results = FLOW.run_one("simulate", run, {k: v for k, v in wanted.items() if v is not None})
    else:
        if images is None or model is None:
            raise UserError("simulate: --model needs --images")
        figures, results = foreign.simulate_model(
            model,
            images,
            labels,
            input_scale=input_scale,
            input_mean=input_mean,
            input_std=input_std,
            frames=frames,
            backend=chosen,
            threads=threads,
        )
    if predictions:
        foreign.save_array(predictions, classes_of(results))
    if scores:
        foreign.save_array(scores, results)
    if json:
        write_json(json, figures)
    _print(describe(figures))


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(help="training: an epoch. simulator: frames per second, memory. rtl: Verilator.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Write WHAT.json and WHAT.md into this folder.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Measure ours and the peers in one run, as ratios."""
    from flow.bench.benches import run_bench  # noqa: PLC0415

    figures, markdown = run_bench(what, data_dir)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / f"{what}.json", figures.to_json())
        write_text(out / f"{what}.md", markdown)
    _print(markdown)


@app.command()
def study(
    config: Annotated[str, typer.Option("--config", help="A study's TOML file, or a shipped study.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for rows, runs and tables; the same one goes on.")],
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Rows at a time on this machine.")] = 1,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of each row.")] = 1,
    address: Annotated[str | None, typer.Option("--address", help="A Ray cluster in place of this machine.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Train, absorb and simulate every combination of a study; tables, words and a plot."""
    from flow.run.figures import RowFigures  # noqa: PLC0415
    from flow.run.progress import progress_bar  # noqa: PLC0415
    from flow.study import StudyRow, load_study, run_study  # noqa: PLC0415
    from flow.study.run import failures  # noqa: PLC0415

    loaded = load_study(config)
    with progress_bar(f"study {loaded.name}", len({row.id for row in loaded.rows()})) as progress:

        def report(row: StudyRow, figures: RowFigures) -> None:
            progress(1)
            result = f"failed: {figures.error}" if figures.accuracy is None else f"{figures.accuracy:.2%}"
            _print(f"{row.config_name} {row.variant} {row.varied} seed {row.seed}: {result}")

        results = run_study(loaded, out, data_dir=data_dir, jobs=jobs, threads=threads, address=address, report=report)
    _print((out / "summary.md").read_text(encoding="utf-8"))
    failed = failures(results)
    if failed:
        row, error = failed[0]
        raise UserError(
            f"study: {len(failed)} of {len(results)} rows failed, the first {row.id}: {error}; run it again"
        )
