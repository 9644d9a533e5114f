"""DDL on tables and databases: what it leaves in Glue, what SHOW and DESCRIBE say of it, how it fails."""

import re

import pytest

from infra.local.athena.contract import Column, QueryError
from tests.unit.athena_context import Endpoint, endpoint
from tests.unit.memory_glue import MemoryGlue

pytestmark = pytest.mark.unit
__all__ = ["endpoint"]

SALES = """CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`sales` (
    `id` int COMMENT 'the shop''s',
    tags array<struct<name:string,at:timestamp>>
  )
  COMMENT 'what was sold'
  PARTITIONED BY (day date COMMENT 'of the sale', place string)
  ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
  STORED AS PARQUET
  LOCATION 's3://shop/sales/'
  TBLPROPERTIES ('projection.enabled' = 'true', 'note' = 'a\\tb');"""
CSV = """CREATE EXTERNAL TABLE lines (a int, b string)
  ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' ESCAPED BY '\\\\' COLLECTION ITEMS TERMINATED BY '|'
  MAP KEYS TERMINATED BY ':' LINES TERMINATED BY '\\n' NULL DEFINED AS ''
  LOCATION 's3://shop/lines/' TBLPROPERTIES ('skip.header.line.count'='1')"""
JSON = """CREATE EXTERNAL TABLE events (a int)
  ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
  WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true', 'mapping.a' = 'A') LOCATION 's3://shop/events/'"""
BUCKETS = """CREATE EXTERNAL TABLE buckets (a int) CLUSTERED BY (a) INTO 4 BUCKETS STORED AS ORC
  LOCATION 's3://shop/buckets/'"""


def pad(*texts: str) -> str:
    return "\t".join(text.ljust(20) for text in texts)


def test_a_table_is_written_to_glue_as_athena_writes_it(endpoint: Endpoint) -> None:
    endpoint.done(SALES)
    entry = endpoint.glue.tables["shop", "sales"]
    storage = entry["StorageDescriptor"]
    assert entry["TableType"] == "EXTERNAL_TABLE"
    assert storage["Columns"] == [
        {"Name": "id", "Type": "int", "Comment": "the shop's"},
        {"Name": "tags", "Type": "array<struct<name:string,at:timestamp>>"},
    ]
    assert entry["PartitionKeys"] == [
        {"Name": "day", "Type": "date", "Comment": "of the sale"},
        {"Name": "place", "Type": "string"},
    ]
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert storage["InputFormat"].endswith("MapredParquetInputFormat")
    assert storage["Location"] == "s3://shop/sales/"
    assert entry["Parameters"].pop("transient_lastDdlTime").isdigit()
    assert entry["Parameters"] == {
        "EXTERNAL": "TRUE",
        "projection.enabled": "true",
        "note": "a\tb",
        "comment": "what was sold",
    }


@pytest.mark.parametrize(("name", "sql"), [("sales", SALES), ("lines", CSV), ("events", JSON), ("buckets", BUCKETS)])
def test_show_create_table_is_a_statement_that_makes_the_same_table(endpoint: Endpoint, name: str, sql: str) -> None:
    endpoint.done(sql)
    before = endpoint.glue.tables["shop", name]
    for asked in (name, f"shop.{name}"):
        text = "\n".join(endpoint.done(f"SHOW CREATE TABLE {asked}"))
        assert text.startswith(f"CREATE EXTERNAL TABLE `{asked}`(")
        endpoint.done(f"DROP TABLE {name}")
        endpoint.done(text)
        assert endpoint.glue.tables["shop", name] == before


def test_delimiters_of_text_are_properties_of_the_serde(endpoint: Endpoint) -> None:
    endpoint.done(CSV)
    assert endpoint.glue.tables["shop", "lines"]["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {
        "field.delim": ";",
        "serialization.format": ";",
        "escape.delim": "\\",
        "collection.delim": "|",
        "mapkey.delim": ":",
        "line.delim": "\n",
        "serialization.null.format": "",
    }


def test_describe_has_hives_columns_and_its_block_of_partitions(endpoint: Endpoint) -> None:
    endpoint.done(SALES)
    outcome = endpoint.run("DESCRIBE `shop`.`sales`")
    assert outcome.columns == tuple(Column(name, "string") for name in ("col_name", "data_type", "comment"))
    assert endpoint.lines == [
        pad("id", "int", "the shop's"),
        pad("tags", "array<struct<name:string,at:timestamp>>", ""),
        pad("day", "date", "of the sale"),
        pad("place", "string", ""),
        "\t \t ",
        "# Partition Information\t \t ",
        "# col_name            \tdata_type           \tcomment             ",
        "\t \t ",
        pad("day", "date", "of the sale"),
        pad("place", "string", ""),
    ]


