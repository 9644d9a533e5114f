"""Operators other than arithmetic: comparisons, logic, `||`, IN, BETWEEN, LIKE, subqueries."""

from collections.abc import Sequence

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import BOOLEAN, TEXTS, UNDEFINED, Type
from infra.local.athena.sql.equality import equals, is_among
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.arithmetic import OPERATORS, arithmetic, cannot_apply
from infra.local.athena.sql.rules.supertypes import single_type
from infra.local.athena.sql.session import Translated
from infra.local.athena.sql.value import Value, cast_sql

_LOGIC = ("and", "or")


@translates(nodes.Binary)
def binary(analyzer: Analyzer, node: nodes.Binary) -> Value:
    if node.operator in _LOGIC:
        terms = [analyzer.truth(n, "Logical expression term").sql for n in _terms(node)]
        return Value(f"({f' {node.operator.upper()} '.join(terms)})", BOOLEAN)
    if node.operator == "||":
        return analyzer.call(nodes.Call(node.place, "concat", (node.left, node.right)))
    left, right = analyzer.value(node.left), analyzer.value(node.right)
    if node.operator in OPERATORS:
        return arithmetic(node, left, right)
    a, b = comparable(node, left, right)
    kind = common_type(left.type, right.type)
    if kind is not None and kind.parts and node.operator in ("=", "<>"):
        outcome = equals(a, b, kind)
        return Value(outcome if node.operator == "=" else f"(NOT {outcome})", BOOLEAN)
    if kind is not None and kind.name in ("double", "real"):
        return Value(_of_floats(node, a, b), BOOLEAN)
    return Value(f"({a} {node.operator} {b})", BOOLEAN)


def _of_floats(node: nodes.Binary, a: str, b: str) -> str:
    """A comparison in which NaN is neither equal to anything nor greater, as DuckDB has it; a literal is no NaN."""
    compared = f"{a} {node.operator} {b}"
    is_known = _is_literal(node.left), _is_literal(node.right)
    if node.operator in ("=", "<>"):
        if any(is_known):
            return f"({compared})"
        return f"({compared} AND NOT isnan({a}))" if node.operator == "=" else f"({compared} OR isnan({a}))"
    greater, is_literal = (a, is_known[0]) if node.operator in (">", ">=") else (b, is_known[1])
    return f"({compared})" if is_literal else f"({compared} AND NOT isnan({greater}))"


def _is_literal(node: nodes.Node) -> bool:
    while isinstance(node, nodes.Unary):
        node = node.operand
    return isinstance(node, nodes.Literal)


def _terms(node: nodes.Binary) -> list[nodes.Node]:
    """The terms of a chain of one operator; there may be thousands."""
    terms: list[nodes.Node] = []
    left: nodes.Node = node
    while isinstance(left, nodes.Binary) and left.operator == node.operator:
        terms.append(left.right)
        left = left.left
    return [left, *reversed(terms)]


def comparable(node: nodes.Binary, left: Value, right: Value) -> tuple[str, str]:
    """Both sides of a comparison, cast to their common type.

    Raises:
        QueryError: TYPE_MISMATCH where there is none: Athena compares no text with a number.
    """
    kind = common_type(left.type, right.type)
    is_order = node.operator not in ("=", "<>")
    if kind is None or (is_order and kind.name in ("map", "json")):
        raise cannot_apply(node, left.type, right.type)
    a, b = _operands((left, right), kind)
    return a, b


def _operands(values: Sequence[Value], kind: Type) -> list[str]:
    """Values cast to the type that they are compared in; where one is a char, blanks at the end do not count."""
    texts = [cast_sql(v, kind) for v in values]
    return [f"rtrim({t}, ' ')" for t in texts] if any(v.type.name == "char" for v in values) else texts


@translates(nodes.Quantified)
def quantified(analyzer: Analyzer, node: nodes.Quantified) -> Value:
    left, query = analyzer.value(node.left), analyzer.query(node.query)
    _single(query, node)
    column = Value(f"q.{query.columns[0].sql_name}", query.columns[0].type)
    comparison = nodes.Binary(node.place, node.operator, node.left, node.left)
    a, b = comparable(comparison, left, column)
    inner = f"SELECT {b} FROM ({query.sql}) AS q"  # noqa: S608 - made of translated parts
    return Value(f"({a} {node.operator} {node.quantifier.upper()} ({inner}))", BOOLEAN)


@translates(nodes.Between)
def between(analyzer: Analyzer, node: nodes.Between) -> Value:
    values = [analyzer.value(n) for n in (node.operand, node.low, node.high)]
    kind = _common(values)
    if kind is None:
        types = [v.type for v in values]
        message = f"Cannot check if {types[0]} is BETWEEN {types[1]} and {types[2]}"
        raise QueryError("TYPE_MISMATCH", message, *node.place)
    operand, low, high = _operands(values, kind)
    word = "NOT BETWEEN" if node.negated else "BETWEEN"
    return Value(f"({operand} {word} {low} AND {high})", BOOLEAN)


