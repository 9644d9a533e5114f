"""Reads what expressions are made of: literals, names, calls, CASE, CAST, lambdas, rows, subqueries."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.datatype import make_type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.special import Special
from infra.local.athena.sql.grammar.tokens import Token, whole
from infra.local.athena.sql.grammar.typenames import TypeNames
from infra.local.athena.sql.grammar.windows import Windows

_BARE = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
         "current_catalog", "current_schema", "current_path")  # fmt: skip
_UNITS = ("year", "month", "day", "hour", "minute", "second")


class Primary(Special, Windows, TypeNames):
    """A parser of primary expressions with their subscripts and fields."""

    def starts_query(self) -> bool:
        """Whether a query starts here, inside a parenthesis or not."""
        ahead = 0
        while self.ahead(ahead).low == "(":
            ahead += 1
        return self.ahead(ahead).low in ("select", "with", "values", "table")

    def primary(self) -> nodes.Node:
        node = self._base()
        while True:
            place = self.place
            if self.accept("["):
                node = nodes.Subscript(place, node, self.value_expression())
                self.expect("]")
            elif self.is_next(".") and self.is_name(self.ahead()):
                self.take()
                node = nodes.Field(node.place, node, self.name())
            else:
                return node

    def _base(self) -> nodes.Node:
        token = self.token
        if token.kind in ("string", "integer", "decimal", "double", "binary"):
            return self._literal(self.take())
        if token.low == "(":
            return self._parenthesis()
        special = self.special() or self._keyword()
        if isinstance(special, nodes.Call) and special.name == "listagg":
            return self.call_tail(special)
        if special is not None:
            return special
        if not self.is_name(token):
            self.mismatch("<expression>")
        return self._named()

    def _literal(self, token: Token) -> nodes.Literal:
        value: object = token.text
        if token.kind == "integer":
            value = whole(token)
        elif token.kind == "binary":
            try:
                value = bytes.fromhex(token.text)
            except ValueError as error:
                message = "Binary literal must contain an even number of digits" \
                    if len(token.text) % 2 else "Binary literal can only contain hexadecimal digits"  # fmt: skip
                raise QueryError("SYNTAX_ERROR", message, *token.place) from error
        return nodes.Literal(token.place, token.kind, value)

    def _parenthesis(self) -> nodes.Node:
        place = self.place
        if self._is_lambda():
            self.take()
            parameters: tuple[str, ...] = () if self.accept(")") else self.listed(self.name, ")")
            self.expect("->")
            return nodes.Lambda(place, parameters, self.expression())
        if self.starts_query() and (subquery := self._subquery()):
            return subquery
        self.take()
        items = self.listed(self.expression, ")")
        return items[0] if len(items) == 1 else nodes.RowItems(place, items)

    def _subquery(self) -> nodes.Node | None:
        """`(query)`; None where the parentheses only begin an expression with a subquery in it."""
        start, place = self.position, self.place
        self.take()
        try:
            query = self.query()
        except QueryError:
            if not self.tokens[start + 1].low == "(":
                raise
            self.position = start
            return None
        if self.is_next(")"):
            self.take()
            return nodes.Subquery(place, query)
        if self.tokens[start + 1].low != "(":
            self.mismatch("')'")
        self.position = start
        return None

    def _is_lambda(self) -> bool:
        ahead = 1
        while self.is_name(self.ahead(ahead)) or self.ahead(ahead).low == ",":
            ahead += 1
        return self.ahead(ahead).low == ")" and self.ahead(ahead + 1).low == "->"

    def _keyword(self) -> nodes.Node | None:
        place, word = self.place, self.token.low
        if word in ("true", "false", "null"):
            self.take()
            kind = "null" if word == "null" else "boolean"
            return nodes.Literal(place, kind, {"true": True, "false": False}.get(word))
        if word in _BARE:
            return self._bare(place)
        reader = {"case": self._case, "cast": self._cast, "try_cast": self._cast, "exists": self._exists,
                  "extract": self._extract, "interval": self._interval_literal, "array": self._array, "row": self._row,
                  "grouping": self._grouping}.get(word)  # fmt: skip
        if word == "?":
            return self.parameter()
        return reader(place) if reader else None

    def _bare(self, place: tuple[int, int]) -> nodes.Call:
        name = self.take().low
        arguments: tuple[nodes.Node, ...] = ()
        if self.is_next("(") and self.ahead().kind == "integer":
            self.take()
            token = self.take()
            arguments = (nodes.Literal(token.place, "integer", whole(token)),)
            self.expect(")")
        return nodes.Call(place, name, arguments)

    def _case(self, place: tuple[int, int]) -> nodes.Case:
        self.take()
        operand = None if self.is_next("when") else self.expression()
        whens: list[tuple[nodes.Node, nodes.Node]] = []
        while not whens or self.is_next("when"):
            self.expect("when")
            condition = self.expression()
            self.expect("then")
            whens.append((condition, self.expression()))
        default = self.expression() if self.accept("else") else None
        self.expect("end")
        return nodes.Case(place, operand, tuple(whens), default)

    def _cast(self, place: tuple[int, int]) -> nodes.Node | None:
        if self.ahead().low != "(":
            return None
        safe = self.take().low == "try_cast"
        self.expect("(")
        operand = self.expression()
        self.expect("as")
        kind = self.type_name()
        self.expect(")")
        return nodes.Cast(place, operand, kind, safe)

    def _exists(self, place: tuple[int, int]) -> nodes.Exists:
        self.take()
        self.expect("(")
        query = self.query()
        self.expect(")")
        return nodes.Exists(place, query)

    def _extract(self, place: tuple[int, int]) -> nodes.Extract:
        self.take()
        self.expect("(")
        unit = self.name()
        self.expect("from")
        operand = self.value_expression()
        self.expect(")")
        return nodes.Extract(place, unit, operand)

    def _interval_literal(self, place: tuple[int, int]) -> nodes.Node | None:
        signed = self.ahead().low in ("+", "-")
        if self.ahead(1 + signed).kind != "string":
            return None
        self.take()
        sign = -1 if signed and self.take().low == "-" else 1
        text, start, end = self.string(), self._unit(), None
        if self.accept("to"):
            end = self._unit()
        return nodes.Interval(place, text, sign, start, end)

    def _unit(self) -> str:
        return self.accept_any(*_UNITS) or self.mismatch(*(f"'{u.upper()}'" for u in sorted(_UNITS)))

    def _array(self, place: tuple[int, int]) -> nodes.Node | None:
        if self.ahead().low != "[":
            return None
        self.position += 2
        items: tuple[nodes.Node, ...] = () if self.accept("]") else self.listed(self.expression, "]")
        return nodes.ArrayItems(place, items)

    def _row(self, place: tuple[int, int]) -> nodes.Node | None:
        if self.ahead().low != "(":
            return None
        self.position += 2
        return nodes.RowItems(place, self.listed(self.expression, ")"))

    def _grouping(self, place: tuple[int, int]) -> nodes.Call:
        self.take()
        self.expect("(")
        return nodes.Call(place, "grouping", self.listed(self.expression, ")"))

    def _named(self) -> nodes.Node:
        place, token = self.place, self.token
        following = self.ahead()
        if following.low == "->":
            name = self.name()
            self.take()
            return nodes.Lambda(place, (name,), self.expression())
        if following.kind == "string" and token.kind == "word":
            return self._typed_literal(place)
        if following.low == "(":
            return self.call(place)
        return nodes.Name(place, self.name())

    def _typed_literal(self, place: tuple[int, int]) -> nodes.TypedLiteral:
        name = self.take().text
        try:
            kind = make_type(name)
        except ValueError as error:
            raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {name}", *place) from error
        return nodes.TypedLiteral(place, kind, self.string())
