"""The report and the chart: drawn from given facts, escaped, self-contained; the checks that stand before them."""

import dataclasses
import doctest
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from generator import dataset
from generator.outcome import Summary
from infra.report import chart, checks, page, revenue, svg, truth, words
from infra.report.checks import Check, Sent
from infra.report.facts import Batch, Day, Facts, Named
from tests.unit.test_forecast_report import shown

pytestmark = pytest.mark.unit

EVIL = "<script>alert('x')</script> & \"co\""
VOID = {"meta", "br", "hr", "link", "img", "input"}


def _day(first: date, gross: str, returned: str = "0") -> Day:
    return Day(first, 3, 10, 1, Decimal(gross), Decimal(returned), Decimal(gross) - Decimal(returned))


def _batch(batch_id: int, gold: float | None = 3.5) -> Batch:
    outcomes = {"applied": 90, "superseded": 4, "stale": 1, "duplicate": 2, "tombstone": 2, "rejected": 1}
    return Batch(batch_id, 100, outcomes, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, gold)


def _facts(**changes: Any) -> Facts:
    kinds = {"insert": 8, "malformed:bad_json": 1, "malformed:two_documents": 1, "tombstone": 2}
    summary = Summary("replay", 10, 12, kinds, 1, 0, 0.5, 1, 12, "A" * 22, "confluent", {0: 12})
    products = [Named("P1", EVIL, 5, Decimal(9), Decimal(1), Decimal(8))]
    facts = Facts(
        days=[_day(date(2010, 12, 1) + timedelta(days=index), f"{1000 + index}.500", "12") for index in range(60)],
        products=products,
        returned_products=products,
        countries=[Named("EIRE", "EIRE", 5, Decimal(9), Decimal(1), Decimal(8))],
        batches=[_batch(1), _batch(2)],
        reasons=[("bad_json", 1)],
        checks=[Check("sums", "revenue", True, "12")],
        sent=[Sent(summary, {0: 0}, 0)],
        steps={"start the stack": 1.25},
        versions={"Spark": "4.1.1"},
        made_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
    )
    return dataclasses.replace(facts, **changes)


