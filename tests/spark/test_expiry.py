"""Histories with tombstones that expire between batches and changes that come late, against a dictionary."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

import pytest

from lakehouse.envelopes import Change, decode
from lakehouse.tables import OUTCOMES, SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import expiry, ledger, rebuild
from spark_jobs.maintenance import Maintenance
from tests.spark.site import Site, change

pytestmark = pytest.mark.spark

DAY = 86400.0


@dataclass
class Model:
    """Silver by the book, one row after the other: by key, the newest change and the batch that applied it."""

    held: dict[tuple[str, int], tuple[Change, int]] = field(default_factory=dict)
    expired_sequence: str = ""
    batches: int = 0

    def batch(self, values: list[bytes]) -> dict[str, int]:
        """Take in a batch; returns the rows by outcome."""
        self.batches += 1
        counts: Counter[str] = Counter()
        by_key: dict[tuple[str, int], list[Change]] = defaultdict(list)
        for value in values:
            row = decode(value.decode())
            if row.key not in self.held and row.sequence <= self.expired_sequence:
                counts["rejected"] += 1
            else:
                by_key[row.key].append(row)
        for key, rows in by_key.items():
            held = self.held[key][0].sequence if key in self.held else ""
            fresh = {row.sequence: row for row in rows if row.sequence != held}
            counts["duplicate"] += len(rows) - len(fresh)
            newest = max(row.sequence for row in rows)
            counts["superseded"] += sum(sequence < newest for sequence in fresh)
            if newest in fresh:
                counts["applied" if newest > held else "stale"] += 1
            if newest > held:
                self.held[key] = fresh[newest], self.batches
        return {name: counts[name] for name in OUTCOMES}

    def expire(self, through: int) -> int:
        """Forget the deletes of batches up to one; returns how many."""
        doomed = [key for key, (row, batch) in self.held.items() if row.line is None and batch <= through]
        for key in doomed:
            self.expired_sequence = max(self.expired_sequence, self.held.pop(key)[0].sequence)
        return len(doomed)


def test_random_histories_with_tombstones_that_expire_leave_what_a_dictionary_leaves(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, model = Random(4), Model()
    now = 1_700_000_000.0

    def clock() -> float:
        return now

    monkeypatch.setattr(ledger, "time", SimpleNamespace(time=clock, monotonic=time.monotonic))
    planned: list[float] = []
    totals: Counter[str] = Counter()
    expired = 0
    for number in range(6):
        now += rng.choice((5, 12, 20)) * DAY
        driver = site.driver()  # the sequence in force is known to any driver that comes
        values = [
            change(
                rng.choice("cudd"),
                # most are new, some are as late as it can be
                lsn=100 * number + row if rng.random() < 0.6 else rng.randrange(1, 100 * number + 100),
                order_id=f"{rng.randrange(25):02d}",
                country=f"{number}",
            )
            for row in range(40)
        ]
        # one sequence is one change, whatever it says: the model would see which of two came first
        unique = {decode(value.decode()).sequence: value for value in values}
        values = [*unique.values(), *rng.sample(list(unique.values()), 3)]
        site.land(values)
        expected = model.batch(values)
        result = driver.batch()
        assert result and result.outcomes == expected, number
        totals.update(expected)
        driver.bring_gold_up()
        planned.append(now)

        now += rng.choice((1, 15, 29)) * DAY
        through = sum(moment <= now - 30 * DAY for moment in planned)
        forgotten = model.expire(through)
        expired += forgotten
        work = Maintenance(driver._tables, site.bucket, driver.ledger, driver.publisher, site.settings, clock)
        assert work._expire() == forgotten
        in_force = expiry.in_force(site.delta(SILVER_ORDER_LINES), site.bucket, 0)
        assert in_force == ({"kafka": model.expired_sequence} if model.expired_sequence else {})
        rows = {
            (row["order_id"], row["line_no"]): (row["cdc_sequence"], row["is_deleted"])
            for row in site.rows(SILVER_ORDER_LINES)
        }
        assert rows == {key: (row.sequence, row.line is None) for key, (row, _) in model.held.items()}
    assert expired > 10
    assert all(totals[name] > 0 for name in ("applied", "superseded", "stale", "duplicate", "rejected")), totals
    driver.bring_gold_up()
    assert site.differences() == []

    # what was rejected for it lies there with its text, read again from bronze
    rejected = site.rows(SILVER_REJECTED)
    assert {row["reason"] for row in rejected} == {"older_than_expired_delete"}
    assert len(rejected) == totals["rejected"]
    assert all(decode(row["raw"]).sequence <= model.expired_sequence for row in rejected)

    # a rebuild has forgotten nothing: it reads every change again and knows every delete
    rebuild.run(site.tables(), site.bucket, site.settings)
    assert expiry.in_force(site.delta(SILVER_ORDER_LINES), site.bucket, 1) == {}
    assert site.rows(SILVER_REJECTED) == []
    assert site.differences() == []
