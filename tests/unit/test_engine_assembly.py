"""From rows to a panel: series, grids, covariates, categories and newcomers, and what is refused."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from forecasting.engine.assembly import Layout, assemble
from forecasting.engine.filling import Fill, Filling
from forecasting.engine.frequency import Frequency
from forecasting.engine.panel import Panel
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit

DAYS = Frequency.parse("D")
NAN = np.nan
LAYOUT = Layout(item="item_id", time="timestamp", target="demand")
STORES = Layout(item="item_id", time="timestamp", target="demand", dimensions=("store",))


def at(day: float) -> datetime:
    return datetime(2024, 1, 1) + timedelta(days=day)


def rows(names: str, *values: tuple[Any, ...]) -> pa.Table:
    """A table whose column `timestamp` is given in days."""
    columns = {name: [row[place] for row in values] for place, name in enumerate(names.split())}
    columns["timestamp"] = [at(day) for day in columns["timestamp"]]
    return pa.table(columns)


def panel(target: pa.Table, layout: Layout = LAYOUT, horizon: int = 2, **tables: pa.Table) -> Panel:
    return assemble(layout, DAYS, horizon, target=target, **tables)


TARGET = rows("item_id timestamp demand", ("b", 1, 5.0), ("a", 0, 1.0), ("a", 3.5, 2.0), ("a", 3.2, 3.0))


def test_series_come_in_the_order_of_their_keys_and_are_filled() -> None:
    made = panel(TARGET)
    assert made.keys.to_pydict() == {"item_id": ["a", "b"]}
    assert np.array_equal(made.target, [[1, 0, 0, 5], [NAN, 5, 0, 0]], equal_nan=True)
    assert made.starts(0, 2).astype(datetime).tolist() == [at(0), at(1)]
    assert made.frequency.start(np.array([made.end]))[0].astype(datetime) == at(4)


def test_the_first_value_of_a_period_is_that_of_the_earliest_time() -> None:
    layout = Layout(item="item_id", time="timestamp", target="demand", aggregation="first", filling=Filling())
    assert np.array_equal(panel(TARGET, layout).target, [[1, NAN, NAN, 3], [NAN, 5, NAN, NAN]], equal_nan=True)


def test_a_dimension_makes_series_or_is_added_up() -> None:
    target = rows("item_id store timestamp demand", ("a", "x", 0, 1.0), ("a", "y", 0, 2.0), ("b", "x", 0, 4.0))
    assert panel(target).target.tolist() == [[3], [4]]
    made = panel(target, STORES)
    assert made.keys.to_pydict() == {"item_id": ["a", "a", "b"], "store": ["x", "y", "x"]}
    assert made.target.tolist() == [[1], [2], [4]]
    assert made.static["store"].tolist() == [0, 1, 0]
    assert made.categories == {"store": ("x", "y")}


def test_a_related_series_with_a_value_in_the_horizon_is_known_ahead() -> None:
    related = rows(
        "item_id timestamp price rain",
        *[("a", day, 10.0 + day, 1 if day < 4 else None) for day in range(-3, 9)],
        *[("b", day, 20.0, 2 if day < 4 else None) for day in range(6)],
        ("c", 0, 1.0, 1),
    )
    made = panel(TARGET, related=related)
    assert made.known["price"].tolist() == [[10, 11, 12, 13, 14, 15], [20] * 6]
    assert made.past["rain"].tolist() == [[1] * 4, [2] * 4]
    assert made.until(2, 2).known["price"].tolist() == [[10, 11, 12, 13], [20] * 4]
    assert made.until(2, 2).past["rain"].tolist() == [[1, 1], [2, 2]]


def test_a_related_series_that_ends_within_the_horizon_is_refused_or_filled() -> None:
    related = rows(
        "item_id timestamp price", *[("a", day, 1.0) for day in range(6)], *[("b", day, 2.0) for day in range(5)]
    )
    with pytest.raises(ContractError, match="price of item_id=b has no value for some period inside the forecast"):
        panel(TARGET, related=related)
    layout = Layout("item_id", "timestamp", "demand", related={"price": Filling(future=Fill("max"))})
    assert panel(TARGET, layout, related=related).known["price"].tolist() == [[1] * 6, [2] * 6]


def test_a_series_without_related_rows_stays_without() -> None:
    related = rows("item_id timestamp price", *[("a", day, 1.0) for day in range(6)])
    assert np.array_equal(panel(TARGET, related=related).known["price"], [[1] * 6, [NAN] * 6], equal_nan=True)


def test_related_rows_without_a_dimension_are_those_of_every_series_of_the_item() -> None:
    target = rows("item_id store timestamp demand", ("a", "x", 0, 1.0), ("a", "y", 0, 2.0), ("b", "x", 0, 4.0))
    related = rows("item_id timestamp price", ("b", 0, 7.0), ("a", 0, 3.0))
    assert panel(target, STORES, related=related).past["price"].tolist() == [[3], [3], [7]]


def test_metadata_are_categories_and_bring_items_without_a_history() -> None:
    metadata = pa.table({"item_id": ["z", "b", "a"], "genre": ["toys", "", "food"], "size": [1, 2, None]})
    made = panel(TARGET, metadata=metadata)
    assert made.keys["item_id"].to_pylist() == ["a", "b", "z"]
    assert np.isnan(made.target[2]).all()
    assert made.categories == {"genre": ("food", "toys"), "size": ("1", "2")}
    assert made.static["genre"].tolist() == [0, -1, 1]
    assert made.static["size"].tolist() == [-1, 1, 0]
    layout = Layout("item_id", "timestamp", "demand", cold_start=False)
    assert panel(TARGET, layout, metadata=metadata).keys["item_id"].to_pylist() == ["a", "b"]


def test_a_newcomer_has_the_dimensions_of_its_related_rows_or_all() -> None:
    target = rows("item_id store timestamp demand", ("a", "x", 0, 1.0), ("a", "y", 0, 2.0))
    metadata = pa.table({"item_id": ["a", "z"], "genre": ["food", "food"]})
    made = panel(target, STORES, metadata=metadata)
    assert made.keys.to_pylist()[2:] == [{"item_id": "z", "store": "x"}, {"item_id": "z", "store": "y"}]
    related = rows("item_id store timestamp price", *[("z", "y", day, 1.0) for day in range(3)])
    made = panel(target, STORES, metadata=metadata, related=related)
    assert made.keys.to_pylist()[2:] == [{"item_id": "z", "store": "y"}]


def test_holidays_are_known_ahead_and_take_no_memory() -> None:
    layout = Layout("item_id", "timestamp", "demand", countries=("US",))
    made = panel(TARGET, layout)
    assert made.known["holiday_US"].tolist() == [[1, 0, 0, 0, 0, 0]] * 2
    assert made.known["holiday_US"].strides[0] == 0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (TARGET.slice(0, 0), "the target time series has no rows"),
        (
            rows("item_id timestamp demand", ("a", 0, 1e308), ("a", 0, 1e308)),
            "the target of a, or its sum",
        ),
        (rows("item_id timestamp demand", ("a", 0, 1.0), *((f"{i}", 2e6, 1.0) for i in range(300))), "a wrong year"),
    ],
)
def test_targets_that_make_no_panel_are_refused(target: pa.Table, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        panel(target)


def test_missing_and_nan_values_are_as_if_the_row_were_not_there() -> None:
    target = rows("item_id timestamp demand", ("a", 0, None), ("a", 1, 1.0), ("a", 2, NAN), ("a", 3, 2.0))
    assert np.array_equal(panel(target).target, [[NAN, 1, 0, 2]], equal_nan=True)


def test_covariates_must_reach_the_end_of_the_horizon() -> None:
    related = rows("item_id timestamp price", *[(item, day, 1.0) for item in "ab" for day in range(6)])
    with pytest.raises(ContractError, match="the related series price ends 1 periods before the horizon does"):
        panel(TARGET, related=related).until(4, 3)


def test_rows_of_a_panel_keep_all_that_belongs_to_them() -> None:
    related = rows("item_id timestamp price", *[("b", day, 1.0) for day in range(6)])
    made = panel(TARGET, related=related, metadata=pa.table({"item_id": ["b"], "genre": ["toys"]}))
    for chosen in (np.array([1]), slice(1, 2)):
        part = made.rows(chosen)
        assert part.keys["item_id"].to_pylist() == ["b"]
        assert part.static["genre"].tolist() == [0]
        assert part.known["price"].tolist() == [[1] * 6]
        assert (part.series, part.periods) == (1, 4)
