"""The load to measure with: a shop whose every thousand changes are 480 inserts, 500 updates and 20 deletes.

Pure and seeded, as generator/shop.py is; what goes wrong on the way is the noise level `load`.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from generator.noise import dumps
from generator.shop import Shop, inserted, key
from generator.steps import Step

MIX: Final = "c" * 479 + "u" * 500 + "d" * 20
"""The changes after the insert that begins each thousand."""
ROWS: Final = 100_000
"""Rows that may still change: at 2,000 changes a second, those of the last minutes."""


def steps(shop: Shop, rng: Random, start_millis: int, rate: float) -> Iterator[Step]:
    """Steps without end, step n at `start_millis + 1000 * n / rate`.

    Args:
        shop: Sells the rows that are inserted.
        rng: Chooses the rows that change.
        start_millis: Milliseconds since 1970.
        rate: Changes a second.
    """
    rows: list[dict[str, Any]] = []
    sold: list[dict[str, Any]] = []
    count = 0
    while True:
        for op in ["c", *rng.sample(MIX, len(MIX))]:
            if op == "c":
                sold = sold or shop.sell(start_millis / 1000 + count / rate)[::-1]
                row = sold.pop()
                if len(rows) < ROWS:
                    rows.append(row)
                else:
                    rows[rng.randrange(ROWS)] = row
                yield inserted(row)
            else:
                place = rng.randrange(len(rows))
                row = rows[place]
                before = dumps(row)
                if op == "u":
                    row["quantity"] += 1
                    yield Step("u", key(row), before, dumps(row))
                else:
                    rows[place] = rows[-1]
                    rows.pop()
                    yield Step("d", key(row), before, "null")
            count += 1
