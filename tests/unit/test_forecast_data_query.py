"""A forecast's artefact and what is answered from it."""

import doctest
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.data import artefact, query
from forecasting.data.artefact import Artefact
from forecasting.data.query import NotFoundError, QueryError
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit

TIMES = artefact.moments(np.arange("2019-02-01", "2019-02-04", dtype="datetime64[D]"))
NOW = datetime(2020, 1, 1, tzinfo=UTC).isoformat()


def forecast(
    keys: list[dict[str, str]], types: tuple[str, ...] = ("0.1", "0.50", ".05", "mean"), step: float = 1
) -> Artefact:
    values = np.arange(len(keys) * len(TIMES) * len(types), dtype=float).reshape(len(keys), len(TIMES), len(types))
    return Artefact(pa.Table.from_pylist(keys), TIMES, types, values * step, NOW)


def values(folder: Path, filters: dict[str, str], *dates: str | None) -> dict[str, list[float]]:
    answer = query.answer(folder, filters, *dates)
    assert list(answer) == ["Forecast"]
    predictions = answer["Forecast"]["Predictions"]
    return {name: [point["Value"] for point in points] for name, points in predictions.items()}


def test_an_answer_has_a_list_per_type_with_times_without_a_zone(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "b"}, {"item_id": "a"}], ("0.1", "mean")))
    assert query.answer(tmp_path, {"item_id": "b"}) == {
        "Forecast": {
            "Predictions": {
                "p10": [
                    {"Timestamp": "2019-02-01T00:00:00", "Value": 0.0},
                    {"Timestamp": "2019-02-02T00:00:00", "Value": 2.0},
                    {"Timestamp": "2019-02-03T00:00:00", "Value": 4.0},
                ],
                "mean": [
                    {"Timestamp": "2019-02-01T00:00:00", "Value": 1.0},
                    {"Timestamp": "2019-02-02T00:00:00", "Value": 3.0},
                    {"Timestamp": "2019-02-03T00:00:00", "Value": 5.0},
                ],
            }
        }
    }


TEXTS = st.text(st.sampled_from("ab,\"'é€𝄞\n=+ "), max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12), st.tuples(TEXTS, TEXTS))
def test_every_series_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, keys: set[tuple[str, str]], other: tuple[str, str]
) -> None:
    folder, order = tmp_path_factory.mktemp("forecast"), list(keys)
    made = forecast([{"item_id": item, "store": store} for item, store in order])
    artefact.write(folder, made)
    for row, (item, store) in enumerate(order):
        found = values(folder, {"store": store, "item_id": item})
        assert np.array_equal(np.array(list(found.values())), made.values[row].T)
        assert list(found) == ["p10", "p50", "p5", "mean"]
    if other not in keys:
        with pytest.raises(NotFoundError):
            query.answer(folder, {"item_id": other[0], "store": other[1]})


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [0.0, 1.0, 2.0]),
        ("2019-02-02T00:00:00", None, [1.0, 2.0]),
        (None, "2019-02-02T00:00:00", [0.0, 1.0]),
        ("2019-02-02T00:00:00", "2019-02-02T00:00:00", [1.0]),
        ("2019-02-01T00:00:01", "2019-02-02T23:59:59", [1.0]),
        ("2018-01-01T00:00:00", "2020-01-01T00:00:00", [0.0, 1.0, 2.0]),
    ],
)
def test_dates_are_included_at_both_ends(
    tmp_path: Path, start: str | None, end: str | None, expected: list[float]
) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "a"}], ("0.5",)))
    assert values(tmp_path, {"item_id": "a"}, start, end) == {"p50": expected}


