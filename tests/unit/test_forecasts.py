"""Runs of forecasts come into gold once, whatever dies on the way; a bad one costs itself."""

import dataclasses
import doctest
import itertools
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from forecasting.data import artefact, forecast_export
from forecasting.data.artefact import Artefact
from forecasting.data.parts import Export
from lakehouse import runs
from lakehouse.activity import Forecast
from lakehouse.errors import ContractError, SourceError
from lakehouse.runs import RUNS, Loaded, Run, loaded_key, run_key
from lakehouse.tables import (
    FORECAST_TABLES,
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    GOLD_FORECAST_ACCURACY,
    GOLD_FORECAST_BACKTEST,
    GOLD_SALES_FORECAST,
    Table,
)
from spark_jobs import compare_forecasts, exports, forecasts
from spark_jobs.accuracy import Accuracy
from spark_jobs.arrow import arrow_schema
from spark_jobs.forecasts import Loader
from spark_jobs.metrics import Metrics
from spark_jobs.recompute_accuracy import accuracy as slow
from spark_jobs.recompute_forecasts import backtests as backtests_by_hand
from spark_jobs.recompute_forecasts import differences
from spark_jobs.recompute_forecasts import forecasts as by_hand
from spark_jobs.transforms import forecast_accuracy
from tests.unit.local_tables import LocalTables
from tests.unit.memory_bucket import MemoryBucket
from tests.unit.memory_s3 import MemoryS3
from tests.unit.test_accuracy import sold

pytestmark = pytest.mark.unit

RUN = Run(
    forecast_name="revenue",
    run_id="0a1b",
    source_table="gold.daily_sales",
    item_column="country",
    dimensions=(),
    time_column="sales_date",
    target_column="net_revenue",
    frequency="D",
    quantiles=("0.1", "0.5", "0.9"),
    is_log=False,
    predictor="NPTS",
    metrics={"WAPE": 0.1},
    made_at="2011-01-01T06:00:00Z",
    exports="forecasts/revenue/0a1b/export/",
    backtests="forecasts/revenue/0a1b/backtest/",
)
HEADER = "item_id,date,p10,p50,p90\n"
UK = ("UK,2011-01-02T00:00:00Z,1.0,2.0,4.0\n", "UK,2011-01-03T00:00:00Z,1.5,2.5,1.0E7\n")
FRANCE = "France,2011-01-02T00:00:00Z,-1.0,0.0,2.295408381527212E-4\n"
BACKTEST = (
    "item_id,timestamp,target_value,backtestwindow_start_time,backtestwindow_end_time,p10,p50,p90\n"
    "UK,2010-12-31T00:00:00,7.0,2010-12-31T00:00:00,2010-12-31T00:00:00,1.0,2.0,4.0\n"
    "UK,2010-12-30T00:00:00,,2010-12-30T00:00:00,2010-12-30T00:00:00,1.0,2.0,4.0\n"
)
FILES = {"x_part0.csv": HEADER + "".join(UK), "x_part1.csv": HEADER + FRANCE}


