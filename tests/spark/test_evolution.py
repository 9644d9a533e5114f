"""Fields the contract does not know: kept aside, made columns or dropped, by old and new producers at once."""

import dataclasses
import json
from argparse import Namespace
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.table import TableAlterer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from infra.commands.docs import docs
from infra.local.lake import Lake
from lakehouse.errors import ContractError
from lakehouse.evolution import MAX_COLUMNS, can_be_column, gather
from lakehouse.strictjson import compact
from lakehouse.tables import SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import apply, rebuild
from spark_jobs.arrow import arrow_schema
from spark_jobs.delta import Lakehouse
from spark_jobs.session import SPLITTER
from spark_jobs.transforms import unknown
from tests.spark.site import Site, change
from tests.spark.test_crashes import crash, writes
from tests.unit.test_envelopes import retyped, with_field
from tests.unit.test_strictjson import DOCUMENTS

pytestmark = pytest.mark.spark

BEYOND = ("_change_type", "_commit_version", "_commit_timestamp", "_metadata")
GOOD = ("gift", "a", "x9_", "select", "a" * 63, "cdc", "current_sequence", "order")
BAD = (
    *SILVER_ORDER_LINES.names, *BEYOND,
    "", "Gift", "giFt", "a" * 64, "9a", "a.b", "a b", "a,b", "a\n", "\na", "ä", "till_nº", "cdc_", "cdc_new",
)  # fmt: skip


def unknown_fields(site: Site) -> dict[str, dict[str, Any]]:
    """By order id, `extra` and the columns beyond the contract that are not null."""
    return {
        row["order_id"]: {
            name: cell
            for name, cell in row.items()
            if cell is not None and (name == "extra" or name not in SILVER_ORDER_LINES.names)
        }
        for row in site.rows(SILVER_ORDER_LINES)
    }


def columns(site: Site) -> list[str]:
    return [name for name in site.tables().columns(SILVER_ORDER_LINES) if name not in SILVER_ORDER_LINES.names]


def set_mode(site: Site, mode: str) -> None:
    site.settings = dataclasses.replace(site.settings, unknown_columns=mode)


@pytest.mark.parametrize("collect_max_bytes", [0, 1 << 20], ids=["by Spark", "in memory"])
def test_evolve_gives_columns_to_old_and_new_producers_at_once(
    site: Site, capsys: pytest.CaptureFixture[str], collect_max_bytes: int
) -> None:
    set_mode(site, "evolve")
    driver = site.driver(collect_max_bytes=collect_max_bytes)
    site.land([change("c", 1, "old"), change("c", 2, "new", extra={"gift": "red", "Till": 7})])
    assert driver.step()
    assert columns(site) == ["gift"]
    assert unknown_fields(site) == {"old": {}, "new": {"gift": '"red"', "extra": '{"Till":7}'}}

    # each row is updated by the other producer; the new one has learnt two more fields, one of another type than before
    site.land(
        [
            change("u", 3, "old", extra={"gift": {"b": 1.5, "a": None}, "select": None}),
            change("u", 4, "new"),
            change("c", 5, "newer", extra={"points": 10**20, "extra": "mine", "gift": False}),
            change("c", 6, "gone", extra={"gift": 1}),
            change("d", 7, "gone"),
        ]
    )
    site.land([None, change("u", 1, "old", extra={"too_late": 1})], partition=1)
    assert driver.batch()
    assert driver.bring_gold_up().days == 1  # the change feed reaches over both shapes of the table
    assert columns(site) == ["gift", "points", "select"]
    assert unknown_fields(site) == {
        "old": {"gift": '{"b":1.5,"a":null}', "select": "null"},
        "new": {},
        "newer": {"gift": "false", "points": "100000000000000000000", "extra": '{"extra":"mine"}'},
        "gone": {},
    }

    # a batch of old producers only, which know none of it
    site.land([change("u", 8, "old"), change("c", 9, "last")])
    assert driver.step()
    assert unknown_fields(site)["old"] == unknown_fields(site)["last"] == {}
    assert site.differences() == []

    lake = Lake(site.settings)
    (row,) = (
        lake.query('SELECT gift, "select" FROM silver.current_order_lines WHERE points IS NOT NULL')
        .read_all()
        .to_pylist()
    )
    assert row == {"gift": "false", "select": None}
    assert docs(site.settings, Namespace(lake=True)) == 0
    page = capsys.readouterr().out
    for name, batch in (("gift", "0/1"), ("points", "0/2"), ("select", "0/2")):
        meaning = f"unknown field of the source, as JSON text; first in batch {batch}"
        assert f"| `{name}` | string | yes | {meaning} |" in page

    sound = site.delta(SILVER_ORDER_LINES).to_pyarrow_table()
    for damage in ('"another"', "no JSON"):
        rows = [{**row, "gift": damage} if row["gift"] else row for row in sound.to_pylist()]
        write_deltalake(site.delta(SILVER_ORDER_LINES), pa.Table.from_pylist(rows, sound.schema), mode="overwrite")
        assert any(line.startswith(SILVER_ORDER_LINES.full_name) for line in site.differences())


