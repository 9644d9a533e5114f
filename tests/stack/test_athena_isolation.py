"""A query reads what the catalogue names and nothing else, an account sees what is its own, and no query takes all.

Everything is asked through the gateway's API. What it must not reach is told by a word that only the forbidden file
has: it must be in no answer, reason or result.
"""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.stack.athena_hurried_gateway import SECONDS
from tests.stack.athena_process import Gateway, running, runs
from tests.stack.athena_shop import BUCKET, DATABASE, TEXT, Answer, Shop
from tests.stack.conftest import wait_until

pytestmark = pytest.mark.stack

SECRET = "forbidden-fruit"
NUMBERS = "(SELECT n FROM UNNEST(sequence(1, 10000)) AS t(n))"
ENDLESS = f"SELECT count(*) FROM {NUMBERS} a, {NUMBERS} b, {NUMBERS} c WHERE (a.n * b.n + c.n) % 7 = 3"
# Runs in Python's own regular expressions, which nothing can interrupt but the end of the process.
BACKTRACKING = f"SELECT regexp_like('{'a' * 60}!', '^(?=(a+)+$)a*b')"
LATE = f"EXCEEDED_TIME_LIMIT: Query exceeded maximum time limit of {SECONDS / 60:.2f}m"
EXHAUSTED = "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor"
# On a busy machine the time may be over before the depth is reached.
TOO_LARGE = ("STATEMENT_TOO_LARGE: statement is too large (stack overflow ", LATE)
NEXT = itertools.count()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("isolation"), "athena_hurried_gateway.py") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def shop(gateway: Gateway) -> Shop:
    shop = Shop(gateway.settings)
    shop.put("t/1.csv", b"1\n2\n")
    shop.register("t", {"a": "int"}, TEXT)
    return shop


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of this machine that the gateway's user can read."""
    path = tmp_path_factory.mktemp("secret") / "file.csv"
    path.write_text(f"{SECRET}\n")
    return path


def refused(answer: Answer) -> None:
    assert answer.state in ("REFUSED", "FAILED"), answer
    assert answer.reason
    assert SECRET not in answer.reason
    assert "INTERNAL" not in answer.reason, answer.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('@')",
        "SELECT * FROM read_text('@')",
        "SELECT read_text('@')",
        "SELECT * FROM TABLE(read_text('@'))",
        "SELECT * FROM t, LATERAL (SELECT * FROM read_text('@'))",
        "SELECT (SELECT content FROM read_text('@')) FROM t",
        "SELECT * FROM read_csv/**/('@')",
        "SELECT * FROM read_csv\N{NO-BREAK SPACE}('@')",
        "SELECT * FROM read_csv\0('@')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM sniff_csv('@')",
        "SELECT * FROM '@'",
        "SELECT * FROM \N{LEFT SINGLE QUOTATION MARK}@\N{RIGHT SINGLE QUOTATION MARK}",
        'SELECT * FROM "@"',
        'SELECT * FROM "x.parquet"',
        'SELECT * FROM "s3://shop/t/1.csv"',
        'SELECT * FROM db."../t"',
        "SELECT * FROM U&'@'",
        "FROM '@'",
        "FROM t",
        "SELECT content FROM (VALUES read_text('@')) AS v(content)",
        "COPY (SELECT 1) TO '@.out'",
        "COPY t FROM '@'",
        "/* SELECT */ COPY t TO '@.out'",
        "-- SELECT\nCOPY t TO '@.out'",
        "WITH x AS (COPY t TO '@.out') SELECT 1",
        "EXPORT DATABASE '@.out'",
        "IMPORT DATABASE '@'",
        "ATTACH '@'",
        "DETACH memory",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "CALL pragma_database_list()",
        "SET enable_external_access = true",
        "SET VARIABLE x = 1",
        "RESET memory_limit",
        "USE memory",
        "CHECKPOINT",
        "SUMMARIZE t",
        "CREATE MACRO m() AS TABLE SELECT * FROM read_text('@')",
        "CREATE FUNCTION m() AS 1",
        "CREATE SECRET s (TYPE s3)",
        "CREATE TEMP TABLE x AS SELECT 1 a",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('t')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_views",
        "SELECT * FROM system.main.duckdb_views",
        "SELECT * FROM pg_catalog.pg_tables",
        "SELECT * FROM sqlite_master",
        "SELECT getvariable('x')",
        "SELECT current_setting('allowed_paths')",
        "SELECT getenv('HOME')",
        "SELECT json_execute_serialized_sql('x')",
        "SELECT COLUMNS('.*') FROM t",
        "SELECT $$@$$",
        "SELECT $1",
        "SELECT 1; SELECT 2",
        "SELECT 1 -- ;\n; DROP TABLE t",
        "SELECT 1 /* /* */ */ ; SELECT 2",
        "SELECT ';' ; SELECT 2",
        "SELECT 1\N{FULLWIDTH SEMICOLON} SELECT 2",
        "\N{ZERO WIDTH SPACE}SELECT 1",
        "UNLOAD (SELECT 1 AS a) TO 'file://@.out/' WITH (format = 'PARQUET')",
        "UNLOAD (SELECT 1 AS a) TO '@.out/' WITH (format = 'PARQUET')",
        "UNLOAD (SELECT 1 AS a) TO 's3://../etc/' WITH (format = 'PARQUET')",
        "UNLOAD (COPY t TO '@.out') TO 's3://shop/unloaded/' WITH (format = 'PARQUET')",
        "UNLOAD (SELECT 1) TO 's3://shop/u/' WITH (format = 'TEXTFILE', field_delimiter = ''', header true) --')",
        "CREATE TABLE made WITH (external_location = 'file://@.out/') AS SELECT 1 AS a",
        "CREATE TABLE made WITH (external_location = '@.out/') AS SELECT 1 AS a",
        "CREATE TABLE made AS SELECT * FROM read_text('@')",
        "INSERT INTO t SELECT length(content) FROM read_text('@')",
        "CREATE VIEW made AS SELECT * FROM read_text('@')",
        "CREATE EXTERNAL TABLE made (a string) LOCATION 'file://@'",
        "CREATE EXTERNAL TABLE made (a string) LOCATION '@'",
        "CREATE EXTERNAL TABLE made (a string) LOCATION '../../etc'",
        "CREATE EXTERNAL TABLE made LOCATION 'file://@' TBLPROPERTIES ('table_type' = 'DELTA')",
        "EXPLAIN ANALYZE SELECT * FROM read_text('@')",
        "EXECUTE IMMEDIATE 'SELECT * FROM read_text(''@'')'",
        "EXECUTE IMMEDIATE 'COPY t TO ''@.out'''",
        "PREPARE p FROM COPY t TO '@.out'",
        "PREPARE p FROM SELECT * FROM read_text('@')",
        "PREPARE p FROM EXECUTE p",
    ],
)
def test_a_statement_that_would_leave_the_catalogue_is_refused(shop: Shop, secret: Path, sql: str) -> None:
    refused(shop.ask(sql.replace("@", str(secret))))
    assert not list(secret.parent.glob("*.out"))
    assert shop.rows("SELECT * FROM t") == [["1"], ["2"]]


