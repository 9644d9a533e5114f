"""How status and top look, from records alone: the figures, 80 columns, what a person should look at."""

import argparse
import dataclasses
import io
import json
from typing import Any

import pytest
from rich.console import Console, Group

from infra.commands import view, watch
from infra.local.backlog import Backlog, Unread, look
from infra.local.health import Health
from infra.local.runs import Runs
from infra.local.status import Picture
from lakehouse import places
from lakehouse.activity import WHOLE, Activity, Batch, Count, Files, Lag
from lakehouse.progress import Progress
from lakehouse.settings import Settings
from lakehouse.tables import LAYERS, OUTCOMES, TABLES

pytestmark = pytest.mark.unit

NOW = 1_700_000_000.0
LAGS = {layer: Lag(123_456, number + 0.31, number + 4.62, number + 812.3) for number, layer in enumerate(LAYERS)}
COUNT = Count(dict.fromkeys(OUTCOMES, 98_765) | {"applied": 1_234_567} | {"rejected": 12}, overlaps=3)
ACTIVITY = Activity(
    started_at=NOW - 1000,
    rows_per_second=2013.4,
    bytes_per_second=70_000,
    lags={WHOLE: LAGS, **{str(number): LAGS for number in range(4)}},
    lags_since_start=LAGS,
    counts={str(number): COUNT for number in range(4)},
    tables={table.full_name: Files(1234, 56, 7 << 20, 8) for table in TABLES},
    tables_at=NOW - 30,
    batches=[Batch(number, 5000, 12, {"silver": 1.5, "gold": 0.5}, NOW - 40 + 3 * number) for number in range(1, 11)],
    maintained="compaction of silver.order_lines",
    maintained_at=NOW - 90,
)
PROGRESS = Progress(0, 10, NOW - 2, {"id": {"0": 500}}, {"rows_read": 50_000, "applied": 40_000}, 77, 78, 0, ACTIVITY)
PROCESSES = [
    Health("gateway", 123456, 4566, "ready", 190 << 20, url="http://127.0.0.1:4566", uptime_seconds=3725),
    Health(
        "spark", 123457, 9108, "ready", 1200 << 20, url="http://127.0.0.1:9108/metrics", uptime_seconds=60, restarts=2
    ),
    Health("connect", None, 8083, "stopped", 0, url="http://127.0.0.1:8083"),
]
BACKLOG = Backlog({("id", 0): Unread(2, 9000, NOW - 1.5), ("id", 1): Unread()})
PICTURE = Picture(NOW, PROCESSES, PROGRESS, BACKLOG)
RUNS = Runs("revenue", "0a1b", NOW - 90, "loaded", 1234)


