"""DynamoDB's write calls over a dictionary, as a client shows them: for tests of what is written, not of DynamoDB."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


class MemoryTable:
    """Items by key; each change is noted as a stream would.

    Args:
        fault: Asked before each call with its name; may raise, or return how many requests of a batch to leave.
    """

    def __init__(self, fault: Callable[[str], int] = lambda _: 0) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.stream: list[tuple[str, dict[str, Any] | None]] = []
        self.calls: list[str] = []
        self._fault = fault

    def batch_write_item(self, **given: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        ((table, requests),) = given["RequestItems"].items()
        left = self._asked("batch_write_item")
        keys = [self._key(next(iter(one.values()))) for one in requests]
        assert len(keys) == len(set(keys)) <= 25, "a key once in a batch"
        taken = requests[: len(requests) - left]
        for one in taken:
            self._set(self._key(next(iter(one.values()))), one.get("PutRequest", {}).get("Item"))
        return {"UnprocessedItems": {table: requests[len(taken) :]} if left else {}}

    def put_item(self, **given: Any) -> dict[str, Any]:
        self._conditional("put_item", self._key(given), given["Item"], **given)
        return {}

    def delete_item(self, **given: Any) -> dict[str, Any]:
        self._conditional("delete_item", self._key(given), None, **given)
        return {}

    def update_item(self, **given: Any) -> dict[str, Any]:
        names, values = given.get("ExpressionAttributeNames", {}), given.get("ExpressionAttributeValues", {})
        item = dict(self.items.get(self._key(given), {}))
        sets, _, removes = given.get("UpdateExpression", "").removeprefix("SET ").partition("REMOVE ")
        for part in filter(None, (part.strip() for part in sets.split(","))):
            name, _, value = part.partition(" = ")
            item[names[name]] = values[value]
        for name in filter(None, (part.strip() for part in removes.split(","))):
            item.pop(names[name], None)
        self._conditional("update_item", self._key(given), item, **given)
        return {}

    def _conditional(self, call: str, key: str, item: dict[str, Any] | None, **given: Any) -> None:
        self._asked(call)
        wanted = {"attribute_exists(order_id)": True, "attribute_not_exists(order_id)": False}
        if wanted[given["ConditionExpression"]] != (key in self.items):
            raise fault("ConditionalCheckFailedException")
        self._set(key, item)

    def _asked(self, call: str) -> int:
        self.calls.append(call)
        return self._fault(call)

    def _set(self, key: str, item: dict[str, Any] | None) -> None:
        if self.items.get(key) == item:
            return  # as DynamoDB: no record of a change that changes nothing
        self.stream.append((key, item))
        if item is None:
            del self.items[key]
        else:
            self.items[key] = item

    def _key(self, request: dict[str, Any]) -> str:
        given = request.get("Key") or {name: request["Item"][name] for name in ("order_id", "line_no")}
        return json.dumps(given)


def fault(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "write")