@pytest.mark.parametrize(
    "location", ["file://@", "@", "file:@", "s3://../@", "s3:///@", "s3://shop/../../..@", "http://127.0.0.1/"]
)
def test_a_table_of_the_catalogue_lies_in_s3_alone(shop: Shop, secret: Path, location: str) -> None:
    place = location.replace("@", str(secret))
    for kind in ("text", "delta", "path", "partition", "template"):
        name = f"outside{next(NEXT)}"
        if kind == "text":
            shop.register(name, {"a": "string"}, TEXT, location=place)
        elif kind == "delta":
            shop.register_delta(name, location=place)
        elif kind == "path":
            shop.register_delta(name, serde_parameters={"path": place})
        elif kind == "partition":
            keys = [{"Name": "d", "Type": "string"}]
            shop.register(name, {"a": "string"}, TEXT, PartitionKeys=keys)
            given = {"Values": [f"..{secret}"], "StorageDescriptor": {"Location": place}}
            shop.glue.create_partition(DatabaseName=DATABASE, TableName=name, PartitionInput=given)
        else:
            shop.register(
                name,
                {"a": "string"},
                TEXT,
                PartitionKeys=[{"Name": "d", "Type": "string"}],
                Parameters={
                    "projection.enabled": "true",
                    "projection.d.type": "enum",
                    "projection.d.values": "x",
                    "storage.location.template": f"{place}/${{d}}",
                },
            )
        answer = shop.ask(f"SELECT a FROM {name}" if kind not in ("delta", "path") else f"SELECT * FROM {name}")
        assert SECRET not in str(answer)
        # A key with dots in it is a key like any other; nothing lies there.
        assert answer.state == "FAILED" or (location.startswith("s3://shop/") and not answer.rows), (kind, answer)


