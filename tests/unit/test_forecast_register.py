"""The runs of forecasts as status shows them: the newest of each, what became of it, what is at work, what failed."""
# ruff: noqa: N803 (the parameters of boto3's clients)

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.runs import Register, Runs
from lakehouse.runs import LOADED, RUNS, Loaded
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

ROWS = {"gold.sales_forecast": 28, "gold.forecast_backtest": 14}


class Bucket:
    """Objects with the second at which each was written."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[int, str]] = {}
        self.read: list[str] = []

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        for key, (at, text) in sorted(self.objects.items()):  # a page for each
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key, "LastModified": datetime.fromtimestamp(at, UTC), "ETag": text}]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self.read.append(Key)
        return {"Body": io.BytesIO(self.objects[Key][1].encode())}


class States:
    """Step Functions with one state machine of ours and one of somebody else's."""

    def __init__(self, **executions: list[tuple[str, int]]) -> None:
        self.executions = executions
        self.fault, self.input = False, "{}"

    def list_state_machines(self) -> dict[str, Any]:
        if self.fault:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListStateMachines")
        names = ("other", "saleslake-forecast")
        return {"stateMachines": [{"name": name, "stateMachineArn": name} for name in names]}

    def list_executions(self, *, stateMachineArn: str, statusFilter: str, maxResults: int) -> dict[str, Any]:
        assert stateMachineArn == "saleslake-forecast"
        found = []
        for name, at in self.executions.get(statusFilter.lower(), []):
            moment = datetime.fromtimestamp(at, UTC)
            ended = {} if statusFilter == "RUNNING" else {"stopDate": moment}
            found.append({"name": name, "executionArn": name, "startDate": moment, **ended})
        return {"executions": found}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        cause = f'{{"errorMessage": "{executionArn}: too short"}}'
        return {"error": "Refused", "cause": cause, "input": self.input}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def look(bucket: Bucket, states: States) -> list[Runs]:
    return Register(Settings(), bucket, states).look()


def test_the_newest_run_counts_whatever_its_id(bucket: Bucket) -> None:
    bucket.objects = {
        f"{RUNS}tea/zz.json": (100, ""),
        f"{RUNS}tea/aa.json": (200, ""),
        f"{LOADED}tea/zz.json": (101, Loaded({}, "broken", "").to_json()),
        f"{LOADED}tea/aa.json": (201, Loaded(ROWS, "", "").to_json()),
        f"{RUNS}jam/b.json": (150, ""),
        f"{RUNS}cake/c.json": (50, ""),
        f"{LOADED}cake/c.json": (51, Loaded({}, "p50 is no number", "").to_json()),
    }
    assert look(bucket, States()) == [
        Runs("cake", "c", 50, "refused", fault="p50 is no number"),
        Runs("jam", "b", 150, "waiting"),
        Runs("tea", "aa", 200, "loaded", 28),
    ]


def test_an_answer_is_read_once_and_again_only_if_it_is_another(bucket: Bucket) -> None:
    answer = f"{LOADED}tea/aa.json"
    bucket.objects = {f"{RUNS}tea/aa.json": (200, ""), answer: (201, Loaded({}, "broken", "").to_json())}
    register = Register(Settings(), bucket, States())
    assert [register.look()[0].state for _ in range(3)] == ["refused"] * 3
    assert bucket.read == [answer]
    bucket.objects[answer] = (300, Loaded(ROWS, "", "").to_json())
    assert register.look()[0].state == "loaded"
    bucket.objects[answer] = (301, "no JSON")
    assert "no answer to a run" in register.look()[0].fault


def test_what_is_at_work_and_what_has_failed_since(bucket: Bucket) -> None:
    bucket.objects = {f"{RUNS}tea/aa.json": (200, ""), f"{RUNS}cake/aa.json": (200, "")}
    states = States(
        running=[("tea-2", 300), ("jam-1", 250)],
        failed=[("tea-0", 100), ("cake-7", 400), ("cake-8", 350), ("bun-1", 10), ("pie-1", 10)],
        succeeded=[("pie-2", 11), ("bun-0", 9)],
    )
    assert look(bucket, states) == [
        Runs("bun", failed_at=10, cause="bun-1: too short"),
        Runs("cake", "aa", 200, "waiting", failed_at=400, cause="cake-7: too short"),
        Runs("jam", began_at=250),
        Runs("tea", "aa", 200, "waiting", began_at=300),  # it failed before its newest run
    ]


def test_without_step_functions_the_bucket_still_tells(bucket: Bucket) -> None:
    bucket.objects = {f"{RUNS}tea/aa.json": (200, "")}
    states = States(running=[("tea-2", 300)])
    states.fault = True
    assert look(bucket, states) == [Runs("tea", "aa", 200, "waiting")]


@pytest.mark.parametrize(
    ("given", "name"),
    [('{"DataName": "tea"}', "tea"), ("[]", "abcdef12-0000-4000-8000-000000000000"), ("", "abcdef12-")],
)
def test_an_execution_that_a_schedule_started_is_known_by_its_input(bucket: Bucket, given: str, name: str) -> None:
    states = States(running=[("abcdef12-0000-4000-8000-000000000000", 300)])
    states.input = given
    assert look(bucket, states)[0].name.startswith(name)