def test_a_setting_reaches_what_is_there_by_a_rebuild(site: Site) -> None:
    site.land([change("c", 1, "old"), change("c", 2, "new", extra={"gift": "red", "Till": 7})])
    site.land([change("u", 3, "old", extra={"zone": 1}), b"{", change("d", 4, "nobody")], partition=1)
    site.run()
    aside = {"old": {"extra": '{"zone":1}'}, "new": {"extra": '{"Till":7,"gift":"red"}'}, "nobody": {}}
    assert unknown_fields(site) == aside
    assert site.differences() == []

    set_mode(site, "discard")
    assert len(site.differences()) == 4  # what is there is not yet as the setting says
    rebuild.run(site.tables(), site.bucket, site.settings)
    assert unknown_fields(site) == {"old": {}, "new": {}, "nobody": {}}
    assert site.differences() == []

    set_mode(site, "evolve")
    assert len(site.differences()) == 4
    rebuild.run(site.tables(), site.bucket, site.settings)
    split = {"old": {"zone": "1"}, "new": {"gift": '"red"', "extra": '{"Till":7}'}, "nobody": {}}
    assert unknown_fields(site) == split
    assert all(column.meaning.endswith("in batch 2/1") for column in Lake(site.settings).unknown_columns())
    assert site.differences() == []

    # frozen, the columns there are still filled, and none is added
    set_mode(site, "freeze")
    site.land([change("c", 5, "frozen", extra={"gift": 1, "later": 2})])
    site.run()
    assert unknown_fields(site) == {**split, "frozen": {"gift": "1", "extra": '{"later":2}'}}
    set_mode(site, "discard")
    site.land([change("d", 6, "frozen"), change("u", 7, "new", extra={"gift": 1, "later": 2})])
    site.run()
    assert unknown_fields(site) == {**split, "frozen": {}, "new": {"gift": "1"}}
    assert site.differences() == []

    set_mode(site, "freeze")
    rebuild.run(site.tables(), site.bucket, site.settings)
    assert columns(site) == []
    assert unknown_fields(site) == {**aside, "frozen": {}, "new": {"extra": '{"gift":1,"later":2}'}}
    assert site.differences() == []


def test_a_rebuild_replaces_a_column_of_another_type(site: Site) -> None:
    # as one that `evolve` made of a field that the contract then took up
    url, options = site.tables().url(SILVER_ORDER_LINES), site.settings.delta_options
    wanted = arrow_schema(SILVER_ORDER_LINES)
    there = wanted.set(wanted.get_field_index("line_no"), pa.field("line_no", pa.string()))
    feed = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(url, there.empty_table(), storage_options=options, configuration=feed)
    site.land([change("c", 1, "one")])
    with pytest.raises(ContractError, match=r"line_no is of .*make rebuild"):
        site.driver()
    rebuild.run(site.tables(), site.bucket, site.settings)
    assert [row["line_no"] for row in site.rows(SILVER_ORDER_LINES)] == [1]
    site.land([change("u", 2, "one")])
    site.run()
    assert site.differences() == []


def test_a_hostile_producer_gets_the_columns_there_is_room_for_and_a_crash_changes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mode(site, "evolve")
    site.land([change("c", 1, "known", extra={f"m{number:02d}": number for number in range(MAX_COLUMNS - 2)})])
    site.run()
    before = site.tables().version(SILVER_ORDER_LINES)

    # an update and three inserts in two commits, after one that adds columns; each is followed by a death
    hostile = {f"n{number:05d}": number for number in range(10_000)}
    site.land(
        [
            change("u", 2, "known", extra={"zz": 1}),
            change("c", 3, "hostile", extra=hostile),
            change("c", 4, "one", extra={"z": 1, "a_first": 2}),
            change("c", 5, "two"),
        ]
    )
    monkeypatch.setattr(apply, "SPLIT_ROWS", 0)
    for method in ("add_columns", "append", "merge"):
        matches = writes(SILVER_ORDER_LINES) if method != "add_columns" else lambda *_: True
        with crash(Lakehouse, method, "after", matches):
            site.run(collect_max_bytes=0)
    site.run(collect_max_bytes=0)
    assert site.tables().version(SILVER_ORDER_LINES) == before + 3
    assert len(columns(site)) == MAX_COLUMNS
    assert columns(site)[-2:] == ["a_first", "n00000"]
    found = unknown_fields(site)
    assert found["one"] == {"a_first": "2", "extra": '{"z":1}'}
    assert found["two"] == {}
    assert found["known"] == {"extra": '{"zz":1}'}
    assert found["hostile"].pop("n00000") == "0"
    assert found["hostile"] == {
        "extra": json.dumps({**hostile, "n00000": None}, separators=(",", ":")).replace('"n00000":null,', "")
    }
    assert site.differences() == []

    site.land([change("u", 6, "one", extra={"b": 1, "zz": 2})])
    site.run()
    assert len(columns(site)) == MAX_COLUMNS  # there is no room left
    assert unknown_fields(site)["one"] == {"extra": '{"b":1,"zz":2}'}