def lines(picture: Picture, busy: dict[str, float] | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(Group(*view.processes(picture, busy), *view.data(picture, Settings()), *view.batches(picture)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def cells(picture: Picture, name: str) -> list[str]:
    return next(line for line in lines(picture) if line.lstrip().startswith(name)).split()


def test_a_busy_stack_fits_80_columns_and_one_screen() -> None:
    shown = lines(PICTURE, {"gateway": 0.31, "spark": 1.42})
    assert [line for line in shown if len(line) > 80] == []
    assert len(shown) <= 45


def test_figures_stand_where_they_belong() -> None:
    assert cells(PICTURE, "last 5 min")[3:] == ["0.3", "4.6", "812.3", "1.3", "5.6", "813.3", "2.3", "6.6", "814.3"]
    assert cells(PICTURE, "partition 3")[2:] == cells(PICTURE, "since start")[2:] == cells(PICTURE, "last 5 min")[3:]
    assert cells(PICTURE, "all") == ["all", "4,938,268", *["395,060"] * 4, "48", "0", "12"]
    assert cells(PICTURE, "3 ") == ["3", "1,234,567", *["98,765"] * 4, "12", "0", "3"]
    assert cells(PICTURE, "ever") == ["ever", "40,000", "0", "0", "0", "0", "0"]
    assert cells(PICTURE, "gold.daily_sales")[1:] == ["1234", "56", "8", "7.0", "MiB"]
    assert cells(PICTURE, "10 ") == ["10", "5,000", "12", "1.50", "0.50", "2,500", "10", "s"]
    text = "\n".join(lines(PICTURE, {"spark": 1.42}))
    assert "gold shows batch 10 (silver version 77), told 2 s ago" in text
    assert "unread: 2 objects, 8.8 KiB, the oldest 1 s old" in text
    assert "2,013 rows/s, 68.4 KiB/s" in text
    assert "compaction of silver.order_lines, 1 min 30 s ago" in text
    assert " 1.42 " in text
    assert "!" not in text


def test_before_the_first_batch_and_after_an_older_driver_it_says_what_it_knows() -> None:
    assert "data: none yet" in lines(Picture(NOW, PROCESSES, backlog=Backlog()))
    assert "data: the bucket does not answer" in lines(Picture(NOW, PROCESSES))
    older = dataclasses.replace(PICTURE, progress=dataclasses.replace(PROGRESS, activity=None))
    assert any(line.startswith("gold shows batch 10") for line in lines(older))


def test_why_a_process_is_not_ready_has_a_line_of_its_own() -> None:
    slow = dataclasses.replace(PROCESSES[0], health="starting", reason="no answer on port 4566 (timed out)")
    shown = lines(dataclasses.replace(PICTURE, processes=[slow, *PROCESSES[1:]]))
    assert "! gateway: no answer on port 4566 (timed out)" in shown
    assert cells(dataclasses.replace(PICTURE, processes=[slow]), "gateway")[:2] == ["gateway", "starting"]


def test_minutes_that_are_long_gone_are_not_told_as_the_last_ones() -> None:
    text = "\n".join(lines(dataclasses.replace(PICTURE, at=NOW + 3600)))
    assert "told 1 h 0 min ago" in text
    assert "since start" in text
    assert "last 5 min" not in text
    assert "speed" not in text


def test_an_idle_stack_says_that_nothing_waits() -> None:
    assert "unread: nothing" in lines(dataclasses.replace(PICTURE, backlog=Backlog({("id", 0): Unread()})))


def test_batches_between_the_layers_are_said() -> None:
    behind = dataclasses.replace(BACKLOG, begun={11: NOW - 1}, not_in_gold={10: NOW - 1})
    shown = lines(dataclasses.replace(PICTURE, backlog=behind))
    assert "unread: 2 objects, 8.8 KiB, the oldest 1 s old; batch 11 under way; batch 10 not in gold" in shown
    assert not [line for line in shown if line.startswith("!")]


def _with(**changes: Any) -> Picture:
    return dataclasses.replace(
        PICTURE, progress=dataclasses.replace(PROGRESS, activity=dataclasses.replace(ACTIVITY, **changes))
    )


def _forecast(**changes: Any) -> Picture:
    return dataclasses.replace(PICTURE, forecasts=[dataclasses.replace(RUNS, **changes)])


def test_forecasts_have_a_line_each_with_their_newest_run() -> None:
    longest = Runs("units_of_the_very_best_of_top_products_x", began_at=NOW - 7)
    picture = dataclasses.replace(PICTURE, forecasts=[dataclasses.replace(RUNS, began_at=NOW - 61), longest])
    narrow = Console(file=io.StringIO(), width=80)
    narrow.print(*view.forecasts(picture))
    assert isinstance(narrow.file, io.StringIO)
    assert "…" not in narrow.file.getvalue()
    assert " ".join(cells(picture, "revenue")) == "revenue 0a1b 1 min 30 s loaded 1,234 1 min 1 s"
    assert cells(picture, "units") == [longest.name, "7", "s"]
    assert (
        view.worries(picture, Settings())
        == view.worries(_forecast(state="waiting", made_at=NOW - 59), Settings())
        == []
    )
    assert json.loads(json.dumps(view.document(picture)))["forecasts"][0]["rows"] == 1234


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (dataclasses.replace(PICTURE, backlog=Backlog({("id", 0): Unread(1, 9, NOW - 61)})), "1 min 1 s ago"),
        (dataclasses.replace(PICTURE, backlog=Backlog(begun={11: NOW - 61})), "batch 11 was planned 1 min 1 s ago"),
        (
            dataclasses.replace(PICTURE, backlog=Backlog(not_in_gold={9: NOW - 61, 10: NOW})),
            "batch 9, 10 is in silver since 1 min 1 s, not in gold",
        ),
        (_with(counts={"0": Count({"applied": 9}, gaps=5)}), "5 offsets were skipped"),
        (_with(counts={"0": Count({"applied": 90, "rejected": 10})}), "10.0% of the rows are rejected"),
        (_with(lags={WHOLE: {"gold": Lag(ahead=4)}}), "4 changes were made after they landed"),
        (_with(lags={WHOLE: {"gold": Lag(history=4)}}), "4 changes were a day old when they landed"),
        (_forecast(state="waiting", made_at=NOW - 61), "run 0a1b of revenue is not in gold after 1 min 1 s"),
        (_forecast(state="refused", fault="p50 is no number"), "run 0a1b of revenue was refused: p50 is no number"),
        (_forecast(failed_at=NOW - 5, cause="row 7 is wrong"), "revenue failed 5 s ago: row 7 is wrong"),
    ],
)
def test_what_a_person_should_look_at_is_said_with_the_runbooks_name(picture: Picture, words: str) -> None:
    found = view.worries(picture, Settings())
    assert len(found) == 1
    assert words in found[0]
    section = found[0].rpartition("(runbook: ")[2].removesuffix(")")
    assert f"\n## {section}\n" in (watch_root() / "docs" / "runbook.md").read_text(encoding="utf-8")


def watch_root() -> Any:
    from infra.local.daemon import ROOT  # noqa: PLC0415

    return ROOT


def test_machines_get_all_of_it() -> None:
    found = json.loads(json.dumps(view.document(PICTURE)))
    assert found["processes"][1]["restarts"] == 2
    assert Progress.from_json(json.dumps(found["progress"])) == PROGRESS
    assert found["backlog"]["unread"][0] == {
        "topic_id": "id",
        "partition": 0,
        "objects": 2,
        "bytes": 9000,
        "oldest_at": NOW - 1.5,
        "is_more": False,
    }


def test_cores_are_those_used_since_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    used, clock = {"now": 10.0}, {"now": 100.0}
    monkeypatch.setattr(watch, "_cpu_seconds", lambda _: used["now"])
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock["now"])
    meter = watch.Meter()
    assert meter.shares(PROCESSES) == {}
    used["now"], clock["now"] = 11.0, 102.0
    assert meter.shares(PROCESSES) == {"gateway": 0.5, "spark": 0.5}