def test_a_delta_log_names_objects_of_s3_alone(shop: Shop, secret: Path) -> None:
    schema = {"type": "struct", "fields": [{"name": "a", "type": "string", "nullable": True, "metadata": {}}]}
    for path in (f"file://{secret}", str(secret), f"../../../../../..{secret}", "s3://other/1.parquet"):
        name = f"log{next(NEXT)}"
        entries: list[dict[str, Any]] = [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {
                "metaData": {
                    "id": name,
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": json.dumps(schema),
                    "partitionColumns": [],
                    "configuration": {},
                    "createdTime": 0,
                }
            },
            {"add": {"path": path, "partitionValues": {}, "size": 9, "modificationTime": 0, "dataChange": True}},
        ]
        body = "\n".join(json.dumps(entry) for entry in entries)
        shop.put(f"{name}/_delta_log/{0:020d}.json", body.encode())
        shop.register_delta(name)
        refused(shop.ask(f"SELECT * FROM {name}"))


@pytest.mark.parametrize(
    "body",
    ["SELECT * FROM read_text('@')", "SELECT 1 AS a; DROP TABLE t", "COPY t TO '@.out'", "INSERT INTO t SELECT 1"],
)
def test_the_body_of_a_view_is_a_query_of_athena(shop: Shop, secret: Path, body: str) -> None:
    """Whoever can write to Glue can write any text there."""
    name = f"view{next(NEXT)}"
    columns = [{"name": "a", "type": "varchar"}]
    described = {"originalSql": body.replace("@", str(secret)), "catalog": "awsdatacatalog", "schema": DATABASE}
    text = base64.b64encode(json.dumps({**described, "columns": columns}).encode()).decode()
    shop.register(
        name, {"a": "string"}, TableType="VIRTUAL_VIEW", ViewOriginalText=f"/* Presto View: {text} */", location=""
    )
    refused(shop.ask(f"SELECT * FROM {name}"))


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("1; SELECT 2", "1; SELECT 2"),
        ("1) --", "1) --"),
        ("(SELECT min(a) FROM t)", "(SELECT min(a) FROM t)"),
        ("a || ''", "a || ''"),
        ("a", "a"),
        ("EXISTS (SELECT 1)", "EXISTS (SELECT 1)"),
        ("count(*)", "count(*)"),
        ("'it''s'", "it's"),
        ("-1", "-1"),
    ],
)
def test_a_parameter_is_a_constant(shop: Shop, parameter: str, expected: str) -> None:
    """By whatever way it comes; a text that is none stands for itself."""
    for sql in ("SELECT CAST(? AS varchar) FROM t", "EXECUTE shown"):
        if sql.startswith("EXECUTE"):
            text = "SELECT CAST(? AS varchar) FROM t"
            given = {"StatementName": "shown", "WorkGroup": "primary", "QueryStatement": text}
            try:
                shop.athena.create_prepared_statement(**given)
            except shop.athena.exceptions.InvalidRequestException:
                shop.athena.update_prepared_statement(**given)
        assert shop.rows(sql, ExecutionParameters=[parameter]) == [[expected]] * 2


def test_a_parameter_calls_no_function_of_the_engine(shop: Shop, secret: Path) -> None:
    refused(shop.ask("SELECT ?", ExecutionParameters=[f"read_text('{secret}')"]))


def test_prepared_and_named_texts_are_statements_like_any_other(shop: Shop, secret: Path) -> None:
    """The API keeps them as they are; what runs them refuses."""
    for number, text in enumerate(
        [f"SELECT * FROM read_text('{secret}')", f"COPY t TO '{secret}.out'", "EXECUTE own2"]
    ):
        name = f"own{number}"
        shop.athena.create_prepared_statement(StatementName=name, WorkGroup="primary", QueryStatement=text)
        refused(shop.ask(f"EXECUTE {name}"))
        named = shop.athena.create_named_query(Name=name, Database=DATABASE, QueryString=text)["NamedQueryId"]
        kept = shop.athena.get_named_query(NamedQueryId=named)["NamedQuery"]["QueryString"]
        refused(shop.ask(kept))
    assert not list(secret.parent.glob("*.out"))


