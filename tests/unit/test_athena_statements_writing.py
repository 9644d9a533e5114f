"""CTAS, INSERT INTO, UNLOAD, views, EXPLAIN and prepared statements: what is handed to the engine and left in Glue."""

# ruff: noqa: N803 (the parameters of boto3's clients)

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena import statements
from infra.local.athena.contract import Column, Job, QueryError, Translation
from infra.local.athena.engine.context import Selected, Written
from infra.local.athena.statements import insert, prepared
from infra.local.athena.tables import views
from tests.unit.athena_context import OUTPUT, Endpoint, MemoryContext, endpoint

pytestmark = pytest.mark.unit
__all__ = ["endpoint"]

QUERY = "SELECT 1 AS id, 'x' AS name, DATE '2024-01-02' AS day"
COLUMNS = (Column("id", "integer"), Column("name", "varchar(1)"), Column("day", "date"))
CLEAN = (
    " You may need to manually clean the data at location 's3://shop/results/tables/e1' before retrying. "
    "Athena will not delete data in your account."
)


@pytest.fixture
def made(endpoint: Endpoint) -> Endpoint:
    """An endpoint that knows the columns of QUERY."""
    endpoint.columns[QUERY] = COLUMNS
    return endpoint


def test_ctas_writes_files_a_table_its_partitions_and_a_manifest(made: Endpoint) -> None:
    url = "s3://shop/own/day=2024-01-02/1.parquet"
    made.next = Written((url,), 7, (("2024-01-02",),), ("s3://shop/own/day=2024-01-02/",), 5)
    outcome = made.run(
        "CREATE TABLE \"shop\".\"t\" COMMENT 'c' WITH (external_location = 's3://shop/own', format = 'Parquet', "
        f"partitioned_by = ARRAY['day'], bucketed_by = ARRAY['id'], bucket_count = 2, write_compression = 'SNAPPY') "
        f"AS {QUERY}"
    )
    assert outcome.state == "SUCCEEDED", outcome.reason
    assert (outcome.statement, outcome.substatement) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert (outcome.updated, outcome.columns) == (7, (Column("rows", "bigint"),))
    assert outcome.manifest == "s3://shop/results/tables/e1-manifest.csv"
    assert made.s3.objects["results/tables/e1-manifest.csv"] == url.encode()
    ((_, destination, form),) = made.written
    assert destination == "s3://shop/own/"
    assert form == {"format": "PARQUET", "partitioned_by": ("day",), "compression": "SNAPPY", "delimiter": ""}
    entry = made.glue.tables["shop", "t"]
    assert entry["StorageDescriptor"]["Columns"] == [
        {"Name": "id", "Type": "int"},
        {"Name": "name", "Type": "varchar(1)"},
    ]
    assert entry["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    assert entry["Parameters"]["comment"] == "c"
    (part,) = made.glue.partitions["shop", "t"]
    assert part["Values"] == ["2024-01-02"]
    assert part["StorageDescriptor"]["Location"] == "s3://shop/own/day=2024-01-02"


def test_ctas_lies_below_the_results_by_default_and_may_stay_empty(made: Endpoint) -> None:
    outcome = made.run(f"CREATE TABLE t WITH (format = 'TEXTFILE', field_delimiter = ',') AS {QUERY} WITH NO DATA")
    assert (outcome.state, outcome.updated) == ("SUCCEEDED", 0)
    assert made.written == []
    storage = made.glue.tables["shop", "t"]["StorageDescriptor"]
    assert storage["Location"] == "s3://shop/results/tables/e1"
    assert storage["SerdeInfo"]["Parameters"]["field.delim"] == ","


def test_the_query_of_ctas_keeps_its_place(made: Endpoint) -> None:
    made.run(f"CREATE TABLE t AS\n  {QUERY}")
    assert made.translated[-1] == f"{' ' * 17}\n  {QUERY}"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            f"CREATE TABLE t WITH (external_location = 's3://shop/there') AS {QUERY}",
            "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'shop.t' already exists: s3://shop/there." + CLEAN,
        ),
        (
            f"CREATE TABLE old AS {QUERY}",
            "TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.shop.old' already exists." + CLEAN,
        ),
        (
            f"CREATE TABLE nowhere.t AS {QUERY}",
            "SCHEMA_NOT_FOUND: line 1:1: Schema 'awsdatacatalog.nowhere' does not exist." + CLEAN,
        ),
        (
            f"CREATE TABLE t WITH (partitioned_by = ARRAY['id']) AS {QUERY}",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order "
            "as the table properties: [id]." + CLEAN,
        ),
        (
            f"CREATE TABLE t WITH (colour = 'red') AS {QUERY}",
            "INVALID_TABLE_PROPERTY: line 1:22: Catalog 'awsdatacatalog' table property 'colour' does not exist",
        ),
        (
            "CREATE TABLE t AS SELECT 1",
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1." + CLEAN,
        ),
        (
            "CREATE TABLE t AS SELECT 1 a, 2 A",
            "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'A' specified more than once." + CLEAN,
        ),
        (
            "CREATE TABLE t AS SELECT NULL a",
            "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position 1." + CLEAN,
        ),
        ("CREATE TABLE t (n) AS VALUES 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
    ],
)
def test_ctas_fails_in_athenas_words(made: Endpoint, sql: str, reason: str) -> None:
    made.columns["SELECT 1"] = (Column("_col0", "integer"),)
    made.columns["SELECT 1 a, 2 A"] = (Column("a", "integer"), Column("A", "integer"))
    made.columns["SELECT NULL a"] = (Column("a", "unknown"),)
    made.done("CREATE EXTERNAL TABLE old (a int) LOCATION 's3://shop/old/'")
    assert made.reason(sql) == reason
    assert list(made.glue.tables) == [("shop", "old")]
    assert made.written == []


