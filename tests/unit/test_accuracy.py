"""gold.forecast_accuracy against a slow recomputation: random histories, kills between commits, and what it reads."""

import datetime
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.errors import ContractError
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    GOLD_FORECAST_ACCURACY,
    GOLD_SALES_FORECAST,
    Table,
)
from spark_jobs import accuracy
from spark_jobs.accuracy import Accuracy
from spark_jobs.arrow import arrow_schema
from spark_jobs.gold import Step
from spark_jobs.recompute_accuracy import accuracy as slow
from spark_jobs.transforms.forecast_accuracy import compute, through
from tests.unit.forecast_rows import forecast_row
from tests.unit.local_tables import LocalTables

pytestmark = pytest.mark.unit

FIRST = datetime.date(2011, 1, 1)
DAYS = [FIRST + datetime.timedelta(days=number) for number in range(12)]
ITEMS = ("UK", "France", "it's")
Sales = dict[tuple[datetime.date, str], tuple[int, str]]  # by day and item: units and revenue


class Crash(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


class Gold:
    """Both tables of sales, whose days are replaced as the driver does it, and the forecasts held against them."""

    def __init__(self, folder: Path) -> None:
        self.tables = LocalTables(folder)
        for table in (*SOURCES, *FORECAST_TABLES):
            self.tables.create(table)
        self.held: dict[Table, Sales] = {table: {} for table in SOURCES}
        self.commits = self.runs = 0
        self.start()

    def start(self) -> None:
        """Another driver: it knows nothing."""
        self.accuracy = Accuracy(self.tables)

    def sell(self, sales: Sales, days: list[datetime.date], *, is_told: bool = True) -> Step:
        """What the days come to now; returns the step, which knows its days if they are told."""
        self.commits += 1
        written = {}
        for table, item in SOURCES.items():
            held = self.held[table]
            for key in [key for key in held if key[0] in days]:
                del held[key]
            held |= {key: value for key, value in sales.items() if key[0] in days}
            rows = [sold(table, item, *key, *value) for key, value in held.items() if key[0] in days]
            listed = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
            given_rows = pa.Table.from_pylist(rows, arrow_schema(table))
            self.tables.overwrite_few(given_rows, table, "gold", self.commits, "", f"sales_date IN ({listed})")
            written[table.full_name] = self.tables.version(table)
        return Step(1, 1, len(days), 0.0, frozenset(days), written if is_told else {})

    def forecast(self, rows: list[dict[str, Any]]) -> None:
        """A run's rows, written as the loader does."""
        self.runs += 1
        made = [row | {"run_id": str(self.runs)} for row in rows]
        table = pa.Table.from_pylist(made, arrow_schema(GOLD_SALES_FORECAST))
        app = f"forecast/revenue/{self.runs}"
        self.tables.append_few(table, GOLD_SALES_FORECAST, app, 1, "")
        self.accuracy.put(table, app=app, version=1, where=f"forecast_name = 'revenue' AND run_id = '{self.runs}'")

    def expected(self) -> list[dict[str, Any]]:
        sales = {table.full_name: self.rows(table) for table in SOURCES}
        return sorted(slow(self.rows(GOLD_SALES_FORECAST), sales), key=repr)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        return sorted(self.tables.handle(table).to_pyarrow_table().to_pylist(), key=repr)

    def check(self) -> None:
        assert self.rows(GOLD_FORECAST_ACCURACY) == self.expected()

    def actuals(self) -> dict[tuple[str, int], float | None]:
        return {(r["item_id"], r["forecast_date"].day): r["actual"] for r in self.rows(GOLD_FORECAST_ACCURACY)}


SOURCES = {GOLD_DAILY_SALES: "country", GOLD_DAILY_PRODUCT_SALES: "product_id"}


def sold(table: Table, item: str, day: datetime.date, name: str, units: int, revenue: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(table.names, 0) | {"sales_date": day, item: name, "units_sold": units}
    row |= {"net_revenue": Decimal(revenue)} | {column: Decimal(0) for column in ("gross_revenue", "returned_revenue")}
    return row | ({"description": f"a {name}"} if "description" in table.names else {})


@pytest.fixture
def gold(tmp_path: Path) -> Gold:
    return Gold(tmp_path)


def test_an_actual_comes_with_its_day_and_changes_with_it(gold: Gold) -> None:
    gold.sell({(DAYS[0], "UK"): (1, "5"), (DAYS[0], "France"): (1, "5")}, DAYS[:1])
    gold.forecast([forecast_row(item, f"2011-01-0{day}") for item in ("UK", "France") for day in (2, 3)])
    assert set(gold.actuals().values()) == {None}
    gold.check()

    gold.accuracy.follow(gold.sell({(DAYS[2], "UK"): (2, "3.500")}, [DAYS[2]]))
    assert gold.actuals() == {("UK", 2): 0.0, ("UK", 3): 3.5, ("France", 2): 0.0, ("France", 3): 0.0}
    (row,) = (row for row in gold.rows(GOLD_FORECAST_ACCURACY) if row["actual"] == 3.5)
    # forecast were p10 = 1, p50 = 2, p90 = 4: 0.1 · 2.5, 0.5 · 1.5, 0.1 · 0.5
    losses = [(0.1, 0.25), (0.5, 0.75), (0.9, 0.05)]
    assert [(float(level), pytest.approx(loss)) for level, loss in row["losses"]] == losses
    assert (row["forecast"], row["absolute_error"], row["p50_loss"]) == (2.0, 1.5, 0.75)

    gold.accuracy.follow(gold.sell({(DAYS[2], "France"): (1, "-1")}, [DAYS[2]]))  # the UK's orders were deleted
    assert gold.actuals() == {("UK", 2): 0.0, ("UK", 3): 0.0, ("France", 2): 0.0, ("France", 3): -1.0}
    gold.accuracy.follow(gold.sell({}, [DAYS[2]]))  # and France's: the table has not come so far any more
    assert set(gold.actuals().values()) == {None}
    gold.check()


def test_a_row_of_a_day_that_nobody_forecast_costs_no_commit(gold: Gold) -> None:
    gold.sell({(DAYS[4], "UK"): (1, "5")}, [DAYS[4]])
    gold.accuracy.follow(Step(1, 1, 1, 0.0))
    assert gold.tables.version(GOLD_FORECAST_ACCURACY) == 0
    gold.forecast([forecast_row("UK", "2011-01-09")])
    version = gold.tables.version(GOLD_FORECAST_ACCURACY)
    assert gold.accuracy.follow(gold.sell({(DAYS[3], "UK"): (1, "5")}, [DAYS[3]])) == 0
    assert gold.tables.version(GOLD_FORECAST_ACCURACY) == version
    gold.accuracy.persist()
    gold.accuracy.persist()
    assert gold.tables.version(GOLD_FORECAST_ACCURACY) == version + 1, "how far it has come is noted once"
    gold.start()
    assert gold.accuracy.follow() == 0


def test_a_step_whose_version_is_not_the_next_is_not_believed(gold: Gold) -> None:
    gold.sell({(day, "UK"): (1, "5") for day in DAYS}, DAYS)
    gold.forecast([forecast_row("UK", day.isoformat()) for day in DAYS])
    gold.sell({(DAYS[1], "UK"): (1, "7")}, [DAYS[1]])  # as maintenance may bring gold up
    assert gold.accuracy.follow(gold.sell({(DAYS[2], "UK"): (1, "9")}, [DAYS[2]])) == 2
    gold.check()
    assert gold.accuracy.follow(gold.sell({(DAYS[3], "UK"): (1, "9")}, [DAYS[3]], is_told=False)) == 1
    gold.check()


def test_a_day_within_a_longer_period_changes_its_actual(gold: Gold) -> None:
    gold.sell({(DAYS[10], "UK"): (1, "5")}, [DAYS[10]])
    gold.forecast([forecast_row("UK", "2011-01-02", frequency=frequency) for frequency in ("W", "D")])
    for day, actual in ((1, 1.5), (4, 3.0), (7, 4.5), (8, 4.5)):  # the 9th is of the next week
        gold.accuracy.follow(gold.sell({(DAYS[day], "UK"): (1, "1.500")}, [DAYS[day]]))
        assert [row["actual"] for row in gold.rows(GOLD_FORECAST_ACCURACY)] == [1.5, actual]
        gold.check()


def test_a_run_that_comes_before_accuracy_has_followed_hides_nothing(gold: Gold) -> None:
    gold.sell({(DAYS[0], "UK"): (1, "5")}, [DAYS[0]])
    gold.forecast([forecast_row("UK", "2011-01-03")])
    gold.sell({(DAYS[5], "UK"): (1, "5")}, [DAYS[5]])  # by which the first run's day is known to be without sales
    gold.forecast([forecast_row("UK", "2011-01-03")])
    gold.accuracy.follow()
    gold.check()
    assert set(gold.actuals().values()) == {0.0}


def test_a_late_row_and_a_day_that_vanishes_among_others_change_what_came(gold: Gold) -> None:
    gold.sell({(day, "UK"): (1, "5") for day in DAYS[:8]}, DAYS[:8])
    gold.forecast([forecast_row(item, day.isoformat()) for item in ("UK", "France") for day in DAYS[:8]])
    late = {(DAYS[1], "UK"): (1, "5"), (DAYS[1], "France"): (2, "3")}
    assert gold.accuracy.follow(gold.sell(late, [DAYS[1]])) == 1
    assert gold.accuracy.follow(gold.sell({}, [DAYS[3]])) == 1
    found = gold.actuals()
    assert [found[key] for key in (("UK", 2), ("France", 2), ("UK", 4), ("UK", 8))] == [5.0, 3.0, 0.0, 5.0]
    gold.check()


def test_compaction_changes_nothing_and_what_follows_is_right(gold: Gold) -> None:
    for day in DAYS[:6]:
        gold.sell({(day, "UK"): (1, "5")}, [day])
    gold.forecast([forecast_row("UK", day.isoformat()) for day in DAYS[:6]])
    gold.forecast([forecast_row("UK", day.isoformat()) for day in DAYS[:8]])
    for table in (GOLD_DAILY_SALES, GOLD_SALES_FORECAST, GOLD_FORECAST_ACCURACY):
        assert gold.tables.handle(table).optimize.compact()["numFilesRemoved"] > 1
    assert gold.accuracy.follow() == 0
    gold.check()
    gold.start()
    assert gold.accuracy.follow(gold.sell({(DAYS[2], "UK"): (1, "9")}, [DAYS[2]], is_told=False)) > 0
    assert gold.actuals()["UK", 3] == 9.0
    gold.check()


def test_after_a_vacuum_that_took_the_change_feed_all_is_computed_anew(gold: Gold) -> None:
    gold.sell({(day, "UK"): (1, "5") for day in DAYS}, DAYS)
    gold.forecast([forecast_row("UK", day.isoformat()) for day in DAYS])
    gold.sell({(DAYS[3], "UK"): (1, "9")}, [DAYS[3]])
    gold.sell({(DAYS[3], "UK"): (1, "7")}, [DAYS[3]])
    feed = list((Path(gold.tables.url(GOLD_DAILY_SALES)) / "_change_data").iterdir())
    assert feed
    for path in feed:  # as Spark's VACUUM does; delta-rs leaves them
        path.unlink()
    assert gold.accuracy.follow() == len(DAYS)
    assert gold.actuals()["UK", 4] == 7.0
    gold.check()


def test_without_a_change_feed_all_is_computed_anew(gold: Gold, monkeypatch: pytest.MonkeyPatch) -> None:
    gold.sell({(day, "UK"): (1, "5") for day in DAYS}, DAYS)
    gold.forecast([forecast_row("UK", day.isoformat()) for day in DAYS])
    monkeypatch.setattr(gold.tables, "changed", lambda *_: None)
    assert gold.accuracy.follow(gold.sell({(DAYS[3], "UK"): (1, "9")}, [DAYS[3]], is_told=False)) == len(DAYS)
    gold.check()


def test_a_revenue_beyond_what_a_number_holds_leaves_no_actual(gold: Gold) -> None:
    gold.forecast([forecast_row("UK", "2011-01-02"), forecast_row("France", "2011-01-02")])
    step = gold.sell({(DAYS[1], "France"): (1, "5")}, [DAYS[1]])
    rows = [sold(GOLD_DAILY_SALES, "country", DAYS[1], "UK", 1, "0") | {"net_revenue": None}]
    gold.tables.append_few(pa.Table.from_pylist(rows, arrow_schema(GOLD_DAILY_SALES)), GOLD_DAILY_SALES, "x", 1, "")
    gold.accuracy.follow(step)
    assert gold.actuals() == {("UK", 2): None, ("France", 2): 5.0}
    gold.check()


def test_dimensions_are_columns_of_the_source(gold: Gold) -> None:
    gold.sell({(DAYS[1], "it's"): (3, "5")}, [DAYS[1]])
    fields = {"source_table": "gold.daily_product_sales", "item_column": "product_id", "target_column": "units_sold"}
    named = [[("description", "a it's")], [("description", "another")]]
    gold.forecast([forecast_row("it's", "2011-01-02", dimensions=pairs, **fields) for pairs in named])
    gold.check()
    assert sorted(row["actual"] for row in gold.rows(GOLD_FORECAST_ACCURACY)) == [0.0, 3.0]


@pytest.mark.parametrize(
    ("first", "frequency", "last"),
    [
        ("2011-01-31", "D", "2011-01-31"),
        ("2011-01-31", "3D", "2011-02-02"),
        ("2011-01-31", "W", "2011-02-06"),
        ("2011-12-01", "M", "2011-12-31"),
        ("2011-11-01", "3M", "2012-01-31"),
        ("2012-01-31", "M", "2012-02-29"),
        ("2012-02-29", "Y", "2013-02-28"),
        ("2011-01-01", "2Y", "2012-12-31"),
        ("2011-01-01", "H", None),
        ("2011-01-01", "15min", None),
    ],
)
def test_the_last_day_of_a_period(first: str, frequency: str, last: str | None) -> None:
    found = through(datetime.date.fromisoformat(first), frequency)
    assert (found and found.isoformat()) == last
    given_row = forecast_row("UK", first, frequency=frequency)
    (row,) = slow([given_row], {})
    assert row["through_date"] == found, "the slow way"


@pytest.mark.parametrize("frequency", ["", "d", "0D", "100D", "-1D", "1.5D", "Q", "D "])
def test_what_is_no_frequency_is_refused(frequency: str) -> None:
    with pytest.raises(ContractError, match="15min"):
        through(FIRST, frequency)


def test_nothing_comes_of_nothing() -> None:
    nothing = arrow_schema(GOLD_SALES_FORECAST).empty_table()
    found = compute(nothing, arrow_schema(GOLD_DAILY_SALES).empty_table(), None)
    assert (found.schema, len(found)) == (arrow_schema(GOLD_FORECAST_ACCURACY), 0)


numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
sales = st.dictionaries(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(ITEMS)),
    st.tuples(st.integers(0, 9), st.integers(-(10**6), 10**9).map(lambda mills: f"{Decimal(mills) / 1000}")),
    max_size=12,
)
steps = st.tuples(st.just("sell"), sales, st.sets(st.sampled_from(DAYS), min_size=1, max_size=4), st.booleans())
forecasts = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.sampled_from(DAYS),
        st.sampled_from(("D", "D", "3D", "W", "M", "H")),
        st.sampled_from((("gold.daily_sales", "country"), ("gold.daily_product_sales", "product_id"))),
        st.lists(numbers, min_size=3, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one[:4],
)
events = st.lists(
    st.one_of(steps, steps, st.tuples(st.just("forecast"), forecasts), st.sampled_from([("kill",), ("persist",)])),
    min_size=1,
    max_size=8,
)


def made(
    item: str, day: datetime.date, frequency: str, source: tuple[str, str], values: list[float], is_mean: bool
) -> dict[str, Any]:
    levels = dict(zip(("0.1", "0.5", "0.99"), values, strict=True))
    if is_mean:
        del levels["0.5"]
    return forecast_row(
        item,
        day.isoformat(),
        frequency=frequency,
        source_table=source[0],
        item_column=source[1],
        target_column="units_sold" if is_mean else "net_revenue",
        mean=values[0] if is_mean else None,
        p10=levels["0.1"],
        p50=levels.get("0.5"),
        p90=None,
        quantiles=list(levels.items()),
    )


def play(gold: Gold, history: list[Any], after: Callable[[], None]) -> None:
    for event in history:
        if event[0] == "sell":
            step = gold.sell(event[1], sorted(event[2]), is_told=event[3])
            gold.accuracy.follow(step)
        elif event[0] == "forecast":
            for number in range(2):  # two sources are two runs
                rows = [made(*one) for one in event[1] if (one[3][1] == "country") == bool(number)]
                if rows:
                    gold.forecast(rows)
        elif event[0] == "persist":
            gold.accuracy.persist()
        else:
            gold.start()
            gold.accuracy.follow()
        after()


@given(events)
@settings(max_examples=15, deadline=None)
def test_after_every_step_of_a_random_history_it_is_what_the_slow_way_finds(history: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gold = Gold(Path(folder))
        play(gold, history, gold.check)


@given(sales, sales, st.integers(1, 5), st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_kill_before_or_after_any_commit_is_made_up_for(before: Sales, later: Sales, at: int, is_after: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(accuracy, "MOST_DATES", 3)  # four commits for all days
        gold = Gold(Path(folder))
        gold.sell(before, DAYS)
        gold.forecast([forecast_row(item, day.isoformat()) for item in ITEMS for day in DAYS])
        step = gold.sell(later, DAYS)
        write, written = gold.tables.overwrite_few, 0

        def dying(*arguments: Any, **named: Any) -> None:
            nonlocal written
            written += 1
            if written == at and not is_after:
                raise Crash
            write(*arguments, **named)
            if written == at:
                raise Crash

        patched.setattr(gold.tables, "overwrite_few", dying)
        try:
            gold.accuracy.follow(step)
        except Crash:
            gold.start()
            gold.accuracy.follow()
        gold.check()