class Crash(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


class Site:
    """Tables with a little gold, a bucket, and the driver's part that loads."""

    def __init__(self, folder: Path) -> None:
        self.bucket, self.now = MemoryBucket(), 1_000_000.0
        self.tables = LocalTables(folder)
        for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES, *FORECAST_TABLES):
            self.tables.create(table)
        self.sell("UK", date(2011, 1, 2), "5.500", 1)
        self.start()

    def start(self) -> None:
        self.accuracy, self.metrics = Accuracy(self.tables), Metrics(clock=lambda: self.now)
        self.loader = Loader(self.tables, self.bucket, self.accuracy, lambda: self.now, self.metrics)

    def sell(self, country: str, day: date, revenue: str, version: int) -> None:
        rows = pa.Table.from_pylist(
            [sold(GOLD_DAILY_SALES, "country", day, country, 1, revenue)], arrow_schema(GOLD_DAILY_SALES)
        )
        self.tables.append_few(rows, GOLD_DAILY_SALES, "gold", version, "")

    def land(self, run: Run = RUN, files: dict[str, str] = FILES, backtest: str = BACKTEST) -> None:
        """What the pipeline leaves behind."""
        for name, text in files.items():
            self.bucket.put(run.exports + name, text.encode())
        if run.backtests:
            self.bucket.put(f"{run.backtests}forecasted-values/x_part0.csv", backtest.encode())
            self.bucket.put(f"{run.backtests}accuracy-metrics-values/x_part0.csv", b"junk")
        self.bucket.put(run_key(run.forecast_name, run.run_id), run.to_json().encode())

    def work(self) -> list[str]:
        """Load all there is."""
        self.now += forecasts.LOOK_SECONDS
        return list(itertools.takewhile(bool, (self.loader.step() or "" for _ in range(100))))

    def answer(self, run: Run = RUN) -> Loaded:
        return Loaded.from_json(self.bucket.objects[loaded_key(run.forecast_name, run.run_id)].decode())

    def rows(self, table: Table) -> list[dict[str, Any]]:
        return sorted(self.tables.handle(table).to_pyarrow_table().to_pylist(), key=repr)

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return {table.name: self.rows(table) for table in FORECAST_TABLES}

    def versions(self) -> list[int]:
        return [self.tables.version(table) for table in FORECAST_TABLES]

    def dataset(self, table: Table) -> Any:
        return self.tables.handle(table).to_pyarrow_dataset()

    def is_right(self) -> bool:
        """Whether both tables are what the slow ways find."""
        rows = self.rows(GOLD_SALES_FORECAST)
        for key, body in self.bucket.objects.items():
            if key.startswith(RUNS) and not key.endswith("/"):
                run = Run.from_json(body.decode())
                files = [text for name, text in self.bucket.objects.items() if name.startswith(run.exports)]
                own = [row for row in rows if row["run_id"] == run.run_id]
                assert list(differences(run, by_hand(run, files), own)) == []
        assert list(compare_forecasts.differences(self.bucket, self.dataset)) == []
        expected = slow(self.rows(GOLD_SALES_FORECAST), {"gold.daily_sales": self.rows(GOLD_DAILY_SALES)})
        return self.rows(GOLD_FORECAST_ACCURACY) == sorted(expected, key=repr)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def cells(site: Site) -> list[tuple[Any, ...]]:
    names = ("item_id", "forecast_date", "p10", "p50", "p90")
    return sorted(tuple(row[name] for name in names) for row in site.rows(GOLD_SALES_FORECAST))


EXPECTED = [
    ("France", date(2011, 1, 2), -1.0, 0.0, 0.0002295408381527212),
    ("UK", date(2011, 1, 2), 1.0, 2.0, 4.0),
    ("UK", date(2011, 1, 3), 1.5, 2.5, 1e7),
]


def test_a_run_is_loaded_into_all_three_tables_and_answered(site: Site) -> None:
    site.land()
    assert site.work() == ["ops/forecasts/runs/revenue/0a1b.json"]
    rows = {"gold.sales_forecast": 3, "gold.forecast_backtest": 2, "gold.forecast_accuracy": 3}
    assert site.answer() == Loaded(rows, "", "1970-01-12T13:46:41Z")
    assert cells(site) == EXPECTED
    row = site.rows(GOLD_SALES_FORECAST)[0]
    assert row["forecast_at"] == datetime(2011, 1, 2, tzinfo=UTC)
    assert row["made_at"] == datetime(2011, 1, 1, 6, tzinfo=UTC)
    assert (row["dimensions"], row["mean"], row["predictor"]) == ([], None, "NPTS")
    assert row["quantiles"] == [("0.1", -1.0), ("0.5", 0.0), ("0.9", 0.0002295408381527212)]
    windows = [
        (row["window_start_at"].day, row["forecast_date"].day, row["actual"])
        for row in site.rows(GOLD_FORECAST_BACKTEST)
    ]
    assert sorted(windows) == [(30, 30, None), (31, 31, 7.0)]
    actuals = {(row["item_id"], row["forecast_date"].day): row["actual"] for row in site.rows(GOLD_FORECAST_ACCURACY)}
    assert actuals == {("UK", 2): 5.5, ("UK", 3): None, ("France", 2): 0.0}
    assert site.is_right()


