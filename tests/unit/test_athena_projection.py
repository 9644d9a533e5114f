"""Partition projection: partitions from properties, as AWS documents each type."""

import datetime as dt
from pathlib import Path

import pytest

from infra.local.athena.contract import Column, QueryError, Range
from infra.local.athena.tables.projection import Projection
from tests.unit.athena_lake import JSON, Lake

pytestmark = pytest.mark.unit

NOW = dt.datetime(2024, 3, 31, 10, 30, tzinfo=dt.UTC)


def values(kind: str = "varchar", ranges: Range | None = None, **properties: str) -> list[str]:
    """Projected values of one column `c`."""
    parameters = {f"projection.c.{name.replace('_', '.')}": value for name, value in properties.items()}
    projection = Projection(parameters, (Column("c", kind),), NOW)
    return [value for (value,) in projection.partitions({"c": ranges} if ranges else {})]


def test_enumerated_values_are_those_listed() -> None:
    assert values(type="enum", values="UK, FR,DE") == ["UK", "FR", "DE"]
    assert values(type="enum", values="UK,FR", ranges=Range(values=frozenset({"FR", "XX"}))) == ["FR"]


def test_integers_have_an_interval_and_digits() -> None:
    assert values("integer", type="integer", range="-1,2") == ["-1", "0", "1", "2"]
    assert values("integer", type="integer", range="0,10", interval="5", digits="3") == ["000", "005", "010"]
    assert values("integer", type="integer", range="1,1000", ranges=Range(low=3, high=4)) == ["3", "4"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"format": "yyyy-MM-dd", "range": "2024-02-28,2024-03-01"}, ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ({"format": "yyyy/MM", "range": "2023/12,2024/02"}, ["2023/12", "2024/01", "2024/02"]),
        ({"format": "yyyyMMdd", "range": "NOW-2DAYS,NOW"}, ["20240329", "20240330", "20240331"]),
        ({"format": "yyyy-MM-dd", "range": "NOW-1MONTH,NOW-1MONTHS"}, ["2024-02-29"]),
        (
            {"format": "yyyy-MM-dd'T'HH", "range": "2024-01-01T22,2024-01-02T01", "interval_unit": "HOURS"},
            ["2024-01-01T22", "2024-01-01T23", "2024-01-02T00", "2024-01-02T01"],
        ),
        ({"format": "d.M.yy", "range": "9.1.24,16.1.24", "interval_unit": "WEEKS"}, ["9.1.24", "16.1.24"]),
        ({"format": "yyyy", "range": "2022,2024", "interval_unit": "YEARS"}, ["2022", "2023", "2024"]),
        ({"format": "yyyy-MM-dd", "range": "2024-01-31,2024-03-31", "interval_unit": "MONTHS"},
         ["2024-01-31", "2024-02-29", "2024-03-31"]),
    ],
)  # fmt: skip
def test_dates_have_a_format_a_range_and_a_step(properties: dict[str, str], expected: list[str]) -> None:
    assert values(type="date", **properties) == expected


def test_a_range_of_a_query_cuts_dates() -> None:
    given = {"type": "date", "format": "yyyy-MM-dd", "range": "2000-01-01,NOW"}
    assert values(**given, ranges=Range(low="2024-03-30")) == ["2024-03-30", "2024-03-31"]
    assert values("date", **given, ranges=Range(values=frozenset({dt.date(2010, 5, 6)}))) == ["2010-05-06"]


def test_injected_values_are_those_of_the_query() -> None:
    assert values(type="injected", ranges=Range(values=frozenset({"b", "a"}))) == ["a", "b"]
    with pytest.raises(QueryError, match=r"^CONSTRAINT_VIOLATION: For the injected projected partition column c, the"):
        values(type="injected", ranges=Range(low="a"))


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"type": "other"},
        {"type": "enum"},
        {"type": "integer", "range": "1"},
        {"type": "integer", "range": "a,b"},
        {"type": "date", "format": "yyyy-MM-dd", "range": "2024-01-01,soon"},
        {"type": "date", "format": "yyyy-ww", "range": "2024-01,NOW"},
        {"type": "date", "format": "yyyy-MM-dd", "range": "2024-13-01,NOW"},
        {"type": "date", "format": "yyyy-MM-dd", "range": "NOW,NOW", "interval_unit": "FORTNIGHTS"},
        {"type": "integer", "range": "0,2000000"},
    ],
)
def test_a_wrong_property_is_named(properties: dict[str, str]) -> None:
    with pytest.raises(QueryError, match=r"^INVALID_TABLE_PROPERTY: Table property 'projection\.c\.\w"):
        values(**properties)


def test_only_the_folders_of_projected_partitions_are_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    properties = {
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": "2024/01/01,2024/01/03",
        "projection.shop.type": "enum",
        "projection.shop.values": "a,b",
        "storage.location.template": "s3://shop/raw/${shop}/${day}",
    }
    lake.add("t", {"n": "bigint"}, JSON, keys={"day": "string", "shop": "string"}, parameters=properties)
    lake.s3.objects |= {
        "raw/a/2024/01/01/x.json": b'{"n": 1}\n',
        "raw/b/2024/01/03/x.json": b'{"n": 2}\n',
        "raw/b/2024/01/04/x.json": b'{"n": 3}\n',
        "raw/c/2024/01/01/x.json": b'{"n": 4}\n',
    }
    assert lake.query("SELECT n, day, shop FROM t ORDER BY n", "bigint varchar varchar", "t") == [
        ["1", "2024/01/01", "a"],
        ["2", "2024/01/03", "b"],
    ]
    lake.linked.clear()
    only = {"shop": Range(values=frozenset({"b"}))}
    assert lake.query("SELECT n FROM t WHERE shop = 'b'", "bigint", "t", ranges=only) == [["2"]]
    assert lake.linked == ["raw/b/2024/01/03/x.json"]


def test_without_a_template_folders_are_hives(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    properties = {"projection.enabled": "TRUE", "projection.n.type": "integer", "projection.n.range": "1,3"}
    lake.add("t", {"a": "bigint"}, JSON, keys={"n": "int"}, parameters=properties)
    lake.s3.objects |= {"t/n=2/f": b'{"a": 5}\n', "t/n=4/f": b'{"a": 6}\n'}
    assert lake.query("SELECT a, n FROM t", "bigint integer", "t") == [["5", "2"]]
