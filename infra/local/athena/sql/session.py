"""What holds for the whole of one translation: the catalogue, the tables found so far, fresh names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from infra.local.athena.contract import Catalog, Relation
from infra.local.athena.sql.datatype import Type, quoted
from infra.local.athena.sql.sources import BaseColumn, BaseTable


@dataclass
class Session:
    """Of one translation."""

    catalog: Catalog
    tables: dict[str, BaseTable] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)

    def fresh(self, letter: str) -> str:
        """A name that nothing else in the query has."""
        return f"{letter}{next(self.numbers)}"

    def mention(self, relation: Relation) -> tuple[str, BaseTable]:
        """Register one mention of a table; gives its key."""
        key = f"t{len(self.tables)}"
        self.tables[key] = BaseTable(relation)
        return key, self.tables[key]


@dataclass(frozen=True)
class Output:
    """A column of a translated query.

    Args:
        name: None for one without a name.
        sql_name: What DuckDB's SQL calls it, quoted where that is needed.
        base: The table's column that it is, unchanged, if conditions on it may be told to the table.
    """

    name: str | None
    sql_name: str
    type: Type
    base: BaseColumn | None = None


@dataclass(frozen=True)
class Translated:
    """A query in DuckDB's SQL: a SELECT that stands in parentheses anywhere."""

    sql: str
    columns: tuple[Output, ...]


@dataclass(frozen=True)
class CommonTable:
    """A WITH query under its name in DuckDB's SQL."""

    sql_name: str
    columns: tuple[Output, ...]


@dataclass(frozen=True)
class Environment:
    """What holds for a query and its parts.

    Args:
        database: Of tables without one.
        common: WITH queries by name.
        views: Full names of the views around, against cycles.
        is_whole: Whether the query is the client's, so that its columns have their own names in DuckDB's SQL.
    """

    session: Session
    database: str
    common: Mapping[str, CommonTable] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    is_whole: bool = False

    def inner(self) -> "Environment":
        """For the queries inside."""
        return replace(self, is_whole=False) if self.is_whole else self

    def sql_names(self, names: Sequence[str | None]) -> list[str]:
        """What DuckDB's SQL calls a query's columns."""
        if not self.is_whole:
            return [f"c{i}" for i in range(len(names))]
        given: dict[str, str] = {}  # by the name as DuckDB compares it
        for i, name in enumerate(shown_names(names)):
            unlike = name
            while unlike.lower() in given:
                unlike = f"{unlike}_{i}"
            given[unlike.lower()] = unlike
        return [quoted(name) for name in given.values()]

    def with_common(self, name: str, table: CommonTable) -> "Environment":
        return replace(self, common={**self.common, name: table})


def shown_names(names: Sequence[str | None]) -> list[str]:
    """The names of a result's columns: Athena numbers those without one."""
    return [f"_col{i}" if name is None else name for i, name in enumerate(names)]