def test_describe_formatted_has_the_storage_too(endpoint: Endpoint) -> None:
    endpoint.done(SALES)
    lines = endpoint.done("DESCRIBE FORMATTED sales")
    assert lines[:3] == [
        "# col_name            \tdata_type           \tcomment             ",
        "\t \t ",
        pad("id", "int", "the shop's"),
    ]
    assert pad("Location:", "s3://shop/sales/") + "\t " in lines
    assert pad("CreateTime:", "Fri Jan 02 03:04:05 UTC 2026") + "\t " in lines
    assert f"\t{pad('EXTERNAL', 'TRUE')}" in lines
    assert endpoint.done("DESCRIBE sales tags")[0].startswith(pad("tags"))
    assert "cannot find field x from [0:id, 1:tags]" in endpoint.reason("DESCRIBE sales x")


def test_show_lists_names_by_patterns_of_hive(endpoint: Endpoint) -> None:
    for sql in (SALES, CSV, JSON, "CREATE DATABASE other", "CREATE VIEW sold AS SELECT 1 a"):
        endpoint.done(sql)
    assert endpoint.done("SHOW DATABASES") == ["other", "shop"]
    assert endpoint.done("SHOW SCHEMAS LIKE 's*'") == ["shop"]
    assert endpoint.done("SHOW TABLES") == ["events", "lines", "sales", "sold"]
    assert endpoint.done("SHOW TABLES IN shop 's.*|lines'") == ["lines", "sales", "sold"]
    assert endpoint.done("SHOW TABLES IN other") == []
    assert endpoint.done("SHOW VIEWS") == ["sold"]
    assert endpoint.done("SHOW COLUMNS IN sales") == [name.ljust(20) for name in ("id", "tags", "day", "place")]
    assert endpoint.done("SHOW COLUMNS FROM sales FROM shop")[0] == "id".ljust(20)
    properties = endpoint.done("SHOW TBLPROPERTIES sales")
    assert properties[0] == "EXTERNAL\tTRUE"
    assert "note\ta\tb" in properties
    assert endpoint.done("SHOW TBLPROPERTIES sales ('note')") == ["a\tb"]


def test_alter_changes_columns_properties_and_location(endpoint: Endpoint) -> None:
    endpoint.done(SALES)
    for sql in (
        "ALTER TABLE sales ADD COLUMNS (price decimal(10,2) COMMENT 'net')",
        "ALTER TABLE sales CHANGE COLUMN id number bigint AFTER tags",
        "ALTER TABLE sales CHANGE price price double FIRST",
        "ALTER TABLE shop.sales SET TBLPROPERTIES ('note' = 'new', 'more' = 'x')",
        "ALTER TABLE sales SET LOCATION 's3://shop/elsewhere/'",
    ):
        endpoint.done(sql)
    entry = endpoint.glue.tables["shop", "sales"]
    assert entry["StorageDescriptor"]["Columns"] == [
        {"Name": "price", "Type": "double", "Comment": "net"},
        {"Name": "tags", "Type": "array<struct<name:string,at:timestamp>>"},
        {"Name": "number", "Type": "bigint", "Comment": "the shop's"},
    ]
    assert entry["StorageDescriptor"]["Location"] == "s3://shop/elsewhere/"
    assert (entry["Parameters"]["note"], entry["Parameters"]["more"]) == ("new", "x")
    assert len(entry["PartitionKeys"]) == 2
    endpoint.done("ALTER TABLE sales REPLACE COLUMNS (only string)")
    assert endpoint.glue.tables["shop", "sales"]["StorageDescriptor"]["Columns"] == [{"Name": "only", "Type": "string"}]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DESCRIBE absent", "FAILED: SemanticException [Error 10001]: Table not found absent"),
        ("SHOW TABLES IN absent", "FAILED: SemanticException [Error 10072]: Database does not exist: absent"),
        ("DROP TABLE absent", "FAILED: SemanticException [Error 10001]: Table not found absent"),
        ("DROP TABLE nowhere.absent", "FAILED: SemanticException [Error 10072]: Database does not exist: nowhere"),
        ("DROP DATABASE absent", "FAILED: SemanticException [Error 10072]: Database does not exist: absent"),
        (
            "CREATE DATABASE shop",
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            "Database shop already exists",
        ),
        (
            "DROP DATABASE shop",
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            "InvalidOperationException(message:Database shop is not empty. One or more tables exist.)",
        ),
        (
            CSV,
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            "AlreadyExistsException(message:Table lines already exists)",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int, A int) LOCATION 's3://shop/t/'",
            "FAILED: SemanticException [Error 10036]: Duplicate column name: a",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int) PARTITIONED BY (a int) LOCATION 's3://shop/t/'",
            "FAILED: SemanticException [Error 10035]: Column repeated in partitioning columns",
        ),
        (
            "ALTER TABLE lines DROP COLUMN a",
            "FAILED: ParseException line 1:23 mismatched input 'COLUMN' expecting PARTITION near 'DROP' "
            "in drop partition statement",
        ),
        ("DROP VIEW lines", "FAILED: SemanticException [Error 10132]: Cannot drop a base table with DROP VIEW"),
        ("DROP VIEW absent", "TABLE_NOT_FOUND: line 1:1: View 'awsdatacatalog.shop.absent' does not exist"),
        (
            "UPDATE lines SET a = 1",
            "NOT_SUPPORTED: Modifying Hive table rows is only supported for transactional tables",
        ),
        ("DELETE FROM absent", "TABLE_NOT_FOUND: Table 'awsdatacatalog.shop.absent' does not exist"),
        ("OPTIMIZE lines REWRITE DATA USING BIN_PACK", "NOT_SUPPORTED: OPTIMIZE is only supported for Iceberg tables"),
    ],
)
def test_faults_are_worded_as_athenas(endpoint: Endpoint, sql: str, reason: str) -> None:
    endpoint.done(CSV)
    assert endpoint.reason(sql) == reason