def test_a_rerun_of_the_same_run_changes_nothing(site: Site) -> None:
    site.land()
    site.work()
    versions, answer = site.versions(), site.answer()
    site.land(files={"y_part0.csv": HEADER + UK[0].replace("1.0", "9.0")})
    assert (site.work(), site.versions()) == ([], versions)
    site.start()
    assert (site.work(), site.versions()) == ([], versions)
    site.bucket.objects.pop(loaded_key("revenue", "0a1b"))  # the answer was lost: the tables know
    site.bucket.objects.pop(RUN.exports + "y_part0.csv")
    site.start()
    site.work()
    assert (site.versions(), site.answer().rows) == (versions, answer.rows)


@pytest.mark.parametrize(
    "parts",
    [
        (HEADER + "".join(UK), HEADER + FRANCE + UK[1] + UK[1], HEADER + UK[0]),
        (HEADER + "".join(UK), "", HEADER, HEADER.strip(), HEADER + FRANCE),
        (HEADER + UK[0] + HEADER + UK[1] + HEADER + FRANCE,),
        ((HEADER + "".join(UK)).replace("\n", "\r\n"), "\ufeff" + HEADER + FRANCE.strip()),
        (HEADER + UK[0].replace("2.0", "2.00") + UK[0] + UK[1], HEADER + FRANCE),
        (HEADER + "".join(UK), "date,p90,p50,p10,item_id\n2011-01-02T00:00:00Z,2.295408381527212E-4,0.0,-1.0,France\n"),
    ],
    ids=["rows twice", "empty files", "headers within", "carriage returns", "other digits", "other order"],
)
def test_how_rows_lie_in_files_does_not_matter(site: Site, parts: tuple[str, ...]) -> None:
    site.land(files={f"x_part{number}.csv": text for number, text in enumerate(parts)} | {"_CHECK": "x"})
    site.work()
    assert site.answer().fault == ""
    assert cells(site) == EXPECTED


def test_a_run_that_no_table_tells_of_is_loaded_without_accuracy(site: Site) -> None:
    run = dataclasses.replace(
        RUN, source_table="", item_column="shop", dimensions=("channel",), time_column="at", target_column="visits",
        frequency="H", run_id="0c", exports="other/", backtests="",
    )  # fmt: skip
    site.land()
    site.land(run, {"part0.csv": "item_id,channel,date,p10,p50,p90\nleft,web,2011-01-02T05:00:00Z,1,2,3\n"})
    assert len(site.work()) == 2
    rows = site.answer(run).rows
    assert (site.answer(run).fault, rows["gold.sales_forecast"], rows["gold.forecast_accuracy"]) == ("", 1, 0)
    (row,) = (row for row in site.rows(GOLD_SALES_FORECAST) if not row["source_table"])
    assert (row["item_id"], row["dimensions"], row["target_column"]) == ("left", [("channel", "web")], "visits")
    site.sell("UK", date(2011, 1, 3), "7.000", 2)
    site.accuracy.follow()
    assert len(site.rows(GOLD_FORECAST_ACCURACY)) == 3
    assert site.is_right()


def test_an_export_without_series_is_loaded(site: Site) -> None:
    site.land(files={"part0.csv": HEADER}, backtest="")
    site.work()
    assert site.answer().rows == dict.fromkeys((table.full_name for table in FORECAST_TABLES), 0)
    assert site.is_right()


def test_what_the_local_service_writes_is_read_with_its_dimensions(site: Site, tmp_path: Path) -> None:
    keys = pa.table({"item_id": ['a "x", 1', "b"], "description": ["=s,1\n2", ""]})
    days = np.arange("2011-01-02", "2011-01-04", dtype="datetime64[D]")
    values = np.arange(12, dtype=float).reshape(2, 2, 3) * 1e-4 - 3e-4
    folder = tmp_path / "artefact"
    folder.mkdir()
    artefact.write(folder, Artefact(keys, artefact.moments(days), ("mean", "0.9", "0.05"), values, "now"))
    client = MemoryS3()
    to = Export("night", datetime(2020, 4, 25, tzinfo=UTC), "s3://shop/out/")
    forecast_export.run(folder, to, client=client)
    run = dataclasses.replace(
        RUN, source_table="gold.daily_product_sales", item_column="product_id", dimensions=("description",),
        quantiles=("mean", "0.05", "0.90"), exports="out/", backtests="",
    )  # fmt: skip
    site.land(run, {})
    for key, body in client.objects.items():
        site.bucket.put(key, body)
    site.work()
    assert site.answer(run).fault == ""
    found = site.rows(GOLD_SALES_FORECAST)
    names = [(row["item_id"], dict(row["dimensions"])["description"]) for row in found]
    assert names == [('a "x", 1', "=s,1\n2")] * 2 + [("b", "")] * 2
    series = [[row["mean"], row["p90"], dict(row["quantiles"])["0.05"]] for row in found]
    assert np.array_equal(np.array(series), values.reshape(4, 3))
    assert [level for level, _ in found[0]["quantiles"]] == ["0.05", "0.9"]
    assert (found[0]["p10"], found[0]["p50"]) == (None, None)
    assert list(differences(run, by_hand(run, client.objects.values()), found)) == []


