"""A what-if's changes to the related series, and a selection of series, against loops over rows."""

import operator
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.data import replacements, selector, transformations
from forecasting.data.schema import Attribute, Schema
from lakehouse.errors import ContractError
from tests.unit.memory_s3 import MemoryS3

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    (
        Attribute("item_id", "string"),
        Attribute("store", "string"),
        Attribute("timestamp", "timestamp"),
        Attribute("price", "float"),
        Attribute("promotion", "integer"),
    ),
    "item_id",
)
CONDITIONS = {
    "EQUALS": operator.eq,
    "NOT_EQUALS": operator.ne,
    "LESS_THAN": operator.lt,
    "GREATER_THAN": operator.gt,
}
OPERATIONS = {
    "ADD": operator.add,
    "SUBTRACT": operator.sub,
    "MULTIPLY": operator.mul,
    "DIVIDE": operator.truediv,
}


def related(rows: list[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], SCHEMA.arrow)


def row(item: str, day: int, price: float | None = 1.0, promotion: int | None = 0, store: str = "s") -> dict[str, Any]:
    at = datetime(2019, 9, day)
    return {"item_id": item, "store": store, "timestamp": at, "price": price, "promotion": promotion}


def change(name: str, operation: str, value: float, *conditions: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "Action": {"AttributeName": name, "Operation": operation, "Value": value},
        "TimeSeriesConditions": [
            {"AttributeName": one, "Condition": word, "AttributeValue": text} for one, word, text in conditions
        ],
    }


