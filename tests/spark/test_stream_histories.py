"""The second way in, beside the first: random histories of both, crashes, expiry and rebuild come out by the book."""

import json
from random import Random

import pytest

from lakehouse import places, streamrecords
from lakehouse.envelopes import Change
from lakehouse.fields import Rejection
from lakehouse.places import DYNAMODB, KAFKA
from lakehouse.tables import OPS_BATCHES, SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import rebuild
from spark_jobs.commit import Rewrite
from spark_jobs.delta import Lakehouse
from spark_jobs.recompute import silver_rows
from spark_jobs.storage import Bucket
from tests.spark.site import LABEL, Site, balanced, change, item_change
from tests.spark.test_crashes import Matches, crash, keys, work, writes
from tests.spark.test_histories import history, newest, outcomes_by_the_book
from tests.spark.test_stream_reader import failure

pytestmark = pytest.mark.spark

LATER = "2026-12-01T00:00:00.000"
GAVE_UP = f"{places.ERRORS}processing-failed/"


def records(rng: Random, count: int, length: int) -> list[str]:
    """A stream of few rows over two labels, each record perhaps twice, late, or none at all."""
    found: list[str] = []
    for number in range(1, length + 1):
        key = rng.randrange(count)
        line = item_change(
            rng.choice("cuuudr"),
            number if number < length // 2 else number - length // 2,
            f"{key // 2}",
            1 + key % 2,
            LABEL if number < length // 2 else LATER,
            quantity=rng.randint(-3, 5),
            unit_price=str(rng.randint(-500, 5000) / 1000),
            country=rng.choice(("UK", "EIRE")),
            customer_id=rng.choice((None, "a", "b")),
            ordered_at=f"2011-01-{rng.randint(1, 4):02d}T{rng.randrange(24):02d}:00:00+00:00",
            extra=rng.choice((None, None, {"colour": "red", "b": [1, None]})),
        )
        match rng.randrange(10):
            case 0 if found:
                line = rng.choice(found)
            case 1:
                line = rng.choice(("{", line + line, line[:-9], line.replace('"N"', '"S"', 1)))
        found.insert(max(0, len(found) - rng.choice((0, 0, 0, 1, 5, 50))), line)
    return found


def last(lines: list[str]) -> dict[tuple[str, int], Change]:
    """A dictionary replay of stream records."""
    held: dict[tuple[str, int], Change] = {}
    for line in lines:
        try:
            row = streamrecords.decode(line)
        except Rejection:
            continue
        if row.key not in held or row.sequence > held[row.key].sequence:
            held[row.key] = row
    return held


@pytest.mark.parametrize(("seed", "count"), [(0, 4), (1, 40)])
def test_random_histories_of_both_sources_leave_what_dictionaries_leave(site: Site, seed: int, count: int) -> None:
    rng = Random(seed)
    stream, messages = records(rng, count, 160), history(rng, count, 60)
    driver = site.driver(collect_max_bytes=rng.choice((0, 10_000_000)))
    start = 0
    while start < len(stream):
        end = start + rng.randint(1, 40)
        part = stream[start : min(end + rng.choice((0, 0, 5)), len(stream))]  # the last of it comes twice
        site.deliver(part, f"{rng.random()}", days_ago=rng.choice((0, 0, 1, 4)))
        if rng.random() < 0.3:
            driver.step()
        start = end
    site.deliver([failure(item_change("u", 10**6, "0")), failure(b"\xff"), "{"], "gave up", root=GAVE_UP)
    site.bucket.put(f"{GAVE_UP}plain", failure().encode())
    for partition, values in messages.items():
        site.land(values, partition)
    # the first by Spark, in few batches, for each takes seconds; the second mostly in memory
    site.run(batch_max_bytes=12_000 if seed else 60_000, collect_max_bytes=6_000 * seed)

    results = [batch for _, batch in sorted(site.driver().ledger.results.items())]
    balanced(results)
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    assert {result.source for result in results} == {KAFKA, DYNAMODB}
    left = [*silver_rows(newest([*messages[0], *messages[1]]).values(), "UTC")]
    left += silver_rows(last(stream).values(), "UTC", DYNAMODB)
    assert site.rows(SILVER_ORDER_LINES) == sorted(left, key=repr)
    rejected = [(row["reason"], row["raw"]) for row in site.rows(SILVER_REJECTED) if GAVE_UP in row["object"]]
    assert sorted(rejected) == sorted(
        [
            ("firehose_error: Lambda.FunctionError", item_change("u", 10**6, "0")),
            ("firehose_error: Lambda.FunctionError", "/w=="),
            ("firehose_error: Lambda.FunctionError", item_change("c", 7)),
            ("bad_json", "{"),
        ]
    )
    assert site.differences() == []
    before = site.content()
    rebuild.run(site.tables(), site.bucket, site.settings)
    assert site.content() == before


