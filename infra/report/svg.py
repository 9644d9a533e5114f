"""The pencil: escaped SVG elements, scales and round axis ticks. Knows nothing of what is drawn."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A line from `low`…`high` of the data to `start`…`end` of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies; values beyond the ends are put on them."""
        inside = min(max(float(value), self.low), self.high)
        return self.start + (inside - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values from `low` to `high`, zero among them where it lies between.

    Example:
        >>> ticks(-12_000, 61_000)
        [0.0, 20000.0, 40000.0, 60000.0]
    """
    if high <= low:
        return [low]
    rough = (high - low) / max(about, 1)
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) + 0.0 for index in range(first, math.floor(high / step + 1e-9) + 1)]


def element(name: str, *children: str, **attributes: object) -> str:
    """An element; `_` in an attribute's name stands for `-`, and a leading one is dropped (`_class`)."""
    given = "".join(
        f' {key.lstrip("_").replace("_", "-")}="{html.escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{given}>{inner}</{name}>" if inner else f"<{name}{given}/>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    """A piece of text."""
    return element("text", html.escape(words), x=x, y=y, **attributes)


def titled(words: str, *children: str) -> str:
    """A group that shows the words when it is pointed at."""
    return element("g", element("title", html.escape(words)), *children)


def rectangle(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    """A rectangle; one that would have no height is left out."""
    if height <= 0 or width <= 0:
        return ""
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def path(points: Iterable[tuple[float, float]], **attributes: object) -> str:
    """A line through points."""
    steps = " L".join(f"{_plain(x)} {_plain(y)}" for x, y in points)
    return element("path", d=f"M{steps}", fill="none", **attributes)


def picture(name: str, width: float, height: float, parts: Sequence[str], *, title: str, _class: str = "") -> str:
    """A drawing that scales with the page.

    Args:
        name: Unique on the page, for the title's id.
        width: Of the drawing's own units.
        height: The same.
        parts: Its elements.
        title: What it shows, for those who do not see it.
        _class: CSS class.
    """
    return element(
        "svg",
        element("title", html.escape(title), id=f"{name}-title"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role="img",
        aria_labelledby=f"{name}-title",
        _class=_class or None,
    )


def _plain(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