def slowly(rows: list[Mapping[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [dict(one) for one in rows]
    for one in changes:
        action = one["Action"]
        for current in found:
            holds = True
            for condition in one["TimeSeriesConditions"]:
                value, text = current[condition["AttributeName"]], condition["AttributeValue"]
                kind = {"item_id": str, "store": str, "timestamp": datetime.fromisoformat}.get(
                    condition["AttributeName"], float
                )
                holds = holds and value is not None and CONDITIONS[condition["Condition"]](value, kind(text))
            if holds and current[action["AttributeName"]] is not None:
                changed = OPERATIONS[action["Operation"]](float(current[action["AttributeName"]]), action["Value"])
                current[action["AttributeName"]] = changed
    return found


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from("ab"),
        st.integers(1, 9),
        st.one_of(st.none(), st.integers(-3, 3).map(float)),
        st.one_of(st.none(), st.integers(-3, 3)),
        st.sampled_from("st"),
    ),
    max_size=8,
)
WORDS = st.sampled_from(sorted(CONDITIONS))
CONDITION = st.one_of(
    st.tuples(st.sampled_from(["item_id", "store"]), st.sampled_from(["EQUALS", "NOT_EQUALS"]), st.sampled_from("abs")),
    st.tuples(st.sampled_from(["price", "promotion"]), WORDS, st.integers(-3, 3).map(str)),
    st.tuples(st.just("timestamp"), WORDS, st.integers(1, 9).map(lambda day: f"2019-09-0{day} 00:00:00")),
)
CHANGES = st.lists(
    st.builds(
        lambda name, operation, value, conditions: change(name, operation, value, *conditions),
        st.sampled_from(["price", "promotion"]),
        st.sampled_from(sorted(OPERATIONS)),
        st.sampled_from([0.5, 2.0, -1.0]),
        st.lists(CONDITION, max_size=3),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(ROWS, CHANGES)
def test_transformations_are_those_of_a_loop(rows: list[Mapping[str, Any]], changes: list[dict[str, Any]]) -> None:
    assert transformations.apply(related(rows), SCHEMA, changes).to_pylist() == slowly(rows, changes)


def test_the_scenario_of_the_samples_takes_ten_percent_off_after_september_first() -> None:
    rows = [row("a", 1, 100.0), row("a", 2, 100.0), row("b", 3, 50.0)]
    off = change("price", "MULTIPLY", 0.9, ("timestamp", "GREATER_THAN", "2019-09-01 00:00:00"))
    assert transformations.apply(related(rows), SCHEMA, [off])["price"].to_pylist() == [100.0, 90.0, 45.0]
    for text in ("2019-09-01", "2019-09-01T00:00:00", "2019-09-01T00:00:00Z"):
        off["TimeSeriesConditions"][0]["AttributeValue"] = text
        assert transformations.apply(related(rows), SCHEMA, [off])["price"].to_pylist() == [100.0, 90.0, 45.0]


def test_capitals_of_an_attribute_do_not_count_and_missing_values_stay() -> None:
    rows = [row("a", 1, None, None), row("a", 2, float("nan"), 2)]
    changes = [change("PRICE", "ADD", 1.0, ("Price", "NOT_EQUALS", "7")), change("Promotion", "ADD", 0.5)]
    found = transformations.apply(related(rows), SCHEMA, changes)
    assert str(found["price"].to_pylist()) == "[None, nan]"
    assert found["promotion"].to_pylist() == [None, 2.5]


def test_a_condition_asks_the_metadata_of_the_rows_item() -> None:
    of_items = Schema(
        (Attribute("size", "integer"), Attribute("item_id", "string"), Attribute("Brand", "string")), "item_id"
    )
    items = pa.Table.from_pylist(
        [{"size": 3, "item_id": "b", "Brand": "x"}, {"size": 1, "item_id": "a", "Brand": "y"}], of_items.arrow
    )
    rows = [row("a", 1), row("b", 1), row("b", 2), row("unknown", 1)]
    changes = [
        change("price", "ADD", 1.0, ("brand", "EQUALS", "x"), ("timestamp", "GREATER_THAN", "2019-09-01")),
        change("price", "ADD", 10.0, ("Brand", "NOT_EQUALS", "x")),
        change("price", "ADD", 100.0, ("size", "LESS_THAN", "2")),
    ]
    found = transformations.apply(related(rows), SCHEMA, changes, (items, of_items))
    assert found["price"].to_pylist() == [111.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (change("colour", "ADD", 1.0), "the attribute 'colour'; expected one of item_id, store, timestamp"),
        (change("price", "ADD", 1.0, ("colour", "EQUALS", "red")), "the attribute 'colour'"),
        (change("store", "ADD", 1.0), "the action ADD on store, which is a string"),
        (change("timestamp", "ADD", 1.0), "the action ADD on timestamp, which is a timestamp"),
        (change("price", "DIVIDE", 0.0), "the action DIVIDE 0.0 on price; expected finite results"),
        (change("price", "MULTIPLY", 1.7e308), "the action MULTIPLY 1.7e+308 on price"),
        (
            change("price", "ADD", 1.0, ("store", "LESS_THAN", "t")),
            "the condition LESS_THAN on store, which is a string",
        ),
        (change("price", "ADD", 1.0, ("price", "EQUALS", "cheap")), "the condition's value 'cheap' for price"),
        (change("price", "ADD", 1.0, ("price", "EQUALS", "nan")), "the condition's value 'nan' for price"),
        (change("price", "ADD", 1.0, ("timestamp", "EQUALS", "noon")), "the condition's value 'noon' for timestamp"),
    ],
)
def test_a_transformation_that_makes_no_sense_is_told(one: dict[str, Any], told: str) -> None:
    with pytest.raises(ContractError) as raised:
        transformations.apply(related([row("a", 1, 2.0)]), SCHEMA, [one])
    assert told in str(raised.value)


def source(names: dict[str, str], path: str = "s3://shop/new.csv", **more: str) -> dict[str, Any]:
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in names.items()]
    return {"S3Config": {"Path": path}, "Schema": {"Attributes": attributes}} | more


KEYS = {"item_id": "string", "store": "string", "timestamp": "timestamp"}


def test_replacements_are_read_from_s3_and_take_the_place_of_values(tmp_path: Path) -> None:
    client = MemoryS3({"new.csv": b"02.09.2019,a,s,90,\n03.09.2019,a,s,,7\n"})
    names = {"timestamp": "timestamp", "item_id": "string", "store": "string", "price": "float", "promotion": "integer"}
    rows = replacements.read(source(names, TimestampFormat="dd.MM.yyyy"), SCHEMA, client=client, scratch=tmp_path)
    before = [row("b", 2), row("a", 3, 100.0, 1), row("a", 2, 100.0, 1), row("a", 1, 100.0, 1), row("a", 2, store="t")]
    found = replacements.apply(related(before), SCHEMA, rows).to_pylist()
    assert found == [before[0], before[1] | {"promotion": 7}, before[2] | {"price": 90.0}, *before[3:]]
    assert not list(tmp_path.iterdir())


def test_replacements_without_a_row_would_look_like_no_effect_and_are_refused(tmp_path: Path) -> None:
    client = MemoryS3({"new.csv": b"item_id,store,timestamp,price\n"})
    with pytest.raises(ContractError, match=r"no row of data in s3://shop/new.csv;"):
        replacements.read(source({**KEYS, "price": "float"}), SCHEMA, client=client, scratch=tmp_path)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_replacements_are_those_of_a_dictionary(rows: list[Mapping[str, Any]], data: st.DataObject) -> None:
    keys = sorted({tuple(one[name] for name in KEYS) for one in rows})
    chosen = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    prices = {key: float(number) for number, key in enumerate(chosen, 10)}
    types = [SCHEMA.arrow.field(name).type for name in KEYS]
    columns = {name: pa.array([key[place] for key in chosen], types[place]) for place, name in enumerate(KEYS)}
    table = pa.table(columns | {"price": pa.array(prices.values(), pa.float64())})
    expected = [dict(one) | {"price": prices.get(tuple(one[name] for name in KEYS), one["price"])} for one in rows]
    assert replacements.apply(related(rows), SCHEMA, table).to_pylist() == expected


def test_two_replacements_of_one_row_and_one_of_no_row_are_refused() -> None:
    before = related([row("a", 1), row("a", 2)])
    twice = related([row("a", 1), row("a", 2), row("a", 1)]).drop_columns(["promotion"])
    with pytest.raises(ContractError, match="2 replacements of item_id=a, store=s, timestamp=2019-09-01 00:00:00"):
        replacements.apply(before, SCHEMA, twice)
    with pytest.raises(ContractError, match=r"a replacement of item_id=z, store=s, .*a row of the related time series"):
        replacements.apply(before, SCHEMA, related([row("z", 1)]))


@pytest.mark.parametrize(
    "names",
    [
        {"item_id": "string", "timestamp": "timestamp", "price": "float"},
        KEYS,
        {**KEYS, "colour": "float"},
        {**KEYS, "price": "integer"},
    ],
)
def test_replacements_need_the_key_and_a_column_of_the_related_series(tmp_path: Path, names: dict[str, str]) -> None:
    with pytest.raises(
        ContractError, match=r"expected item_id, store, timestamp and at least one more of item_id \(str"
    ):
        replacements.read(source(names), SCHEMA, client=MemoryS3(), scratch=tmp_path)


def chosen(folder: Path, body: bytes, *names: str, keys: tuple[str, ...] = ("item_id", "store")) -> pa.Table:
    one = source(dict.fromkeys(names, "string"))
    identifiers = {"DataSource": {"S3Config": one["S3Config"]}, "Schema": one["Schema"], "Format": "CSV"}
    client = MemoryS3({"new.csv": body})
    return selector.read({"TimeSeriesIdentifiers": identifiers}, keys, client=client, scratch=folder)


SERIES = pa.table({"item_id": ["101", "102", "101", "103"], "store": ["s", "s", "t", ""]})


def test_a_selection_passes_over_series_that_nobody_knows(tmp_path: Path) -> None:
    wanted = chosen(tmp_path, b"s,101\nx,101\ns,102\ns,102\n", "store", "item_id")
    assert selector.chosen(SERIES, wanted).tolist() == [True, True, False, False]


def test_dimensions_may_have_any_name() -> None:
    keys = pa.table({"item_id": ["a", "a"], "place": ["x", "y"], "row": ["1", "1"]})
    assert selector.chosen(keys, keys.slice(1)).tolist() == [False, True]
    day = pa.array([datetime(2019, 9, 1)] * 2, pa.timestamp("s"))
    before = keys.append_column("timestamp", day).append_column("price", [[1.0, 2.0]])
    kinds = {**dict.fromkeys(keys.column_names, "string"), "timestamp": "timestamp", "price": "float"}
    schema = Schema(tuple(Attribute(*one) for one in kinds.items()), "item_id")
    found = replacements.apply(before, schema, before.slice(1).set_column(4, "price", [[7.0]]))
    assert found["price"].to_pylist() == [1.0, 7.0]
    assert found.select(keys.column_names) == keys


def test_a_selection_by_item_alone_takes_all_its_series(tmp_path: Path) -> None:
    wanted = chosen(tmp_path, b"item_id\n101\n\n999", "item_id")
    assert selector.chosen(SERIES, wanted).tolist() == [True, False, True, False]


def test_a_selection_of_nothing_that_is_known_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="a TimeSeriesSelector of 2 series, none of them known"):
        selector.chosen(SERIES, chosen(tmp_path, b"1\n2\n", "item_id"))


@pytest.mark.parametrize("names", [("store",), ("item_id", "colour"), ()])
def test_a_selection_has_columns_of_the_key_only(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ContractError, match="expected item_id, store"):
        chosen(tmp_path, b"", *names)


def test_a_selection_leaves_the_order_of_the_series(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    keys = pa.table({"item_id": [f"i{number}" for number in rng.permutation(5_000)]})
    wanted = keys.take(rng.choice(5_000, 700, replace=False))
    expected = set(wanted["item_id"].to_pylist())
    found = selector.chosen(keys, wanted)
    assert found.tolist() == [item in expected for item in keys["item_id"].to_pylist()]
