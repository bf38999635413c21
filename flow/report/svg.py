"""Matplotlib figures as SVG, inside a page or as files: the report's ink, paper and font, in light and in dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#3d85c6", "#dd7e2b", "#3a9d6e", "#8f6cc2", "#d2504f", "#8a8f98"
"""Legible on white and on near black alike."""

SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)

INK, PAPER = "#010203", "#040506"  # stand for the page's text and background colours until the SVG is written
PALETTE = Path(__file__).parent / "palette.css"
_FILE_WIDTH = 720  # CSS pixels
_FILE_STYLE = (
    "svg { color: var(--ink); font-family: system-ui, -apple-system, sans-serif; } .paper { fill: var(--paper); } "
    "text { font-family: inherit !important; }"
)
_STYLE: dict[str, object] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.alpha": 0.2,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK
    ),
    "grid.color": INK,
}


def draw(name: str, alternative: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> Markup:
    """What ``paint`` draws, as an ``<svg>`` element of a page that has the palette's colours.

    Args:
        name: an identifier, unique in the page; also makes the same figures give the same text.
        alternative: the plot in words, for who cannot see it.
        size: (width, height) in inches; 4.6 is as wide as a phone.
        paint: draws on an empty figure.
    """
    _, attributes, body = _rendered(name, alternative, size, paint)
    return Markup(f'<svg class="plot" {attributes}>{body}')  # matplotlib escapes what it is given


def draw_file(name: str, alternative: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> str:
    """The same as a whole file, with the palette in it: on paper of its own, so that it is legible on any page."""
    shape, attributes, body = _rendered(name, alternative, size, paint)
    height = round(_FILE_WIDTH * shape[1] / shape[0])
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    # the attributes are for programs that know no CSS variables
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<svg {names} width="{_FILE_WIDTH}" height="{height}" {attributes} '
        f'color="#1b1f24">\n<style>\n{PALETTE.read_text(encoding="utf-8")}{_FILE_STYLE}\n</style>\n'
        f'<rect class="paper" width="100%" height="100%" fill="#ffffff"/>\n{body}\n'
    )


def _rendered(
    name: str, alternative: str, size: tuple[float, float], paint: Callable[[Figure], None]
) -> tuple[tuple[float, float], str, str]:
    """Size, attributes of the ``<svg>`` element, and what stands in it, with its end."""
    drawn = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})  # type: ignore[no-untyped-call]
    svg = drawn.getvalue()
    view_box = re.search(r'viewBox="[^"]*"', svg)
    assert view_box, "matplotlib writes a viewBox"
    body = svg[svg.index(">", view_box.end()) + 1 :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{name}-", body)
    body = body.replace(INK, "currentColor").replace(PAPER, "var(--paper)")
    return size, f'{view_box[0]} role="img" aria-label="{escape(alternative)}"', body.strip()