def test_a_workgroup_can_keep_ctas_from_choosing_its_place(made: Endpoint) -> None:
    made.external_locations = False
    assert "enforces a centralized output location" in made.reason(
        f"CREATE TABLE t WITH (external_location = 's3://shop/own') AS {QUERY}"
    )


SALES = (
    "CREATE EXTERNAL TABLE sales (id bigint, name string) PARTITIONED BY (day date) STORED AS PARQUET "
    "LOCATION 's3://shop/sales' TBLPROPERTIES ('parquet.compression' = 'zstd')"
)


def test_insert_casts_to_the_tables_columns_and_creates_new_partitions(made: Endpoint) -> None:
    made.done(SALES)
    made.done("ALTER TABLE sales ADD PARTITION (day = '2024-01-02')")
    days = ("2024-01-02", "2024-01-03", None)
    folders = [f"s3://shop/sales/day={day or '__HIVE_DEFAULT_PARTITION__'}/" for day in days]
    made.next = Written(tuple(f"{one}1.parquet" for one in folders), 4, tuple((day,) for day in days), tuple(folders))
    outcome = made.run(f"INSERT INTO sales {QUERY}")
    assert outcome.state == "SUCCEEDED", outcome.reason
    assert (outcome.substatement, outcome.updated) == ("INSERT", 4)
    assert made.s3.objects["results/e1-manifest.csv"].decode().splitlines() == list(made.next.files)
    assert made.translated[-1] == (
        'SELECT CAST(inserted.c0 AS bigint) AS "id", CAST(inserted.c1 AS varchar) AS "name", '
        f'CAST(inserted.c2 AS date) AS "day" FROM (\n{QUERY}\n) AS inserted (c0, c1, c2)'
    )
    ((_, destination, form),) = made.written
    assert destination == "s3://shop/sales/"
    assert form == {"format": "PARQUET", "partitioned_by": ("day",), "compression": "ZSTD", "delimiter": ""}
    assert sorted(made.done("SHOW PARTITIONS sales")) == [
        "day=2024-01-02",
        "day=2024-01-03",
        "day=__HIVE_DEFAULT_PARTITION__",
    ]