class Balanced(HTMLParser):
    """Fails on a tag that is not closed in order; keeps what could load something from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.loads += [name for name, _ in attrs if name in ("src", "srcset", "data", "background") or name[:2] == "on"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _parsed(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("module", [words, svg])
def test_the_examples_hold(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    text = page.page(_facts())
    parsed = _parsed(text)
    assert not {"script", "link", "iframe", "object", "img", "form"} & parsed.tags
    assert parsed.loads == []
    assert not re.search(r"url\(|@import", text)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_forecasts_stand_on_the_page_before_the_machine() -> None:
    text = page.page(_facts(forecasts=[shown("a", EVIL)], missing_forecasts=[f"no forecast b: {EVIL}"]))
    parsed = _parsed(text)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "script" not in parsed.tags
    places = [
        text.index(words)
        for words in ("Returns by month", "How good the forecasts are", "Forecast: tea", "What became")
    ]
    assert places == sorted(places)
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(drawing)
    assert "How good" not in page.page(_facts())


def test_text_of_the_data_is_escaped_wherever_it_stands() -> None:
    evil = Check(EVIL, EVIL, False, EVIL, EVIL)
    text = page.page(_facts(checks=[evil], reasons=[(EVIL, 1)], versions={EVIL: EVIL}, steps={EVIL: 1.0}))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    _parsed(text)


def test_every_drawing_is_xml_with_a_title() -> None:
    drawings = re.findall(r"<svg.*?</svg>", page.page(_facts()), re.DOTALL)
    assert len(drawings) > 10
    for drawing in drawings:
        root = ET.fromstring(drawing)
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text
        assert root.get("aria-labelledby") == title.get("id")


def test_the_verdict_says_what_failed() -> None:
    good, bad = Check("sums", "units", True, "7"), Check("sums", "revenue", False, "12", "13")
    assert "All 1 checks passed" in page.page(_facts(checks=[good]))
    text = page.page(_facts(checks=[good, bad]))
    assert "1 of 2 checks failed" in text
    assert "12; expected 13" in text


def test_figures_stand_on_the_page() -> None:
    facts = _facts()
    text = page.page(facts)
    assert f"{facts.total.net:,.3f} pounds" in text
    assert "CC BY 4.0" in text
    assert re.search(r'<tr class="sum"><td>all</td>.*?<td class="n">200</td>', text)


@pytest.mark.parametrize("days", [1, 2, 20, 400])
def test_any_number_of_days_can_be_drawn(days: int) -> None:
    facts = _facts(days=[_day(date(2011, 1, 31) + timedelta(days=index), "5") for index in range(days)])
    _parsed(page.page(facts))
    assert chart.weekly(facts.weeks, 80)


def test_a_page_without_lags_or_sales_of_value_is_drawn() -> None:
    facts = _facts(days=[_day(date(2011, 1, 1), "0")], batches=[_batch(1, None)], products=[], returned_products=[])
    _parsed(page.page(facts))


def test_only_the_newest_batches_are_listed_but_all_are_summed() -> None:
    text = page.page(_facts(batches=[_batch(number) for number in range(1, 51)]))
    assert "The newest 20 of 50 batches" in text
    assert "<td>30</td>" not in text
    assert '<td class="n">5,000</td>' in text


def test_a_day_far_above_the_rest_is_cut_and_labelled() -> None:
    days = [_day(date(2011, 1, 1) + timedelta(days=index), "100") for index in range(100)]
    days[40] = _day(days[40].first, "200000")
    drawn = revenue.daily(days, 1000, "daily")
    assert "£200k on 10 Feb" in drawn
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"[^>]*class="gross"', drawn)]
    assert min(heights) > 100


def test_a_week_without_sales_has_its_place() -> None:
    facts = _facts(days=[_day(date(2011, 1, 3), "10"), _day(date(2011, 1, 24), "20")])
    assert [(week.first.day, int(week.net)) for week in facts.weeks] == [(3, 10), (10, 0), (17, 0), (24, 20)]
    assert [week.orders for week in facts.weeks] == [3, 0, 0, 3]


def test_the_chart_fits_the_terminal_and_its_highest_week_is_full() -> None:
    weeks = [_day(date(2011, 1, 3) + timedelta(weeks=index), f"{1000 * index}") for index in range(1, 54)]
    for width in (40, 80, 120):
        lines = chart.weekly(weeks, width)
        assert max(map(len, lines)) <= width
        assert lines[0].rstrip().endswith("█")
        assert len(lines) == chart.ROWS + 2
    assert "£53k ┤" in chart.weekly(weeks, 80)[0]


def test_the_report_has_a_name_with_its_time(tmp_path: Path) -> None:
    path = page.write(_facts(), tmp_path / "reports")
    assert path.name == "sales-20261121-100000.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


# --- the truth and the checks


@pytest.fixture(scope="module")
def known() -> duckdb.DuckDBPyConnection:
    """The truth of the whole data set."""
    connection = duckdb.connect()
    truth.order_lines(connection, {"kafka": 541_909})
    return connection


def test_the_data_set_has_the_sums_it_is_known_by(known: duckdb.DuckDBPyConnection) -> None:
    assert list(truth.sums(known, "truth").values()) == [541_909, 5_176_450, Decimal("9747747.934"), 25_900, 38]


def test_the_first_lines_are_those_that_the_replay_sends() -> None:
    connection = duckdb.connect()
    truth.order_lines(connection, {"kafka": 500})
    ours = connection.sql("SELECT order_id, line_no, quantity FROM truth").fetchall()
    steps = [step for block in dataset.read(limit=500).blocks() for step in block]
    rows = connection.sql("SELECT order_id, line_no FROM truth").fetchall()
    assert len(ours) == len(steps) == 500
    assert {f'{{"order_id":"{order}","line_no":{line}}}' for order, line in rows} == {step.key for step in steps}


def test_a_sale_late_in_the_evening_has_its_date_in_the_time_zone() -> None:
    connection = duckdb.connect()
    truth.order_lines(connection, {"kafka": 541_909}, "Asia/Tokyo")
    moved = connection.sql("SELECT count(*) FROM truth WHERE sales_date > CAST(ordered_at AS DATE)").fetchall()
    assert moved[0][0] > 100_000


def test_gold_of_the_truth_has_the_sums_by_hand() -> None:
    connection = duckdb.connect()
    connection.execute(
        """CREATE TABLE lines AS SELECT * FROM (VALUES
        ('kafka', '1', 1, 'P', 'a',  2, CAST(1.500 AS DECIMAL(12,3)), 'C', 'EIRE', TIMESTAMPTZ '2011-01-01 10:00Z'),
        ('kafka', '1', 2, 'P', 'b', -1, CAST(4.000 AS DECIMAL(12,3)), 'C', 'EIRE', TIMESTAMPTZ '2011-01-01 10:00Z'),
        ('kafka', '2', 1, 'P', NULL, 3, CAST(2.000 AS DECIMAL(12,3)), NULL, 'EIRE', TIMESTAMPTZ '2011-01-01 11:00Z'))
        t(source, order_id, line_no, product_id, description, quantity, unit_price, customer_id, country, ordered_at)"""
    )
    connection.execute("CREATE VIEW dated AS SELECT *, DATE '2011-01-01' AS sales_date FROM lines")
    # 2 orders, 1 customer, 2 + 3 sold, 1 returned; 2 * 1.5 + 3 * 2 = 9 gross, 4 returned, 5 net; b is the last name.
    expected = [2, 1, 5, 1, Decimal("9.000"), Decimal("4.000"), Decimal("5.000"), "b"]
    row = truth.daily(connection, "dated", "product_id").to_pylist()[0]
    assert list(row.values())[2:] == expected
    assert "description" not in truth.daily(connection, "dated", "country").schema.names


def test_equal_tables_pass_and_the_first_difference_is_named() -> None:
    ours = pa.table({"sales_date": [1, 2], "country": ["a", "b"], "orders": [5, 6]})
    assert checks.same("gold", ours, ours) == Check("tables", "gold", True, "2 rows equal")
    other = ours.set_column(2, "orders", pa.array([5, 7]))
    assert checks.same("gold", ours, other) == Check("tables", "gold", False, "2, b: orders 6", "orders 7")
    assert checks.same("gold", ours, ours.slice(1)).expected == "1 rows"
    retyped = ours.set_column(2, "orders", pa.array([5, 6], pa.int32()))
    assert checks.same("gold", retyped, ours) == Check(
        "tables", "gold", False, "column orders int32", "column orders int64"
    )


class Ops:
    """A lake that has ops.batches and silver.rejected alone."""

    def __init__(self, batches: list[dict[str, Any]], rejected: int) -> None:
        self._tables = {
            "batches": pa.Table.from_pylist(batches),
            "rejected": pa.table({"position": pa.array(range(rejected), pa.int64())}),
        }

    def query(self, sql: str) -> pa.RecordBatchReader:
        connection = duckdb.connect()
        for schema, name in (("ops", "batches"), ("silver", "rejected")):
            connection.register(name, self._tables[name])
            connection.execute(f"CREATE SCHEMA {schema}; CREATE VIEW {schema}.{name} AS FROM {name}")
        return connection.sql(sql).to_arrow_reader()


def _row(**changes: Any) -> dict[str, Any]:
    row = {"generation": 0, "batch_id": 1, "topic_id": "A" * 22, "partition": 0, "rows_read": 12, "applied": 8}
    row |= {"superseded": 0, "stale": 0, "duplicate": 0, "tombstone": 2, "rejected": 2}
    return row | {"first_offset": 0, "last_offset": 11, "gaps": 0, "overlaps": 0} | changes


def _wrong(ops: Ops, sent: Sent) -> list[str]:
    lake: Any = ops
    found = [*checks.accounting(lake, sent.generation), *checks.messages(lake, sent), *checks.offsets(lake, sent)]
    return [check.name for check in found if not check.passed]


def test_a_run_that_is_accounted_for_passes() -> None:
    sent = _facts().sent[0]
    assert _wrong(Ops([_row()], rejected=2), sent) == []


@pytest.mark.parametrize(
    ("changes", "rejected", "wrong"),
    [
        ({"applied": 7}, 2, "rows read = the sum of the six outcomes"),
        ({}, 1, "rejected changes lie in silver.rejected"),
        ({"rows_read": 11, "applied": 7}, 2, "messages sent in this run = rows read"),
        ({"rejected": 3, "applied": 7}, 3, "malformed messages = rejected"),
        ({"tombstone": 3, "applied": 7}, 2, "messages without a value = tombstones"),
        ({"gaps": 1}, 2, "no Kafka offset skipped"),
        ({"last_offset": 10}, 2, "read to the end of every partition"),
    ],
)
def test_what_is_not_accounted_for_is_named(changes: dict[str, Any], rejected: int, wrong: str) -> None:
    assert wrong in _wrong(Ops([_row(**changes)], rejected), _facts().sent[0])


def test_a_second_run_counts_its_own_messages_alone() -> None:
    sent = _facts().sent[0]
    later = Sent(dataclasses.replace(sent.summary, ends={0: 24}), {0: 12}, 0)
    before = _row(rows_read=12, applied=11, tombstone=0, rejected=1)
    after = _row(batch_id=2, first_offset=12, last_offset=23)
    assert _wrong(Ops([before, after], rejected=3), later) == []


def test_kinds_are_not_compared_when_others_sent_meanwhile() -> None:
    sent = _facts().sent[0]
    both = Sent(dataclasses.replace(sent.summary, ends={0: 20}), {0: 0}, 0)
    ops = Ops([_row(rows_read=20, applied=20, tombstone=0, rejected=0, last_offset=19)], rejected=0)
    assert not both.is_alone
    assert _wrong(ops, both) == []