def test_a_log_transform_is_undone(site: Site) -> None:
    run = dataclasses.replace(RUN, is_log=True)
    sales = np.log1p([0.0, 9.0, 1234.5])
    text = HEADER + f"UK,2011-01-02T00:00:00Z,{sales[0]},{sales[1]},\n"
    backtest = (
        BACKTEST.splitlines()[0] + f"\nUK,2010-12-31T00:00:00,{sales[2]},2010-12-31,2010-12-31,0,{sales[1]},1.0\n"
    )
    site.land(run, {"part0.csv": text}, backtest)
    site.work()
    (forecast,), (back,) = site.rows(GOLD_SALES_FORECAST), site.rows(GOLD_FORECAST_BACKTEST)
    assert forecast["quantiles"] == [("0.1", 0.0), ("0.5", pytest.approx(9.0)), ("0.9", None)]
    assert (forecast["p50"], forecast["p90"]) == (pytest.approx(9.0), None)
    assert (back["actual"], back["p50"], back["p90"]) == (pytest.approx(1234.5), pytest.approx(9.0), np.expm1(1.0))
    assert site.is_right()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: [*rows, rows[0]], "2 rows for"),
        (lambda rows: rows[1:], "missing in the table"),
        (lambda rows: [*rows, rows[0] | {"item_id": "X"}], "only in the table: ('X'"),
        (lambda rows: [rows[0] | {"quantiles": [("0.1", -1.0), ("0.5", 9.0), ("0.9", None)]}, *rows[1:]], "0.5 of"),
        (lambda rows: [rows[0] | {"quantiles": []}, *rows[1:]], "0.1 of"),
        (lambda rows: [rows[0] | {"p90": 9.0}, *rows[1:]], "p90 of"),
    ],
)
def test_what_is_not_as_in_the_files_is_told(
    site: Site, spoil: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], said: str
) -> None:
    site.land()
    site.work()
    files = [text.encode() for text in FILES.values()]
    assert said in next(differences(RUN, by_hand(RUN, files), spoil(site.rows(GOLD_SALES_FORECAST))))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows[1:], "missing in the table: ('UK', (), datetime"),
        (lambda rows: [rows[0] | {"window_end_at": rows[0]["made_at"]}, *rows[1:]], "missing in the table"),
        (lambda rows: [row | {"actual": 8.0} for row in rows], "actual of"),
        (lambda rows: [row | {"quantiles": [*row["quantiles"][:2], ("0.9", 5.0)]} for row in rows], "0.9 of"),
    ],
)
def test_a_backtest_that_is_not_as_in_the_files_is_told(
    site: Site, spoil: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], said: str
) -> None:
    site.land()
    site.work()
    rows, table = site.rows(GOLD_FORECAST_BACKTEST), GOLD_FORECAST_BACKTEST.full_name
    expected = backtests_by_hand(RUN, [BACKTEST.encode()])
    assert list(differences(RUN, expected, rows, table)) == []
    told = next(differences(RUN, expected, spoil(rows), table))
    assert told.startswith("gold.forecast_backtest: run 0a1b of revenue: ")
    assert said in told


