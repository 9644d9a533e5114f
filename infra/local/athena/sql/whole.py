"""Translates a client's query as a whole: its names and types as a result shows them, the tables it reads."""

from collections.abc import Sequence

from infra.local.athena import contract
from infra.local.athena.sql import rules as _rules  # noqa: F401 - fills the registry
from infra.local.athena.sql.grammar import TOO_LARGE, parse
from infra.local.athena.sql.queries import translate_query
from infra.local.athena.sql.rules.texts import presented, result_type
from infra.local.athena.sql.session import Environment, Session, shown_names
from infra.local.athena.sql.value import Value


def translate_whole(
    query: str, catalog: contract.Catalog, database: str, parameters: Sequence[str]
) -> contract.Translation:
    """Translate a query; see `sql.translate`."""
    session = Session(catalog)
    environment = Environment(session, database, is_whole=True)
    try:
        translated = translate_query(parse(query, parameters), environment, None)
    except RecursionError as error:
        raise contract.QueryError(*TOO_LARGE) from error
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
