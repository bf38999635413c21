"""A study's own plot, accuracy.svg, opened by itself in Chromium. Oracle: what the browser computes and lays out."""

import re

import pytest

NUMERIC = """
name = "numeric"
configs = ["digits"]
seeds = [0, 1]
[vary]
"activation.ste" = ["clipped_identity", "approx_sign"]
"activation.threshold_shift" = [-0.5, 0.0, 0.5]
"""
VARIANTS = """
name = "variants"
configs = ["digits"]
seeds = [0, 1]
[[variants]]
name = "none"
[[variants]]
name = "prelu"
set = { "activation.pre_activation" = "prelu" }
[[variants]]
name = "leaky"
set = { "activation.pre_activation" = "leaky_relu" }
"""
CONFIGS = """
name = "configs"
configs = ["digits", "tfc-mnist"]
seeds = [0, 1]
"""
STUDIES = {
    "numeric": (NUMERIC, [0.9, 0.91, 0.92, 0.93, 0.5, 0.51, None, None, 0.9, 0.92, 0.9, 0.94]),
    "variants": (VARIANTS, [0.9, 0.91, 0.1, 0.1001, 0.9, 0.94]),
    "configs": (CONFIGS, [0.9, 0.91, 0.8, 0.81]),
    "one-point": ('name = "one-point"\nconfigs = ["digits"]\nseeds = [0, 1]\n', [0.9, 0.9]),
    "none-done": (CONFIGS.replace('"configs"', '"none-done"'), [None] * 4),
}


@pytest.fixture(scope="module")
def plots(tmp_path_factory, make_study):
    folder = tmp_path_factory.mktemp("studies")
    return {name: make_study(folder / name, *made) / "accuracy.svg" for name, made in STUDIES.items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", STUDIES)
def test_legible_by_itself(browser, plots, name, scheme):
    """Ink and paper far apart; every text inside the picture and on no other text."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(plots[name].as_uri())
    paper, inks = page.evaluate(
        """() => [getComputedStyle(document.querySelector("rect.paper")).fill,
                  [...document.querySelectorAll("text")].map((text) => getComputedStyle(text).fill)]"""
    )
    assert (_luma(paper) > 215) == (scheme == "light")
    assert len(inks) > 3
    assert all(abs(_luma(ink) - _luma(paper)) > 150 for ink in inks)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("text")].map((text) => {
             const box = text.getBoundingClientRect();
             return [box.left, box.right, box.top, box.bottom, text.textContent];
           })"""
    )
    width, height = page.evaluate(
        "() => [document.documentElement.width.baseVal.value, document.documentElement.height.baseVal.value]"
    )
    for left, right, top, bottom, text in boxes:
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, text  # noqa: PT018
    for index, (left, right, top, bottom, text) in enumerate(boxes):
        for other_left, other_right, other_top, other_bottom, other in boxes[:index]:
            apart = left >= other_right or other_left >= right or top + 2 >= other_bottom or other_top + 2 >= bottom
            assert apart, (text, other)
    page.close()


def test_texts_name_what_is_varied(plots):
    texts = {name: re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text()) for name, file in plots.items()}
    assert {"activation.threshold_shift", "ste clipped_identity", "ste approx_sign", "numeric"} <= set(texts["numeric"])
    assert {"none", "prelu", "leaky", "reference", "beyond seed noise", "within seed noise"} <= set(texts["variants"])
    assert {"digits", "tfc-mnist"} <= set(texts["configs"])
    assert "reference" not in texts["configs"]


def test_the_same_figures_give_the_same_file(plots, make_study, tmp_path):
    again = make_study(tmp_path, *STUDIES["numeric"])
    assert (again / "accuracy.svg").read_bytes() == plots["numeric"].read_bytes()


def _luma(colour):
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