def test_insert_brings_rows_to_where_their_partition_is(made: Endpoint) -> None:
    made.done(SALES)
    made.done("ALTER TABLE sales ADD PARTITION (day = '2024-01-02') LOCATION 's3://shop/elsewhere/'")
    place = "s3://shop/sales/day=2024-01-02/"
    made.next = Written((f"{place}1.parquet",), 1, (("2024-01-02",),), (place,))
    made.run(f"INSERT INTO sales {QUERY}")
    assert "elsewhere/1.parquet" in made.s3.objects
    assert "sales/day=2024-01-02/1.parquet" not in made.s3.objects
    assert made.s3.objects["results/e1-manifest.csv"] == b"s3://shop/elsewhere/1.parquet"


def test_insert_of_named_columns_leaves_the_others_null(made: Endpoint) -> None:
    made.done(SALES)
    made.columns["VALUES ('x', 1)"] = (Column("_col0", "varchar(1)"), Column("_col1", "integer"))
    made.done("INSERT INTO shop.sales (name, id) VALUES ('x', 1)")
    assert made.translated[-1].startswith(
        'SELECT CAST(inserted.c1 AS bigint) AS "id", CAST(inserted.c0 AS varchar) AS "name", '
        'CAST(NULL AS date) AS "day" FROM'
    )


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "INSERT INTO sales SELECT 1.5, 'x'",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [bigint, varchar, date], "
            "Query: [double, varchar(1)].",
        ),
        (
            "INSERT INTO sales (x) SELECT 1.5, 'x'",
            "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: x.",
        ),
        (f"INSERT INTO absent {QUERY}", "TABLE_NOT_FOUND: Table 'awsdatacatalog.shop.absent' does not exist."),
        (f"INSERT INTO lake {QUERY}", "NOT_SUPPORTED: This connector does not support inserts."),
        (f"INSERT INTO seen {QUERY}", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported."),
        (f"INSERT INTO quoted {QUERY}", "HIVE_UNSUPPORTED_FORMAT: "),
        (f"INSERT INTO heaps {QUERY}", "NOT_SUPPORTED: line 1:1: Inserting into bucketed tables is not supported."),
    ],
)
def test_insert_fails_in_athenas_words(made: Endpoint, sql: str, reason: str) -> None:
    made.columns["SELECT 1.5, 'x'"] = (Column("_col0", "double"), Column("_col1", "varchar(1)"))
    made.done(SALES)
    made.done(f"CREATE VIEW seen AS {QUERY}")
    made.done(SALES.replace("sales", "lake"))
    made.glue.tables["shop", "lake"]["Parameters"]["table_type"] = "DELTA"
    made.done("CREATE EXTERNAL TABLE heaps (a string) CLUSTERED BY (a) INTO 4 BUCKETS LOCATION 's3://shop/h/'")
    made.done(
        "CREATE EXTERNAL TABLE quoted (a string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "LOCATION 's3://shop/q/'"
    )
    found = made.reason(sql)
    assert found.startswith(reason)
    assert "If a data manifest file was generated at 's3://shop/results/e1-manifest.csv'" in found
    assert made.written == []


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("smallint", "bigint", True),
        ("bigint", "integer", False),
        ("integer", "decimal(12,2)", True),
        ("bigint", "decimal(12,2)", False),
        ("decimal(10,2)", "decimal(12,3)", True),
        ("decimal(12,2)", "decimal(12,3)", False),
        ("decimal(10,2)", "double", True),
        ("double", "decimal(10,2)", False),
        ("varchar(10)", "varchar(3)", True),
        ("unknown", "array(integer)", True),
        ("date", "timestamp(3)", True),
        ("timestamp(3)", "date", False),
    ],
)
def test_what_may_be_inserted_where(given: str, wanted: str, expected: bool) -> None:
    assert insert.fits(given, wanted) is expected


