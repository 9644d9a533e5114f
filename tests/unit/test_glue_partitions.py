"""Glue's operations that the gateway adds: which partitions an expression lets through, and what is made of others."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from infra.local import glue
from infra.local.partitions import ExpressionError, matching

pytestmark = pytest.mark.unit

KEYS = [("day", "date"), ("n", "int"), ("country", "string")]
PARTITIONS = [["2026-01-01", "2", "UK"], ["2026-01-02", "10", "FR"], ["2026-01-03", "__HIVE_DEFAULT_PARTITION__", "U_"]]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("day = '2026-01-02'", [1]),
        ("(day='2026-01-01') or (day='2026-01-03')", [0, 2]),
        ("day >= DATE '2026-01-02'", [1, 2]),
        ("day > '2026-01-01' AND NOT country = 'FR'", [2]),
        ("n > 2", [1]),
        ("n = '10'", [1]),
        ("N <> -1", [0, 1]),
        ("n BETWEEN 2 AND 9", [0]),
        ("n NOT BETWEEN 2 AND 9", [1]),
        ("NOT n = 2", [1]),
        ("n = 2 OR day = '2026-01-03'", [0, 2]),
        ("country IN ('UK', 'FR')", [0, 1]),
        ("country NOT IN ('UK', 'FR')", [2]),
        ("country LIKE 'U%'", [0, 2]),
        ("country LIKE '_R'", [1]),
        ("n IS NULL", [2]),
        ("country = 'it''s'", []),
    ],
)
def test_an_expression_lets_partitions_through(expression: str, expected: list[int]) -> None:
    test = matching(expression, KEYS)
    assert [place for place, values in enumerate(PARTITIONS) if test(values)] == expected


@pytest.mark.parametrize(
    "expression", ["absent = 1", "day =", "day = '1' x", "f(day) = 1", "n IN (SELECT 1)", "1 + n = 2"]
)
def test_an_expression_that_is_none_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        matching(expression, KEYS)


class Inner:
    """The emulator's Glue with one table."""

    def __init__(self) -> None:
        self.partitions: Sequence[Sequence[str]] = PARTITIONS

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: Any, query: Any) -> Any:
        given, action = json.loads(body), headers["x-amz-target"].partition(".")[2]
        if given.get("Name", given.get("TableName")) != "t":
            return 400, {}, json.dumps({"__type": "EntityNotFoundException"})
        answer: dict[str, Any] = {}
        if action == "GetTable":
            answer = {"Table": {"VersionId": "3", "PartitionKeys": [{"Name": n, "Type": t} for n, t in KEYS]}}
        elif action == "GetPartitions":
            answer = {"Partitions": [{"Values": values} for values in self.partitions]}
        elif action == "GetPartition" and given["PartitionValues"] not in self.partitions:
            return 400, {}, json.dumps({"__type": "EntityNotFoundException"})
        elif action == "DeletePartition":
            self.partitions = [values for values in self.partitions if values != given["PartitionValues"]]
        return 200, {}, json.dumps(answer)


def ask(inner: Inner, action: str, **members: Any) -> tuple[int, Any]:
    given = {"DatabaseName": "db", "TableName": "t", **members}
    handler = glue.extended(inner)
    headers = {"x-amz-target": f"AWSGlue.{action}"}
    status, _, body = asyncio.run(handler("POST", "/", headers, json.dumps(given).encode(), {}))
    return status, json.loads(body)


def test_partitions_are_deleted_in_a_batch() -> None:
    inner = Inner()
    wanted = [{"Values": PARTITIONS[1]}, {"Values": ["absent", "1", "X"]}]
    status, answer = ask(inner, "BatchDeletePartition", PartitionsToDelete=wanted)
    assert status == 200
    [error] = answer["Errors"]
    assert error["PartitionValues"] == ["absent", "1", "X"]
    assert error["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert inner.partitions == [PARTITIONS[0], PARTITIONS[2]]


def test_partitions_are_found_by_an_expression() -> None:
    assert ask(Inner(), "GetPartitions", Expression="n = 2") == (200, {"Partitions": [{"Values": PARTITIONS[0]}]})
    assert len(ask(Inner(), "GetPartitions")[1]["Partitions"]) == len(PARTITIONS)
    status, answer = ask(Inner(), "GetPartitions", Expression="absent = 2")
    assert (status, answer["__type"]) == (400, "InvalidInputException")


def test_a_table_has_the_version_that_is_kept() -> None:
    assert ask(Inner(), "GetTableVersions")[1]["TableVersions"][0]["VersionId"] == "3"


@pytest.mark.parametrize("action", ["GetPartitions", "GetTableVersions", "BatchDeletePartition"])
def test_a_table_that_is_not_there_is_told(action: str) -> None:
    status, answer = ask(Inner(), action, TableName="absent", Expression="n = 1")
    assert (status, answer["__type"]) == (400, "EntityNotFoundException")
