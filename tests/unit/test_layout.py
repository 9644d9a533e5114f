"""Which files are rewritten together: small neighbours and overlaps, within bounds, and never in a circle."""

from itertools import combinations, pairwise
from random import Random

import pytest

from spark_jobs.layout import DataFile, choose, cost

pytestmark = pytest.mark.unit


def file(low: int | None, high: int | None, rows: int = 10, path: str = "") -> DataFile:
    return DataFile(path or f"{low}-{high}-{rows}", rows, rows, low, high, 0.0)


@pytest.mark.parametrize(
    ("one", "two", "overlap"),
    [
        ((1, 5), (4, 9), True),
        ((1, 5), (5, 9), False),  # one key in both is no harm: an order may be the last of one and the first of another
        ((1, 5), (6, 9), False),
        ((1, 9), (4, 4), True),
        ((4, 4), (4, 4), False),
        ((1, 9), (1, 9), True),
        ((None, None), (1, 9), False),
    ],
)
def test_overlaps(one: tuple[int, int], two: tuple[int, int], overlap: bool) -> None:
    assert file(*one).overlaps(file(*two)) == file(*two).overlaps(file(*one)) == overlap


def test_the_cost_is_that_of_a_slow_loop() -> None:
    rng = Random(2)
    for _ in range(200):
        lows = [rng.randrange(20) for _ in range(rng.randrange(1, 8))]
        files = [
            file(low, low + rng.randrange(6), rng.randrange(1, 40), str(number)) for number, low in enumerate(lows)
        ]
        slow = sum(one.rows + two.rows for one, two in combinations(files, 2) if one.overlaps(two))
        slow += sum(one.rows for one in files if one.rows > 20) + len(files)
        assert cost(files, target=10) == slow


def test_small_neighbours_are_chosen_within_the_bound() -> None:
    files = [file(number, number + 1, 10) for number in range(40)]
    Random(1).shuffle(files)
    chosen = choose(files, target=100, most=200, gain=50)
    assert [one.low for one in chosen] == list(range(20))
    full = [file(100 * number, 100 * number + 99, 100) for number in range(-3, 0)]
    assert choose([*full, *files], target=100, most=400, gain=50) == sorted(files, key=lambda one: one.low)
    assert choose(files[:5], target=100, most=200, gain=50) == []
    assert choose([], target=100, most=200, gain=50) == []
    assert choose([file(1, 2)], target=100, most=200, gain=0) == []


def test_overlapping_files_are_chosen_before_small_ones() -> None:
    small = [file(number, number + 1, 10) for number in range(10)]
    wide = [file(100, 200, 90, "a"), file(101, 199, 90, "b")]
    assert choose([*small, *wide], target=100, most=200, gain=50)[-2:] == wide


def test_a_file_that_is_much_too_large_is_split() -> None:
    assert choose([file(1, 2, 1000)], target=100, most=500, gain=50) == [file(1, 2, 1000)]
    assert choose([file(1, 2, 190)], target=100, most=500, gain=50) == []


def rewritten(chosen: list[DataFile], target: int, number: int) -> list[DataFile]:
    """What files with evenly spread keys become."""
    keys = sorted(
        one.low + (one.high - one.low) * row // max(1, one.rows - 1) for one in chosen for row in range(one.rows)
    )
    parts = -(-len(keys) // target)
    ends = [len(keys) * part // parts for part in range(parts + 1)]
    return [
        file(keys[start], keys[end - 1], end - start, f"{number}.{part}")
        for part, (start, end) in enumerate(pairwise(ends))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_pieces_of_work_come_to_an_end_and_leave_narrow_files(seed: int) -> None:
    rng, files = Random(seed), []
    for number in range(60):
        low = rng.randrange(10_000)
        wide = rng.choice((10, 100, 9_000))
        files.append(file(low, min(10_000, low + wide), rng.randint(1, 150), f"{number}"))
    before = cost(files, 100)
    for number in range(100):
        chosen = choose(files, target=100, most=1_000, gain=80)
        if not chosen:
            break
        after = [one for one in files if one not in chosen] + rewritten(chosen, 100, number)
        assert cost(after, 100) < cost(files, 100)
        assert sum(one.rows for one in chosen) <= 1_000
        files = after
    assert number < 99
    assert cost(files, 100) < before / 10
