"""Unknown fields: what a row's are, wherever they lie."""

import dataclasses
import doctest
import time
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse import evolution
from lakehouse.errors import ContractError
from lakehouse.evolution import MAX_COLUMNS, gather, meaning, only
from lakehouse.strictjson import Integer, compact
from lakehouse.tables import SILVER_ORDER_LINES, Column
from spark_jobs import merge
from spark_jobs.arrow import arrow_schema
from spark_jobs.evolution import complete
from spark_jobs.merge import Merge
from tests.unit.local_tables import FolderBucket, LocalTables

pytestmark = pytest.mark.unit


def test_fields_are_gathered_as_they_came() -> None:
    columns = {"gift": '{"b":1.10,"a":-0}', "none": None, "null": "null", "text": '"\\u001F"'}
    assert (
        gather('{"Z":[1E5],"m":0}', columns)
        == '{"Z":[1E5],"gift":{"b":1.10,"a":-0},"m":0,"null":null,"text":"\\u001F"}'
    )
    assert gather(None, {"gift": "1"}) == '{"gift":1}'
    assert gather('{"a":1}', {"gift": None}) == '{"a":1}'
    assert gather(None, {"gift": None}) is None


def test_what_has_no_column_is_dropped() -> None:
    assert only('{"Z":1,"gift":1.10,"m":0}', ["gift", "m"]) == '{"gift":1.10,"m":0}'
    assert only('{"Z":1}', ["gift"]) is only(None, ["gift"]) is None


@pytest.fixture
def tables(tmp_path: Path) -> LocalTables:
    found = LocalTables(tmp_path)
    found.create(SILVER_ORDER_LINES)
    return found


def rows(*extras: str | None, sequence: int = 1) -> pa.Table:
    """Rows of silver of which nothing matters but their unknown fields."""
    given = [
        {"source": "kafka", "order_id": "1", "line_no": number, "cdc_op": "c", "extra": extra}
        | {"cdc_sequence": str(sequence), "is_deleted": False, "batch_id": sequence}
        for number, extra in enumerate(extras, start=1)
    ]
    return pa.Table.from_pylist(given, arrow_schema(SILVER_ORDER_LINES))


def fields(found: pa.Table) -> list[dict[str, str]]:
    """By row, `extra` and the columns beyond the contract that are not null."""
    names = {"extra", *found.column_names} - set(SILVER_ORDER_LINES.names) | {"extra"}
    return [{name: row[name] for name in sorted(names) if row[name] is not None} for row in found.to_pylist()]


def test_the_setting_says_what_becomes_of_a_field(tables: LocalTables) -> None:
    given = rows(None, '{"Till":7,"gift":1.10}', '{"select":null}')
    assert complete(given, tables, "freeze", "batch 0/1").equals(given)
    assert fields(complete(given, tables, "discard", "batch 0/1")) == [{}, {}, {}]
    assert tables.version(SILVER_ORDER_LINES) == 0
    evolved = [{}, {"extra": '{"Till":7}', "gift": "1.10"}, {"select": "null"}]
    assert fields(complete(given, tables, "evolve", "batch 0/1")) == evolved
    assert tables.version(SILVER_ORDER_LINES) == 1
    assert fields(complete(given, tables, "evolve", "batch 0/1")) == evolved  # the same plan run again
    assert tables.version(SILVER_ORDER_LINES) == 1
    later = rows('{"gift":2,"zone":3}')
    assert fields(complete(later, tables, "freeze", "batch 0/2")) == [{"extra": '{"zone":3}', "gift": "2"}]
    assert fields(complete(later, tables, "discard", "batch 0/2")) == [{"gift": "2"}]
    assert complete(rows(None), tables, "evolve", "batch 0/2").column_names[-2:] == ["gift", "select"]


def test_columns_are_written_and_nulled_by_an_append_and_a_merge(tables: LocalTables) -> None:
    first = complete(rows('{"gift":1}', '{"order":2}'), tables, "evolve", "batch 0/1")
    tables.append_few(first, SILVER_ORDER_LINES, "app", 1, "batch 0/1")
    second = complete(rows(None, '{"order":3,"to":4}', '{"gift":5}', sequence=2), tables, "evolve", "batch 0/2")
    merge.run(tables, FolderBucket(), SILVER_ORDER_LINES, Merge(second, "cdc_sequence", "app", 2, ""), now=time.time())
    found = tables.handle(SILVER_ORDER_LINES).to_pyarrow_table().sort_by("line_no")
    assert fields(found) == [{}, {"order": "3", "to": "4"}, {"gift": "5"}]
    comments = {
        field.name: field.metadata.get("comment") for field in tables.handle(SILVER_ORDER_LINES).schema().fields
    }
    assert (comments["gift"], comments["to"]) == (meaning("batch 0/1"), meaning("batch 0/2"))


def test_there_is_room_for_some_columns_and_the_alphabet_decides(tables: LocalTables) -> None:
    hostile = compact({f"n{number:05d}": Integer(number) for number in range(10_000)})
    (found,) = fields(complete(rows(hostile), tables, "evolve", "batch 0/1"))
    kept = {f"n{number:05d}": str(number) for number in range(MAX_COLUMNS)}
    assert {name: text for name, text in found.items() if name != "extra"} == kept
    assert gather(found["extra"], kept) == hostile
    full = fields(complete(rows('{"a":1,"n00049":2}'), tables, "evolve", "batch 0/2"))
    assert full == [{"extra": '{"a":1}', "n00049": "2"}]


def test_a_column_of_the_contract_that_is_there_with_another_type_is_said(tables: LocalTables) -> None:
    tables.add_columns(SILVER_ORDER_LINES, {"gift": ""}, "batch 0/1")
    gift = Column("gift", "int", "")
    later = dataclasses.replace(SILVER_ORDER_LINES, columns=(*SILVER_ORDER_LINES.columns, gift))
    with pytest.raises(ContractError, match=r"column gift is of .*string.*integer.*make rebuild"):
        tables.create(later)


def test_examples_in_docstrings_hold() -> None:
    found = doctest.testmod(evolution)
    assert found.attempted
    assert not found.failed
