"""Athena's SQL in DuckDB's: what a query says, typed by the catalogue; it reads no data and knows no engine.

Importing it is light: `sql.grammar` alone serves a process that only checks a query's text.
"""

from collections.abc import Sequence

from infra.local.athena import contract


def translate(
    query: str, *, catalog: contract.Catalog, database: str, parameters: Sequence[str] = ()
) -> contract.Translation:
    """Translate a query of Athena's dialect.

    Args:
        query: One SELECT, WITH, VALUES or TABLE query; places in errors are places in this text, so the caller of a
            query inside a statement blanks out what stands before it.
        catalog: Names to relations.
        database: Of tables without one; "" for none.
        parameters: Texts of literals for the `?` in order.

    Returns:
        The query in DuckDB's SQL; a type is "" where only DuckDB can tell. A timestamp with a time zone other than
        UTC and an interval of months are VARCHAR in it, already Athena's text.

    Raises:
        QueryError: What Athena says of a query that is wrong.
    """
    from infra.local.athena.sql.whole import translate_whole  # noqa: PLC0415 - the rules are many modules

    return translate_whole(query, catalog, database.lower(), parameters)