def test_verify_tells_of_a_backtest_that_was_changed(site: Site) -> None:
    site.land()
    site.work()
    assert site.is_right()
    site.tables.handle(GOLD_FORECAST_BACKTEST).update(predicate="actual = 7.0", updates={"actual": "1.0"})
    (told,) = compare_forecasts.differences(site.bucket, site.dataset)
    assert told.startswith("gold.forecast_backtest: run 0a1b of revenue: actual of ('UK'")


def changed(**fields: Any) -> Callable[[Site], None]:
    """A run whose object has other fields."""
    return lambda site: site.bucket.put(
        run_key("revenue", "0a1b"), json.dumps(json.loads(RUN.to_json()) | fields).encode()
    )


def wrote(text: str | bytes) -> Callable[[Site], None]:
    """A run whose object is something else."""
    return lambda site: site.bucket.put(run_key("revenue", "0a1b"), text.encode() if isinstance(text, str) else text)


def exported(text: str | bytes) -> Callable[[Site], None]:
    """A run with another file."""
    body = text.encode() if isinstance(text, str) else text
    return lambda site: site.bucket.put(RUN.exports + "x_part1.csv", body)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrote("{"), "no run of a forecast"),
        (wrote(b"\xff"), "no run of a forecast"),
        (wrote("[" * 100_000), "no run of a forecast"),
        (wrote("null"), "no run of a forecast"),
        (changed(more=1), "no run of a forecast"),
        (changed(quantiles="0.1"), "no run of a forecast"),
        (changed(dimensions=[1]), "no run of a forecast"),
        (changed(is_log="no"), "no run of a forecast"),
        (changed(forecast_name="x'y"), "names that match"),
        (changed(run_id="other"), "lies at"),
        (changed(source_table="gold.weather"), "gold.daily_sales or gold.daily_product_sales, or none"),
        (changed(item_column="nope"), "'nope' of gold.daily_sales"),
        (changed(dimensions=["size"]), "'size' of gold.daily_sales"),
        (changed(dimensions=["country"]), "columns that differ"),
        (changed(target_column="country"), "one of orders, customers"),
        (changed(time_column="day"), "sales_date"),
        (changed(frequency="daily"), "15min"),
        (changed(quantiles=["1.5"]), "between 0 and 1"),
        (changed(quantiles=["high"]), "between 0 and 1"),
        (changed(quantiles=["nan"]), "between 0 and 1"),
        (changed(quantiles=["sNaN"]), "between 0 and 1"),
        (changed(predictor="\ud800"), "surrogates"),
        (changed(quantiles=["0.99"]), "no column p99; it has item_id, date, p10, p50, p90"),
        (changed(quantiles=["0.1", "mean"]), "no column mean"),
        (changed(made_at="yesterday"), "'yesterday'"),
        (changed(exports="forecasts/none/"), "no CSV file under forecasts/none/"),
        (changed(exports="forecasts/none"), "ends with /"),
        (changed(exports=""), "prefix"),
        (changed(backtests="forecasts/none/"), "no CSV file under forecasts/none/forecasted-values/"),
        (exported(HEADER + "UK,2011-01-04T00:00:00Z,1,many,3\n"), "x_part1.csv: p50 is 'many'; expected a number"),
        (exported(HEADER + "UK,2011-01-04T00:00:00Z,1,NaN,3\n"), "p50 is 'NaN'"),
        (exported(HEADER + "UK,2011-01-04T00:00:00Z,1,2,Infinity\n"), "p90 is 'Infinity'"),
        (exported(HEADER + "UK,2011-02-30T00:00:00Z,1,2,3\n"), "date is '2011-02-30T00:00:00Z'; expected a time"),
        (exported(HEADER + "UK,9999-02-01T00:00:00Z,1,2,3\n"), "expected a time"),
        (exported(HEADER + "UK,,1,2,3\n"), "date is ''"),
        (exported(HEADER + "UK,2011-01-04T00:00:00Z,1,2\n"), "x_part1.csv: CSV parse error"),
        (exported("item_id,date\nUK,2011-01-04T00:00:00Z\n"), "x_part1.csv: no column p10"),
        (exported("item_id,item_id,date,p10,p50,p90\nUK,UK,2011-01-04T00:00:00Z,1,2,3\n"), "a column twice"),
        (exported(b"\xff\xfe,\x00\n"), "x_part1.csv"),
        (exported(HEADER + UK[0].replace("4.0", "5.0")), "rows that differ for item_id UK, date 2011-01-02"),
    ],
)
def test_a_bad_run_is_answered_with_one_line_and_leaves_no_row(
    site: Site, spoil: Callable[[Site], None], said: str
) -> None:
    site.land()
    spoil(site)
    site.land(dataclasses.replace(RUN, run_id="0c", exports="good/", backtests=""))
    assert len(site.work()) == 2
    answer = site.answer()
    assert said in answer.fault
    assert (answer.rows, "\n" in answer.fault) == ({}, False)
    assert {row["run_id"] for rows in site.content().values() for row in rows} == {"0c"}
    site.start()
    assert site.work() == [], "it is answered for good"