STEPS: tuple[tuple[type, str, str, Matches, bool], ...] = (
    (Bucket, "create", "after", keys("ops/plans/"), True),
    (Lakehouse, "append_few", "after", writes(SILVER_REJECTED), True),
    (Rewrite, "commit", "after", lambda *_, **__: True, True),
    (Lakehouse, "merge", "after", writes(SILVER_ORDER_LINES), False),
    (Bucket, "create", "after", keys("ops/results/"), True),
    (Bucket, "put", "before", keys(places.PROGRESS), True),
)


def test_a_batch_that_dies_at_any_step_is_finished_by_the_next_driver(site: Site) -> None:
    site.deliver([item_change("c", 1, "1"), item_change("c", 2, "2"), "{"], "0")
    site.land([change("c", 1, "1")])
    work(site.driver())
    for number, (owner, method, when, matches, is_collected) in enumerate(STEPS, start=1):
        first = 10 * number
        site.deliver(
            [
                item_change("u", first, "1", quantity=number),
                item_change("c", first + 1, f"new {number}"),
                item_change("d" if number % 2 else "c", first + 2, "2"),
                "{",
            ],
            f"{number}",
            days_ago=number % 3,
        )
        site.deliver([failure(item_change("u", first + 3, "1"))], f"{number}", root=GAVE_UP)
        site.land([change("u", number + 1, "1")])
        with crash(owner, method, when, matches):
            work(site.driver(collect_max_bytes=10_000_000 if is_collected else 0))
        work(site.driver())
        assert site.differences() == [], (method, when)
    results = list(site.driver().ledger.results.values())
    balanced(results)
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    batches = [row for row in site.rows(OPS_BATCHES) if row["source"] == DYNAMODB]
    assert len(batches) == 1 + len(STEPS)
    assert {(row["topic_id"], row["partition"], row["first_offset"], row["gaps"]) for row in batches} == {
        (None, None, None, 0)
    }
    assert sum(row["rows_read"] for row in batches) == 3 + 5 * len(STEPS)
    told = json.loads(site.bucket.get(places.PROGRESS) or b"")
    assert set(told["firehose_ends"]) == {places.BRONZE_DYNAMODB, places.ERRORS}
    assert told["activity"]["counts"].keys() <= {"0", DYNAMODB}


def test_a_forgotten_delete_of_one_source_is_nothing_to_the_other(site: Site) -> None:
    site.deliver([item_change("c", 1, "1"), item_change("d", 5, "1"), item_change("c", 6, "kept")], "0")
    site.land([change("d", 7, "1")])
    driver = site.run(tombstone_retention_days=0)
    assert driver.maintenance.run() > 0
    assert {row["order_id"] for row in site.rows(SILVER_ORDER_LINES)} == {"kept"}
    late = item_change("u", 4, "1")
    site.deliver([late, item_change("c", 6, "new")], "1")
    site.deliver([item_change("r", 0, "1", label=LATER)], "2")
    site.run()
    assert [(row["reason"], row["raw"]) for row in site.rows(SILVER_REJECTED)] == [("older_than_expired_delete", late)]
    assert {row["order_id"] for row in site.rows(SILVER_ORDER_LINES)} == {"kept", "new", "1"}
    assert site.differences() == []
