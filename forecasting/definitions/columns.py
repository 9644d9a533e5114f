"""The columns of a definition's table, by what they may be used for; of a query's columns only names can be checked."""

import re
from collections.abc import Collection, Sequence
from copy import copy

from forecasting.definitions.document import Mapping
from lakehouse.tables import FORECAST_TABLES, TABLES, Table

NAMED = {
    table.full_name: table for table in TABLES if table.layer in ("gold", "silver") and table not in FORECAST_TABLES
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NUMBERS = ("int", "bigint", "double", "decimal")
_MOMENTS = ("date", "timestamp")
# What data sets and exports have columns of their own for.
_RESERVED = re.compile(
    r"item_id|timestamp|date|target_value|mean|p\d{1,2}|backtest_window|backtestwindow_(start|end)_time"
    r"|predictor_arn|algorithm"
)


class Columns:
    """The columns of a table, or of a query over it.

    Args:
        given: The member of the document that has `table` and perhaps `query`; a wrong table is noted as a mistake.
    """

    def __init__(self, given: Mapping) -> None:
        self._given = given
        self.table = given.text("table", None, sorted(NAMED))
        self._known: Table | None = None if "query" in given else NAMED.get(self.table)

    @property
    def names(self) -> Collection[str]:
        """All of them; none where nobody knows them."""
        return self._known.names if self._known else ()

    def of(self, member: Mapping) -> "Columns":
        """The same columns, named by another member of the document."""
        found = copy(self)
        found._given = member
        return found

    def text(self, name: str, default: str | None = None, types: Sequence[str] = ()) -> str:
        """The column that a member names, of one of these types; wrong ones are noted."""
        found = self._given.text(name, default, self._of(types))
        return self._checked(name, found)

    def number(self, name: str, default: str | None = None) -> str:
        """A column of numbers."""
        return self.text(name, default, _NUMBERS)

    def moment(self, name: str, default: str | None = None) -> str:
        """A column of days or moments."""
        return self.text(name, default, _MOMENTS)

    def are_days(self, column: str) -> bool:
        """Whether a column is known to hold days, not moments within them."""
        return self._known is not None and any(one.name == column and one.type == "date" for one in self._known.columns)

    def texts(self, name: str, most: int, *, are_numbers: bool = False) -> tuple[str, ...]:
        """Columns that become columns of a data set under their own names."""
        found = self._given.texts(name, self._of(_NUMBERS) if are_numbers else self.names)
        if len(found) > most:
            self._given.wrong(name, f"{name} has {len(found)} columns", f"at most {most}")
        for column in found:
            if _RESERVED.fullmatch(self._checked(name, column)):
                self._given.wrong(name, f"{name} has {column}, a name of Amazon Forecast's own", "another, by a query")
        return found

    def _of(self, types: Sequence[str]) -> Collection[str]:
        if self._known is None or not types:
            return self.names
        return [one.name for one in self._known.columns if one.type.partition("(")[0] in types]

    def _checked(self, name: str, column: str) -> str:
        if column and not _NAME.fullmatch(column):
            self._given.wrong(name, f"{name} is {column}", "small letters, digits and _, a letter first")
        return column
