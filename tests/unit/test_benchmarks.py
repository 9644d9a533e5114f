"""The benchmarks' arithmetic, the figures' file, the page and the picture; nothing is measured here."""

import dataclasses
import gzip
import importlib
import json
import math
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from benchmarks import NAMES, figure, lags, origins, page, picture, recovery
from benchmarks.__main__ import main
from benchmarks.bronze import Sink
from benchmarks.figure import Figure
from benchmarks.lags import Shown
from benchmarks.updates import CHANGES, Rows
from forecasting.definitions import reading
from forecasting.definitions.definition import Predictor
from generator import dataset, replay
from lakehouse import envelopes
from lakehouse.envelopes import OrderLine
from lakehouse.errors import ContractError
from lakehouse.places import KafkaObject

pytestmark = pytest.mark.unit


def changes(*times: tuple[float, float]) -> pa.Table:
    made, seen = zip(*times, strict=True)
    return pa.table({"made_at": pa.array(made, pa.float64()), "seen_at": pa.array(seen, pa.float64())})


def test_objects_hold_every_message_once_and_a_key_in_order() -> None:
    sink, found = Sink(), []
    messages = list(replay.messages(dataset.read(limit=900), "heavy"))
    keys: set[str] = set()
    for part in (messages[:500], messages[500:]):
        objects = sink.objects(part, rows=50)
        assert not keys & objects.keys()
        keys |= objects.keys()
        for key, body in sorted(objects.items()):
            lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
            assert len(lines) <= 50
            place = KafkaObject.parse(key)
            assert [(line["partition"], line["offset"]) for line in lines] == [
                (place.partition, place.first + number) for number in range(len(lines))
            ]
            found += lines
    assert len(found) == len(messages)
    by_key: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, message in enumerate(messages):
        by_key[message.key.decode()].append((message.lsn, number))
    arrived: dict[str, list[int]] = defaultdict(list)
    for line in found:
        arrived[line["key"]].append(line["timestamp"])
    assert arrived == {key: [lsn for lsn, _ in sent] for key, sent in by_key.items()}


def test_updates_are_2000_different_rows_and_the_revenue_follows_them() -> None:
    lines = dataset.read(limit=9_000)
    for kind in ("adjacent", "spread"):
        rows, table = Rows(lines), replay.truth(lines)
        for messages in islice(getattr(rows, kind)(), 6):
            changed = [envelopes.decode(message.value.decode()) for message in messages if message.value]
            assert len({change.key for change in changed}) == CHANGES
            for change in changed:
                assert change.line is not None
                assert change.line != table[change.key]
                table[change.key] = change.line
        assert rows.revenue == _revenue(table)


def _revenue(table: dict[tuple[str, int], OrderLine]) -> object:
    return sum(line.quantity * line.unit_price for line in table.values())


def test_a_batch_is_shown_by_the_first_commit_with_its_version_of_silver() -> None:
    log = [Shown(1, 5, 10.0), Shown(3, 8, 20.0), Shown(4, 8, 30.0)]
    seen = [(1, 10.5), (4, 30.5)]
    assert lags.shown_at(log, seen, 5) == (10.0, 10.5)
    assert lags.shown_at(log, seen, 6) == (20.0, 30.5)  # version 3 was not seen by itself
    assert lags.shown_at(log, seen, 9) == (math.inf, math.inf)
    assert lags.shown_at(log, seen[:1], 8) == (20.0, math.inf)


def test_the_backlog_is_what_is_made_and_not_seen() -> None:
    rows = changes((1.0, 4.0), (2.0, 4.0), (3.0, 6.0), (3.5, 6.0), (5.0, 9.0), (7.0, 9.0))
    slow = {
        at: sum(
            made < at <= seen
            for made, seen in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
        )
        for at in (4.0, 6.0, 9.0)
    }
    assert lags.backlog(rows, 0.0, 99.0) == sorted(slow.items())
    assert lags.backlog(rows, 5.0, 6.0) == [(6.0, slow[6.0])]


def test_a_trend_rises_only_beyond_its_error() -> None:
    rng = Random(1)
    flat = [(float(at), 5_000 + rng.gauss(0, 800)) for at in range(120)]
    rising = [(at, value + 40 * at) for at, value in flat]
    assert not lags.trend(flat).rises
    found = lags.trend(rising)
    assert found.rises
    assert found.slope == pytest.approx(40, abs=2 * found.error)


def test_recovery_ends_with_the_first_change_after_the_kill_and_with_freshness() -> None:
    kill = 100.0
    rows = changes(*[(at / 10, at / 10 + 2) for at in range(900, 990)], *[(at / 10, 118.0) for at in range(1001, 1160)])
    assert recovery.first_seen(rows, kill) == 118.0
    # the changes of the seconds up to 109 are older than 8 s then; those of 110 are 8 to 7.1 s old
    assert recovery.fresh_again(rows, kill, kill + 45) == pytest.approx(109 + 9.0, abs=0.11)
    assert recovery.fresh_again(changes((101.0, 103.0)), kill, kill + 45) == kill