class Listing:
    """An S3 that lists these keys, each of 10 bytes, landed at NOW."""

    def __init__(self, *keys: str) -> None:
        self._keys = sorted(keys)

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        MaxKeys: int = 1000,  # noqa: N803
    ) -> dict[str, Any]:
        import datetime  # noqa: PLC0415

        below = [key for key in self._keys if key.startswith(Prefix) and key > StartAfter]
        if Delimiter:
            names = sorted({key.removeprefix(Prefix).split("/")[0] for key in below})
            return {"CommonPrefixes": [{"Prefix": f"{Prefix}{name}/"} for name in names]}
        at = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
        entries = [{"Key": key, "Size": 10, "LastModified": at} for key in below[:MaxKeys]]
        return {"Contents": entries, "IsTruncated": len(below) > MaxKeys}


def test_the_backlog_is_what_lies_beyond_the_progress() -> None:
    bronze = [places.KafkaObject("t", "id", 0, first).key for first in (0, 499, 500, 600)]
    bronze += [places.KafkaObject("t", "id", 1, first).key for first in range(1001)]
    ledger = [places.plan(0, number) for number in (9, 10, 11, 12)] + [places.result(0, number) for number in (10, 11)]
    found = look(Listing(*bronze, *ledger, places.BRONZE_KAFKA + "x/y/z/odd"), "b", PROGRESS)
    assert found.unread == {("id", 0): Unread(2, 20, NOW), ("id", 1): Unread(1000, 10_000, NOW, is_more=True)}
    assert found.begun == {12: NOW}
    assert found.not_in_gold == {11: NOW}


class Watched:
    """An observer that sees the same picture a few times, then Ctrl-C."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def look(self) -> Picture:
        self.looks -= 1
        if self.looks < 0:
            raise KeyboardInterrupt
        return PICTURE


@pytest.mark.parametrize(("is_terminal", "looks"), [(True, 3), (False, 1)])
def test_top_goes_on_until_ctrl_c_and_is_one_frame_on_a_pipe(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, looks: int
) -> None:
    console = Console(file=io.StringIO(), width=80, height=60, force_terminal=is_terminal)
    observer = Watched(looks)
    monkeypatch.setattr(watch.terminal, "out", console)
    monkeypatch.setattr(watch.status, "Observer", lambda _: observer)
    monkeypatch.setattr(watch, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(watch.machine, "family", lambda _: [])
    assert watch.top(Settings(), argparse.Namespace()) == 0
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "gold shows batch 10" in text
    assert ("\x1b[?1049h" in text, "\x1b[?1049l" in text) == (is_terminal, is_terminal)  # the other screen, and back
    assert observer.looks == (-1 if is_terminal else 0)
