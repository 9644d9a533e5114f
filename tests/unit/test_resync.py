"""Resync: whatever changed while the stream was off or changes while it works, silver ends as the table is."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws import resync
from infra.aws.resync import Resync
from lakehouse import places, streamrecords
from lakehouse.attributes import Attributes, item
from lakehouse.errors import ConfigError, SourceError
from lakehouse.mapping import OWN, Field, FieldMapping
from lakehouse.progress import Progress
from lakehouse.settings import Settings
from spark_jobs.recompute import Recomputed

pytestmark = pytest.mark.unit

ARN = "arn:aws:dynamodb:eu-west-1:0:table/order_lines"
OLD, NEW = f"{ARN}/stream/2026-11-29T10:00:00.000", f"{ARN}/stream/2026-11-30T10:00:00.000"
Key = tuple[str, int]


class Table:
    """A table with a stream that may be off; `meanwhile` is done before each page of a scan."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.items: dict[Key, Attributes] = {}
        self.records: list[str] = []
        self.stream: str | None = OLD
        self._number, self._meanwhile = 0, meanwhile

    def put(self, order_id: str, line_no: int, quantity: int) -> None:
        row = {"order_id": order_id, "line_no": line_no, "product_id": "P", "quantity": quantity, "unit_price": "1.5"}
        whole = item({**row, "country": "UK", "ordered_at": "2011-01-01T12:00:00Z"})
        key = order_id, line_no
        self._emit("MODIFY" if key in self.items else "INSERT", key, NewImage=whole)
        self.items[key] = whole

    def delete(self, order_id: str, line_no: int) -> None:
        if self.items.pop((order_id, line_no), None):
            self._emit("REMOVE", (order_id, line_no))

    def _emit(self, event: str, key: Key, **images: Attributes) -> None:
        self._number += 1
        if self.stream:
            keys = streamrecords.keys_of(*key)
            self.records.append(streamrecords.encode(event, self.stream, str(self._number), 1, keys, **images))

    def describe_table(self, **_: str) -> dict[str, Any]:
        schema = [{"AttributeName": name} for name in ("order_id", "line_no")]
        return {
            "Table": {
                "LatestStreamArn": self.stream or NEW,
                "StreamSpecification": {"StreamEnabled": bool(self.stream)},
                "KeySchema": schema,
            }
        }

    def scan(self, **given: Any) -> dict[str, Any]:
        assert given["ConsistentRead"]
        self._meanwhile()
        start = given.get("ExclusiveStartKey", ("", 0))
        later = sorted(key for key in self.items if key > start)
        page: dict[str, Any] = {"Items": [self.items[key] for key in later[:2]]}
        return page | ({"LastEvaluatedKey": later[1]} if len(later) > 2 else {})