def test_unload_writes_to_an_empty_place_alone(made: Endpoint) -> None:
    made.next = Written(("s3://shop/out/1.json.gz",), 2)
    outcome = made.run(f"UNLOAD ({QUERY}) TO 's3://shop/out' WITH (  format='JSON')")
    assert outcome.state == "SUCCEEDED", outcome.reason
    assert (outcome.statement, outcome.substatement, outcome.manifest) == (
        "DML",
        "UNLOAD",
        "s3://shop/results/e1-manifest.csv",
    )
    assert made.written[0][1] == "s3://shop/out/"
    assert made.written[0][2]["format"] == "JSON"
    assert made.reason(f"UNLOAD ({QUERY}) TO 's3://shop/out'").startswith("HIVE_PATH_ALREADY_EXISTS: ")
    assert made.reason(f"UNLOAD ({QUERY}) TO 's3://shop/new' WITH (format = 'AVRO')").startswith("NOT_SUPPORTED: ")
    assert made.reason(f"UNLOAD ({QUERY}) TO '/etc' WITH (format = 'JSON')").startswith("INVALID_TABLE_PROPERTY: ")


def test_a_view_is_stored_as_athena_stores_it(made: Endpoint) -> None:
    made.done(f'CREATE VIEW "shop"."seen" AS {QUERY};')
    entry = made.glue.tables["shop", "seen"]
    assert views.decode(entry) == (QUERY, "shop", COLUMNS)
    assert entry["TableType"] == "VIRTUAL_VIEW"
    assert entry["Parameters"]["presto_view"] == "true"
    assert [column["Type"] for column in entry["StorageDescriptor"]["Columns"]] == ["int", "varchar(1)", "date"]
    assert made.done("SHOW CREATE VIEW seen") == ["CREATE VIEW shop.seen AS", QUERY]
    outcome = made.run("DESCRIBE seen")
    assert outcome.substatement == "DESC_VIEW"
    assert made.lines == ["id\tinteger", "name\tvarchar(1)", "day\tdate"]
    assert made.done("DESCRIBE VIEW shop.seen") == made.done("DESC seen") == made.done("SHOW COLUMNS FROM seen")


def test_a_view_is_replaced_only_when_told(made: Endpoint) -> None:
    made.done("CREATE VIEW seen AS SELECT 2")
    assert made.reason("CREATE VIEW seen AS SELECT 3").startswith("TABLE_ALREADY_EXISTS: line 1:1: View already exists")
    made.done(f"CREATE OR REPLACE VIEW seen AS {QUERY}")
    assert views.decode(made.glue.tables["shop", "seen"])[0] == QUERY
    made.done(SALES)
    assert "Table already exists" in made.reason(f"CREATE OR REPLACE VIEW sales AS {QUERY}")
    assert "SHOW CREATE VIEW" in made.reason("SHOW CREATE TABLE seen")
    assert "is a table, not a view" in made.reason("SHOW CREATE VIEW sales")


def test_a_query_is_answered_by_the_engine(made: Endpoint) -> None:
    outcome = made.run(QUERY)
    assert (outcome.location, outcome.rows, outcome.scanned_bytes) == ("s3://shop/results/e1.csv", 3, 11)
    assert outcome.columns == COLUMNS


def test_explain_shows_a_plan_a_line_a_row(made: Endpoint) -> None:
    outcome = made.run(f"EXPLAIN {QUERY}")
    assert (outcome.statement, outcome.substatement) == ("DML", "EXPLAIN")
    assert made.lines[:2] == ["Query Plan", "Output[columnNames = [id, name, day]]"]
    assert made.lines[-3:] == ["", "", ""]
    assert made.done(f"EXPLAIN (TYPE VALIDATE) {QUERY}") == ["Valid", "true", ""]
    assert '"columnNames": "[id, name, day]"' in "\n".join(made.done(f"EXPLAIN (FORMAT JSON) {QUERY}"))


