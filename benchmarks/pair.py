"""Both pipelines side by side in one session and one bucket, UCI loaded: one batch after the other through each."""

from collections.abc import Iterator
from itertools import islice

from benchmarks.bronze import Sink
from benchmarks.naive import Naive
from benchmarks.updates import Rows
from benchmarks.workbench import Ours, Took, Workbench, told
from generator import dataset, replay
from generator.steps import Message
from lakehouse.settings import Settings

NAIVE_BRONZE = "naive-"


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
        self.bench.weigh()
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
