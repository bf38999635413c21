"""Matplotlib figures as SVG inside an HTML page: the page's own ink and font, and nothing that two of them share."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#3d85c6", "#dd7e2b", "#3a9d6e", "#8f6cc2", "#d2504f", "#8a8f98"
"""Legible on white and on near black alike."""

INK = "#010203"  # stands for the page's text colour until the SVG is written
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
    """What ``paint`` draws, as an ``<svg>`` element.

    Args:
        name: an identifier, unique in the page; also makes the same figures give the same text.
        alternative: the plot in words, for who cannot see it.
        size: (width, height) in inches; 4.6 is as wide as a phone.
        paint: draws on an empty figure.
    """
    drawn = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return Markup(_inline(drawn.getvalue(), name, alternative))  # matplotlib escapes what it is given


def _inline(svg: str, name: str, alternative: str) -> str:
    view_box = re.search(r'viewBox="[^"]*"', svg)
    assert view_box, "matplotlib writes a viewBox"
    body = svg[svg.index(">", view_box.end()) + 1 :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{name}-", body)
    body = body.replace(INK, "currentColor")
    return f'<svg class="plot" {view_box[0]} role="img" aria-label="{escape(alternative)}">{body.strip()}'
