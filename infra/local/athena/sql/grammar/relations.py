"""Reads what stands in FROM: tables, queries, UNNEST, samples, joins, aliases."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.expressions import Expressions

_JOIN_WORDS = ("natural", "cross", "inner", "left", "right", "full", "join")


class Relations(Expressions):
    """A parser of relations."""

    def from_items(self) -> nodes.Node:
        """Relations with commas between them, which are cross joins."""
        left = self.relation()
        while self.is_next(","):
            place = self.place
            self.take()
            left = nodes.Join(place, "cross", left, self.relation())
        return left

    def relation(self) -> nodes.Node:
        left = self._sampled()
        while self.token.low in _JOIN_WORDS:
            left = self._join(left)
        return left

    def _join(self, left: nodes.Node) -> nodes.Join:
        place = self.place
        if self.accept("cross"):
            self.expect("join")
            return nodes.Join(place, "cross", left, self._sampled())
        natural = self.accept("natural")
        kind = self.accept_any("inner", "left", "right", "full") or "inner"
        if kind != "inner":
            self.accept("outer")
        self.expect("join")
        right = self._sampled() if natural else self.relation()
        join = nodes.Join(place, kind, left, right, natural=natural)
        if natural:
            return join
        if self.accept("on"):
            join.on = self.expression()
        elif self.accept("using"):
            join.using = self.names()
        else:
            self.mismatch("'ON'", "'USING'", "'CROSS'", "'FULL'", "'INNER'", "'JOIN'", "'LEFT'", "'RIGHT'")
        return join

    def _sampled(self) -> nodes.Node:
        relation = self._aliased()
        place = self.place
        if not self.accept("tablesample"):
            return relation
        method = self.accept_any("bernoulli", "system") or self.mismatch("'BERNOULLI'", "'SYSTEM'")
        self.expect("(")
        percent = self.expression()
        self.expect(")")
        return nodes.Sampled(place, relation, method, percent)

    def _aliased(self) -> nodes.Node:
        relation = self._relation_primary()
        if self.is_next("match_recognize", "("):
            raise QueryError("NOT_SUPPORTED", "MATCH_RECOGNIZE is not supported", *self.place)
        if not self.accept("as") and not (self.is_name(self.token) and not self.begins_clause()):
            return relation
        alias = self.name()
        columns = self.names() if self.is_next("(") else ()
        return nodes.Aliased(relation.place, relation, alias, columns)

    def begins_clause(self) -> bool:
        """Whether a word that could be an alias begins the next clause instead."""
        following = self.ahead()
        counts = following.kind == "integer" or following.low == "?"
        return (
            self.is_next("tablesample")
            or (self.is_next("limit") and (counts or following.low == "all"))
            or (self.is_next("offset") and counts)
            or (self.is_next("fetch") and following.low in ("first", "next"))
            or (self.is_next("window") and self.ahead(2).low == "as")
        )

    def _relation_primary(self) -> nodes.Node:
        place = self.place
        if self.is_next("(") and self.starts_query() and (query := self._query_in_parentheses()):
            return nodes.Derived(place, query)
        if self.accept("("):
            relation = self.relation()
            self.expect(")")
            return relation
        if self.accept("unnest"):
            self.expect("(")
            arguments = self.listed(self.expression, ")")
            return nodes.Unnest(place, arguments, self.accept("with", "ordinality"))
        if self.is_next("lateral", "("):
            self.position += 2
            query = self.query()
            self.expect(")")
            return nodes.Derived(place, query, lateral=True)
        if self.is_next("table", "("):
            raise QueryError("NOT_SUPPORTED", "Table functions are not supported", *place)
        if not self.is_name(self.token):
            self.mismatch("'('", "'LATERAL'", "'TABLE'", "'UNNEST'", "<identifier>")
        return self._table(place)

    def _query_in_parentheses(self) -> nodes.Query | None:
        """A query; None where the parentheses hold joined relations of which the first is a query."""
        start = self.position
        self.take()
        try:
            query = self.query()
        except QueryError:
            if self.tokens[start + 1].low != "(":
                raise
            self.position = start
            return None
        if self.accept(")"):
            return query
        if self.tokens[start + 1].low != "(":
            self.mismatch("')'", "','", "'EXCEPT'", "'INTERSECT'", "'UNION'")
        self.position = start
        return None

    def _table(self, place: tuple[int, int]) -> nodes.TableName:
        table = nodes.TableName(place, self.qualified_name())
        if self.is_next("for") and self.ahead().low in ("timestamp", "version"):
            self.take()
            kind = self.take().low
            self.expect("as", "of")
            table.version = (kind, self.value_expression())
        return table

    def qualified_name(self) -> tuple[str, ...]:
        """One to three names with dots between them."""
        place, parts = self.place, [self.name()]
        while self.accept("."):
            parts.append(self.name())
        if len(parts) > 3:
            raise QueryError("SYNTAX_ERROR", f"Too many dots in table name: {'.'.join(parts)}", *place)
        return tuple(parts)
