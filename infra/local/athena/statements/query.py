"""SELECT, VALUES, TABLE and WITH: translated by `sql`, run by the engine. No other module reaches the translator."""

import dataclasses
import re
from collections.abc import Sequence

from infra.local.athena.contract import CATALOG, Column, Outcome, QueryError, Translation
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults
from infra.local.athena.statements.action import Action
from infra.local.athena.tables import types


def select(text: str) -> Action:
    """A query whose rows are the answer."""
    check(text)

    def run(context: Context) -> Outcome:
        return answers.published(context.select(translate(context, text)))

    return run


def check(text: str) -> None:
    """Refuse a query that Athena's grammar does not know.

    Raises:
        QueryError: At start, as StartQueryExecution refuses it; other faults are the execution's.
    """
    from infra.local.athena.sql import grammar  # noqa: PLC0415 (DDL needs no grammar of queries)

    try:
        grammar.parse(text)
    except QueryError as fault:
        if fault.code == "SYNTAX_ERROR":
            raise faults.at_start(str(fault).removeprefix("SYNTAX_ERROR: ")) from fault


def within(whole: str, start: int) -> str:
    """The part of a statement from a place on, where it stood: faults then have their place in the whole."""
    return re.sub(r"[^\n]", " ", whole[:start]) + whole[start:]


def translate(context: Context, text: str, parameters: Sequence[str] | None = None) -> Translation:
    """Translate a query with the parameters of the job, or with these.

    Raises:
        QueryError: Athena's fault, with its place.
    """
    from infra.local.athena import sql  # noqa: PLC0415 (only a worker translates)

    given = context.job.parameters if parameters is None else parameters
    return sql.translate(
        text,
        catalog=context.catalog,
        database=context.job.database.strip('`"').lower(),
        parameters=tuple(_constant(parameter) for parameter in given),
    )


def _constant(parameter: str) -> str:
    """A parameter that is no constant stands for itself, as a string: its text comes from anywhere, reads no data."""
    from infra.local.athena.sql.grammar.queries import Queries  # noqa: PLC0415

    try:
        node = Queries(parameter).expression()
    except (QueryError, RecursionError):
        return parameter  # the grammar takes it for a string
    return types.literal(parameter) if _refers(node) else parameter


def _refers(part: object) -> bool:
    """Whether a part of a tree names a column, holds a query, or calls what depends on rows."""
    from infra.local.athena.sql import rules  # noqa: F401, PLC0415 (fills the registry)
    from infra.local.athena.sql.functions import RULES  # noqa: PLC0415
    from infra.local.athena.sql.grammar import nodes  # noqa: PLC0415

    if isinstance(part, nodes.Name | nodes.Star | nodes.Query):
        return True
    if isinstance(part, nodes.Call) and part.name in RULES and RULES[part.name].kind != "scalar":
        return True
    if isinstance(part, nodes.Node):
        return any(_refers(getattr(part, member.name)) for member in dataclasses.fields(part))
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, tuple) else ()
    return any(_refers(one) for one in inner)


def check_columns(columns: Sequence[Column]) -> None:
    """The columns of a query can be those of a table: each has a name of its own and a type.

    Raises:
        QueryError: MISSING_COLUMN_NAME, DUPLICATE_COLUMN_NAME or COLUMN_TYPE_UNKNOWN.
    """
    seen: set[str] = set()
    for at, column in enumerate(columns, start=1):
        if column.name in ("", f"_col{at - 1}"):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {at}", 1, 1)
        if column.name.lower() in seen:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{column.name}' specified more than once", 1, 1)
        if column.type == "unknown":
            raise QueryError("COLUMN_TYPE_UNKNOWN", f"Column type is unknown at position {at}", 1, 1)
        seen.add(column.name.lower())


def require_database(context: Context, name: str) -> None:
    """The database of a statement of Trino's is there.

    Raises:
        QueryError: SCHEMA_NOT_FOUND.
    """
    if entries.find_database(context, name) is None:
        raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{CATALOG}.{name}' does not exist", 1, 1)