class S3:
    """A bucket of which only what a resync asks is there."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **given: Any) -> None:
        assert given["IfNoneMatch"] == "*" and given["Key"] not in self.objects
        self.objects[given["Key"]] = given["Body"]

    def get_object(self, **given: str) -> dict[str, Any]:
        if given["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[given["Key"]])}

    def get_paginator(self, _: str) -> "S3":
        return self

    def paginate(self, **given: str) -> Iterator[dict[str, Any]]:
        found = [{"Key": key} for key in self.objects if key.startswith(given["Prefix"])]
        yield {"Contents": found} if found else {}


def worker(table: Table, s3: S3, held: Callable[[str], set[Key]]) -> Resync:
    made = Resync(Settings(), clients=lambda name: {"dynamodb": table, "s3": s3}[name])
    made._held = lambda progress, label: held(label)  # type: ignore[method-assign]
    return made


def by_the_book(lines: list[str]) -> Recomputed:
    found = Recomputed()
    found.add(f"{places.BRONZE_DYNAMODB}x.gz", gzip.compress("\n".join(lines).encode()))
    return found


def live(found: Recomputed) -> dict[Key, int]:
    return {key[1:]: change.line.quantity for key, change in found.newest.items() if change.line}


def written(s3: S3) -> list[str]:
    return [
        line
        for key, body in s3.objects.items()
        if key.startswith(places.BRONZE_DYNAMODB)
        for line in gzip.decompress(body).decode().splitlines()
    ]


@pytest.mark.parametrize("seed", range(30))
def test_silver_ends_as_the_table_is_whatever_changes_meanwhile(seed: int) -> None:
    rng, s3 = Random(seed), S3()
    s3.objects[places.PROGRESS] = Progress(firehose_ends={places.BRONZE_DYNAMODB: "~"}).to_json().encode()

    def change() -> None:
        key = rng.choice("abcdef"), rng.randint(1, 2)
        if rng.random() < 0.4:
            table.delete(*key)
        else:
            table.put(*key, rng.randrange(10**6))

    table = Table()
    for _ in range(15):
        change()
    old = len(table.records)
    table.stream = None
    for _ in range(rng.randrange(12)):
        change()
    table.stream, table._meanwhile = NEW, change if rng.random() < 0.7 else lambda: None
    for _ in range(rng.randrange(4)):
        change()

    def held(label: str) -> set[Key]:
        """Silver has all of the old stream, and of the new one and of what was written as much as chance says."""
        seen = by_the_book(table.records[: rng.randint(old, len(table.records))] + rng.choice(([], written(s3))))
        least = streamrecords.sequence(label, "0")
        return {key[1:] for key, row in seen.newest.items() if row.line and row.sequence < least}

    for _ in range(rng.choice((1, 2))):
        worker(table, s3, held).run()
        for _ in range(rng.randrange(3)):
            change()
    lines = [*table.records, *written(s3)]
    rng.shuffle(lines)
    found = by_the_book(lines)
    assert live(found) == {key: int(row["quantity"]["N"]) for key, row in table.items.items()}
    assert not found.rejected


def test_without_it_what_changed_while_the_stream_was_off_would_be_missing() -> None:
    table, s3 = Table(), S3()
    for order in "abc":
        table.put(order, 1, 1)
    table.stream = None
    table.delete("a", 1)
    table.put("b", 1, 2)
    table.stream = NEW
    assert live(by_the_book(table.records)) == {("a", 1): 1, ("b", 1): 1, ("c", 1): 1}
    done = worker(table, s3, lambda _: {("a", 1), ("b", 1), ("c", 1)}).run()
    assert (done.read, done.deleted, done.label) == (2, 1, "2026-11-30T10:00:00.000")
    assert live(by_the_book([*table.records, *written(s3)])) == {("b", 1): 2, ("c", 1): 1}
    assert all(places.prefix_of(key) == places.dated(places.BRONZE_DYNAMODB, datetime.now(UTC).date()) for key in
               done.objects)  # fmt: skip


def test_it_waits_until_silver_has_taken_in_what_lies_in_bronze() -> None:
    table, s3 = Table(), S3()
    table.put("a", 1, 1)
    newest = f"{places.BRONZE_DYNAMODB}date=2026-11-29/b.gz"
    s3.objects |= {f"{places.BRONZE_DYNAMODB}date=2026-11-29/a.gz": b"", newest: b""}
    with pytest.raises(SourceError, match="silver has not taken in all of bronze after 0 s; expected a driver"):
        worker(table, s3, lambda _: set()).run(wait_seconds=0)
    s3.objects[places.PROGRESS] = Progress(firehose_ends={places.BRONZE_DYNAMODB: newest}).to_json().encode()
    assert worker(table, s3, lambda _: set()).run(wait_seconds=0).read == 1


def test_a_stream_that_is_off_and_a_table_that_is_not_there_cost_one_line() -> None:
    table, s3 = Table(), S3()
    table.stream = None
    with pytest.raises(ConfigError, match="the stream of table order_lines is off; expected one with new and old"):
        worker(table, s3, lambda _: set()).run()

    def absent(**_: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")

    table.describe_table = absent  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=r"table order_lines is not there; .* run `make up`"):
        worker(table, s3, lambda _: set()).run()


def test_a_run_that_dies_between_two_objects_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync, "ROWS_PER_OBJECT", 2)
    table, s3 = Table(), S3()
    for order in "abcde":
        table.put(order, 1, 1)
    puts, put = [0], s3.put_object

    def dying(**given: Any) -> None:
        puts[0] += 1
        if puts[0] == 3:
            raise KeyboardInterrupt
        put(**given)

    s3.put_object = dying  # type: ignore[method-assign]
    progress = Progress(firehose_ends={places.BRONZE_DYNAMODB: "c"}).to_json().encode()
    s3.objects[places.PROGRESS] = progress
    with pytest.raises(KeyboardInterrupt):
        worker(table, s3, lambda _: set()).run()
    assert len(written(s3)) == 4
    assert len(worker(table, s3, lambda _: {("gone", 1)}).run().objects) == 4
    assert live(by_the_book(written(s3))) == {(order, 1): 1 for order in "abcde"}


def test_keys_go_both_ways_through_a_mapping() -> None:
    mapping = FieldMapping({**OWN.fields, "order_id": Field("orderid", "number"), "line_no": Field("", "number", "1")})
    keys = streamrecords.keys_of("17", 1, mapping)
    assert keys == {"orderid": {"N": "17"}}
    assert streamrecords.key_of(keys, mapping) == ("17", 1)


def test_binary_attributes_are_written_as_base64() -> None:
    line = streamrecords.encode("READ", NEW, "0", 1, {}, NewImage={"b": {"B": b"\x00\x01"}, "s": {"BS": [b"x"]}})
    assert json.loads(line)["dynamodb"]["NewImage"] == {"b": {"B": "AAE="}, "s": {"BS": ["eA=="]}}
