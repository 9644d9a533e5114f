"""Athena's SQL in DuckDB's: what a query says, typed by the catalogue; it reads no data and knows no engine."""

from collections.abc import Sequence

from infra.local.athena import contract
from infra.local.athena.sql import rules as _rules  # noqa: F401 - fills the registry
from infra.local.athena.sql.grammar import parse
from infra.local.athena.sql.queries import translate_query
from infra.local.athena.sql.rules.texts import presented, result_type
from infra.local.athena.sql.session import Environment, Session, shown_names
from infra.local.athena.sql.value import Value


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
        The query in DuckDB's SQL; a type is "" where only DuckDB can tell.

    Raises:
        QueryError: What Athena says of a query that is wrong.
    """
    session = Session(catalog)
    environment = Environment(session, database.lower(), is_whole=True)
    translated = translate_query(parse(query, parameters), environment, None)
    names = [c.name for c in translated.columns]
    sql, sql_names = translated.sql, environment.sql_names(names)
    values = [presented(Value(f"q.{c.sql_name}", c.type)) for c in translated.columns]
    if values != [f"q.{n}" for n in sql_names]:
        items = ", ".join(f"{value} AS {n}" for value, n in zip(values, sql_names, strict=True))
        sql = f"SELECT {items} FROM ({sql}) AS q"  # noqa: S608 - made of translated parts
    columns = zip((result_type(c.type) for c in translated.columns), shown_names(names), strict=True)
    return contract.Translation(
        sql,
        tuple(contract.Column(name, str(kind)) for kind, name in columns),
        {key: table.source() for key, table in session.tables.items()},
    )
