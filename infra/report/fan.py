"""The terminal's chart of a forecast: columns of what was, then, lighter and lighter, its quantiles. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from infra.report.words import short

ROWS = 10
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_SHADES = "▓▒░"
_AXIS = 9

Quantiles = Mapping[datetime, Sequence[float]]


def columns(actual: Mapping[datetime, float], expected: Quantiles, levels: Sequence[str], width: int) -> list[str]:
    """Lines of text; the newest of what was that there is room for, then all that is expected.

    Args:
        actual: By moment, in order.
        expected: After it, by moment and in order: the lowest quantile, the middle one and the highest.
        levels: Their names.
        width: Of the terminal, in characters.

    Example:
        >>> days = [datetime(2024, 1, day) for day in (1, 2)]
        >>> lines = columns({days[0]: 8.0}, {days[1]: (2.0, 4.0, 6.0)}, ("p10", "p50", "p90"), 40)
        >>> [line.strip() for line in lines][-1]
        '█ what was, forecast ▓ p10 ▒ p50 ░ p90 from 2024-01-02 to 2024-01-02'
    """
    room = max(width - _AXIS - 2, 10)
    after = list(expected.items())[:room]
    before = list(actual.items())[-max(room - len(after) - 1, 1) :]
    top = max([value for _, value in before] + [max(three) for _, three in after], default=1.0)
    top = top if top > 0 else 1.0
    lines = []
    for row in range(ROWS, 0, -1):
        cells = "".join(_cell(value / top * ROWS - (row - 1)) for _, value in before)
        shades = "".join(_shade([value / top * ROWS - (row - 1) for value in three]) for _, three in after)
        label = short(top * row / ROWS) if row in (ROWS, ROWS // 2) else ""
        lines.append(f"{label:>{_AXIS - 2}} {'┤' if label else '│'}{cells}│{shades}".rstrip())
    lines.append(f"{'0':>{_AXIS - 2}} └{'─' * len(before)}┴{'─' * len(after)}")
    lines.append(_moments(before, after))
    shown = ", forecast " + " ".join(f"{shade} {level}" for shade, level in _legend(levels))
    span = f" from {after[0][0]:%Y-%m-%d} to {after[-1][0]:%Y-%m-%d}" if after else ""
    return [*lines, f"{' ' * _AXIS}█ what was{shown}{span}"]


def _cell(filled: float) -> str:
    return _EIGHTHS[min(max(round(filled * 8), 0), 8)]


def _shade(filled: Sequence[float]) -> str:
    """The darkest shade of those quantiles that reach half of the cell."""
    return next((shade for shade, value in zip(_SHADES, filled, strict=True) if value >= 0.5), " ")


def _legend(levels: Sequence[str]) -> list[tuple[str, str]]:
    """Each level once, in its own shade: a forecast of one level has one."""
    found: dict[str, str] = {}
    for shade, level in zip(_SHADES, levels, strict=True):
        found.setdefault(level, shade)
    return [(shade, level) for level, shade in found.items()]


def _moments(before: Sequence[tuple[datetime, float]], after: Sequence[tuple[datetime, object]]) -> str:
    """The first moment, and that of the forecast under its first column, as far as there is room."""
    line = " " * _AXIS + (f"{before[0][0]:%Y-%m-%d}" if before else "")
    place = _AXIS + len(before) + 1
    if after and len(line) < place - 1:
        line = line.ljust(place) + f"{after[0][0]:%Y-%m-%d}"
    return line
