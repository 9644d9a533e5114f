"""Translates queries: WITH, set operations, VALUES, and ORDER BY, OFFSET and LIMIT of what is no plain SELECT."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.ordering import Key, is_tied, limits, order_position, with_ties
from infra.local.athena.sql.scope import Column, Scope
from infra.local.athena.sql.selects import translate_select
from infra.local.athena.sql.session import CommonTable, Environment, Output, Translated
from infra.local.athena.sql.value import Value, cast_sql
from infra.local.athena.sql.windows import direction

_OPERATORS = {"union": "UNION", "intersect": "INTERSECT", "except": "EXCEPT"}


def translate_query(query: nodes.Query, environment: Environment, parent: Scope | None) -> Translated:
    """Translate a query.

    Args:
        query: The query.
        environment: What holds around it.
        parent: Names of the query around it, for a correlated one.
    """
    parts = []
    for common in query.withs:
        environment, sql = _common_table(common, environment, parent, query=query)
        parts.append(sql)
    body = query.body
    if isinstance(body, nodes.Select):
        translated = translate_select(body, query, environment, parent, translate_query)
    else:
        translated = _arranged(query, _body(body, environment, parent), environment, parent)
    if not parts:
        return translated
    head = "WITH RECURSIVE" if query.recursive else "WITH"
    return Translated(f"{head} {', '.join(parts)} {translated.sql}", translated.columns)


def _body(body: nodes.Node, environment: Environment, parent: Scope | None) -> Translated:
    match body:
        case nodes.Query():
            return translate_query(body, environment, parent)
        case nodes.SetOperation():
            return _set_operation(body, environment, parent)
        case nodes.Values():
            return _values(body, environment, parent)
        case nodes.TableName():
            select = nodes.Select(body.place, (nodes.Star(body.place),), source=body)
            return translate_query(nodes.Query(body.place, select), environment, parent)
        case nodes.Select():
            return translate_query(nodes.Query(body.place, body), environment, parent)
    raise QueryError("NOT_SUPPORTED", f"{type(body).__name__} is not supported here", *body.place)


def _common_table(
    common: nodes.With, environment: Environment, parent: Scope | None, *, query: nodes.Query
) -> tuple[Environment, str]:
    name = environment.session.fresh("w")
    if query.recursive and isinstance(common.query.body, nodes.SetOperation) and common.query.body.operator == "union":
        translated = _recursive(common, environment.inner(), parent, name)
    else:
        translated = translate_query(common.query, environment.inner(), parent)
    columns = _renamed(common, translated.columns)
    if _mentions(query, common.name) > 1:
        # what one mention filters out, another one may want
        columns = tuple(replace(c, base=None) for c in columns)
    table = CommonTable(name, columns)
    return environment.with_common(common.name, table), f"{name} AS ({translated.sql})"


def _mentions(node: Any, name: str) -> int:
    """How often a plain name stands for a relation in a query."""
    if isinstance(node, tuple):
        return sum(_mentions(item, name) for item in node)
    if isinstance(node, nodes.TableName):
        return int(node.parts == (name,))
    return sum(_mentions(getattr(node, f.name), name) for f in fields(node)) if is_dataclass(node) else 0


def _renamed(common: nodes.With, columns: tuple[Output, ...]) -> tuple[Output, ...]:
    if not common.columns:
        return columns
    if len(common.columns) != len(columns):
        message = (
            f"WITH column alias list has {len(common.columns)} entries but WITH query({common.name}) has "
            f"{len(columns)} columns"
        )
        raise QueryError("MISMATCHED_COLUMN_ALIASES", message, *common.place)
    return tuple(replace(c, name=n) for c, n in zip(columns, common.columns, strict=True))


def _recursive(common: nodes.With, environment: Environment, parent: Scope | None, name: str) -> Translated:
    body = common.query.body
    assert isinstance(body, nodes.SetOperation)  # noqa: S101 - the caller looked
    first = _body(body.left, environment, parent)
    first = replace(first, columns=tuple(replace(c, base=None) for c in first.columns))
    own = CommonTable(name, _renamed(common, first.columns))
    second = _body(body.right, environment.with_common(common.name, own), parent)
    types = [c.type for c in first.columns]
    keyword = "UNION" if body.distinct else "UNION ALL"
    sql = f"{_cast_to(first, types, environment)} {keyword} {_cast_to(second, types, environment)}"
    return Translated(sql, first.columns)


def _set_operation(node: nodes.SetOperation, environment: Environment, parent: Scope | None) -> Translated:
    environment = environment.inner()
    left, right = _body(node.left, environment, parent), _body(node.right, environment, parent)
    word = _OPERATORS[node.operator]
    if len(left.columns) != len(right.columns):
        message = f"{word} query has different number of fields: {len(left.columns)}, {len(right.columns)}"
        raise QueryError("TYPE_MISMATCH", message, *node.place)
    types: list[Type] = []
    for i, (a, b) in enumerate(zip(left.columns, right.columns, strict=True), 1):
        kind = common_type(a.type, b.type)
        if kind is None:
            message = f"column {i} in {word} query has incompatible types: {a.type}, {b.type}"
            raise QueryError("TYPE_MISMATCH", message, *node.place)
        types.append(kind)
    keyword = word if node.distinct else f"{word} ALL"
    sql = f"{_cast_to(left, types, environment)} {keyword} {_cast_to(right, types, environment)}"
    columns = (Output(c.name, f"c{i}", t) for i, (c, t) in enumerate(zip(left.columns, types, strict=True)))
    return Translated(sql, tuple(columns))


def _cast_to(translated: Translated, types: Sequence[Type], environment: Environment) -> str:
    """The query in parentheses, with its columns cast and called c0, c1 and so on."""
    alias = environment.session.fresh("q")
    items = []
    for i, (column, kind) in enumerate(zip(translated.columns, types, strict=True)):
        value = Value(f"{alias}.{column.sql_name}", column.type)
        items.append(f"{cast_sql(value, kind)} AS c{i}")
    plain = all(f"{alias}.c{i} AS c{i}" == item for i, item in enumerate(items))
    if plain:
        return f"({translated.sql})"
    return f"(SELECT {', '.join(items)} FROM ({translated.sql}) AS {alias})"  # noqa: S608 - made of translated parts


def _values(node: nodes.Values, environment: Environment, parent: Scope | None) -> Translated:
    analyzer = Analyzer(environment, Scope((), parent), translate_query, clause="VALUES")
    rows = [
        [analyzer.value(i) for i in (row.items if isinstance(row, nodes.RowItems) else (row,))] for row in node.rows
    ]
    types: list[Type] = []
    for row, written in zip(rows, node.rows, strict=True):
        if len(row) != len(rows[0]):
            message = f"Values rows have mismatched sizes: {len(rows[0])} vs {len(row)}"
            raise QueryError("TYPE_MISMATCH", message, *written.place)
        for i, value in enumerate(row):
            kind = common_type(types[i], value.type) if i < len(types) else value.type
            if kind is None:
                message = f"Values rows have mismatched types: {types[i]} vs {value.type}"
                raise QueryError("TYPE_MISMATCH", message, *written.place)
            types[i : i + 1] = [kind]
    texts = [f"({', '.join(cast_sql(v, t) for v, t in zip(row, types, strict=True))})" for row in rows]
    names = [f"c{i}" for i in range(len(types))]
    alias = environment.session.fresh("q")
    sql = f"SELECT {', '.join(names)} FROM (VALUES {', '.join(texts)}) AS {alias}({', '.join(names)})"  # noqa: S608
    return Translated(sql, tuple(Output(None, n, t) for n, t in zip(names, types, strict=True)))


def _arranged(query: nodes.Query, translated: Translated, environment: Environment, parent: Scope | None) -> Translated:
    """A query's ORDER BY, OFFSET and LIMIT around its body."""
    if not query.order and query.limit is None and query.offset is None:
        return translated
    alias = environment.session.fresh("q")
    values = [Value(f"{alias}.{c.sql_name}", c.type) for c in translated.columns]
    columns = (Column(c.name, v) for c, v in zip(translated.columns, values, strict=True))
    analyzer = Analyzer(environment, Scope(tuple(columns), parent), translate_query)
    order = []
    for item in query.order:
        position = order_position(item, len(values))
        sql = values[position].sql if position is not None else analyzer.value(item.expression).sql
        order.append(Key(sql, direction(item), position if is_tied(query) else None))
    names = environment.sql_names([c.name for c in translated.columns])
    items = ", ".join(f"{v.sql} AS {n}" for v, n in zip(values, names, strict=True))
    head, source = f"SELECT {items}", f" FROM ({translated.sql}) AS {alias}"
    plain = f"{head}{source}{limits(query, order)}"
    sql = with_ties(query, head, source, names, order) if is_tied(query) else plain
    outputs = zip(translated.columns, names, strict=True)
    return Translated(sql, tuple(replace(c, sql_name=n, base=None) for c, n in outputs))
