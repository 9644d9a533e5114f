"""The forecast tables: their maps are read alike everywhere, and their views keep the newest run."""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from infra.aws import glue
from infra.local.athena import sql
from infra.local.athena.tables import views
from lakehouse.tables import FORECAST_TABLES, GOLD_FORECAST_ACCURACY, GOLD_SALES_FORECAST, VIEWS
from spark_jobs import compaction
from spark_jobs.arrow import arrow_schema
from tests.unit.athena_lake import Lake
from tests.unit.forecast_rows import MADE_AT, forecast_row
from tests.unit.local_tables import FolderBucket, LocalTables
from tests.unit.test_named_queries import Catalogue

pytestmark = pytest.mark.unit

MAPS = forecast_row(dimensions=[("size", "s"), ("store", "a,b")])


def stored(folder: Path, rows: list[dict[str, Any]]) -> LocalTables:
    tables = LocalTables(folder)
    tables.create(GOLD_SALES_FORECAST)
    for number, row in enumerate(rows):
        table = pa.Table.from_pylist([row], schema=arrow_schema(GOLD_SALES_FORECAST))
        tables.append_few(table, GOLD_SALES_FORECAST, "x", number, "")
    return tables


def test_what_exists_is_kept_when_a_table_is_created_again(tmp_path: Path) -> None:
    tables = stored(tmp_path, [MAPS])
    tables.create(GOLD_SALES_FORECAST)
    found = tables.handle(GOLD_SALES_FORECAST).to_pyarrow_table().to_pylist()
    assert found == [MAPS]


def test_maps_are_read_by_duckdb(tmp_path: Path) -> None:
    rows = stored(tmp_path, [MAPS]).handle(GOLD_SALES_FORECAST).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("forecast", rows)
        found = connection.execute("SELECT dimensions['store'], quantiles['0.9'], quantiles['0.3'] FROM forecast")
        assert found.fetchall() == [("a,b", 4.0, None)]


def test_maps_are_read_by_athena(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    (tmp_path / "delta").mkdir()
    stored(tmp_path / "delta", [MAPS])
    lake.add("sales_forecast", {"col": "array<string>"}, parameters={"spark.sql.sources.provider": "delta"})
    kinds = {column.name: column.type for column in lake.catalog().relation("db", "sales_forecast").columns}
    assert (kinds["dimensions"], kinds["quantiles"]) == ("map(varchar, varchar)", "map(varchar, double)")
    asked = "SELECT dimensions, quantiles['0.5'] FROM sales_forecast"
    found = lake.query(asked, "map(varchar,varchar) double", "sales_forecast")
    assert found == [["{size=s, store=a,b}", "2.0"]]


def test_files_with_a_map_in_their_key_are_compacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [forecast_row(item, dimensions=[("store", "1")]) for item in "abcdefghijklmnopqrst"]
    tables = stored(tmp_path, rows[::-1])
    monkeypatch.setattr(compaction, "LEAST_FILES", 1)
    later = datetime.datetime.now().timestamp() + 2 * compaction.HOT_SECONDS
    assert compaction.run(tables, FolderBucket(), GOLD_SALES_FORECAST, now=later) == len(rows)  # type: ignore[arg-type]
    handle = tables.handle(GOLD_SALES_FORECAST)
    assert (len(handle.file_uris()), handle.to_pyarrow_table().to_pylist()) == (1, rows)


@pytest.mark.parametrize("table", [GOLD_SALES_FORECAST, GOLD_FORECAST_ACCURACY])
def test_a_view_has_all_rows_of_the_newest_run_of_each_period(table: Any) -> None:
    (view,) = (view for view in VIEWS if view.name == table.name.replace("sales_", "").replace("fore", "current_fore"))
    later = MADE_AT + datetime.timedelta(days=1)
    given = [
        forecast_row("a", "2011-01-02"), forecast_row("a", "2011-01-03"), forecast_row("gone", "2011-01-03"),
        forecast_row("a", "2011-01-03", run_id="0", made_at=later),
        forecast_row("b", "2011-01-03", run_id="0", made_at=later),
        forecast_row("a", "2011-01-03", forecast_name="other", run_id="7"),
        forecast_row("a", "2011-01-04", run_id="5", made_at=later),
        forecast_row("a", "2011-01-04", run_id="6", made_at=later),
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA gold")
        known = [{name: row.get(name) for name in table.names} for row in given]
        connection.register("rows", pa.Table.from_pylist(known, schema=arrow_schema(table)))
        connection.execute(f"CREATE TABLE {table.full_name} AS FROM rows")
        found = connection.execute(
            f"SELECT run_id, item_id, day(forecast_date) FROM ({view.body}) ORDER BY ALL"
        ).fetchall()
        assert found == [("0", "a", 3), ("0", "b", 3), ("1", "a", 2), ("6", "a", 4), ("7", "a", 3)]
        assert [column[0] for column in connection.execute(view.body).description] == [c.name for c in view.columns]


def test_every_key_column_is_a_column_that_cannot_be_null() -> None:
    for table in FORECAST_TABLES:
        assert set(table.key) <= {column.name for column in table.columns if not column.nullable}


def test_athena_knows_the_views() -> None:
    for view in (view for view in VIEWS if view.layer == "gold"):
        entry = glue.catalogue(glue.Lake("bucket", "mine_")).tables["mine_gold", view.name]
        text, _, columns = views.decode(entry)
        assert "FROM mine_gold." in text
        assert [column.name for column in columns] == [column.name for column in view.columns]
        assert {column.name: column.type for column in columns}["dimensions"] == "map(varchar, varchar)"
    asked = "SELECT element_at(losses, '0.5') AS loss FROM current_forecast_accuracy WHERE actual IS NOT NULL"
    found = sql.translate(asked, catalog=Catalogue(), database="gold")
    assert [(column.name, column.type) for column in found.columns] == [("loss", "double")]
