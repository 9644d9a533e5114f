"""500 batches of 2,000 updates over UCI, with maintenance in between: whether the last take longer than the first."""

from collections.abc import Iterator
from itertools import islice
from statistics import median

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.pair import Pair
from benchmarks.workbench import Took, told, workbench

ROUNDS = 500
NAIVE_ROUNDS = 60  # it grows from the first on, by 9 s a round; all 500 would take an hour
WARM_UP = 20
EDGE = 50
ASKED_TIMES = 1.2


def run(given: Options) -> Iterator[Figure]:
    """Measure; the batches walk from the newest rows to the oldest, and anew from the newest."""
    rounds = given.rounds_or(ROUNDS)
    ours: list[Took] = []
    theirs: list[Took] = []
    upkeep: list[Took] = []
    with workbench() as bench:
        pair = Pair(bench, bench.bucket("many-batches"))
        pair.load()
        for number, messages in enumerate(islice(pair.rows.adjacent(), WARM_UP + rounds), 1):
            if number <= WARM_UP + NAIVE_ROUNDS:
                mine, other = pair.round(messages)
                theirs.append(other)
            else:
                mine = pair.only_ours(messages)
            ours.append(mine)
            upkeep.append(bench.timed(pair.ours.maintain))
            told("many_batches", number, mine)
    seconds, kept_seconds = ([one.seconds for one in took] for took in (ours, upkeep))
    yield Figure(
        "many_batches",
        f"the last of {rounds} batches of 2,000 updates, times the first ones after {WARM_UP} to warm up, medians",
        "times",
        growth(seconds),
        naive=growth([one.seconds for one in theirs]),
        asked=ASKED_TIMES,
        rounds=rounds,
        memory_mib=max(one.memory_mib for one in ours),
        note=f"{_edges(seconds)}; naive after {len(theirs) - WARM_UP}: {_edges([one.seconds for one in theirs])}; "
        f"maintenance {sum(kept_seconds):.0f} s in all, {max(kept_seconds):.1f} s at most between two batches",
    )


def growth(seconds: list[float]) -> float:
    """The median of the last batches, in multiples of that of the first after the warm-up.

    Example:
        >>> growth([9.0] * WARM_UP + [2.0] * EDGE + [5.0] * 7 + [3.0] * EDGE)
        1.5
    """
    first, last = _ends(seconds)
    return last / first


def _ends(seconds: list[float]) -> tuple[float, float]:
    warm = seconds[WARM_UP:]
    edge = min(EDGE, max(1, len(warm) // 2))
    return median(warm[:edge]), median(warm[-edge:])


def _edges(seconds: list[float]) -> str:
    first, last = _ends(seconds)
    return f"{first:.2f} s, then {last:.2f} s"
