"""How the stack and its data look in a terminal of 80 columns: a picture in, tables and lines out. Pure."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from infra.local.backlog import Backlog, Unread
from infra.local.status import Picture
from lakehouse.activity import WHOLE, WINDOW_SECONDS, Activity, Count, Lag
from lakehouse.settings import Settings
from lakehouse.tables import LAYERS, OUTCOMES

SLOW_SECONDS = 60.0
_SHOWN_BATCHES = 6


def processes(picture: Picture, busy: dict[str, float] | None = None) -> list[Table | Text]:
    """Every process, with the cores it used where `busy` tells them; why one is not ready."""
    shown_cores = [] if busy is None else ["cores"]
    table = _table("process", "health", "pid", "memory", *shown_cores, "uptime", "restarts", "address", left=(0, 1, -1))
    for one in picture.processes:
        colour = {"ready": "green", "stopped": "dim"}.get(one.health, "yellow")
        cores = [] if busy is None else [f"{busy[one.name]:.2f}" if one.name in busy else ""]
        running = [str(one.pid), size(one.resident_bytes), *cores, duration(one.uptime_seconds), str(one.restarts)]
        blank = [""] * len(running)
        table.add_row(
            one.name, Text(one.health, colour), *(running if one.pid else blank), one.url.removesuffix("/metrics")
        )
    total = size(sum(one.resident_bytes for one in picture.processes))
    table.add_row("", "", "", total, *([] if busy is None else [f"{sum(busy.values()):.2f}"]), "", "", "")
    return [table, *(Text(f"! {one.name}: {one.reason}", "yellow") for one in picture.processes if one.reason)]


def data(picture: Picture, settings: Settings) -> list[Table | Text]:
    """How far the data has come: lags and outcomes by partition, tables, what waits, and what to look at."""
    found = picture.progress
    if found is None:
        absent = "none yet" if picture.backlog else "the bucket does not answer"
        return [Text(f"data: {absent}"), *_worries(picture, settings)]
    age = duration(max(picture.at - found.at, 0))
    lines = [Text(f"gold shows batch {found.batch_id} (silver version {found.silver_version}), told {age} ago")]
    if picture.backlog:
        lines.append(_waiting(picture, picture.backlog))
    if found.activity is None:
        return [*lines, *_worries(picture, settings)]
    active = found.activity
    if picture.at - found.at < WINDOW_SECONDS:
        lines.append(Text(f"speed: {active.rows_per_second:,.0f} rows/s, {size(active.bytes_per_second)}/s of bronze"))
    else:  # what was told of the last minutes is no longer true of them
        active = dataclasses.replace(active, lags={})
    if active.maintained:
        lines.append(
            Text(f"maintenance: {active.maintained}, {duration(max(picture.at - active.maintained_at, 0))} ago")
        )
    shown = [_lags(active), _counts(active, found.rows), _tables(picture, active), *forecasts(picture)]
    return [*lines, *shown, *_worries(picture, settings)]


def forecasts(picture: Picture) -> list[Table]:
    """The newest run of each forecast: how old it is, whether it is in gold, and since when another is at work."""
    if not picture.forecasts:
        return []
    heads = ("forecast", "newest run", "made ago", "in gold", "rows", "at work for")
    table = _table(*(f"\n{head}" for head in heads), left=(0, 1, 3))
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"  # a name has up to 40 characters
    for one in picture.forecasts:
        colour = {"loaded": "green", "refused": "red"}.get(one.state, "yellow")
        age = duration(max(picture.at - one.made_at, 0)) if one.run_id else ""
        at_work = duration(max(picture.at - one.began_at, 0)) if one.began_at else ""
        rows = f"{one.rows:,}" if one.state == "loaded" else ""
        table.add_row(one.name, one.run_id, age, Text(one.state, colour), rows, at_work)
    return [table]


def batches(picture: Picture) -> list[Table]:
    """The last batches, newest first."""
    active = picture.progress.activity if picture.progress else None
    if active is None or not active.batches:
        return []
    steps = list(dict.fromkeys(name for batch in active.batches for name in batch.seconds))
    table = _table(
        "\nbatch",
        *(f"\n{head}" for head in ("rows", "objects", *(f"{step} s" for step in steps), "rows/s", "ago")),
        left=(),
    )
    for batch in list(reversed(active.batches))[:_SHOWN_BATCHES]:
        spent = sum(batch.seconds.values())
        table.add_row(
            str(batch.id),
            f"{batch.rows:,}",
            str(batch.objects),
            *(f"{batch.seconds.get(step, 0):.2f}" for step in steps),
            f"{batch.rows / spent:,.0f}" if spent else "",
            duration(max(picture.at - batch.committed_at, 0)),
        )
    return [table]


def worries(picture: Picture, settings: Settings) -> list[str]:
    """What a person should look at, each with the runbook's name for it."""
    found = []
    if behind := picture.backlog:
        oldest = Unread.total(list(behind.unread.values())).oldest_at
        if oldest and picture.at - oldest > SLOW_SECONDS:
            found.append(f"the oldest unread object landed {duration(picture.at - oldest)} ago (runbook: Backlog)")
        for number, at in behind.begun.items():
            if picture.at - at > SLOW_SECONDS:
                took = duration(picture.at - at)
                found.append(f"batch {number} was planned {took} ago (runbook: The driver does not advance)")
        if (at := min(behind.not_in_gold.values(), default=picture.at)) < picture.at - SLOW_SECONDS:
            took, batches = duration(picture.at - at), ", ".join(map(str, behind.not_in_gold))
            found.append(f"batch {batches} is in silver since {took}, not in gold (runbook: Gold is behind silver)")
    active = picture.progress.activity if picture.progress else None
    counts = list(active.counts.values()) if active else []
    if gaps := sum(count.gaps for count in counts):
        found.append(f"{gaps:,} offsets were skipped (runbook: Gaps)")
    rows = sum(sum(count.outcomes.values()) for count in counts)
    rejected = sum(count.outcomes.get("rejected", 0) for count in counts)
    if rejected > settings.rejected_share_alarm * rows:
        found.append(f"{rejected / rows:.1%} of the rows are rejected (runbook: Messages are rejected)")
    lag = active.lags.get(WHOLE, {}).get("gold", Lag()) if active else Lag()
    for rows, words in ((lag.ahead, "were made after they landed"), (lag.history, "were a day old when they landed")):
        if rows:
            found.append(f"{rows:,} changes {words}: they count in no lag (runbook: Source clocks)")
    return found + _forecast_worries(picture)