def test_explain_analyze_measures_and_leaves_no_result(made: Endpoint) -> None:
    made.done(f"EXPLAIN ANALYZE {QUERY}")
    assert "│   Rows: 3, Scanned: 11B" in made.lines
    assert "results/e1.csv" not in made.s3.objects


class Kept:
    """The API's prepared statements, by name."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def create_prepared_statement(self, *, StatementName: str, WorkGroup: str, QueryStatement: str) -> None:
        assert WorkGroup == "primary"
        self.texts[StatementName] = QueryStatement

    def delete_prepared_statement(self, *, StatementName: str, WorkGroup: str) -> None:
        del self.texts[StatementName]


def test_a_prepared_statement_is_kept_run_and_dropped(made: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, seen = Kept(), []
    monkeypatch.setattr(prepared, "_client", lambda _: kept)
    made.done(f"PREPARE mine FROM {QUERY}")
    assert kept.texts == {"mine": QUERY}
    translate = made._translate

    def note(context: Any, text: str, parameters: Any = None) -> Any:
        seen.append((text, context.job.parameters))
        return translate(context, text)

    monkeypatch.setattr(statements.statements.query, "translate", note)
    job = Job("e1", "EXECUTE MINE USING 1, f(2, 3), 'a,b'", "shop", (), OUTPUT, Path(), 10.0, prepared=kept.texts)
    outcome = statements.run(job, MemoryContext(job, made.glue, made.s3))  # type: ignore[arg-type]
    assert (outcome.state, outcome.substatement) == ("SUCCEEDED", "EXECUTE")
    assert seen == [(QUERY, ("1", "f(2, 3)", "'a,b'"))]
    unknown = dataclasses.replace(job, prepared={})
    outcome = statements.run(unknown, MemoryContext(unknown, made.glue, made.s3))  # type: ignore[arg-type]
    assert outcome.reason == "NOT_FOUND: Prepared statement not found: mine"
    made.done("DEALLOCATE PREPARE mine")
    assert kept.texts == {}


class Vacuumed(MemoryContext):
    """A context whose first reads meet a vacuum."""

    def __init__(self, job: Job, glue: Any, s3: Any, times: int) -> None:
        super().__init__(job, glue, s3)
        self.left = times
        self.catalogs_forgotten = 0
        forget = self.catalog.forget

        def note() -> None:
            self.catalogs_forgotten += 1
            forget()

        self.catalog.forget = note  # type: ignore[method-assign]

    def select(self, translation: Translation) -> Selected:
        if self.left:
            self.left -= 1
            self.catalog.is_outdated = True
            raise QueryError("HIVE_CANNOT_OPEN_SPLIT", "gone")
        return super().select(translation)


@pytest.mark.parametrize(("times", "state"), [(0, "SUCCEEDED"), (4, "SUCCEEDED"), (5, "FAILED")])
def test_a_query_that_meets_a_vacuum_begins_again(made: Endpoint, times: int, state: str) -> None:
    job = Job("e1", QUERY, "shop", (), OUTPUT, Path(), 10.0)
    context = Vacuumed(job, made.glue, made.s3, times)
    assert statements.run(job, context).state == state  # type: ignore[arg-type]
    assert context.catalogs_forgotten == min(times, 4)


def test_a_fault_of_another_kind_is_told_at_once(made: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("e1", QUERY, "shop", (), OUTPUT, Path(), 10.0)
    context = Vacuumed(job, made.glue, made.s3, 0)

    def refuse(_: Translation) -> Selected:
        raise QueryError("HIVE_BAD_DATA", "broken")

    monkeypatch.setattr(context, "select", refuse)
    assert statements.run(job, context).reason == "HIVE_BAD_DATA: broken"  # type: ignore[arg-type]
    assert context.catalogs_forgotten == 0
