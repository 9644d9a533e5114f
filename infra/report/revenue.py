"""Drawings of revenue over time: every day with gross, returned and net, and the share returned by month."""

from datetime import date, timedelta

from infra.report import svg
from infra.report.facts import Day
from infra.report.words import day as words_of_day
from infra.report.words import money, share

MEAN_DAYS = 7
_LABEL = 108


def daily(days: list[Day], width: int, name: str) -> str:
    """Bars of gross and returned revenue for each day, and a line of net revenue, its mean of seven days.

    A few days far above the rest are cut off at the edge and labelled, so that the others can be read.

    Args:
        days: Days with sales, in order; the others count as zero.
        width: Of the drawing; its text has a fixed size.
        name: Unique on the page.
    """
    height, left, right, top, bottom = (360, 52, 8, 26, 48) if width > 600 else (320, 46, 6, 26, 48)
    first, last = days[0].first, days[-1].first
    count = (last - first).days + 1
    high = _limit([float(day.gross) for day in days])
    low = -max(_limit([float(day.returned) for day in days]), high / 8)
    x = svg.Scale(0, count, left, width - right)
    y = svg.Scale(low, high, height - bottom, top)
    step = x(1) - x(0)
    bar = max(step * 0.78, 0.6)
    parts = [*_grid(y, left, width - right), *_months(first, last, x, height - 30)]
    above: list[tuple[float, float, str]] = []
    below: list[tuple[float, float, str]] = []
    for found in days:
        at = x((found.first - first).days) + (step - bar) / 2
        gross, returned = float(found.gross), float(found.returned)
        parts.append(
            svg.titled(
                f"{words_of_day(found.first)}: gross {money(gross)}, returned {money(returned)}, "
                f"net {money(found.net)}, {found.orders:,} orders",
                svg.rectangle(at, y(gross), bar, y(0) - y(gross), _class="gross"),
                svg.rectangle(at, y(0), bar, y(-returned) - y(0), _class="returned"),
            )
        )
        for value, is_cut, cut in ((gross, gross > high, above), (returned, -returned < low, below)):
            if is_cut:
                cut.append((value, at + bar / 2, f"{money(value)} on {found.first.day} {found.first:%b}"))
    if count >= 3 * MEAN_DAYS:
        parts.append(svg.path(_mean(days, first, count, x, y), _class="net"))
    parts.append(svg.line(left, y(0), width - right, y(0), _class="zero"))
    title = f"Revenue by day from {words_of_day(first)} to {words_of_day(last)}: gross, returned and net"
    parts += [*_labels(above, top - 8, width), *_labels(below, height - bottom + 12, width)]
    return svg.picture(name, width, height, parts, title=title)


def returned_share(months: list[Day], width: int, name: str) -> str:
    """A bar for each month: returned revenue in per cent of gross."""
    height, left, right, top, bottom = 240, 40, 8, 18, 30
    shares = [100 * float(month.returned) / float(month.gross) if month.gross else 0.0 for month in months]
    high = max(*shares, 1.0) * 1.08
    x, y = svg.Scale(0, len(months), left, width - right), svg.Scale(0, high, height - bottom, top)
    step = x(1) - x(0)
    bar = min(step * 0.66, 44)
    parts = []
    for tick in svg.ticks(0, high, 4):
        parts += [
            svg.line(left, y(tick), width - right, y(tick), _class="grid"),
            svg.text(f"{tick:g} %", left - 7, y(tick) + 4, _class="tick", text_anchor="end"),
        ]
    for index, (month, percent) in enumerate(zip(months, shares, strict=True)):
        middle = x(index) + step / 2
        parts.append(
            svg.titled(
                f"{month.first:%B %Y}: {share(month.returned, month.gross)} of {money(month.gross)} returned",
                svg.rectangle(middle - bar / 2, y(percent), bar, y(0) - y(percent), _class="returned"),
            )
        )
        if step >= 30 or index % 2 == 0:
            parts.append(
                svg.text(f"{month.first:%b}", middle, height - bottom + 18, _class="tick", text_anchor="middle")
            )
    parts.append(svg.line(left, y(0), width - right, y(0), _class="zero"))
    return svg.picture(name, width, height, parts, title="Returned revenue in per cent of gross revenue, by month")


def _limit(values: list[float]) -> float:
    """Where the axis ends: at the greatest value, unless it is far above all but one in a hundred."""
    ordered = sorted(values)
    greatest, usual = ordered[-1], ordered[int((len(ordered) - 1) * 0.985)]
    return (usual * 1.12 if greatest > 1.6 * usual and usual else greatest * 1.04) or 1.0


def _grid(y: svg.Scale, left: float, right: float) -> list[str]:
    parts = []
    for tick in svg.ticks(y.low, y.high, 8):
        parts += [
            svg.line(left, y(tick), right, y(tick), _class="grid"),
            svg.text(money(tick), left - 7, y(tick) + 4, _class="tick", text_anchor="end"),
        ]
    return parts


def _months(first: date, last: date, x: svg.Scale, floor: float) -> list[str]:
    """Ticks at the first of each month, labelled as room allows; the year under the first and each January."""
    starts = [first]
    while (following := (starts[-1].replace(day=1) + timedelta(days=32)).replace(day=1)) <= last:
        starts.append(following)
    parts: list[str] = []
    free = 0.0
    for start in starts:
        at = x((start - first).days)
        parts.append(svg.line(at, floor, at, floor + 5, _class="axis"))
        words = f"{start:%b %Y}" if start.month == 1 or start == first else f"{start:%b}"
        if len(starts) == 1:
            words = words_of_day(start)
        if at >= free and at + 7 * len(words) <= x.end + 8:
            parts.append(svg.text(words, at + 3, floor + 18, _class="tick"))
            free = at + 7.4 * len(words) + 10
    return parts


def _labels(cut: list[tuple[float, float, str]], y: float, width: int) -> list[str]:
    """Labels of bars that go on beyond the edge, the greatest first, as long as there is room beside the others."""
    placed: list[float] = []
    parts = []
    for _, at, words in sorted(cut, reverse=True):
        middle = min(max(at, _LABEL / 2), width - _LABEL / 2)
        if all(abs(middle - other) >= _LABEL for other in placed):
            placed.append(middle)
            parts.append(svg.text(words, middle, y, _class="cut", text_anchor="middle"))
    return parts


def _mean(days: list[Day], first: date, count: int, x: svg.Scale, y: svg.Scale) -> list[tuple[float, float]]:
    """Net revenue as the mean of the days around each day, fewer at the ends."""
    net = [0.0] * count
    for found in days:
        net[(found.first - first).days] = float(found.net)
    around, points = MEAN_DAYS // 2, []
    for index in range(count):
        window = net[max(index - around, 0) : index + around + 1]
        points.append((x(index + 0.5), y(sum(window) / len(window))))
    return points
