"""A chart for the terminal: a column of block characters for each week. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from infra.report.facts import Day
from infra.report.words import money

ROWS = 9
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_AXIS = 9


def weekly(weeks: Sequence[Day], width: int) -> list[str]:
    """Net revenue of each week as lines of text; a week below zero has an empty column.

    Args:
        weeks: In order, without holes.
        width: Of the terminal, in characters.
    """
    room = max(width - _AXIS - 2, 10)
    shown = weeks[-room:]
    column = max(min(room // len(shown), 6), 1)
    values = [max(float(week.net), 0.0) for week in shown]
    top = max(*values, 1.0)
    lines = []
    for row in range(ROWS, 0, -1):
        cells = "".join(_cell(value / top * ROWS - (row - 1), column) for value in values)
        label = money(top * row / ROWS) if row in (ROWS, (ROWS + 1) // 2) else ""
        lines.append(f"{label:>{_AXIS - 2}} {'┤' if label else '│'}{cells}".rstrip())
    lines.append(f"{'£0':>{_AXIS - 2}} └{'─' * column * len(shown)}")
    return [*lines, _months(shown, column)]


def _cell(filled: float, column: int) -> str:
    letter = _EIGHTHS[min(max(round(filled * 8), 0), 8)]
    return letter * (column - 1) + " " if column > 2 else letter * column


def _months(weeks: Sequence[Day], column: int) -> str:
    """The months' names under their first weeks, as far as there is room."""
    line = " " * _AXIS
    middles = [week.first + timedelta(days=3) for week in weeks]
    for index, middle in enumerate(middles):
        at = _AXIS + index * column
        if (index == 0 or middle.month != middles[index - 1].month) and len(line) <= at:
            line = line.ljust(at) + f"{middle:%b} "
    return line.rstrip()