@pytest.mark.parametrize(
    ("filters", "dates", "told"),
    [
        ({}, (), "filters on nothing; expected one on each of model, store"),
        ({"model": "a"}, (), "filters on 'model'"),
        ({"model": "a", "store": "s", "colour": "red"}, (), "filters on 'colour', 'model', 'store'"),
        ({"item_id": "a", "model": "a", "store": "s"}, (), "filters on 'item_id'"),
        ({"model": "a", "store": "s"}, ("2019-02-01",), "the date '2019-02-01'"),
        ({"model": "a", "store": "s"}, ("2019-02-30T00:00:00",), "the date '2019-02-30T00:00:00'"),
        ({"model": "a", "store": "s"}, ("2019-02-01T00:00:00Z",), "the date '2019-02-01T00:00:00Z'"),
        ({"model": "a", "store": "s"}, (None, "x" * 1_000_000), "(1000000 characters)"),
        ({"model": "a", "store": "s"}, ("2019-02-03T00:00:00", "2019-02-02T00:00:00"), "to 2019-02-02T00:00:00"),
        ({"model": "a", "store": "s"}, ("2019-02-04T00:00:00",), "expected dates between 2019-02-01T00:00:00 and 2019"),
        ({"model": "a", "store": "s"}, (None, "2019-01-31T23:59:59"), "query within the forecast"),
    ],
)
def test_a_query_that_makes_no_sense_is_told(tmp_path: Path, filters: dict[str, str], dates: Any, told: str) -> None:
    artefact.write(tmp_path, forecast([{"model": "a", "store": "s"}]))
    with pytest.raises(QueryError) as raised:
        query.answer(tmp_path, filters, *dates)
    assert told in str(raised.value)


def test_an_unknown_series_is_told_in_short_and_is_an_error_of_its_own(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "a"}]))
    with pytest.raises(NotFoundError, match=r"no forecast of item_id='x{60}'\.\.\. \(1000000 characters\)"):
        query.answer(tmp_path, {"item_id": "x" * 1_000_000})
    with pytest.raises(NotFoundError):
        query.answer(tmp_path, {"item_id": ""})


def test_the_item_may_be_called_item_id_where_the_domain_calls_it_otherwise(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"metric_name": "a"}], ("0.5",)))
    assert values(tmp_path, {"item_id": "a"}) == values(tmp_path, {"metric_name": "a"})


def test_a_forecast_that_is_made_anew_is_opened_anew(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "a"}], ("0.5",)))
    assert values(tmp_path, {"item_id": "a"}) == {"p50": [0.0, 1.0, 2.0]}
    artefact.write(tmp_path, forecast([{"item_id": "a"}], ("0.5",), step=2))
    os.utime(tmp_path / artefact.FORECAST, ns=(0, 1))
    assert values(tmp_path, {"item_id": "a"}) == {"p50": [0.0, 2.0, 4.0]}


def test_a_forecast_of_no_number_or_of_a_series_twice_is_not_written(tmp_path: Path) -> None:
    wrong = forecast([{"item_id": "a"}, {"item_id": "b"}])
    wrong.values[1, 2, 0] = np.nan
    with pytest.raises(ContractError, match=r"a forecast of \{'item_id': 'b'\} that is no finite number"):
        artefact.write(tmp_path, wrong)
    with pytest.raises(ContractError, match=r"two forecasts of \{'item_id': 'a', 'store': 's'\}"):
        artefact.write(tmp_path, forecast([{"item_id": "a", "store": store} for store in "ses"]))
    assert not list(tmp_path.iterdir())


def test_a_forecast_of_nothing_answers_that_it_knows_no_series(tmp_path: Path) -> None:
    keys = pa.table({"item_id": pa.array([], pa.string())})
    artefact.write(tmp_path, Artefact(keys, TIMES, ("0.5",), np.empty((0, 3, 1)), NOW))
    with pytest.raises(NotFoundError):
        query.answer(tmp_path, {"item_id": "a"})


def test_values_stay_on_disk_until_they_are_asked_for(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "a"}]))
    assert isinstance(artefact.read(tmp_path).values, np.memmap)
    assert {path.name for path in tmp_path.iterdir()} == {"series.parquet", "values.npy", "forecast.json"}


def test_the_examples_hold() -> None:
    assert doctest.testmod(artefact).failed == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux which files are mapped")
def test_a_forecast_that_is_forgotten_is_not_held_on_the_disk(tmp_path: Path) -> None:
    artefact.write(tmp_path, forecast([{"item_id": "a"}]))
    values(tmp_path, {"item_id": "a"})
    held = str(tmp_path / artefact.VALUES)
    assert held in Path("/proc/self/maps").read_text()
    query.forget()
    assert held not in Path("/proc/self/maps").read_text()
