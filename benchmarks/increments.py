"""2,000 changed rows from bronze to silver to gold while UCI is loaded: adjacent keys, spread keys, and a shop's mix.

Both pipelines are warm and run by turns; the naive stream runs already when its file arrives, as our driver does.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from statistics import median, quantiles

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.pair import Pair
from benchmarks.updates import CHANGES, Mixed
from benchmarks.workbench import Took, middle, require_equal, workbench

ROUNDS = 12
WARM_UP = 5
ASKED_SECONDS = 3.0
SPREAD = "every file of silver and every day of gold changes, so both are written anew whoever does it"
# of the settings in which our session differs from Spark's and Delta's, those that can change while it runs
DEFAULTS = {
    "spark.sql.shuffle.partitions": "200",
    "spark.sql.files.minPartitionNum": "2",
    "spark.databricks.delta.snapshotPartitions": "50",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "10000",
    "spark.sql.inMemoryColumnarStorage.compressed": "true",
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "128",
    "spark.sql.parquet.compression.codec": "snappy",
}


def run(given: Options) -> Iterator[Figure]:
    """Measure the three kinds, then the naive pipeline once more with Spark's defaults."""
    rounds = given.rounds_or(ROUNDS)
    with workbench() as bench:
        pair = Pair(bench, bench.bucket("increments"))
        pair.load()
        for kind, words, batches, note in (
            ("adjacent", "2,000 updates of adjacent recent keys", pair.rows.adjacent(), ""),
            ("spread", "2,000 updates spread over the year", pair.rows.spread(), SPREAD),
        ):
            ours, theirs = pair.alternate(kind, batches, WARM_UP + rounds)
            require_equal(bench.revenue(pair.there, "gold"), pair.rows.revenue)
            require_equal(bench.revenue(pair.there, "naive"), pair.rows.revenue)
            yield from _figures(words, ours[WARM_UP:], theirs[WARM_UP:], note, asked=None if note else ASKED_SECONDS)
        shop = Mixed(pair.rows.next_lsn)
        ours, theirs = pair.alternate("mixed", shop.batches(WARM_UP + rounds), WARM_UP + rounds)
        pair.round(shop.rest())
        truth = pair.rows.revenue + shop.revenue(CHANGES * (WARM_UP + rounds))
        require_equal(bench.revenue(pair.there, "gold"), truth)
        off = Decimal(str(bench.revenue(pair.there, "naive"))) - truth
        yield from _figures(
            "2,000 changes of a shop: 960 inserts, 1,000 updates, 40 deletes, 10 % out of order, 5 % twice",
            ours[WARM_UP:],
            theirs[WARM_UP:],
            f"the naive revenue is off by {off:,.3f}; ours is exact",
        )
        yield _with_defaults(pair, rounds)


def _figures(
    words: str, ours: list[Took], theirs: list[Took], note: str = "", *, asked: float | None = ASKED_SECONDS
) -> Iterator[Figure]:
    mine, other = middle(ours), middle(theirs)
    yield Figure(
        "increments",
        f"{words}, median",
        "s",
        mine.seconds,
        naive=other.seconds,
        asked=asked,
        cpu_seconds=mine.cpu_seconds,
        naive_cpu_seconds=other.cpu_seconds,
        memory_mib=mine.memory_mib,
        naive_memory_mib=other.memory_mib,
        rounds=len(ours),
        note=note,
    )
    yield Figure("increments", f"{words}, 95th percentile", "s", _p95(ours), naive=_p95(theirs), rounds=len(ours))


def _p95(rounds: list[Took]) -> float:
    return quantiles([one.seconds for one in rounds], n=20, method="inclusive")[-1]


def _with_defaults(pair: Pair, rounds: int) -> Figure:
    """The naive pipeline alone, the settings of the session set back as far as they can be."""
    conf = pair.bench.spark.conf
    ours = {name: conf.get(name, "") or "" for name in DEFAULTS}
    try:
        for name, value in DEFAULTS.items():
            conf.set(name, value)
        took = [pair.only_naive(messages) for messages in islice(pair.rows.adjacent(), WARM_UP + math.ceil(rounds / 2))]
    finally:
        for name, given in ours.items():
            conf.set(name, given)
    seconds = median(one.seconds for one in took[WARM_UP:])
    return Figure(
        "increments",
        "2,000 updates of adjacent recent keys, the naive pipeline with Spark's default settings, median",
        "s",
        seconds,
        rounds=len(took) - WARM_UP,
        note="those settings that a running session can change",
    )
