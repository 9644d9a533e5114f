"""Reads expressions, from OR down to `||`, arithmetic and signs.

Source: the grammar of Trino, core/trino-grammar/src/main/antlr4/io/trino/grammar/sql/SqlBase.g4
"""

from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.primary import Primary
from infra.local.athena.sql.grammar.tokens import whole

_LEAST = (str(2**31), str(2**63))  # of these the negative has a narrower type
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_PREDICATES = (*COMPARISONS, "is", "not", "between", "in", "like")


class Expressions(Primary):
    """A parser of expressions."""

    def expression(self) -> nodes.Node:
        left = self._conjunction()
        while self.is_next("or"):
            left = nodes.Binary(self.place, self.take().low, left, self._conjunction())
        return left

    def _conjunction(self) -> nodes.Node:
        left = self._negation()
        while self.is_next("and"):
            left = nodes.Binary(self.place, self.take().low, left, self._negation())
        return left

    def _negation(self) -> nodes.Node:
        if self.is_next("not"):
            place = self.place
            self.take()
            operand = self._negation()
            return nodes.Unary(place, "not", operand)
        left = self.value_expression()
        return self._predicate(left) if self.token.low in _PREDICATES else left

    def _predicate(self, left: nodes.Node) -> nodes.Node:
        place, word = self.place, self.token.low
        if word in COMPARISONS:
            self.take()
            return self._comparison(place, word, left)
        if self.accept("is"):
            return self._is(place, left)
        negated = self.is_next("not") and self.ahead().low in ("between", "in", "like")
        if negated:
            self.take()
        if self.accept("between"):
            low = self.value_expression()
            self.expect("and")
            return nodes.Between(place, left, low, self.value_expression(), negated)
        if self.accept("in"):
            return self._in(place, left, negated)
        if self.accept("like"):
            pattern = self.value_expression()
            escape = self.value_expression() if self.accept("escape") else None
            return nodes.Like(place, left, pattern, escape, negated)
        return left

    def _comparison(self, place: tuple[int, int], operator: str, left: nodes.Node) -> nodes.Node:
        if self.token.low in ("all", "any", "some") and self.ahead().low == "(":
            quantifier = self.take().low
            self.expect("(")
            query = self.query()
            self.expect(")")
            return nodes.Quantified(place, operator, left, "all" if quantifier == "all" else "any", query)
        return nodes.Binary(place, operator, left, self.value_expression())

    def _is(self, place: tuple[int, int], left: nodes.Node) -> nodes.Node:
        negated = self.accept("not")
        if self.accept("null"):
            return nodes.IsNull(place, left, negated)
        if self.accept("distinct", "from"):
            return nodes.IsDistinct(place, left, self.value_expression(), negated)
        return self.mismatch("'DISTINCT'", "'NOT'", "'NULL'")

    def _in(self, place: tuple[int, int], left: nodes.Node, negated: bool) -> nodes.Node:
        self.expect("(")
        if self.starts_query():
            query = self.query()
            self.expect(")")
            return nodes.In(place, left, (), query, negated)
        return nodes.In(place, left, self.listed(self.expression, ")"), None, negated)

    def value_expression(self) -> nodes.Node:
        left = self._sum()
        while self.is_next("||"):
            left = nodes.Binary(self.place, self.take().low, left, self._sum())
        return left

    def _sum(self) -> nodes.Node:
        left = self._product()
        while self.token.low in ("+", "-"):
            left = nodes.Binary(self.place, self.take().low, left, self._product())
        return left

    def _product(self) -> nodes.Node:
        left = self._signed()
        while self.token.low in ("*", "/", "%"):
            left = nodes.Binary(self.place, self.take().low, left, self._signed())
        return left

    def _signed(self) -> nodes.Node:
        place = self.place
        sign = self.accept_any("-", "+")
        if not sign:
            return self._zoned()
        if sign == "-" and self.token.kind == "integer" and self.token.text.lstrip("0") in _LEAST:
            return nodes.Literal(place, "integer", -whole(self.take(), negative=True))
        operand = self._signed()
        return nodes.Unary(place, sign, operand)

    def _zoned(self) -> nodes.Node:
        operand = self.primary()
        while self.is_next("at", "time", "zone"):
            place = self.place
            self.position += 3
            operand = nodes.AtTimeZone(place, operand, self.primary())
        return operand