def test_an_overflow_of_what_is_turned_back_is_told(site: Site) -> None:
    site.land(dataclasses.replace(RUN, is_log=True), {"part0.csv": HEADER + "UK,2011-01-04T00:00:00Z,1,2,800\n"})
    site.work()
    assert "p90 is '800'" in site.answer().fault


@pytest.mark.parametrize("key", ["loose.json", "revenue/0a1b.txt", "revenue/deeper/0a1b.json", "Revenue/0a1b.json"])
def test_what_is_no_runs_key_is_answered_too(site: Site, key: str) -> None:
    site.bucket.put(RUNS + key, RUN.to_json().encode())
    site.bucket.put(f"{RUNS}revenue/", b"")  # as consoles make folders
    assert site.work() == [RUNS + key]
    assert "lies at" in Loaded.from_json(site.bucket.objects[f"ops/forecasts/loaded/{key}"].decode()).fault
    assert site.work() == []


def test_a_bucket_that_does_not_answer_is_no_fault_of_the_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.land()
    get = site.bucket.get

    def failing(key: str) -> bytes | None:
        if key.endswith("part1.csv"):
            raise SourceError("no answer")
        return get(key)

    monkeypatch.setattr(site.bucket, "get", failing)
    with pytest.raises(SourceError):
        site.loader.step()
    assert loaded_key("revenue", "0a1b") not in site.bucket.objects
    monkeypatch.undo()
    assert site.loader.step(), "at once, when patience calls again"
    assert cells(site) == EXPECTED


def test_it_looks_once_a_second_at_most(site: Site) -> None:
    assert site.work() == []
    site.bucket.listed.clear()
    site.land()
    assert site.loader.step() is None
    assert site.bucket.listed == []
    site.now += forecasts.LOOK_SECONDS
    assert site.loader.step()
    assert [prefix for prefix, _ in site.bucket.listed][:2] == ["ops/forecasts/loaded/", RUNS]


def test_what_waits_and_what_became_of_it_is_counted_and_the_newest_is_known_after_a_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"0a": "2011-01-01T06:00:00Z", "0b": "2011-01-03T06:00:00Z", "0c": "2011-01-05T06:00:00Z"}
    for run_id, at in made.items():
        broken = {"target_column": "country"} if run_id == "0c" else {}
        site.land(dataclasses.replace(RUN, run_id=run_id, made_at=at, **broken))
    site.bucket.put(f"{RUNS}Not a forecast/1.json", b"{")
    site.now += forecasts.LOOK_SECONDS
    waiting = []
    while site.loader.step():
        waiting.append(site.metrics.waiting_runs)
    assert waiting == [3, 2, 1, 0]
    newest = datetime(2011, 1, 3, 6, tzinfo=UTC).timestamp()
    revenue, unknown = site.metrics.forecasts["revenue"], site.metrics.forecasts["unknown"]
    assert (revenue.loaded, revenue.refused, revenue.newest_at) == (2, 1, newest)
    assert "target column 'country'" in revenue.fault
    assert (unknown.loaded, unknown.refused, len(site.metrics.forecasts)) == (0, 1, 2)
    site.bucket.put(loaded_key("revenue", "0b2"), b"\xff")  # neither an answer nor a run
    site.bucket.put(run_key("revenue", "0b2"), b"\xff")
    site.start()
    at = {f"{RUNS}revenue/{run_id}.json": float(number) for number, run_id in enumerate(made)}
    entries = site.bucket.entries
    monkeypatch.setattr(
        site.bucket,
        "entries",
        lambda prefix: [dataclasses.replace(one, modified_at=at.get(one.key)) for one in entries(prefix)],
    )
    assert site.work() == []
    assert site.metrics.forecasts == {"revenue": Forecast(newest_at=newest)}


