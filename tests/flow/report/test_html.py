"""report.html in a real browser, headless Chromium. Oracles: the browser, Python's sort, report.json, scikit-learn."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from bnn.chain import as_chain
from flow.cli.main import run as askew
from flow.report.plots import FAINT
from flow.report.svg import GREY, ORANGE

WIDTHS = (360, 768, 1280)

SHIFTS = """
name = "made-up-shifts"
question = "Does a shift <help>?"
configs = ["RUN"]
seeds = [0, 1, 2]
[vary]
"activation.ste" = ["clipped_identity", "approx_sign"]
"activation.threshold_shift" = [-0.5, 0.0, 0.5]
"""
SHIFT_ACCURACIES = [
    *(0.90, 0.91, 0.92, 0.90, 0.92, 0.94, 0.60, 0.61, 0.62),
    *(0.80, 0.81, None, 0.80, 0.82, 0.81, 0.79, 0.81, 0.83),
]
VARIANTS = """
name = "made-up-variants"
configs = ["RUN"]
[[variants]]
name = "plain"
[[variants]]
name = "twin"
set = { "activation.threshold_shift" = 0.0, "activation.hardtanh.shift_x" = 0.0 }
"""
VARIANT_FIGURES = [0.90, 0.91, 0.92, ("reference", 0.97), ("reference", 0.98), ("reference", 0.96)]


@pytest.fixture(scope="module")
def reported(exported_run, tmp_path_factory, make_study) -> Path:
    """A copy of the small run with every stage that needs no other program, beside a second copy and two studies."""
    folder = tmp_path_factory.mktemp("reported")
    run, other = folder / "small", folder / "other <b>"
    shutil.copytree(exported_run, run)
    shutil.copytree(exported_run, other)
    for command in ("simulate", "ladder --rungs reference,numpy --frames 60", "fold --board Pynq-Z2 --target-fps 1e5"):
        name, *options = command.split()
        assert askew([name, "--run", str(run), *options]) == 0
    config = str(run / "config.toml")
    shifts = make_study(folder / "shifts", SHIFTS.replace("RUN", config), SHIFT_ACCURACIES)
    variants = make_study(folder / "variants", VARIANTS.replace("RUN", config), VARIANT_FIGURES)
    options = ["--against", str(other), "--study", str(shifts), "--study", str(variants)]
    assert askew(["report", "--run", str(run), *options]) == 0
    return run


@pytest.fixture
def open_page(browser, reported):
    """Opens the report; any console message, script error or request for anything else fails the test at its end."""
    complaints: list[str] = []
    contexts = []
    address = (reported / "report.html").as_uri()

    def open_it(width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("request", lambda request: complaints.append(request.url[:80]) if _leaves(request.url) else None)
        page.goto(address)
        return page

    def _leaves(url):
        return url != address and not url.startswith("data:")

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def test_asks_nothing_of_anyone(open_page, reported):
    page = open_page()
    assert page.title() == "small: Askew report"
    addresses = set(re.findall(r"""(?:src|href)=["']([^"']{1,30})""", (reported / "report.html").read_text()))
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    for section in (
        *("accuracy", "training", "against", "study-1", "study-2"),
        *("layers", "hardware", "answers", "missing", "config"),
    ):
        assert page.locator(f"section#{section} h2").is_visible(), section


def test_the_browser_refuses_what_would_leave_the_page(browser, reported):
    """The page's own policy: an image put into it from elsewhere is blocked."""
    page = browser.new_page()
    page.goto((reported / "report.html").as_uri())
    blocked = page.evaluate(
        """() => new Promise((resolve) => {
             document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
             document.body.append(Object.assign(new Image(), { src: "https://example.invalid/x.png" }));
             setTimeout(() => resolve("let through"), 3000);
           })"""
    )
    assert blocked == "img-src"
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_never_scrolls_sideways(open_page, width):
    page = open_page(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # what is wider than its box scrolls there, and is reached by keyboard
    for box in page.locator(".scroll").all():
        assert box.get_attribute("tabindex") == "0"
        assert box.bounding_box()["width"] <= width


def test_every_picture_has_words(open_page, reported):
    page = open_page()
    report = json.loads((reported / "report.json").read_text())
    plots = page.locator("svg").all()
    assert len(plots) >= 7 + sum(layer["thresholds"] is not None for layer in report["network"]["layers"])
    for plot in plots:
        assert plot.get_attribute("role") == "img"
        assert len(plot.get_attribute("aria-label")) > 20
    pictures = page.locator("img").all()
    assert len(pictures) == len(report["mistakes"]) > 0
    for picture, mistake in zip(pictures, report["mistakes"], strict=True):
        assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [8, 8]
        words = f"Frame {mistake['frame']}: {mistake['label']}, taken for {mistake['answer']}"
        assert picture.get_attribute("alt") == words


def test_no_two_elements_share_an_identifier(open_page):
    identifiers = open_page().evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(identifiers) == len(set(identifiers)) > 50


def _key(text):
    number = text.replace(",", "").rstrip("%")
    try:
        return (0, float(number), "")
    except ValueError:
        return (2, 0.0, "") if text == "-" else (1, 0.0, text)


def test_a_click_on_a_header_sorts_as_python_does(open_page):
    page = open_page()
    checked = 0
    for table in page.locator("table.sorts").all():
        headers = table.locator("th")
        for column in range(headers.count()):
            before = _rows(table)
            headers.nth(column).click()
            assert headers.nth(column).get_attribute("aria-sort") == "ascending"
            assert _rows(table) == sorted(before, key=lambda row: _key(row[column]))
            checked += _rows(table) != before
    assert checked > 5
    header = page.locator("section#layers th", has_text="weight bits")
    table = page.locator("section#layers table")
    column = table.locator("th").all_inner_texts().index(header.inner_text())
    header.locator("button").press("Enter")
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    bits = [_key(row[column]) for row in _rows(table) if row[column] != "-"]
    assert bits == sorted(bits, reverse=True)
    assert [row[column] for row in _rows(table)][-1] == "-"  # the input has no weights: last in either direction


def _rows(table):
    return table.evaluate("table => [...table.tBodies[0].rows].map((row) => [...row.cells].map((c) => c.innerText))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_page, scheme):
    """Paper and ink far apart in lightness, ITU-R BT.709 luma, and the plots drawn in the page's ink."""
    page = open_page(color_scheme=scheme)
    paper, ink, plot_ink = page.evaluate(
        """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
                  getComputedStyle(document.querySelector("svg.plot text")).fill]"""
    )
    assert plot_ink == ink
    dark, bright = (_luma(paper), _luma(ink)) if scheme == "dark" else (_luma(ink), _luma(paper))
    assert dark < 40
    assert bright > 215


def _luma(colour):
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_prints_in_black_on_white_from_a_dark_screen(open_page):
    page = open_page(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert _luma(colours[0]) == pytest.approx(255)
    assert _luma(colours[1]) < 40


def test_what_is_shown_is_in_the_json(open_page, reported):
    page = open_page()
    report = json.loads((reported / "report.json").read_text())
    rungs = {row[0]: row for row in _rows(page.locator("section#accuracy table"))}
    for name, rung in report["rungs"].items():
        assert rungs[name][1:] == [f"{rung['accuracy']:.2%}", f"{rung['frames']:,}", str(rung["mismatches"])]
    for layer in report["network"]["layers"]:
        if layer["thresholds"]:
            assert sum(layer["thresholds"]["histogram"]["counts"]) == layer["mh"]
    offered = {"board": "Pynq-Z2", "luts": 53200, "ffs": 106400, "bram18": 280}
    assert report["budget"] == offered | {"input_bytes_per_second": 64 / 8 * 100e6}, "a port of 64 bits at 100 MHz"
    assert [column["run"] for column in report["against"]] == ["other <b>"]
    assert page.locator("section#against th").all_inner_texts()[2].startswith("other <b>")


def test_confusion_and_mistakes_are_those_of_golden(reported):
    """Oracles: scikit-learn's confusion matrix, and Pillow, which decodes the pictures."""
    from PIL import Image
    from sklearn.metrics import confusion_matrix

    report = json.loads((reported / "report.json").read_text())
    images, labels, scores = (np.load(reported / "golden" / f"{name}.npy") for name in ("input", "labels", "expected"))
    answers = scores.argmax(axis=1)
    assert report["confusion"] == confusion_matrix(labels, answers, labels=range(10)).tolist()
    margins = {frame: int(scores[frame].max() - scores[frame, labels[frame]]) for frame in range(len(labels))}
    wrong = [frame for frame in margins if answers[frame] != labels[frame]]
    worst = sorted(wrong, key=lambda frame: -margins[frame])[: len(report["mistakes"])]
    assert [mistake["frame"] for mistake in report["mistakes"]] == worst
    for mistake in report["mistakes"]:
        with Image.open(io.BytesIO(base64.b64decode(mistake["png_base64"]))) as picture:
            assert np.array_equal(np.asarray(picture), images[mistake["frame"]][:, :, 0])


def test_the_fraction_of_plus_one_before_the_shift(reported):
    """Oracle: the model absorbed again with its shifts set to 0, and its thresholds on the run's own accumulators."""
    import torch

    from flow.run.folder import RunFolder
    from flow.run.plus_fraction import PROFILE_FRAMES
    from hw.simulator import trace
    from onnx_export.absorb import absorb
    from training.config.load import load_config
    from training.fit.train import load_trained
    from training.networks.layers import ThresholdShift

    run = RunFolder.open(reported)
    model = load_trained(run.checkpoint, load_config(run.config))
    shifts = [
        module.shift for stage in model.stage_list() for module in stage.modules() if isinstance(module, ThresholdShift)
    ]
    assert [float(shift) for shift in shifts] == [0.25, -0.25]
    with torch.no_grad():
        for shift in shifts:
            shift.zero_()
    balanced = {layer.name: layer for layer in as_chain(absorb(model.staged())).layers}
    traced = trace(run.network(), np.load(reported / "golden/input.npy")[:PROFILE_FRAMES])
    report = json.loads((reported / "report.json").read_text())
    for layer, shift in zip(run.chain().layers[:-1], (0.25, -0.25), strict=True):
        described = next(found for found in report["network"]["layers"] if found["name"] == layer.name)
        before, after = described["before_shift"]["plus_fraction"], described["plus_fraction"]
        assert np.array_equal(balanced[layer.name].weights, layer.weights)
        fired = traced[layer.name + ".accumulator"] >= balanced[layer.name].thresholds
        assert before == pytest.approx(fired.mean(), abs=1e-9)
        quartiles = np.quantile(fired.mean(axis=(0, 1, 2)), [0, 0.25, 0.5, 0.75, 1])
        assert described["before_shift"]["plus_fraction_quartiles"] == pytest.approx(quartiles.tolist(), abs=1e-9)
        assert (before > after) == (shift > 0)
        channels = described["before_shift"]["plus_fraction_channels"]
        assert channels == pytest.approx(fired.mean(axis=(0, 1, 2)).tolist(), abs=1e-6)
        after_channels = (traced[layer.name + ".accumulator"] >= layer.thresholds).mean(axis=(0, 1, 2))
        assert described["plus_fraction_channels"] == pytest.approx(after_channels.tolist(), abs=1e-6)


def test_the_spread_over_the_channels_is_drawn_before_and_after_the_shift(open_page):
    """Two layers, each with an area that stands and a grey one that hangs, and one of each in the legend."""
    plot = open_page().locator("section#layers svg.plot").first
    for colour in (ORANGE, GREY):
        assert plot.locator(f'path[style*="fill: {colour}"][style*="opacity: {FAINT}"]').count() == 3
    words = plot.get_attribute("aria-label")
    assert len(re.findall(r"fc\d [\d.]+% \(before the shift [\d.]+%\)", words)) == 2


def test_studies_are_shown_with_what_they_found(open_page, reported):
    """Oracles: SciPy's Welch test, NumPy, and Holm's factors 4, 3, 2, 1 by hand."""
    from scipy.stats import ttest_ind

    page = open_page()
    shifts, variants = json.loads((reported / "report.json").read_text())["studies"]
    section = page.locator("section#study-1")
    assert section.locator("h2").inner_text() == "Does a shift <help>?"
    assert section.locator("strong").inner_text() == shifts["statement"]
    assert shifts["statement"].startswith(
        "1 of 4 settings differs from threshold_shift 0.0 of the same ste beyond seed noise, in percentage points: "
        "threshold_shift 0.5 with ste clipped_identity (-31.00, corrected p = "
    )
    assert shifts["statement"].endswith("2 to 3 seeds a setting.")
    assert "Not finished: 17 of 18 rows, 1 failed." in section.inner_text()
    rows = {(row[0], row[1]): row for row in _rows(section.locator("table"))}
    given = np.array([value or np.nan for value in SHIFT_ACCURACIES]).reshape(6, 3)
    p_values = {}
    for index, (key, row) in enumerate(rows.items()):
        seeds = given[index][~np.isnan(given[index])]
        assert row[2:6] == [f"{seeds.mean():.2%}", f"{seeds.std(ddof=1):.2%}", str(len(seeds)), str(3 - len(seeds))]
        reference = given[1 if index < 3 else 4]
        if key[1] == "0.0":
            assert row[7:] == ["-", "-"]
        else:
            assert float(row[7]) == pytest.approx(100 * (seeds.mean() - reference.mean()), abs=0.005)
            p_values[key] = ttest_ind(seeds, reference, equal_var=False).pvalue
    smallest = min(p_values, key=p_values.get)
    assert smallest == ("clipped_identity", "0.5")
    assert float(rows[smallest][8]) == pytest.approx(4 * p_values[smallest], abs=5e-5)

    section = page.locator("section#study-2")
    assert section.locator("h2").inner_text() == "made-up-variants"
    assert "This run is one of the study's rows: small, seed 0." in section.inner_text()
    assert variants["this_run"] == {"point": 0, "seed": 0}
    assert [row[5:7] for row in _rows(section.locator("table"))] == [["0", "integer network"], ["-", "trained model"]]
    markdown = (reported / "report.md").read_text()
    assert all(study["statement"] in markdown for study in (shifts, variants))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no summary.json there; run `askew study"), ("{}", "not one that `askew study` writes"), ("[", "damaged")],
)
def test_what_is_no_study_is_refused(run_copy, tmp_path, capsys, content, message):
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    assert askew(["report", "--run", str(run_copy), "--study", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_run_of_which_little_is_known(exported_run, tmp_path, browser):
    run = tmp_path / "bare"
    shutil.copytree(exported_run, run)
    assert askew(["report", "--run", str(run)]) == 0
    page = browser.new_page()
    page.goto((run / "report.html").as_uri())
    missing = dict(_rows(page.locator("section#missing table")))
    assert missing["folding"] == f"askew run --run {run} --to fold"
    assert page.locator("section#hardware").count() == 0
    page.close()


def test_the_head_names_board_and_clock_and_where_the_clock_comes_from(open_page, reported):
    head = open_page().locator("header")
    assert head.locator(".target").inner_text() == (
        "For Pynq-Z2, at a clock of 100 MHz (assumed: nothing was placed and routed)."
    )
    assert "FRAMES/S AT 100 MHZ, ASSUMED" in head.locator("dt").all_inner_texts()[4].upper()
    report = json.loads((reported / "report.json").read_text())
    assert (report["board"], report["clock"]) == ("Pynq-Z2", {"mhz": 100.0, "origin": "assumed"})
    assert head.inner_text().splitlines()[1] in (reported / "report.md").read_text()


@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_nothing_is_cut_without_a_hint(open_page, width):
    """The browser lays it out: mismatches are on the screen, and what is wider than its box says so below it."""
    page = open_page(width)
    header = page.locator("section#accuracy th", has_text="mismatches with golden").bounding_box()
    assert header["x"] >= 0
    assert header["x"] + header["width"] <= width
    for cell in page.locator("section#accuracy td:last-child").all():
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= width
    cut = 0
    for box in page.locator(".scroll, pre").all():
        hint = box.locator("xpath=following-sibling::*[1]")
        assert hint.get_attribute("class") == "hint"
        is_cut = box.evaluate("box => box.scrollWidth > box.clientWidth + 1")
        assert hint.is_visible() == is_cut, box.get_attribute("aria-label")
        if is_cut:
            cut += 1
            assert hint.bounding_box()["width"] > 100
            box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
            hint.wait_for(state="hidden", timeout=2000)
    assert cut >= 3, "the tables of layers and hardware are wider than a phone"


def test_what_fits_has_no_hint(open_page):
    page = open_page(1600)
    hints = page.locator("section#accuracy .hint").all()
    assert len(hints) == 1
    assert not hints[0].is_visible()


def test_every_column_has_a_note_of_its_source(open_page, reported):
    notes = open_page().locator("section#hardware .notes dt").all_inner_texts()
    assert notes == ["cycles: folds", "our model"], "nothing else was run"
    assert open_page().locator("section#accuracy .notes dt").all_inner_texts() == ["reference", "numpy"]
    report = json.loads((reported / "report.json").read_text())
    assert set(report["sources"]) == {"folds", *report["comparison"]["whole"]}


def test_what_is_stale_is_said_and_not_shown(exported_run, tmp_path, browser):
    """Oracle: what the test declares stale, as the stages will."""
    from flow.report import collect, to_markdown
    from flow.report.html import to_html
    from flow.run.figures.report import StalePart
    from flow.run.folder import RunFolder
    from flow.stages.flow import FLOW
    from flow.stages.freshness import Examination

    stale = {"rtlsim": StalePart(because="folding.json is <another> one", command="askew rtlsim --run r")}
    report = collect(Examination(RunFolder.open(exported_run), FLOW.stages)).with_parts(stale=stale)
    (tmp_path / "report.html").write_text(to_html(report))
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    section = page.locator("section#missing")
    assert section.locator("h2").inner_text() == "Stale or missing"
    assert _rows(section.locator("table").first) == [
        ["rtlsim", "folding.json is <another> one", "askew rtlsim --run r"]
    ]
    page.close()
    assert "- rtlsim: stale, folding.json is <another> one: `askew rtlsim --run r`" in to_markdown(report)
    assert report.to_json()["stale"]["rtlsim"]["command"] == "askew rtlsim --run r"
