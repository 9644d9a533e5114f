"""What the pipeline of the tutorials makes of noise, and what ours makes of it, from the same bronze."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from deltalake import DeltaTable

from benchmarks.bronze import Sink
from benchmarks.naive import Naive
from generator import dataset, noise, replay
from generator.plan import Planner
from generator.steps import Clock, Message
from lakehouse.envelopes import OrderLine
from lakehouse.places import BRONZE_KAFKA
from lakehouse.tables import ORDER_LINE, SILVER_ORDER_LINES
from tests.spark.site import Site

pytestmark = pytest.mark.spark

LINES = dataset.read(limit=1_500)
REACH = 500  # later than a delivery
FIELDS = [column.name for column in ORDER_LINE]
Rows = dict[tuple[str, int], OrderLine]


def deliveries() -> Iterator[list[Message]]:
    """The messages of the noisy replay in three deliveries, in the order of their sending."""
    planner = Planner(noise.level("heavy"), 7, first_lsn=1, clock=Clock(replay.START_MILLIS), reach=REACH)
    steps = list(chain.from_iterable(LINES.blocks()))
    for start in (0, 500, 1_000):
        messages = planner.feed(steps[start : start + 500])
        yield messages if start < 1_000 else messages + planner.finish()


def order_lines(rows: list[dict[str, Any]]) -> Rows:
    found = [OrderLine(**{name: row[name] for name in FIELDS}) for row in rows]
    return {line.key: line for line in found}


def revenue(rows: Rows) -> Decimal:
    return sum((line.quantity * line.unit_price for line in rows.values()), Decimal(0))


def test_the_naive_pipeline_gets_noisy_data_wrong_and_ours_does_not(site: Site) -> None:
    root, sink = f"s3://{site.settings.bucket}", Sink()
    naive = Naive(site.spark, f"{root}/naive", f"{root}/{BRONZE_KAFKA}")
    for messages in deliveries():
        for key, body in sink.objects(messages).items():
            site.bucket.put(key, body)
        site.run()
        naive.run()
    truth = replay.truth(LINES)

    ours = order_lines([row for row in site.rows(SILVER_ORDER_LINES) if not row["is_deleted"]])
    assert ours == truth
    sales = site.spark.read.format("delta")
    totals = [
        sales.load(f"{root}/{place}/daily_sales").agg({"net_revenue": "sum"}).first() for place in ("gold", "naive")
    ]
    assert totals[0] == (revenue(truth),)

    silver = DeltaTable(f"{root}/naive/silver", storage_options=site.settings.delta_options)
    theirs = order_lines(silver.to_pyarrow_table().to_pylist())
    resurrected = theirs.keys() - truth.keys()  # deleted by the shop; an insert came after the delete
    lost = truth.keys() - theirs.keys()  # inserted again by the shop; the delete came after that
    stale = {key for key in theirs.keys() & truth.keys() if theirs[key] != truth[key]}  # an older change came last
    assert resurrected
    assert lost
    assert stale
    assert totals[1] != (revenue(truth),)
