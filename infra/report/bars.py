"""Drawings of bars side by side: rankings, a batch's rows by outcome, and the time each layer took."""

from collections.abc import Sequence

from infra.report import svg
from infra.report.facts import Batch
from infra.report.words import duration, share

_ROW = 27


def ranking(rows: Sequence[tuple[str, float, str]], width: int, name: str, title: str, *, kind: str) -> str:
    """A bar for each row, named on the left and labelled at its end.

    Args:
        rows: Name, value and the value in words, the greatest first.
        width: Of the drawing.
        name: Unique on the page.
        title: What it shows.
        kind: CSS class of the bars.
    """
    room = min(max((_extent(row[0]) for row in rows), default=0.0), width * 0.46)
    left, right = room + 10, 66
    greatest = max((row[1] for row in rows), default=1.0)
    x = svg.Scale(0, max(greatest, 0) or 1.0, left, width - right)
    parts = [svg.line(left, 2, left, len(rows) * _ROW, _class="zero")]
    for index, (label, value, words) in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        parts.append(
            svg.titled(
                f"{label}: {words}",
                svg.text(_fitting(label, room), left - 8, middle + 4.5, _class="name", text_anchor="end"),
                svg.rectangle(left, middle - 8, x(value) - left, 16, _class=kind, rx=1.5),
                svg.text(words, x(value) + 7, middle + 4.5, _class="value"),
            )
        )
    return svg.picture(name, width, len(rows) * _ROW + 4, parts, title=title)


def outcomes(counts: dict[str, int], name: str, title: str) -> str:
    """One bar, divided by outcome."""
    whole, at, parts = sum(counts.values()), 0.0, []
    for outcome, count in counts.items():
        size = 240 * count / whole if whole else 0
        parts.append(
            svg.titled(
                f"{outcome}: {count:,} ({share(count, whole)})",
                svg.rectangle(at, 0, size, 14, _class=f"outcome {outcome}"),
            )
        )
        at += size
    return svg.picture(name, 240, 14, parts, title=title, _class="strip")


def lags(batches: Sequence[Batch], width: int, name: str) -> str:
    """For each batch a bar in three parts: from its newest change to bronze, to silver and to gold."""
    left, right, top = 44, 72, 6
    floor = top + len(batches) * _ROW
    x = svg.Scale(0, max((batch.gold or 0.0) for batch in batches) or 1.0, left, width - right)
    parts = []
    for tick in svg.ticks(0, x.high, 6 if width > 600 else 4):
        parts += [
            svg.line(x(tick), top, x(tick), floor, _class="grid"),
            svg.text(f"{tick:g} s", x(tick), floor + 18, _class="tick", text_anchor="middle"),
        ]
    for index, batch in enumerate(batches):
        middle, start = top + index * _ROW + _ROW / 2, 0.0
        cells = [svg.text(f"{batch.batch_id}", left - 8, middle + 4.5, _class="name", text_anchor="end")]
        for layer, end in (("bronze", batch.bronze), ("silver", batch.silver), ("gold", batch.gold)):
            until = max(end or 0.0, start)
            cells.append(svg.rectangle(x(start), middle - 8, x(until) - x(start), 16, _class=f"layer {layer}"))
            start = until
        cells.append(svg.text(duration(batch.gold or 0.0), x(start) + 7, middle + 4.5, _class="value"))
        steps = ", ".join(
            f"{layer} after {duration(end)}"
            for layer, end in (("bronze", batch.bronze), ("silver", batch.silver), ("gold", batch.gold))
            if end is not None
        )
        parts.append(svg.titled(f"batch {batch.batch_id}, {batch.rows_read:,} rows: {steps}", *cells))
    parts.append(svg.line(left, top, left, floor, _class="zero"))
    return svg.picture(name, width, floor + 28, parts, title="Seconds from a batch's newest change to each layer")


def _extent(words: str) -> float:
    """About how wide a text is in the drawing's font, on the safe side."""
    return sum(9.2 if letter.isupper() else 4.8 if letter in " .,:'il" else 7.6 for letter in words)


def _fitting(words: str, room: float) -> str:
    if _extent(words) <= room:
        return words
    while words and _extent(words) + 9 > room:
        words = words[:-1]
    return words.rstrip() + "…"
