"""The picture of the figures: ours and the naive pipeline as bars, and a line at what is asked.

The report's bars share one scale and have no second one to compare with, so these are drawn here, with its pencil.
"""

from itertools import groupby

from benchmarks.figure import Figure
from infra.report import svg

WIDTH, LEFT, RIGHT = 900, 62, 130
TITLE, BAR, GAP, HEADING = 20, 14, 16, 34
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.heading { font-weight: 600; font-size: 15px } .side, .tick { fill: #57606a; font-size: 12px }
.ours { fill: #0a7d5a } .missed { fill: #b35900 } .naive { fill: #afb8c1 } .asked { stroke: #cf222e; stroke-width: 2 }
.limit { fill: #cf222e; font-size: 12px } .paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .side, .tick { fill: #9198a1 } .ours { fill: #2ea87f } .missed { fill: #d98b3a }
  .naive { fill: #59636e } .asked { stroke: #ff7b72 } .limit { fill: #ff7b72 } .paper { fill: #0d1117 }
}
"""


def draw(figures: list[Figure]) -> str:
    """The figures that have something to be compared with, each on a scale of its own, as an SVG document."""
    shown = [figure for figure in figures if figure.naive is not None or figure.asked is not None]
    parts, top = _legend(), 28.0
    for name, group in groupby(shown, key=lambda one: one.benchmark):
        top += HEADING
        parts.append(svg.text(name.replace("_", " "), 12, top - 12, _class="heading"))
        for figure in group:
            drawn, height = _figure(figure, top)
            parts += drawn
            top += height
    paper = svg.rectangle(0, 0, WIDTH, top + 8, _class="paper")
    title = "Ours and the naive pipeline, and what is asked"
    return svg.picture("benchmarks", WIDTH, top + 8, [svg.element("style", STYLE), paper, *parts], title=title)


def _legend() -> list[str]:
    parts, x = [], 12.0
    for kind, words in (("ours", "ours"), ("missed", "ours, asked limit missed"), ("naive", "naive")):
        parts += [
            svg.rectangle(x, 8, 12, 12, _class=kind, rx=1.5),
            svg.text(words, x + 18, 19, _class="tick"),
        ]
        x += 40 + 7 * len(words)
    return [*parts, svg.line(x, 6, x, 22, _class="asked"), svg.text("asked", x + 8, 19, _class="tick")]


def _figure(figure: Figure, top: float) -> tuple[list[str], float]:
    """The elements of one figure and their height."""
    bars = [("ours", figure.ours, "missed" if figure.is_met is False else "ours")]
    if figure.naive is not None:
        bars.append(("naive", figure.naive, "naive"))
    most = max(abs(value) for value in (figure.ours, figure.naive or 0.0, figure.asked or 0.0)) or 1.0
    x = svg.Scale(0, most, LEFT, WIDTH - RIGHT)
    parts = [svg.text(figure.what, 12, top + 13)]
    floor = top + TITLE
    for index, (side, value, kind) in enumerate(bars):
        y = floor + index * (BAR + 3)
        parts += [
            svg.text(side, LEFT - 8, y + 11, _class="side", text_anchor="end"),
            svg.rectangle(LEFT, y, max(x(value) - LEFT, 1), BAR, _class=kind, rx=1.5),
            svg.text(f"{_number(value)} {figure.unit}", max(x(value), LEFT) + 6, y + 11, _class="tick"),
        ]
    height = len(bars) * (BAR + 3)
    if figure.asked is not None:
        at = x(figure.asked)
        sign = "≥" if figure.at_least else "≤"
        parts += [
            svg.line(at, floor - 3, at, floor + height, _class="asked"),
            svg.text(f"asked {sign} {_number(figure.asked)}", WIDTH - 12, top + 13, _class="limit", text_anchor="end"),
        ]
    return parts, TITLE + height + GAP


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
