"""What the pipeline of the tutorials makes of noise, and what ours makes of it, from the same bronze."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from pyspark.sql import functions as F

from benchmarks.bronze import Sink
from benchmarks.naive import Naive
from generator import dataset, noise, replay
from generator.plan import Planner
from generator.steps import Clock, Message
from lakehouse.envelopes import OrderLine
from lakehouse.places import BRONZE_KAFKA
from lakehouse.tables import ORDER_LINE
from tests.spark.site import Site

pytestmark = pytest.mark.spark

LINES = dataset.read(limit=1_000)
REACH = 400  # longer than a delivery is apart from the next
FIELDS = [column.name for column in ORDER_LINE if column.name != "ordered_at"]
Rows = dict[tuple[str, int], tuple[Any, ...]]


def deliveries() -> Iterator[list[Message]]:
    """The messages of the noisy replay in two deliveries, in the order of their sending."""
    planner = Planner(noise.level("heavy"), 19, first_lsn=1, clock=Clock(replay.START_MILLIS), reach=REACH)
    steps = list(chain.from_iterable(LINES.blocks()))
    half = len(steps) // 2
    yield planner.feed(steps[:half])
    yield planner.feed(steps[half:]) + planner.finish()


def rows_of(site: Site, url: str, where: str = "true") -> Rows:
    """A table's rows by key; ordered_at as microseconds, for the naive pipeline has years that Python has not."""
    rows = site.spark.read.format("delta").load(url).where(where)
    found = rows.select(*FIELDS, F.unix_micros("ordered_at")).collect()
    return {(row["order_id"], row["line_no"]): tuple(row) for row in found}


def as_row(line: OrderLine) -> tuple[Any, ...]:
    micros = round(line.ordered_at.timestamp() * 1_000_000)
    return (*(getattr(line, name) for name in FIELDS), micros)


def test_the_naive_pipeline_gets_noisy_data_wrong_and_ours_does_not(site: Site) -> None:
    root, sink = f"s3://{site.settings.bucket}", Sink()
    naive = Naive(site.spark, f"{root}/naive", f"{root}/{BRONZE_KAFKA}")
    for messages in deliveries():
        for key, body in sink.objects(messages).items():
            site.bucket.put(key, body)
        site.run()
        naive.run()
    lines = replay.truth(LINES)
    truth = {key: as_row(line) for key, line in lines.items()}
    revenue = sum((line.quantity * line.unit_price for line in lines.values()), Decimal(0))

    assert rows_of(site, f"{root}/silver/order_lines", "not is_deleted") == truth
    assert net_revenue(site, f"{root}/gold/daily_sales") == revenue

    theirs = rows_of(site, f"{root}/naive/silver")
    assert (
        theirs.keys() - truth.keys()
    )  # resurrected: what the shop has deleted is there, a change came after the delete
    assert truth.keys() - theirs.keys()  # lost: what the shop has inserted again is not, the delete came after that
    assert any(theirs[key] != truth[key] for key in theirs.keys() & truth.keys())  # stale: an older change came last
    assert net_revenue(site, f"{root}/naive/daily_sales") != revenue


def net_revenue(site: Site, url: str) -> Decimal:
    found = site.spark.read.format("delta").load(url).agg({"net_revenue": "sum"}).first()
    assert found is not None
    return Decimal(found[0])
