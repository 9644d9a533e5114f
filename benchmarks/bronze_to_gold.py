"""UCI as 541,909 inserts in about 100 bronze objects, in one batch to silver and gold, every round in a new bucket."""

from collections.abc import Iterator

from benchmarks.bronze import Sink
from benchmarks.figure import Figure
from benchmarks.naive import Naive
from benchmarks.options import Options
from benchmarks.workbench import Ours, middle, require_equal, told, workbench
from generator import dataset, replay

OBJECT_ROWS = 5_420
ROUNDS = 4
WARM_UP = 3
BRONZE = "bronze/order_lines/kafka"


def run(given: Options) -> Iterator[Figure]:
    """Measure."""
    objects = Sink().objects(replay.messages(dataset.read(), "none"), OBJECT_ROWS)
    ours, theirs = [], []
    with workbench() as bench:
        bench.weigh()
        for number in range(1, WARM_UP + given.rounds_or(ROUNDS) + 1):
            there = bench.bucket(f"round-{number}")
            bench.put(there, objects)
            root = f"s3://{there.bucket}"
            ours.append(bench.timed(Ours(bench.spark, there).run))
            theirs.append(bench.timed(Naive(bench.spark, f"{root}/naive", f"{root}/{BRONZE}").run))
            require_equal(bench.revenue(there, "gold"), bench.revenue(there, "naive"))
            told("bronze_to_gold", number, ours[-1], theirs[-1])
    measured, naive = middle(ours[WARM_UP:]), middle(theirs[WARM_UP:])
    yield Figure(
        "bronze_to_gold",
        f"UCI as inserts in {len(objects)} objects to gold, warm, median",
        "s",
        measured.seconds,
        naive=naive.seconds,
        cpu_seconds=measured.cpu_seconds,
        naive_cpu_seconds=naive.cpu_seconds,
        memory_mib=measured.memory_mib,
        naive_memory_mib=naive.memory_mib,
        rounds=len(ours) - WARM_UP,
        note=f"cold: {ours[0].seconds:.0f} s, naive {theirs[0].seconds:.0f} s",
    )
