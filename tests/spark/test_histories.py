"""Random histories, cut and delivered anyhow, leave what a dictionary leaves; `verify` agrees and would notice."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from generator import dataset, replay
from lakehouse import streamrecords
from lakehouse.envelopes import FIELDS, Change, decode
from lakehouse.fields import Rejection
from lakehouse.places import DYNAMODB
from lakehouse.tables import (
    GOLD_DAILY_PRODUCT_SALES,
    GOLD_DAILY_SALES,
    OUTCOMES,
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    Table,
)
from spark_jobs import salvage
from spark_jobs.plans import Result
from spark_jobs.recompute import silver_rows, value_of
from tests.spark.site import Site, balanced, bronze_line, change
from tests.spark.test_reader import fuzzed

pytestmark = pytest.mark.spark

Values = Sequence[bytes | None]
Damage = Callable[[list[dict[str, Any]]], object]


def deliver(site: Site, partitions: dict[int, Values], rng: Random, rows_per_object: int) -> list[Result]:
    """Cut each partition into objects, land them in any order and some offsets twice, and run drivers in between.

    Returns:
        The results of all batches.
    """
    parcels: list[tuple[int, int, Values]] = []
    for partition, values in partitions.items():
        start = 0
        while start < len(values):
            end = start + rng.randint(1, 2 * rows_per_object)
            parcels.append((partition, start, values[start:end]))
            if rng.random() < 0.3 and end - start > 2:  # the same again under another key
                inner = rng.randrange(start + 1, min(end, len(values)))
                parcels.append((partition, inner, values[inner : end + rng.randrange(3)]))
            start = end
    unique = {(partition, first): values for partition, first, values in parcels}
    order = list(unique)
    rng.shuffle(order)

    results: dict[int, Result] = {}
    driver = site.driver(collect_max_bytes=rng.choice((0, 10_000_000)))
    cuts = sorted(rng.sample(range(len(order) + 1), 2))
    for low, high in zip([0, *cuts], [*cuts, len(order)], strict=True):
        for partition, first in order[low:high]:
            lines = [
                bronze_line(first + number, value, partition) for number, value in enumerate(unique[partition, first])
            ]
            site.put("".join(f"{line}\n" for line in lines).encode(), partition, first)
        driver.step()
        results |= driver.ledger.results
    last = site.run(batch_max_bytes=20_000, collect_max_bytes=3_000)  # a driver that starts looks at everything
    return [(results | last.ledger.results)[batch_id] for batch_id in sorted(last.ledger.results)]


def outcomes_by_the_book(site: Site, results: Iterable[Result]) -> list[dict[str, int]]:
    """What DESIGN's definitions say of each batch, one row after the other."""
    silver: dict[tuple[str, str, int], str] = {}
    found = []
    for result in results:
        counts: Counter[str] = Counter()
        batch: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        for read in result.objects:
            for line in salvage.of(read.key, site.bucket.get(read.key) or b"")[0]:
                try:
                    row = read_line(result.source, line)
                    if row is None:
                        counts["tombstone"] += 1
                    else:
                        batch[result.source, *row.key].append(row.sequence)
                except Rejection:
                    counts["rejected"] += 1
        for key, sequences in batch.items():
            held = silver.get(key, "")
            counts["duplicate"] += len(sequences) - len(set(sequences) - {held})
            fresh = sorted(set(sequences) - {held})
            newest = max(sequences)
            counts["superseded"] += len([sequence for sequence in fresh if sequence < newest])
            if newest in fresh:
                counts["applied" if newest > held else "stale"] += 1
            silver[key] = max(held, newest)
        found.append({name: counts[name] for name in OUTCOMES})
    return found


def read_line(source: str, line: str) -> Change | None:
    """The change in a line of bronze; None for a Kafka null."""
    if source == DYNAMODB:
        return streamrecords.decode(line)
    value = value_of(line)
    return None if value is None else decode(value)


def newest(values: Iterable[bytes | None]) -> dict[tuple[str, int], Change]:
    """A dictionary replay: by key, the change with the greatest sequence."""
    held: dict[tuple[str, int], Change] = {}
    for value in values:
        try:
            row = decode((value or b"").decode())
        except (Rejection, UnicodeDecodeError):
            continue
        if row.key not in held or row.sequence > held[row.key].sequence:
            held[row.key] = row
    return held


def history(rng: Random, keys: int, length: int) -> dict[int, list[bytes | None]]:
    """Changes of few rows over two partitions: out of order, repeated, deleted and inserted again, some malformed."""
    partitions: dict[int, list[bytes | None]] = {0: [], 1: []}
    sent: list[tuple[int, bytes]] = []
    for lsn in range(1, length + 1):
        key = rng.randrange(keys)
        value: bytes | None = change(
            rng.choice("cuuudr"),
            lsn,
            f"{key // 2}",
            1 + key % 2,
            quantity=rng.randint(-3, 5),
            unit_price=str(rng.randint(-500, 5000) / 1000),
            product_id=rng.choice("PQR"),
            country=rng.choice(("UK", "EIRE")),
            customer_id=rng.choice((None, "a", "b")),
            description=rng.choice((None, "", "x", "ü")),
            ordered_at=f"2011-01-{rng.randint(1, 4):02d}T{rng.randrange(24):02d}:00:00+00:00",
            extra=rng.choice((None, None, {"colour": "red", "b": [1, None]})),
        )
        match rng.randrange(12):
            case 0 | 1 if sent:
                key, value = rng.choice(sent)
            case 2:
                value = None
            case 3:
                value = rng.choice((b"{", b"\xff\xfe", b"null", b"", (value or b"") * 2, (value or b"")[:-9]))
            case _:
                sent.append((key, value or b""))
        partitions[key % 2].insert(max(0, len(partitions[key % 2]) - rng.choice((0, 0, 0, 1, 5, 50))), value)
    return partitions


