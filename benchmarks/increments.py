"""2,000 changed rows from bronze to silver to gold while UCI is loaded: adjacent keys, spread keys, and a shop's mix.

Both pipelines are warm and run by turns; the naive stream runs already when its file arrives, as our driver does.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from random import Random
from statistics import median, quantiles

from benchmarks.bronze import Sink
from benchmarks.figure import Figure
from benchmarks.naive import Naive
from benchmarks.options import Options
from benchmarks.updates import Rows
from benchmarks.workbench import Ours, Took, Workbench, middle, require_equal, told, workbench
from generator import dataset, load, noise, replay
from generator.plan import Planner
from generator.shop import Shop
from generator.steps import Clock, Message
from lakehouse.settings import Settings

CHANGES = 2_000
ROUNDS = 12
WARM_UP = 5
ASKED_SECONDS = 3.0
SPREAD = "every file of silver and every day of gold changes, so both are written anew whoever does it"
NAIVE_BRONZE = "naive-"
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


class Pair:
    """Both pipelines over the same messages in one bucket; the naive one reads a copy.

    Attributes:
        rows: The data set's rows, to be changed.
    """

    def __init__(self, bench: Workbench, there: Settings) -> None:
        self.bench, self.there, self.rows = bench, there, Rows(dataset.read())
        self.ours = Ours(bench.spark, there)
        root = f"s3://{there.bucket}"
        self.naive = Naive(bench.spark, f"{root}/naive", f"{root}/{NAIVE_BRONZE}bronze/")
        self._sink = Sink()

    def load(self) -> None:
        """The whole data set into both."""
        objects = self._sink.objects(replay.messages(dataset.read(), "none"))
        self.bench.put(self.there, objects)
        self.bench.put(self.there, objects, NAIVE_BRONZE)
        self.ours.run()
        self.naive.run()

    def alternate(self, kind: str, batches: Iterator[list[Message]], rounds: int) -> tuple[list[Took], list[Took]]:
        """Rounds of both, each logged."""
        ours, theirs = [], []
        for number, messages in enumerate(islice(batches, rounds), 1):
            mine, other = self.round(messages)
            told(f"increments {kind}", number, mine, other)
            ours.append(mine)
            theirs.append(other)
        return ours, theirs

    def round(self, messages: list[Message]) -> tuple[Took, Took]:
        """One batch through both."""
        objects = self._sink.objects(messages)
        self.bench.put(self.there, objects)
        return self.bench.timed(self.ours.run), self._naive_round(objects)

    def only_ours(self, messages: list[Message]) -> Took:
        """One batch through ours alone; the naive pipeline never sees it."""
        self.bench.put(self.there, self._sink.objects(messages))
        return self.bench.timed(self.ours.run)

    def only_naive(self, messages: list[Message]) -> Took:
        """One batch through the naive pipeline alone; ours never sees it."""
        return self._naive_round(self._sink.objects(messages))

    def _naive_round(self, objects: dict[str, bytes]) -> Took:
        """One batch through the naive pipeline, as one file (gzip files one after the other are one)."""
        first = min(objects)
        with self.naive.running() as query:
            self.bench.put(self.there, {first: b"".join(objects[key] for key in sorted(objects))}, NAIVE_BRONZE)
            return self.bench.timed(query.processAllAvailable)


class Mixed:
    """A shop's changes with the noise of the load, some of them later than a batch.

    Args:
        first_lsn: Of its first change.
    """

    def __init__(self, first_lsn: int) -> None:
        start, rate = replay.START_MILLIS, float(CHANGES)
        self._steps = load.steps(Shop(1, "S1", patience_seconds=1), Random(1), start, rate)
        self._planner = Planner(
            noise.level("load"), 1, first_lsn=first_lsn, clock=Clock(start, rate), reach=2 * CHANGES
        )

    def batches(self, count: int) -> Iterator[list[Message]]:
        """The messages of 2,000 changes each."""
        for _ in range(count):
            yield self._planner.feed(islice(self._steps, CHANGES))

    def rest(self) -> list[Message]:
        """What is still owed."""
        return self._planner.finish()

    def revenue(self, changes: int) -> Decimal:
        """The net revenue of the rows that so many changes leave."""
        steps = load.steps(Shop(1, "S1", patience_seconds=1), Random(1), replay.START_MILLIS, float(CHANGES))
        return Rows.of(islice(steps, changes)).revenue


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