def test_an_account_and_a_region_see_what_is_their_own(gateway: Gateway, shop: Shop) -> None:
    execution = shop.ask("SELECT a FROM t").execution
    shop.add_delta("mine", pa.table({"a": [1]}))
    for own in ({"aws_access_key_id": "111111111111"}, {"region_name": "us-east-1"}):
        arguments = {**gateway.settings.client_arguments, **own}
        athena, glue = (boto3.client(name, **arguments) for name in ("athena", "glue"))
        for ask in (athena.get_query_results, athena.get_query_execution, athena.stop_query_execution):
            with pytest.raises(ClientError) as found:
                ask(QueryExecutionId=execution)
            assert found.value.response["Error"]["Code"] == "InvalidRequestException"
        assert not athena.list_query_executions()["QueryExecutionIds"]
        assert (
            execution
            in athena.batch_get_query_execution(QueryExecutionIds=[execution])["UnprocessedQueryExecutionIds"][
                0
            ].values()
        )
        if "aws_access_key_id" not in own:
            continue
        # Objects are the account's, too: its catalogue names them in vain.
        place = {"LocationConstraint": gateway.settings.aws_default_region}
        boto3.client("s3", **arguments).create_bucket(Bucket="own", CreateBucketConfiguration=place)
        glue.create_database(DatabaseInput={"Name": DATABASE})
        for name, parameters in (("t", {"classification": "csv"}), ("mine", {"table_type": "DELTA"})):
            storage = {
                "Location": f"s3://{BUCKET}/{name}/",
                "Columns": [{"Name": "a", "Type": "int"}],
                "SerdeInfo": {"SerializationLibrary": TEXT},
            }
            given = {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": parameters,
                "StorageDescriptor": storage,
            }
            glue.create_table(DatabaseName=DATABASE, TableInput=given)
            started = athena.start_query_execution(
                QueryString=f"SELECT * FROM {DATABASE}.{name}",
                ResultConfiguration={"OutputLocation": "s3://own/results/"},
            )["QueryExecutionId"]

            def state(started: str = started, athena: Any = athena) -> Any:
                status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
                return status["State"] if status["State"] not in ("QUEUED", "RUNNING") else None

            assert wait_until("the other account's query ends", state, 60) == "FAILED"
        assert shop.ask("SELECT 1", ResultConfiguration={"OutputLocation": "s3://own/results/"}).state == "FAILED"


RUNAWAY = {
    "cross join": (ENDLESS, LATE),
    "backtracking": (BACKTRACKING, LATE),
    "recursion without an end": (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r",
        LATE,
    ),
    "doubled strings": (
        "WITH RECURSIVE r(s, n) AS (SELECT 'xxxxxxxx', 1 UNION ALL SELECT s || s, n + 1 FROM r WHERE n < 60) "
        "SELECT max(length(s)) FROM r",
        EXHAUSTED,
        LATE,  # on a busy machine the time comes first, here and below
    ),
    "all rows in one array": (
        f"SELECT cardinality(array_agg(CAST(a.n AS varchar) || CAST(b.n AS varchar))) FROM {NUMBERS} a, {NUMBERS} b",
        EXHAUSTED,
        LATE,
    ),
    "a long sequence": ("SELECT cardinality(sequence(1, 1000000000000))", "INVALID_FUNCTION_ARGUMENT"),
    "a long array": ("SELECT cardinality(repeat('x', 1000000000))", "INVALID_FUNCTION_ARGUMENT"),
    "parentheses": (f"SELECT {'(' * 10_000}1{')' * 10_000}", *TOO_LARGE),
    "calls": (f"SELECT {'abs(' * 3000}1{')' * 3000}", *TOO_LARGE),
    "subqueries": (f"SELECT * FROM {'(' * 3000}SELECT 1 AS a{')' * 3000}", *TOO_LARGE),
    "types": (f"SELECT CAST(NULL AS {'array(' * 5000}integer{')' * 5000})", *TOO_LARGE),
    "a long sum": (f"SELECT 1{' + 1' * 10_000}", *TOO_LARGE),
    "definitions": (
        f"CREATE EXTERNAL TABLE deep (a {'array<' * 5000}int{'>' * 5000}) LOCATION 's3://shop/deep/'",
        *TOO_LARGE,
    ),
    "a million characters": (f"SELECT '{'x' * 1_000_000}'", "failed to satisfy constraint"),
}


@pytest.mark.parametrize("name", RUNAWAY)
def test_a_runaway_statement_ends_and_others_are_answered_meanwhile(gateway: Gateway, shop: Shop, name: str) -> None:
    sql, *words = RUNAWAY[name]
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(shop.ask, sql)
        answers = 0
        while not running.done() or not answers:
            assert shop.rows("SELECT count(*) FROM t") == [["2"]]
            answers += 1
        answer = running.result()
    assert answer.state in ("FAILED", "REFUSED")
    assert any(one in answer.reason for one in words), answer.reason
    assert process.is_running()
    assert process.memory_info().rss < 300 << 20


@pytest.mark.parametrize("sql", [ENDLESS, BACKTRACKING])
def test_a_stopped_query_is_off_the_machine_within_two_seconds(gateway: Gateway, shop: Shop, sql: str) -> None:
    execution = shop.start(sql)
    runs(shop.athena, execution)
    folder = gateway.state / "jobs" / execution
    wait_until("the query is at work", folder.exists)
    start = time.monotonic()
    shop.athena.stop_query_execution(QueryExecutionId=execution)
    assert shop.status(execution)["State"] == "CANCELLED"
    wait_until("the worker is done with it", lambda: not folder.exists(), 5)
    assert time.monotonic() - start < 2.5
    assert shop.rows("SELECT count(*) FROM t") == [["2"]]