def test_a_command_gives_its_figures_anew_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    figure.keep(
        [Figure("freshness", "one", "s", 1.0, command="a"), Figure("freshness", "two", "s", 2.0, command="a")], path
    )
    figure.keep([Figure("freshness", "one", "s", 3.0, command="a --minutes 60")], path)
    figure.keep([Figure("increments", "one", "s", 4.0, command="b")], path)
    figure.keep([Figure("freshness", "one", "s", 9.0, naive=10.0, command="a")], path)
    assert [(one.benchmark, one.command, one.ours, one.naive) for one in figure.read(path)] == [
        ("increments", "b", 4.0, None),
        ("freshness", "a --minutes 60", 3.0, None),
        ("freshness", "a", 9.0, 10.0),
    ]


@pytest.mark.parametrize(
    ("ours", "asked", "at_least", "is_met"),
    [(3.0, 3.0, False, True), (3.1, 3.0, False, False), (4.0, 4.0, True, True), (3.9, 4.0, True, False)],
)
def test_a_limit_is_met_or_not(ours: float, asked: float, at_least: bool, is_met: bool) -> None:
    one = Figure("increments", "w", "s", ours, asked=asked, at_least=at_least)
    assert one.is_met is is_met
    assert ("**not met**" in page.generated([one])) is not is_met


def test_the_page_changes_between_its_markers_only(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(f"before\n{page.BEGIN}\nformer\n{page.END}\nafter\n")
    page.write([Figure("increments", "a <what> & b", "s", 2.345, naive=6.0, asked=3.0, command="c", machine="m")], path)
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "former" not in text
    assert "| a <what> & b | 2.35 s | 6.00 s | ≤ 3.00 s: met |" in text
    assert ET.parse(tmp_path / "benchmarks.svg").getroot().tag.endswith("svg")
    path.write_text("no markers")
    with pytest.raises(ContractError, match="no markers"):
        page.write([], path)


def test_the_picture_has_a_bar_for_each_side_and_a_line_at_the_limit() -> None:
    drawn = picture.draw(
        [
            Figure("a", "one", "s", 2.0, naive=8.0, asked=4.0),
            Figure("a", "slow", "s", 9.0, asked=3.0),
            Figure("b", "nothing to compare", "s", 1.0),
        ]
    )
    root = ET.fromstring(drawn)
    bars = [bar for bar in root.iter() if bar.tag.endswith("rect") and bar.get("x") == str(picture.LEFT)]
    ours, naive, slow = (float(bar.get("width", 0)) for bar in bars)
    assert [bar.get("class") for bar in bars] == ["ours", "naive", "missed"]
    assert naive == pytest.approx(4 * ours) == slow
    _, first, second = (float(line.get("x1", 0)) for line in root.iter() if line.tag.endswith("line"))  # one explains
    assert first == pytest.approx(picture.LEFT + 2 * ours)
    assert second == pytest.approx(picture.LEFT + slow / 3, abs=0.01)
    assert "nothing to compare" not in drawn


def test_the_kept_figures_are_those_of_the_page() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.BEGIN + "\n" + page.generated(figure.read()) + page.END in text
    assert page.PAGE.with_suffix(".svg").read_text(encoding="utf-8") == picture.draw(figure.read()) + "\n"


def test_every_benchmark_runs_by_its_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        monkeypatch.setattr(module, "run", lambda given, name=name: [Figure(name, "w", "s", given.rounds)])
    assert main(["--trial", "--rounds", "3", *NAMES]) == 0
    assert capsys.readouterr().out.count("w: 3.00 s") == len(NAMES)
    with pytest.raises(SystemExit):
        main(["nothing"])


def test_a_forecast_from_an_origin_knows_what_was_before_it_and_is_held_against_what_came() -> None:
    definition = dataclasses.replace(
        reading.load()["revenue_by_country"], predictors=(Predictor("NPTS"),), holidays="", horizon=7
    )
    first, origin = date(2011, 1, 1), date(2011, 3, 1)
    days = [first + timedelta(days=number) for number in range(80)]
    asked: list[str] = []

    def held(after: float) -> origins.Held:
        rows = [(item, day, size * (10.0 + day.weekday())) for item, size in (("UK", 5), ("Eire", 1)) for day in days]

        def ask(query: str) -> list[tuple[str, str, str]]:
            asked.append(query)
            ends = [date.fromisoformat(day) for day in re.findall(r"DATE '([\d-]+)'", query)]
            lowest, highest = (first, ends[0] - timedelta(days=1)) if len(ends) == 1 else (ends[0], ends[1])
            kept = [(item, day, value + (after if day >= origin else 0)) for item, day, value in rows]
            return [(item, f"{day}", f"{value}") for item, day, value in kept if lowest <= day <= highest]

        return origins.held_out(definition, origin, ask)

    # a weekday sells the same each week; what comes is as it was, or 2 more in each of 7 days of 2 series
    assert held(0.0) == origins.Held(0.0, 0.0, 0.0, 0.0)
    found = held(2.0)
    came = sum(size * (10 + weekday) + 2 for size in (5, 1) for weekday in range(7))
    assert found.wape == pytest.approx(28 / came)
    assert found.naive == pytest.approx(28 / came)
    assert found.wql == pytest.approx(found.naive_wql)
    assert "< DATE '2011-03-01'" in asked[0]
    assert "BETWEEN DATE '2011-03-01' AND DATE '2011-03-07'" in asked[1]
    with pytest.raises(ContractError, match="nothing was sold on the day before 2011-04-01"):
        origins.held_out(definition, date(2011, 4, 1), lambda _: [("UK", "2011-01-01", "1"), ("UK", "2011-03-30", "1")])
