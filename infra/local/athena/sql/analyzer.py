"""Translates expressions where they stand: names by the scope, calls by the registry, the rest by node rules."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import BOOLEAN, Type
from infra.local.athena.sql.functions import RULES
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.scope import Scope, fields, unresolved
from infra.local.athena.sql.session import Environment, Translated
from infra.local.athena.sql.value import Function, Value
from infra.local.athena.sql.windows import tail_of

NodeRule = Callable[["Analyzer", Any], Value]
_NODE_RULES: dict[type[nodes.Node], NodeRule] = {}
QueryTranslator = Callable[[nodes.Query, Environment, Scope | None], Translated]


def translates(kind: type[nodes.Node]) -> Callable[[NodeRule], NodeRule]:
    """Register what becomes of a kind of node."""

    def register(handler: NodeRule) -> NodeRule:
        _NODE_RULES[kind] = handler
        return handler

    return register


class Analyzer:
    """Translates the expressions of one SELECT.

    Args:
        environment: Of the query.
        scope: What names mean.
        translate_query: Translates the queries inside expressions.
        groups: SQL of the expressions of GROUP BY, for what is read after it; None before it, and without it.
        clause: Where aggregates are forbidden: the clause's name for the error; "" where they are not.
    """

    def __init__(
        self,
        environment: Environment,
        scope: Scope,
        translate_query: QueryTranslator,
        *,
        groups: frozenset[str] | None = None,
        clause: str = "",
    ) -> None:
        self.environment, self.scope, self.translate_query = environment.inner(), scope, translate_query
        self.groups, self.clause = groups, clause
        self.windows: dict[str, nodes.Window] = {}
        self.ungrouped: list[tuple[str, nodes.Node]] = []
        self.inside: str = ""
        self.depth = 0

    def value(self, node: nodes.Node) -> Value:
        mark = len(self.ungrouped)
        handler = _NODE_RULES.get(type(node))
        if handler is None:
            raise QueryError("NOT_SUPPORTED", f"{type(node).__name__} is not supported here", *node.place)
        value = handler(self, node)
        if self.groups is not None and value.sql in self.groups:
            del self.ungrouped[mark:]
        return value

    def boolean(self, node: nodes.Node, clause: str) -> Value:
        """A condition of a clause.

        Raises:
            QueryError: TYPE_MISMATCH for another type.
        """
        return self._boolean(node, clause + " must evaluate to a boolean: actual type {}")

    def truth(self, node: nodes.Node, what: str) -> Value:
        """An operand that must be a boolean.

        Raises:
            QueryError: TYPE_MISMATCH for another type.
        """
        return self._boolean(node, what + " must evaluate to a boolean (actual: {})")

    def _boolean(self, node: nodes.Node, message: str) -> Value:
        value = self.value(node)
        if value.type.name not in ("boolean", "unknown", ""):
            raise QueryError("TYPE_MISMATCH", message.format(value.type), *node.place)
        return Value(value.sql, BOOLEAN)

    def function(self, node: nodes.Lambda, types: Sequence[Type]) -> Function:
        # the same lambda has the same text wherever it stands, as GROUP BY needs
        names = tuple(f"x{self.depth + i}" for i in range(len(node.parameters)))
        known = {p: Value(n, t) for p, n, t in zip(node.parameters, names, types, strict=True)}
        outer, clause = self.scope, self.clause
        self.scope = replace(outer, variables={**outer.variables, **known})
        self.depth, self.clause = self.depth + len(names), "Lambda expression"
        try:
            return Function(names, self.value(node.body))
        finally:
            self.scope, self.clause = outer, clause
            self.depth -= len(names)

    def query(self, query: nodes.Query) -> Translated:
        """A query inside an expression."""
        if self.depth:
            raise QueryError("NOT_SUPPORTED", "Lambda expression cannot contain subqueries", *query.place)
        return self.translate_query(query, self.environment, self.scope)

    def resolve(self, path: Sequence[str], node: nodes.Node) -> Value:
        """Names with dots between them."""
        value, column = self.scope.find(path, node)
        is_after = column is not None and self.groups is not None and not self.inside
        if is_after and value.sql not in (self.groups or ()):
            self.ungrouped.append((".".join(path), node))
        return value

    def check_grouped(self) -> None:
        """Raise if a column was read that is neither grouped by nor inside an aggregate."""
        if self.ungrouped:
            name, node = self.ungrouped[0]
            message = f"'{name}' must be an aggregate expression or appear in GROUP BY clause"
            raise QueryError("EXPRESSION_NOT_AGGREGATE", message, *node.place)

    def call(self, node: nodes.Call) -> Value:
        rule = RULES.get(node.name)
        if rule is None:
            raise QueryError("FUNCTION_NOT_FOUND", f"Function '{node.name}' not registered", *node.place)
        self._check_kind(node, rule.kind)
        is_aggregate = rule.kind == "aggregate" and node.over is None
        if is_aggregate and self.inside:
            message = f"Cannot nest aggregations inside aggregation '{self.inside}': [{node.name}]"
            raise QueryError("NESTED_AGGREGATION", message, *node.place)
        if is_aggregate:
            self.inside = node.name
        try:
            call = Call(node, self, **tail_of(self, node))
            count = len(node.arguments)
            if count < rule.minimum or (rule.maximum is not None and count > rule.maximum):
                given = ", ".join(call.type_texts())
                raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {node.name}")
            return rule.handler(call)
        finally:
            if is_aggregate:
                self.inside = ""

    def _check_kind(self, node: nodes.Call, kind: str) -> None:
        if kind != "scalar" and self.clause and (kind == "window" or node.over or kind == "aggregate"):
            message = (
                f"{self.clause} cannot contain aggregations, window functions or grouping operations: [{node.name}]"
            )
            raise QueryError("EXPRESSION_NOT_SCALAR", message, *node.place)
        if kind == "scalar" and node.over is not None:
            raise QueryError("FUNCTION_NOT_WINDOW", f"Not a window function: {node.name}", *node.place)
        if kind == "scalar" and (node.filter is not None or node.distinct or node.order or node.star):
            raise QueryError("FUNCTION_NOT_AGGREGATE", f"Not an aggregation function: {node.name}", *node.place)
        if kind == "window" and node.over is None:
            message = f"Window function {node.name} requires an OVER clause"
            raise QueryError("MISSING_OVER", message, *node.place)


@translates(nodes.Call)
def _call(analyzer: Analyzer, node: nodes.Call) -> Value:
    return analyzer.call(node)


@translates(nodes.Name)
def _name(analyzer: Analyzer, node: nodes.Name) -> Value:
    return analyzer.resolve((node.text,), node)


@translates(nodes.Field)
def _field(analyzer: Analyzer, node: nodes.Field) -> Value:
    path, base = [node.text], node.base
    while isinstance(base, nodes.Field):
        path.insert(0, base.text)
        base = base.base
    if isinstance(base, nodes.Name):
        return analyzer.resolve((base.text, *path), node)
    return fields(analyzer.value(base), path, node)


@translates(nodes.Star)
def _star(analyzer: Analyzer, node: nodes.Star) -> Value:
    raise unresolved("*", node)


@translates(nodes.Lambda)
def _lambda(analyzer: Analyzer, node: nodes.Lambda) -> Value:
    raise QueryError("TYPE_MISMATCH", "Lambda expression should always be used inside a function", *node.place)