@pytest.mark.parametrize(
    "location", ["s3://../etc/", "s3://./x/", "s3://a..b/", "s3://", "s3:///x", "s3://a b/", "/x/"]
)
def test_a_location_without_a_bucket_that_there_can_be_is_refused(endpoint: Endpoint, location: str) -> None:
    endpoint.done(CSV)
    for sql in ("CREATE EXTERNAL TABLE t (a int) LOCATION", "ALTER TABLE lines SET LOCATION"):
        with pytest.raises(QueryError, match=f"Invalid S3 location: {re.escape(location)}$"):
            endpoint.run(f"{sql} '{location}'")
    assert ("shop", "t") not in endpoint.glue.tables


def test_a_table_cannot_be_renamed(endpoint: Endpoint) -> None:
    endpoint.done(CSV)
    assert "InvalidInputException: Table cannot be renamed (Service: AmazonDataCatalog;" in endpoint.reason(
        "ALTER TABLE lines RENAME TO u"
    )
    assert endpoint.reason("ALTER TABLE x RENAME TO u").endswith("Table not found shop.x")


def test_what_need_not_be_there_may_be_absent(endpoint: Endpoint) -> None:
    for sql in (
        "DROP TABLE IF EXISTS absent",
        "DROP VIEW IF EXISTS absent",
        "DROP DATABASE IF EXISTS absent",
        "CREATE DATABASE IF NOT EXISTS shop",
        CSV,
        CSV.replace("TABLE", "TABLE IF NOT EXISTS", 1),
        "DROP SCHEMA shop CASCADE",
    ):
        assert endpoint.done(sql) == []
    assert not endpoint.glue.databases


def test_a_database_keeps_its_comment_location_and_properties(endpoint: Endpoint) -> None:
    endpoint.done("CREATE SCHEMA more COMMENT 'c' LOCATION 's3://shop/more/' WITH DBPROPERTIES ('a'='b')")
    entry = endpoint.glue.databases["more"]
    assert (entry["Description"], entry["LocationUri"], entry["Parameters"]) == ("c", "s3://shop/more/", {"a": "b"})


def test_a_database_that_comes_in_backticks_is_understood(endpoint: Endpoint) -> None:
    endpoint.done(CSV)
    assert endpoint.run("DESCRIBE `lines`", database="`shop`").state == "SUCCEEDED"


def test_a_refusal_of_glue_is_a_reason_and_no_exception(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.memory_glue import _fault  # noqa: PLC0415

    def refuse(*_: object, **__: object) -> None:
        raise _fault("AccessDeniedException", "CreateTable")

    monkeypatch.setattr(MemoryGlue, "create_table", refuse)
    assert "AccessDeniedException" in endpoint.reason(CSV)
