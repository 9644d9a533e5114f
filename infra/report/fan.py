"""The terminal's chart of a forecast: columns of what was and, lighter, of what is expected. Pure."""

from collections.abc import Mapping
from datetime import datetime

from infra.report.words import short

ROWS = 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_AXIS = 9


def columns(actual: Mapping[datetime, float], expected: Mapping[datetime, float], width: int) -> list[str]:
    """Lines of text; the newest of what was that there is room for, then all that is expected.

    Args:
        actual: By moment, in order.
        expected: The same, after it.
        width: Of the terminal, in characters.

    Example:
        >>> [line.strip() for line in columns({datetime(2024, 1, 1): 8.0}, {datetime(2024, 1, 2): 4.0}, 40)][-1]
        '2024-01-01, forecast ░ from 2024-01-02 to 2024-01-02'
    """
    room = max(width - _AXIS - 2, 10)
    after = list(expected.items())[:room]
    before = list(actual.items())[-max(room - len(after), 0) :]
    values = [(max(value, 0.0), False) for _, value in before] + [(max(value, 0.0), True) for _, value in after]
    top = max((value for value, _ in values), default=1.0) or 1.0
    lines = []
    for row in range(ROWS, 0, -1):
        cells = "".join(_cell(value / top * ROWS - (row - 1), is_expected) for value, is_expected in values)
        label = short(top * row / ROWS) if row in (ROWS, ROWS // 2) else ""
        lines.append(f"{label:>{_AXIS - 2}} {'┤' if label else '│'}{cells}".rstrip())
    lines.append(f"{'0':>{_AXIS - 2}} └{'─' * len(values)}")
    first = f"{before[0][0]:%Y-%m-%d}, " if before else ""
    last = f"forecast ░ from {after[0][0]:%Y-%m-%d} to {after[-1][0]:%Y-%m-%d}" if after else ""
    return [*lines, f"{' ' * _AXIS}{first}{last}"]


def _cell(filled: float, is_expected: bool) -> str:
    if is_expected:
        return "░" if filled >= 0.5 else " "
    return _EIGHTHS[min(max(round(filled * 8), 0), 8)]
