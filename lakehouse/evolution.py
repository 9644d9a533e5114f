"""Fields of the source that the contract does not know: which may become columns of silver, and what those hold.

UNKNOWN_COLUMNS says what becomes of a field without a column: freeze keeps it in `extra`, evolve gives it a column,
discard drops it. A field that has a column goes there, whatever the setting.
"""

import re
from collections.abc import Collection, Mapping

from lakehouse.strictjson import compact, parse
from lakehouse.tables import SILVER_ORDER_LINES

FREEZE, EVOLVE, DISCARD = MODES = ("freeze", "evolve", "discard")
MAX_COLUMNS = 50
NAME = r"(?!cdc_)[a-z][a-z0-9_]{0,62}"
"""A name that a column can have, as a pattern for Python and Java; silver.order_lines' own names are taken."""


def can_be_column(name: str) -> bool:
    """Whether a field of this name may become a column.

    Example:
        >>> can_be_column("gift"), can_be_column("Gift"), can_be_column("country")
        (True, False, False)
    """
    return re.fullmatch(NAME, name) is not None and name not in SILVER_ORDER_LINES.names


def meaning(first_batch: str) -> str:
    """What stands beside a column of an unknown field, in the table itself and in the page on tables."""
    return f"unknown field of the source, as JSON text; first in {first_batch}"


def gather(extra: str | None, columns: Mapping[str, str | None]) -> str | None:
    """All unknown fields of a row as one JSON object, wherever they lie; None if there are none.

    Args:
        extra: The row's `extra`.
        columns: The row's columns of unknown fields.

    Example:
        >>> gather('{"Till":1,"zone":2}', {"gift": '"red"', "note": None})
        '{"Till":1,"gift":"red","zone":2}'
    """
    texts = {name: text for name, text in columns.items() if text is not None}
    if not texts:
        return extra
    fields = (parse(extra) if extra else {}) | {name: parse(text) for name, text in texts.items()}
    return compact({name: fields[name] for name in sorted(fields)})


def only(extra: str | None, columns: Collection[str]) -> str | None:
    """What is left of a row's unknown fields when all that have no column are dropped."""
    fields = parse(extra) if extra else {}
    kept = {name: field for name, field in fields.items() if name in columns}
    return compact(kept) if kept else None