def _common(values: Sequence[Value]) -> Type | None:
    kind: Type | None = values[0].type
    for value in values[1:]:
        kind = None if kind is None else common_type(kind, value.type)
    return kind


@translates(nodes.In)
def is_in(analyzer: Analyzer, node: nodes.In) -> Value:
    word = "NOT IN" if node.negated else "IN"
    if node.query is not None:
        return _in_query(analyzer, node, word)
    values = [analyzer.value(n) for n in (node.operand, *node.items)]
    kind = single_type(values, (node.operand, *node.items), "IN value and list items")
    operand, *items = _operands(values, kind)
    if kind.parts:
        outcome = is_among(operand, items, kind)
        return Value(f"(NOT {outcome})" if node.negated else outcome, BOOLEAN)
    return Value(f"({operand} {word} ({', '.join(items)}))", BOOLEAN)


def _in_query(analyzer: Analyzer, node: nodes.In, word: str) -> Value:
    assert node.query is not None  # noqa: S101 - the caller looked
    query = analyzer.query(node.query)
    if isinstance(node.operand, nodes.RowItems) and len(query.columns) == len(node.operand.items) > 1:
        left = [analyzer.value(n) for n in node.operand.items]
    else:
        left = [analyzer.value(node.operand)]
        _single(query, node)
    pairs = []
    for value, column in zip(left, query.columns, strict=True):
        right = Value(f"q.{column.sql_name}", column.type)
        kind = common_type(value.type, column.type)
        if kind is None:
            message = (
                f"value and result of subquery must be of the same type for IN expression: {value.type} vs {right.type}"
            )
            raise QueryError("TYPE_MISMATCH", message, *node.place)
        pairs.append(_operands((value, right), kind))
    operands = ", ".join(a for a, _ in pairs)
    inner = f"SELECT {', '.join(b for _, b in pairs)} FROM ({query.sql}) AS q"  # noqa: S608 - translated parts
    return Value(f"(({operands}) {word} ({inner}))", BOOLEAN)


def _single(query: Translated, node: nodes.Node) -> None:
    if len(query.columns) != 1:
        message = f"Multiple columns returned by subquery are not yet supported. Found {len(query.columns)}"
        raise QueryError("NOT_SUPPORTED", message, *node.place)


@translates(nodes.Like)
def like(analyzer: Analyzer, node: nodes.Like) -> Value:
    operand, pattern = analyzer.value(node.operand), analyzer.value(node.pattern)
    for value, side, place in ((operand, "Left side", node.operand), (pattern, "Pattern for", node.pattern)):
        if value.type.name not in (*TEXTS, "unknown", ""):
            what = f"{side} of LIKE expression" if side == "Left side" else f"{side} LIKE expression"
            message = f"{what} must evaluate to a varchar (actual: {value.type})"
            raise QueryError("TYPE_MISMATCH", message, *place.place)
    word = "NOT LIKE" if node.negated else "LIKE"
    escape = f" ESCAPE {analyzer.value(node.escape).sql}" if node.escape is not None else ""
    return Value(f"({operand.sql} {word} {pattern.sql}{escape})", BOOLEAN)


@translates(nodes.IsNull)
def is_null(analyzer: Analyzer, node: nodes.IsNull) -> Value:
    return Value(f"({analyzer.value(node.operand).sql} IS {'NOT ' if node.negated else ''}NULL)", BOOLEAN)


@translates(nodes.IsDistinct)
def is_distinct(analyzer: Analyzer, node: nodes.IsDistinct) -> Value:
    left, right = analyzer.value(node.left), analyzer.value(node.right)
    if common_type(left.type, right.type) is None:
        message = f"Cannot apply operator: {left.type} IS DISTINCT FROM {right.type}"
        raise QueryError("TYPE_MISMATCH", message, *node.place)
    kind = common_type(left.type, right.type) or UNDEFINED
    word = "IS NOT DISTINCT FROM" if node.negated else "IS DISTINCT FROM"
    a, b = _operands((left, right), kind)
    return Value(f"({a} {word} {b})", BOOLEAN)


@translates(nodes.Exists)
def exists(analyzer: Analyzer, node: nodes.Exists) -> Value:
    return Value(f"EXISTS ({analyzer.query(node.query).sql})", BOOLEAN)


@translates(nodes.Subquery)
def subquery(analyzer: Analyzer, node: nodes.Subquery) -> Value:
    query = analyzer.query(node.query)
    _single(query, node)
    return Value(f"({query.sql})", query.columns[0].type)
