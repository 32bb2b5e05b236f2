"""The canvas: one chart, drawn with one set of colours, saved as SVG or PNG.

Colours are those of Okabe and Ito (2008), which survive every common colour blindness; three
are darkened on light pages so that lines keep a contrast of 3 to 1. In an SVG they become CSS
variables, so that the page decides between light and dark.
"""

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1f2329", "#59636f", "#d4dae1", "#fefefe"
BLUE, ORANGE, GREEN = "#0072b2", "#c77f01", "#009e73"
VERMILLION, PURPLE, SKY = "#d55e00", "#b85f92", "#3a93c9"

# Name of the CSS variable, colour on a light page, colour on a dark one.
COLOURS = (
    ("ink", INK, "#e6edf3"),
    ("muted", MUTED, "#9da7b3"),
    ("grid", GRID, "#3d444d"),
    ("paper", PAPER, "#12161c"),  # for texts on a coloured bar
    ("blue", BLUE, "#4fa8e0"),
    ("orange", ORANGE, "#e69f00"),
    ("green", GREEN, "#2bc79a"),
    ("vermillion", VERMILLION, "#ff8a4c"),
    ("purple", PURPLE, "#e3a0c7"),
    ("sky", SKY, "#9fd6f7"),
)
SERIES = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}
_PNG_DOTS_PER_INCH = 144
_TITLE_WIDTH = 10.5  # letters an inch
_LARGE = 7.0  # inches: a wider picture takes a row of its own

Draw = Callable[[Axes], None]


@dataclass(frozen=True)
class Picture:
    """One chart.

    Args:
        name: of its file and of its parts inside the page; unique in a report.
        title: the comment, in one line.
        description: what a person who cannot see it is told.
        draw: puts the chart on axes.
        size: width and height (inches).
    """

    name: str
    title: str
    description: str
    draw: Draw
    size: tuple[float, float] = (5.6, 3.7)

    @property
    def is_large(self) -> bool:
        """Say whether it takes a row of its own."""
        return self.size[0] > _LARGE

    def svg(self) -> str:
        """Return the chart as an SVG element with no title, for inlining."""
        text = io.StringIO()
        with _styled(self.name):
            figure = self._figure()
            figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        return _inline(text.getvalue(), self.name)

    def png(self) -> bytes:
        """Return the chart as a PNG file on white, with its title."""
        data = io.BytesIO()
        with _styled(self.name):
            figure = self._figure(textwrap.fill(self.title, round(_TITLE_WIDTH * self.size[0])))
            figure.savefig(data, format="png", dpi=_PNG_DOTS_PER_INCH, metadata={"Software": None})
        return data.getvalue()

    def _figure(self, title: str = "") -> Figure:
        figure = Figure(figsize=self.size)
        FigureCanvasAgg(figure)  # lets a chart measure its own texts
        axes = figure.subplots()
        axes.set_title(title, loc="left")
        self.draw(axes)
        return figure


@contextmanager
def _styled(salt: str) -> Iterator[None]:
    """Set matplotlib's defaults with ours on top, whatever the user's settings are."""
    settings: Any = _STYLE | {"svg.hashsalt": salt}
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        # A browser has a font for every title; a PNG shows a box instead.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _inline(svg: str, name: str) -> str:
    """Make an SVG file part of a page: no prologue, own identifiers, the page's colours."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r'(url\(|href=")#', rf"\1#{name}-", element)
    element = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", element)
    element = re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", element)
    element = element.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    for variable, light, _ in COLOURS:
        element = re.sub(light, f"var(--{variable})", element, flags=re.IGNORECASE)
    return element.strip()