def _forecast_worries(picture: Picture) -> list[str]:
    found = []
    for one in picture.forecasts:
        run, ago = f"run {one.run_id} of {one.name}", duration(max(picture.at - one.made_at, 0))
        if one.state == "waiting" and picture.at - one.made_at > SLOW_SECONDS:
            found.append(f"{run} is not in gold after {ago} (runbook: A forecast is not in the tables)")
        if one.state == "refused":
            found.append(f"{run} was refused: {one.fault} (runbook: A forecast is not in the tables)")
        if one.failed_at:
            since = duration(max(picture.at - one.failed_at, 0))
            found.append(f"{one.name} failed {since} ago: {one.cause} (runbook: A forecast fails)")
    return found


def document(picture: Picture) -> dict[str, Any]:
    """All of it, for machines."""
    found = dataclasses.asdict(dataclasses.replace(picture, backlog=None))
    if behind := picture.backlog:
        unread = [
            {"topic_id": topic_id, "partition": partition, **dataclasses.asdict(one)}
            for (topic_id, partition), one in behind.unread.items()
        ]
        found["backlog"] = {"unread": unread, "begun": behind.begun, "not_in_gold": behind.not_in_gold}
    return found


def duration(seconds: float) -> str:
    """Time in the two units that matter: `2 h 1 min`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(count: float) -> str:
    """Bytes: `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" or count >= 100 else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


def _waiting(picture: Picture, behind: Backlog) -> Text:
    total = Unread.total(list(behind.unread.values()))
    words = ["nothing"]
    if total.objects:
        more, age = (
            "more than " if total.is_more else "",
            duration(max(picture.at - (total.oldest_at or picture.at), 0)),
        )
        words = [f"{more}{total.objects:,} objects, {size(total.bytes)}, the oldest {age} old"]
    if behind.begun:
        words.append(f"batch {', '.join(map(str, behind.begun))} under way")
    if behind.not_in_gold:
        words.append(f"batch {', '.join(map(str, behind.not_in_gold))} not in gold")
    return Text("unread: " + "; ".join(words))


def _lags(active: Activity) -> Table:
    heads = [f"{layer} {name}" for layer in LAYERS for name in ("p50", "p95", "max")]
    table = _table("\nlag, seconds", *(head.replace(" ", "\n") for head in heads), left=(0,))
    for where, lags in sorted(active.lags.items()):
        values = [value for layer in LAYERS for value in _figures(lags.get(layer, Lag()))]
        table.add_row(f"partition {where}" if where.isdigit() else where or "last 5 min", *values)
    table.add_row(
        "since start", *(value for layer in LAYERS for value in _figures(active.lags_since_start.get(layer, Lag())))
    )
    return table


def _figures(lag: Lag) -> tuple[str, ...]:
    values = (lag.p50, lag.p95, lag.max)
    return tuple("-" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}" for value in values)


def _counts(active: Activity, ever: dict[str, int]) -> Table:
    table = _table("\nrows", *(f"\n{name}" for name in OUTCOMES), "\ngaps", "\noverlaps", left=(0,))
    total = Count(
        {name: sum(count.outcomes.get(name, 0) for count in active.counts.values()) for name in OUTCOMES},
        sum(count.gaps for count in active.counts.values()),
        sum(count.overlaps for count in active.counts.values()),
    )
    for where, count in (("all", total), *active.counts.items()):
        outcomes = [f"{count.outcomes.get(name, 0):,}" for name in OUTCOMES]
        table.add_row(where, *outcomes, f"{count.gaps:,}", f"{count.overlaps:,}")
    table.add_row("ever", *(f"{ever.get(name, 0):,}" for name in OUTCOMES))
    return table


def _tables(picture: Picture, active: Activity) -> Table:
    age = f"{duration(max(picture.at - active.tables_at, 0))} ago" if active.tables_at else "not counted yet"
    table = _table("\ntable", "\nversion", "\nfiles", "\nbelow 1 MiB", "\nsize", f"\n{age}", left=(0,))
    for name, files in active.tables.items():
        table.add_row(name, str(files.version), f"{files.files:,}", f"{files.small:,}", size(files.bytes), "")
    return table


def _worries(picture: Picture, settings: Settings) -> list[Text]:
    return [Text(f"! {line}", "yellow") for line in worries(picture, settings)]


def _table(*heads: str, left: Iterable[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    at_left = {number % len(heads) for number in left}
    for number, head in enumerate(heads):
        table.add_column(Text(head), justify="left" if number in at_left else "right", no_wrap=True)
    return table
