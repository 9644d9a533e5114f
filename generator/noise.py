"""How much goes wrong at each noise level, and what a row looks like when it is wrong.

Owns the one table of shares. Works on a row's JSON text (an envelope's image); knows no order of messages and no clock.
"""

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from lakehouse.errors import ConfigError


@dataclass(frozen=True)
class Level:
    """Shares of one noise level; the first eight are of the inserts and exclude each other.

    Args:
        wrong: Inserted with wrong values, corrected later.
        blank: Inserted with nullable columns null, corrected later.
        reinsert: Inserted, deleted and inserted again.
        late: Inserted much later than its neighbours.
        unknown: Inserted with columns nobody announced.
        phantom: Beside the insert, lines that never were: deleted later.
        null_value: Beside the insert, a message of its key without a value, though nothing was deleted.
        malformed: Beside the insert, a message that breaks the contract.
        duplicate: Of all changes: delivered again.
        delayed: Of all changes: delivered after younger ones.
        shuffled: The same among changes of rows that change more than once, where order decides.
        reach_seconds: How much later a simulation's change may at most be made up for or delivered.
    """

    wrong: float = 0.0
    blank: float = 0.0
    reinsert: float = 0.0
    late: float = 0.0
    unknown: float = 0.0
    phantom: float = 0.0
    null_value: float = 0.0
    malformed: float = 0.0
    duplicate: float = 0.0
    delayed: float = 0.0
    shuffled: float = 0.0
    reach_seconds: int = 120


STORIES: Final = ("wrong", "blank", "reinsert", "late", "unknown", "phantom", "null_value", "malformed")

LEVELS: Final = {
    "none": Level(),
    "realistic": Level(
        wrong=0.02,
        blank=0.01,
        reinsert=0.003,
        late=0.005,
        unknown=0.005,
        phantom=0.01,
        null_value=0.001,
        malformed=0.0005,
        duplicate=0.01,
        delayed=0.02,
        shuffled=0.2,
    ),
    "heavy": Level(
        wrong=0.08,
        blank=0.04,
        reinsert=0.02,
        late=0.03,
        unknown=0.03,
        phantom=0.05,
        null_value=0.01,
        malformed=0.01,
        duplicate=0.05,
        delayed=0.1,
        shuffled=0.4,
    ),
    # of all changes 10 % out of order, 5 % twice, 0.1 % malformed: 0.48 of them are inserts (generator/load.py)
    "load": Level(malformed=0.001 / 0.48, duplicate=0.05, delayed=0.1, shuffled=0.1, reach_seconds=10),
}


def level(name: str) -> Level:
    """The level of that name.

    Raises:
        ConfigError: There is none.
    """
    try:
        return LEVELS[name]
    except KeyError as fault:
        raise ConfigError(f"noise {name!r}", f"one of {', '.join(LEVELS)}", "correct NOISE or --noise") from fault


def of_table(found: Level) -> Level:
    """What of a level can happen to the rows of a table, whose writes are the truth.

    A row may be wrong, blank, late, deleted and inserted again, may have unknown columns or never have been. A write
    cannot break the stream record that DynamoDB makes of it, arrive after a younger one of its key, or be a change
    twice; there is no message without a value. What happens on the way (a record twice, an object late) is the way's.
    """
    return replace(found, null_value=0.0, malformed=0.0, duplicate=0.0, delayed=0.0, shuffled=0.0)


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps makes one a call


def dumps(image: dict[str, Any]) -> str:
    """A row as the compact JSON text that envelopes carry."""
    return _encode(image)


def wrong(image: str, rng: Random) -> str:
    """The row with one to three values that are wrong but keep the contract."""
    row = json.loads(image)
    for name in rng.sample(_ALTERABLE, rng.randint(1, 3)):
        row[name] = _other(name, row[name], rng)
    return dumps(row)


def blank(image: str) -> str:
    """The row without its nullable values."""
    return dumps({**json.loads(image), "description": None, "customer_id": None})


def unknown(image: str, rng: Random) -> str:
    """The row with one to three columns beyond the contract; a name always has values of one type."""
    row = json.loads(image)
    fresh: dict[str, Any] = {
        "channel": rng.choice(("web", "phone", "märket")),
        "loyalty_points": rng.randrange(1000),
        "gift": {"wrapped": rng.random() < 0.5, "note": 'for "you" \\ us'},
        "Till No.": str(rng.randrange(9)),
    }
    for name in rng.sample(sorted(fresh), rng.randint(1, 3)):
        row[name] = fresh[name]
    return dumps(row)


def phantoms(image: str, number: int, rng: Random) -> list[str]:
    """Lines that never were: one more of the same order, or an order of up to three lines.

    Args:
        image: The row they resemble.
        number: Makes their keys unique within a run.
        rng: The source of chance.
    """
    row = json.loads(image)
    row["quantity"] = rng.randint(1, 5000)
    if rng.random() < 0.5:
        return [dumps({**row, "line_no": 100_000 + number})]
    return [dumps({**row, "order_id": f"X{number:07d}", "line_no": line}) for line in range(1, rng.randint(2, 4))]


_ALTERABLE: Final = ("product_id", "description", "quantity", "unit_price", "customer_id", "country", "ordered_at")


def _other(name: str, value: Any, rng: Random) -> Any:
    match name:
        case "quantity":
            return rng.choice((value * 10, -value)) if value else rng.randint(1, 99)
        case "unit_price":
            price = f"{rng.randrange(100_000) / 100:.3f}"
            return price if price != value else "0.001"
        case "ordered_at":
            day = (int(value[8:10]) - 1 + rng.randint(1, 27)) % 28 + 1
            return f"{value[:8]}{day:02d}{value[10:]}"
        case "customer_id":
            return str(rng.randint(90_000, 99_999)) if rng.random() < 0.8 or value is None else None
        case "country":
            return "Unspecified" if value != "Unspecified" else "EIRE"
        case _:
            return f"{value or ''} ?{rng.randrange(100)}"