def test_a_batch_in_memory_that_dies_after_its_columns_is_written_as_it_would_have_been(site: Site) -> None:
    set_mode(site, "evolve")
    site.land([change("c", 1, "one", extra={"b": 1, "zz": "x", "B": 2})])
    with crash(Lakehouse, "add_columns", "after", lambda *_: True):
        site.run()
    assert columns(site) == ["b", "zz"]
    site.land([change("u", 2, "one", extra={"b": 2, "a": None})])
    site.run(batch_max_rows=1)  # the old plan first
    assert columns(site) == ["b", "zz", "a"]
    assert unknown_fields(site) == {"one": {"a": "null", "b": "2"}}
    assert site.tables().version(SILVER_ORDER_LINES) == 4
    assert site.differences() == []


def test_a_commit_of_columns_whose_answer_is_lost_is_found_and_another_drivers_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.driver()
    tables, others = site.tables(), site.tables()
    add, mine = TableAlterer.add_columns, {"gift": "mine"}

    def overtaken(alterer: Any, *arguments: Any, **named: Any) -> None:
        monkeypatch.setattr(TableAlterer, "add_columns", add)
        others.add_columns(SILVER_ORDER_LINES, theirs, "first")
        add(alterer, *arguments, **named)

    for theirs in ({"gift": "mine"}, {"note": "theirs"}):
        monkeypatch.setattr(TableAlterer, "add_columns", overtaken)
        if theirs == mine:
            tables.add_columns(SILVER_ORDER_LINES, mine, "second")
            continue
        with pytest.raises(ContractError, match=r"columns zone.*another driver"):
            tables.add_columns(SILVER_ORDER_LINES, {"zone": "mine"}, "second")
    assert columns(site) == ["gift", "note"]
    assert tables.version(SILVER_ORDER_LINES) == 2


def test_only_names_that_every_reader_can_take_become_columns(spark: SparkSession) -> None:
    extra = json.dumps(dict.fromkeys((*GOOD, *BAD), 1))
    rows = spark.createDataFrame([(extra,), ('{"a":2}',), (None,)], "extra STRING")

    def names(columns: list[str], limit: int) -> list[str]:
        return [row["name"] for row in unknown.new_names(rows, columns, limit).collect()]

    assert names([], 100) == sorted(GOOD) == sorted(filter(can_be_column, (*GOOD, *BAD)))
    assert names(["a", "order"], 3) == sorted(set(GOOD) - {"a", "order"})[:3]


NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=3) | st.sampled_from(["a", "b", "c", ""])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=st.dictionaries(NAMES, DOCUMENTS, min_size=1, max_size=5), columns=st.sets(st.sampled_from("abc")))
def test_what_is_split_is_the_same_when_gathered(
    spark: SparkSession, fields: dict[str, Any], columns: set[str]
) -> None:
    jvm = spark.sparkContext._jvm
    assert jvm
    extra = compact({name: fields[name] for name in sorted(fields)})
    row = getattr(jvm, SPLITTER)().call(extra, ",".join(sorted(columns)))
    others, texts = row.get(0), dict(row.get(2))
    assert set(texts) == columns & fields.keys()
    assert texts == {name: compact(fields[name]) for name in texts}
    assert set(row.get(1)) == fields.keys() - columns
    assert gather(others, texts) == extra


def test_a_changed_type_costs_its_row_and_no_other(site: Site) -> None:
    odd = retyped()
    for number, (field, text) in enumerate(odd):
        value = with_field(change("c", 1000 + number, f"odd {number}"), field, text)
        site.land([value, change("c", number, f"sound {number}")], partition=number % 2)
    (result,) = site.run().ledger.results.values()
    outcomes = {name: rows for name, rows in result.outcomes.items() if rows}
    assert outcomes == {"applied": len(odd), "rejected": len(odd)}
    reasons = Counter(row["reason"] for row in site.rows(SILVER_REJECTED))
    assert reasons == Counter(f"wrong_type: after.{field}" for field, _ in odd)
    assert unknown_fields(site).keys() == {f"sound {number}" for number in range(len(odd))}
    assert site.differences() == []