@pytest.mark.parametrize(("seed", "keys"), [(0, 2), (1, 5), (2, 30), (3, 90)])
def test_random_histories_leave_what_a_dictionary_leaves(site: Site, seed: int, keys: int) -> None:
    rng = Random(seed)
    partitions = history(rng, keys, length=200)
    results = deliver(site, partitions, rng, rows_per_object=12)

    balanced(results)
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    expected = silver_rows(newest([*partitions[0], *partitions[1]]).values(), "UTC")
    assert site.rows(SILVER_ORDER_LINES) == sorted(expected, key=repr)
    assert site.differences() == []


def test_heavy_noise_leaves_the_data_set_itself(site: Site) -> None:
    lines = dataset.read(limit=2000)
    partitions: dict[int, list[bytes | None]] = {0: [], 1: []}
    for message in replay.messages(lines, "heavy", seed=3):
        if len(message.value or b"") < 10_000:
            partitions[sum(message.key) % 2].append(message.value)
    results = deliver(site, partitions, Random(3), rows_per_object=300)

    balanced(results)
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    assert all(sum(result.outcomes[name] for result in results) for name in OUTCOMES)  # each kind was there
    live = [row for row in site.rows(SILVER_ORDER_LINES) if not row["is_deleted"]]
    truth = {key: dataclasses.asdict(row) for key, row in replay.truth(lines).items()}
    assert {(row["order_id"], row["line_no"]): {name: row[name] for name in FIELDS} for row in live} == truth
    assert len(live) == len(truth)
    assert len(site.rows(SILVER_REJECTED)) == sum(result.outcomes["rejected"] for result in results)
    assert site.differences() == []


def test_ten_thousand_fuzzed_messages_are_all_accounted_for(site: Site) -> None:
    lines = fuzzed(10_000, seed=11)
    for number in range(0, len(lines), 2_500):
        site.put("".join(f"{line}\n" for line in lines[number : number + 2_500]).encode(), 0, number)
    results = list(site.run(batch_max_rows=5_000).ledger.results.values())
    balanced(results)
    assert [result.rows for result in results] == [5_000, 5_000]
    assert [result.outcomes for result in results] == outcomes_by_the_book(site, results)
    assert len(site.rows(SILVER_REJECTED)) == sum(result.outcomes["rejected"] for result in results) > 1_000
    assert site.differences() == []


def test_verify_finds_planted_damage(site: Site) -> None:
    site.land([change("c", lsn, f"{lsn}", product_id=f"P{lsn}") for lsn in range(1, 6)])
    site.land([change("d", 9, "1"), None, b"{", b"\xff"], partition=1)
    site.run()
    assert site.differences() == []
    damages: tuple[tuple[Table, str, Damage], ...] = (
        (SILVER_ORDER_LINES, "a changed cell", lambda rows: live(rows).update(description="nobody sent this")),
        (SILVER_ORDER_LINES, "a null cell", lambda rows: live(rows).update(country=None)),
        (SILVER_ORDER_LINES, "a missing row", lambda rows: rows.pop(0)),
        (SILVER_ORDER_LINES, "an extra row", lambda rows: rows.append({**rows[0], "order_id": "unheard of"})),
        (SILVER_ORDER_LINES, "a row twice", lambda rows: rows.append(rows[0])),
        (SILVER_ORDER_LINES, "a missing tombstone", lambda rows: rows.remove(deleted(rows))),
        (SILVER_ORDER_LINES, "a resurrection", lambda rows: deleted(rows).update(is_deleted=False)),
        (GOLD_DAILY_SALES, "a wrong measure", lambda rows: rows[0].update(orders=rows[0]["orders"] + 1)),
        (GOLD_DAILY_SALES, "a day too many", lambda rows: rows.append({**rows[0], "country": "nowhere"})),
        (GOLD_DAILY_PRODUCT_SALES, "a missing row", lambda rows: rows.pop(0)),
        (GOLD_DAILY_PRODUCT_SALES, "a wrong name", lambda rows: rows[0].update(description="another")),
        (SILVER_REJECTED, "a missing row", lambda rows: rows.pop(0)),
        (SILVER_REJECTED, "an extra row", lambda rows: rows.append({**rows[0], "position": 10**6})),
        (SILVER_REJECTED, "a row twice", lambda rows: rows.append(rows[0])),
        (SILVER_REJECTED, "another reason", lambda rows: rows[0].update(reason="bad luck")),
    )
    for table, what, damage in damages:
        sound = site.delta(table).to_pyarrow_table()
        rows = sound.to_pylist()
        damage(rows)
        write_deltalake(site.delta(table), pa.Table.from_pylist(rows, sound.schema), mode="overwrite")
        found = site.differences()
        assert found and all(line.startswith(table.full_name) for line in found), (table.full_name, what, found)
        write_deltalake(site.delta(table), sound, mode="overwrite")
    assert site.differences() == []


def live(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if not row["is_deleted"])


def deleted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["is_deleted"])
