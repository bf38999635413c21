"""The commands of `askew`: what each takes, and which function does it. Heavy imports wait until one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.files import write_json, write_text
from bnn.version import VERSION
from flow.cli.finn_commands import bitstream, finn_app
from flow.cli.hardware_commands import hardware_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Askew: from binary neural network to FPGA without losing a bit.",
)
data_app = typer.Typer(no_args_is_help=True, help="Data sets: which there are, and fetching them.")
app.add_typer(data_app, name="data")
app.add_typer(finn_app, name="finn")
app.add_typer(hardware_app)
app.command()(bitstream)

Run = Annotated[Path, typer.Option("--run", help="The run folder, runs/NAME.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="ASKEW_DATA", help="Where data sets lie; else they are downloaded.")
]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if the result is up to date.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads to use; default: all cores.")]
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
    from flow.stages import software as stages  # noqa: PLC0415

    overrides = list(settings or [])
    if epochs is not None:
        overrides.append(f"training.epochs={epochs}")
    if seed is not None:
        overrides.append(f"training.seed={seed}")
    stages.train(
        config, run, overrides, data_dir=data_dir, devices=devices, num_nodes=num_nodes, threads=threads, force=force
    )


@app.command()
def export(run: Run, data_dir: DataDir = None, force: Force = False) -> None:
    """Absorb the trained model into integers: model.onnx, network.npz and the golden answers."""
    from flow.stages import software as stages  # noqa: PLC0415

    stages.export(run, data_dir=data_dir, force=force)


@app.command()
def ladder(
    run: Run,
    rungs: Annotated[str, typer.Option("--rungs", help="Which rungs, with commas between.")] = "reference,qonnx,numpy",
    frames: Frames = None,
) -> None:
    """Run the same frames through every rung and count the frames that differ from golden."""
    from flow.ladder.climb import run_ladder  # noqa: PLC0415
    from flow.run.folder import RunFolder  # noqa: PLC0415

    names = [name.strip() for name in rungs.split(",") if name.strip()]
    figures = run_ladder(RunFolder.open(run), names, frames)
    table = Table("rung", "frames", "mismatches", "accuracy", box=None, pad_edge=False)
    for name, rung in figures["rungs"].items():
        table.add_row(name, f"{rung['frames']:,}", str(rung["mismatches"]), f"{rung['accuracy']:.2%}")
    Console().print(table)
    differing = [name for name in names if figures["rungs"][name]["mismatches"]]
    if differing:
        frame = figures["rungs"][differing[0]]["first_mismatch"]
        _print(f"not equal to golden: see `askew diff --run {run} {differing[0]} numpy --frame {frame}`")
        raise typer.Exit(1)


@app.command()
def diff(
    run: Run,
    rung_a: Annotated[str, typer.Argument(help="A rung.")],
    rung_b: Annotated[str, typer.Argument(help="Another rung.")],
    frame: Annotated[int | None, typer.Option("--frame", min=0, help="Only this frame.")] = None,
    frames: Frames = None,
) -> None:
    """Name the first layer, frame, position and channel at which two rungs differ; exit status 1 if they do."""
    from flow.ladder.diff import diff_rungs  # noqa: PLC0415
    from flow.ladder.rungs import open_rung  # noqa: PLC0415
    from flow.run.folder import RunFolder  # noqa: PLC0415

    folder = RunFolder.open(run)
    golden = folder.golden(folder.network())
    if frame is not None and frame >= len(golden):
        raise UserError(f"--frame {frame}: must be below the number of golden frames ({len(golden)})")
    first = frame or 0
    images = golden.images[first : first + 1] if frame is not None else golden.images[: frames or 100]
    difference = diff_rungs(open_rung(rung_a, folder), open_rung(rung_b, folder), images, first)
    if difference:
        _print(f"{rung_a} and {rung_b} differ first at {difference}")
        raise typer.Exit(1)
    _print(f"{rung_a} and {rung_b} agree in every layer on {len(images):,} frames")


@app.command()
def report(
    run: Run,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="Another run to show beside it; repeatable.")
    ] = None,
    study: Annotated[
        list[Path] | None, typer.Option("--study", help="A study's folder (its --out) to show; repeatable.")
    ] = None,
) -> None:
    """Gather everything known of a run into report.html, report.md and report.json."""
    from flow.report import collect, to_markdown  # noqa: PLC0415
    from flow.report.html import to_html  # noqa: PLC0415
    from flow.run.folder import RunFolder  # noqa: PLC0415

    folder = RunFolder.open(run)
    contents = collect(folder, [RunFolder.open(other) for other in against or []], study or [])
    write_json(folder.report_json, contents)
    write_text(folder.report_markdown, to_markdown(contents))
    write_text(folder.report_html, to_html(contents))
    _print(f"report: {folder.report_html}, {folder.report_markdown} and {folder.report_json}")


@app.command()
def simulate(
    run: Annotated[Path | None, typer.Option("--run", help="The run folder, runs/NAME.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Instead of a run: any W1A1 QONNX file.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="With --model: .npy, uint8 (n, H, W, C).")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="With --model: .npy, integers (n,).")] = None,
    input_scale: Annotated[
        str | None, typer.Option("--input-scale", help="With --model: its input is pixel value x this, such as 1/255.")
    ] = None,
    input_mean: Annotated[
        str | None,
        typer.Option("--input-mean", help="Subtracted then: a number, or one a channel (a,b,c)."),
    ] = None,
    input_std: Annotated[
        str | None, typer.Option("--input-std", help="Divided by then, likewise: torchvision's Normalize(mean, std).")
    ] = None,
    predictions: Annotated[Path | None, typer.Option("--predictions", help="Write the classes here (.npy).")] = None,
    scores: Annotated[Path | None, typer.Option("--scores", help="Write the integer scores here (.npy).")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    frames: Frames = None,
    backend: Annotated[str | None, typer.Option("--backend", help="numpy or numba; default: the fastest.")] = None,
    threads: Threads = None,
) -> None:
    """Run an integer network bit by bit: a run's on its golden frames, or any W1A1 QONNX file's on your images."""
    from flow.stages import foreign  # noqa: PLC0415
    from flow.stages import software as stages  # noqa: PLC0415

    chosen = stages.find_backend(backend)
    if (run is None) == (model is None):
        raise UserError("simulate: needs either --run or --model")
    if run is not None:
        given = {"--images": images, "--labels": labels, "--input-scale": input_scale}
        for option, value in (given | {"--input-mean": input_mean, "--input-std": input_std}).items():
            if value is not None:
                raise UserError(f"simulate: {option} goes with --model; a run has its own")
        figures, results = stages.simulate_run(run, frames=frames, backend=chosen, threads=threads)
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
    _print(_describe_simulation(figures))


def _describe_simulation(figures: dict[str, Any]) -> str:
    parts = [f"simulate: {figures['frames']:,} frames"]
    if figures["accuracy"] is not None:
        parts.append(f"accuracy {figures['accuracy']:.2%}")
    if figures["mismatches"] is not None:
        parts.append(f"{figures['mismatches']} mismatches with golden")
    parts.append(f"{figures['frames_per_second']:,.0f} frames/s ({figures['backend']}, compiled before)")
    return ", ".join(parts)


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
        write_json(out / f"{what}.json", figures)
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
    from flow.run.progress import progress_bar  # noqa: PLC0415
    from flow.study import StudyRow, load_study, run_study  # noqa: PLC0415
    from flow.study.run import failures  # noqa: PLC0415

    loaded = load_study(config)
    with progress_bar(f"study {loaded.name}", len({row.id for row in loaded.rows()})) as progress:

        def report(row: StudyRow, figures: dict[str, Any]) -> None:
            progress(1)
            result = f"{figures['accuracy']:.2%}" if figures["status"] == "done" else f"failed: {figures['error']}"
            _print(f"{row.config_name} {row.variant} {row.varied} seed {row.seed}: {result}")

        results = run_study(loaded, out, data_dir=data_dir, jobs=jobs, threads=threads, address=address, report=report)
    _print((out / "summary.md").read_text(encoding="utf-8"))
    failed = failures(results)
    if failed:
        row, error = failed[0]
        raise UserError(
            f"study: {len(failed)} of {len(results)} rows failed, the first {row.id}: {error}; run it again"
        )