def test_a_run_whose_answer_is_taken_away_is_loaded_again(site: Site) -> None:
    site.land(files={})
    site.work()
    assert site.answer().fault
    site.land()
    site.bucket.delete_keys([loaded_key("revenue", "0a1b")])
    assert len(site.work()) == 1
    assert (site.answer().fault, cells(site)) == ("", EXPECTED)


WRITES = [("append_few", 0), ("append_few", 1), ("overwrite_few", 0), ("create", 0)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "number"), WRITES)
def test_a_kill_anywhere_is_finished_at_the_next_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, method: str, number: int, when: str
) -> None:
    site.land()
    owner: Any = site.bucket if method == "create" else site.tables
    original, calls = getattr(owner, method), itertools.count()

    def dying(*arguments: Any, **named: Any) -> Any:
        is_the_one = next(calls) == number
        if is_the_one and when == "before":
            raise Crash
        result = original(*arguments, **named)
        if is_the_one:
            raise Crash
        return result

    monkeypatch.setattr(owner, method, dying)
    with pytest.raises(Crash):
        site.work()
    monkeypatch.undo()
    site.start()
    # gold goes on before the run is: accuracy may then have some of its rows
    other = dataclasses.replace(RUN, run_id="0")
    site.land(other)
    site.sell("France", date(2011, 1, 3), "1.000", 2)
    site.accuracy.follow()
    site.work()
    assert cells(site) == sorted(EXPECTED * 2)
    assert len(site.rows(GOLD_FORECAST_BACKTEST)) == 4
    assert site.is_right()
    assert site.answer().rows["gold.sales_forecast"] == 3


def test_accuracy_that_followed_gold_between_two_commits_of_a_run_is_there_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.land(dataclasses.replace(RUN, run_id="0"))
    site.work()
    site.land()
    monkeypatch.setattr(site.tables, "overwrite_few", lambda *_, **__: (_ for _ in ()).throw(Crash()))
    with pytest.raises(Crash):
        site.work()
    monkeypatch.undo()
    site.start()
    site.sell("France", date(2011, 1, 2), "1.000", 2)
    assert site.accuracy.follow() > 0
    assert "0a1b" in {row["run_id"] for row in site.rows(GOLD_FORECAST_ACCURACY)}
    site.work()
    assert len(site.rows(GOLD_FORECAST_ACCURACY)) == 6
    assert site.is_right()


def test_files_beyond_what_fits_into_memory_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "MOST_BYTES", 10)
    site.land()
    site.work()
    assert "10 at most" in site.answer().fault


def test_a_run_of_an_earlier_version_is_read() -> None:
    kept = {name: value for name, value in json.loads(RUN.to_json()).items() if "optimistic" not in name}
    assert Run.from_json(json.dumps({name: kept[name] for name in kept if name != "reported_from"})) == RUN
    told = dataclasses.replace(RUN, reported_from="2011-01-01T00:00:00Z", is_optimistic=True)
    assert Run.from_json(told.to_json()) == told


def test_an_answer_is_read_as_it_was_written() -> None:
    answer = Loaded({"gold.sales_forecast": 1}, "", "2011-01-01T00:00:00Z")
    assert Loaded.from_json(answer.to_json()) == answer
    for text in ("{", "[]", '{"rows": {}}'):
        with pytest.raises(ContractError, match="no answer"):
            Loaded.from_json(text)


def test_backtest_and_forecast_have_the_columns_of_their_tables() -> None:
    for read, table, text in (
        (exports.forecast, GOLD_SALES_FORECAST, FILES["x_part0.csv"]),
        (exports.backtest, GOLD_FORECAST_BACKTEST, BACKTEST),
    ):
        assert read(RUN, {"a": text.encode()}).schema == arrow_schema(table)
        assert read(RUN, {"a": b""}).schema == arrow_schema(table)


@pytest.mark.parametrize("module", [runs, exports, forecast_accuracy])
def test_the_examples_are_true(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and not found.failed
