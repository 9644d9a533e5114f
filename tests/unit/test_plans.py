"""Plans and results come back from their text as they were."""

import pytest

from lakehouse.tables import OUTCOMES
from spark_jobs.lags import Spread
from spark_jobs.plans import BronzeObject, Plan, ReadObject, Result

pytestmark = pytest.mark.unit


def test_a_plan_comes_back_as_it_was() -> None:
    plan = Plan(1, 7, "kafka", (BronzeObject("k", '"e"', 9, 1.5),), 12, {"kafka": "0" * 20}, 1700000000.123456)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_result_comes_back_as_it_was_and_adds_up() -> None:
    one = ReadObject(
        "a", "e", "read", 3, 0, 2, {"applied": 2, "rejected": 1}, 1.5, 2.5, (Spread(1, 1.0, 1.5), Spread(1, 0.5, 0.5))
    )
    two = ReadObject("b", "e", "missing")
    three = ReadObject("c", "e", "corrupt", 2, 3, 4, {"applied": 1, "stale": 1})
    result = Result(1, 7, "kafka", (one, two, three), 13, 1.0, 2.0)
    assert Result.from_json(result.to_json()) == result
    assert result.rows == 5
    assert result.outcomes == {**dict.fromkeys(OUTCOMES, 0), "applied": 3, "stale": 1, "rejected": 1}


def test_those_of_an_earlier_version_are_read() -> None:
    plan = b'{"generation":0,"batch_id":1,"source":"kafka","objects":[{"key":"k","etag":"e","size":9}],'
    plan += b'"silver_version":1,"expired_sequence":{},"planned_at":1.0}'
    assert Plan.from_json(plan).objects == (BronzeObject("k", "e", 9),)
    result = b'{"generation":0,"batch_id":1,"source":"kafka","objects":[{"key":"k","etag":"e","status":"read","rows":1,'
    result += b'"first":0,"last":0,"outcomes":{"applied":1},"newest_at":1.5}],"silver_version":1,"planned_at":1.0,'
    result += b'"committed_at":2.0}'
    read = ReadObject("k", "e", "read", 1, 0, 0, {"applied": 1}, 1.5)
    assert Result.from_json(result).objects == (read,)
