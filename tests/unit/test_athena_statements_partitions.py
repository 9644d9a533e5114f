"""Partitions: added, dropped, renamed, moved, found in S3 by MSCK REPAIR TABLE, listed."""

import pytest

from infra.local.athena.statements.partitions import folder
from tests.unit.athena_context import Endpoint, endpoint

pytestmark = pytest.mark.unit
__all__ = ["endpoint"]

PLACE = ("shop", "sales")


@pytest.fixture
def sales(endpoint: Endpoint) -> Endpoint:
    endpoint.done(
        "CREATE EXTERNAL TABLE sales (a int) PARTITIONED BY (day date, place string) "
        "STORED AS PARQUET LOCATION 's3://shop/sales/'"
    )
    return endpoint


def known(endpoint: Endpoint) -> dict[tuple[str, ...], str]:
    parts = endpoint.glue.partitions.get(PLACE, [])
    return {tuple(part["Values"]): part["StorageDescriptor"]["Location"] for part in parts}


def test_several_partitions_are_added_at_once(sales: Endpoint) -> None:
    sales.done(
        "ALTER TABLE sales ADD PARTITION (place = 'a/b', day = '2024-01-02') LOCATION 's3://shop/own/' "
        "PARTITION (day = DATE '2024-01-03', place = 'x=y')"
    )
    assert known(sales) == {
        ("2024-01-02", "a/b"): "s3://shop/own/",
        ("2024-01-03", "x=y"): "s3://shop/sales/day=2024-01-03/place=x%3Dy",
    }
    part = sales.glue.partitions[PLACE][0]
    assert part["StorageDescriptor"]["SerdeInfo"] == sales.glue.tables[PLACE]["StorageDescriptor"]["SerdeInfo"]
    assert sales.done("SHOW PARTITIONS sales") == ["day=2024-01-02/place=a%2Fb", "day=2024-01-03/place=x%3Dy"]


def test_a_partition_that_is_there_already_is_a_fault_unless_told_otherwise(sales: Endpoint) -> None:
    sql = "ALTER TABLE sales ADD PARTITION (day = '2024-01-02', place = 'a')"
    sales.done(sql)
    assert "AlreadyExistsException" in sales.reason(sql)
    sales.done(sql.replace("ADD", "ADD IF NOT EXISTS"))
    assert len(known(sales)) == 1


def test_a_partial_spec_drops_all_that_it_fits(sales: Endpoint) -> None:
    for day in ("2024-01-02", "2024-01-03"):
        for place in ("a", "b"):
            sales.done(f"ALTER TABLE sales ADD PARTITION (day = '{day}', place = '{place}')")
    sales.done("ALTER TABLE sales DROP PARTITION (place = 'a'), PARTITION (day = '2024-01-03', place = 'b')")
    assert list(known(sales)) == [("2024-01-02", "b")]
    assert sales.reason("ALTER TABLE sales DROP PARTITION (place = 'z')") == (
        "FAILED: SemanticException [Error 10006]: Partition not found {place=z}"
    )
    sales.done("ALTER TABLE sales DROP IF EXISTS PARTITION (place = 'z')")


def test_a_partition_is_renamed_moved_and_given_columns(sales: Endpoint) -> None:
    sales.done("ALTER TABLE sales ADD PARTITION (day = '2024-01-02', place = 'a')")
    sales.done(
        "ALTER TABLE sales PARTITION (day='2024-01-02', place='a') RENAME TO PARTITION (day='2024-01-02', place='b')"
    )
    assert known(sales) == {("2024-01-02", "b"): "s3://shop/sales/day=2024-01-02/place=a"}
    sales.done("ALTER TABLE sales PARTITION (day='2024-01-02', place='b') SET LOCATION 's3://shop/b/'")
    sales.done("ALTER TABLE sales PARTITION (day='2024-01-02', place='b') ADD COLUMNS (c string)")
    storage = sales.glue.partitions[PLACE][0]["StorageDescriptor"]
    assert storage["Location"] == "s3://shop/b/"
    assert [column["Name"] for column in storage["Columns"]] == ["a", "c"]
    assert "Partition not found" in sales.reason(
        "ALTER TABLE sales PARTITION (day='x', place='y') SET LOCATION 's3://shop/b/'"
    )


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("ADD PARTITION (colour = 'red')", "Partition spec {colour=red} contains non-partition columns"),
        ("ADD PARTITION (day = '2024-01-02')", "does not fully match table partitioning: {day=2024-01-02}"),
    ],
)
def test_a_spec_has_to_fit_the_table(sales: Endpoint, sql: str, words: str) -> None:
    assert words in sales.reason(f"ALTER TABLE sales {sql}")


def test_repair_creates_the_partitions_whose_folders_are_there(sales: Endpoint) -> None:
    for key in (
        "day=2024-01-02/place=a/1.parquet",
        "day=2024-01-02/place=a/2.parquet",
        "Day=2024-01-03/place=x%2Fy/1.parquet",
        "day=2024-01-04/colour=red/1.parquet",
        "_temporary/1.parquet",
    ):
        sales.s3.objects[f"sales/{key}"] = b""
    sales.done("ALTER TABLE sales ADD PARTITION (day = '2024-01-01', place = 'gone')")
    assert sales.done("MSCK REPAIR TABLE sales") == [
        "Partitions not in metastore:\tsales:day=2024-01-03/place=x%2Fy\tsales:day=2024-01-02/place=a",
        "Partitions missing from filesystem:\tsales:day=2024-01-01/place=gone",
        "Repair: Added partition to metastore sales:day=2024-01-03/place=x%2Fy",
        "Repair: Added partition to metastore sales:day=2024-01-02/place=a",
    ]
    assert known(sales)[("2024-01-03", "x/y")] == "s3://shop/sales/Day=2024-01-03/place=x%2Fy/"
    assert len(sales.done("MSCK REPAIR TABLE sales")) == 1
    assert len(known(sales)) == 3


def test_repair_creates_more_partitions_than_glue_takes_at_once(sales: Endpoint) -> None:
    sales.s3.objects |= {f"sales/day=2024-01-02/place={number}/x": b"" for number in range(230)}
    sales.done("MSCK REPAIR TABLE sales")
    assert len(known(sales)) == 230


def test_repair_says_what_is_missing(sales: Endpoint) -> None:
    assert sales.done("MSCK REPAIR TABLE sales") == ["Tables missing on filesystem:\tsales"]
    assert sales.done("MSCK REPAIR TABLE absent") == ["Tables not in metastore:\tabsent"]


def test_a_table_without_partitions_has_none_to_show(endpoint: Endpoint) -> None:
    endpoint.done("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://shop/t/'")
    assert endpoint.reason("SHOW PARTITIONS t").endswith("Table shop.t is not a partitioned table")
    assert "table is not partitioned" in endpoint.reason("ALTER TABLE t ADD PARTITION (p = '1')")


def test_a_partition_can_be_described(sales: Endpoint) -> None:
    sales.done("ALTER TABLE sales ADD PARTITION (day = '2024-01-02', place = 'a')")
    lines = sales.done("DESCRIBE FORMATTED sales PARTITION (day = '2024-01-02', place = 'a')")
    assert "Partition Value:    \t[2024-01-02, a]     \t " in lines
    assert "Location:           \ts3://shop/sales/day=2024-01-02/place=a\t " in lines
    assert "Partition not found" in sales.reason("DESCRIBE sales PARTITION (day = 'x', place = 'a')")


def test_a_value_that_is_empty_has_hives_folder() -> None:
    assert folder(["p"], [""]) == "p=__HIVE_DEFAULT_PARTITION__"
