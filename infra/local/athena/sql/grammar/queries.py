"""Reads queries: WITH, SELECT, VALUES, TABLE, set operations, ORDER BY, OFFSET, LIMIT."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.relations import Relations

_AFTER_ITEMS = ("','", "'EXCEPT'", "'FETCH'", "'FROM'", "'GROUP'", "'HAVING'", "'INTERSECT'", "'LIMIT'", "'OFFSET'",
                "'ORDER'", "'UNION'", "'WHERE'", "'WINDOW'", "<EOF>")  # fmt: skip


_AFTER_WHERE = ("'%'", "'*'", "'+'", "'-'", "'.'", "'/'", "'AND'", "'AT'", "'EXCEPT'", "'FETCH'", "'GROUP'",
                "'HAVING'", "'INTERSECT'", "'LIMIT'", "'OFFSET'", "'OR'", "'ORDER'", "'UNION'", "'WINDOW'", "'['",
                "'||'", "<EOF>", "<predicate>")  # fmt: skip
_AFTER_RELATIONS = ("'('", "','", "'CROSS'", "'EXCEPT'", "'FETCH'", "'FULL'", "'GROUP'", "'HAVING'", "'INNER'",
                    "'INTERSECT'", "'JOIN'", "'LEFT'", "'LIMIT'", "'MATCH_RECOGNIZE'", "'NATURAL'", "'OFFSET'",
                    "'ORDER'", "'RIGHT'", "'TABLESAMPLE'", "'UNION'", "'WHERE'", "'WINDOW'", "<EOF>")  # fmt: skip
_STATEMENTS = ("'ALTER'", "'ANALYZE'", "'CALL'", "'COMMENT'", "'COMMIT'", "'CREATE'", "'DEALLOCATE'", "'DELETE'",
               "'DENY'", "'DESC'", "'DESCRIBE'", "'DROP'", "'EXECUTE'", "'EXPLAIN'", "'GRANT'", "'INSERT'", "'MERGE'",
               "'PREPARE'", "'REFRESH'", "'RESET'", "'REVOKE'", "'ROLLBACK'", "'SET'", "'SHOW'", "'START'",
               "'TRUNCATE'", "'UPDATE'", "'USE'")  # fmt: skip


class Queries(Relations):
    """A parser of queries."""

    following: tuple[str, ...] = _AFTER_ITEMS

    def whole(self) -> nodes.Query:
        """A query and nothing behind it."""
        if not self.starts_query():
            self.mismatch(*_STATEMENTS, "<query>")
        query = self.query()
        self.accept(";")
        if self.token.kind != "end":
            self.mismatch(*self.following)
        return query

    def query(self) -> nodes.Query:
        place, recursive = self.place, False
        withs: list[nodes.With] = []
        if self.accept("with"):
            recursive = self.accept("recursive")
            while not withs or self.accept(","):
                withs.append(self._with())
        body = self._set_operation()
        query = nodes.Query(place, body, tuple(withs), recursive, self.order_by())
        self._limits(query)
        return query

    def _with(self) -> nodes.With:
        place, name = self.place, self.name()
        columns = self.names() if self.is_next("(") else ()
        self.expect("as", "(")
        query = self.query()
        self.expect(")")
        return nodes.With(place, name, columns, query)

    def _limits(self, query: nodes.Query) -> None:
        if self.accept("offset"):
            query.offset = self._count()
            self.accept_any("row", "rows")
        if self.accept("limit"):
            query.limit = None if self.accept("all") else self._count()
        elif self.accept("fetch"):
            self.accept_any("first", "next") or self.mismatch("'FIRST'", "'NEXT'")
            place = self.place
            query.limit = self._count() if self.token.kind == "integer" else nodes.Literal(place, "integer", 1)
            self.accept_any("row", "rows") or self.mismatch("'ROW'", "'ROWS'")
            query.ties = self.accept("with", "ties")
            if not query.ties:
                self.expect("only")
            elif not query.order:
                raise QueryError("MISSING_ORDER_BY", "FETCH FIRST WITH TIES clause requires ORDER BY", *place)

    def _count(self) -> nodes.Node:
        place = self.place
        if not self.is_next("?"):
            return nodes.Literal(place, "integer", self.integer())
        node = self.parameter()
        if not (isinstance(node, nodes.Literal) and node.kind == "integer"):
            raise QueryError("TYPE_MISMATCH", "A number of rows must be a bigint", *place)
        return node

    def _set_operation(self) -> nodes.Node:
        left = self._intersection()
        while self.token.low in ("union", "except"):
            place, operator = self.place, self.take().low
            distinct = self.accept_any("all", "distinct") != "all"
            left = nodes.SetOperation(place, operator, distinct, left, self._intersection())
        return left

    def _intersection(self) -> nodes.Node:
        left = self._term()
        while self.is_next("intersect"):
            place, operator = self.place, self.take().low
            distinct = self.accept_any("all", "distinct") != "all"
            left = nodes.SetOperation(place, operator, distinct, left, self._term())
        return left

    def _term(self) -> nodes.Node:
        place = self.place
        if self.accept("("):
            query = self.query()
            self.expect(")")
            return query
        if self.accept("table"):
            return nodes.TableName(place, self.qualified_name())
        if self.accept("values"):
            rows = [self.expression()]
            while self.accept(","):
                rows.append(self.expression())
            return nodes.Values(place, tuple(rows))
        if self.accept("select"):
            return self._select(place)
        return self.mismatch("'('", "'SELECT'", "'TABLE'", "'VALUES'", "'WITH'")

    def _select(self, place: tuple[int, int]) -> nodes.Select:
        distinct = self.accept_any("distinct", "all") == "distinct"
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        select = nodes.Select(place, tuple(items), distinct)
        self.following = _AFTER_ITEMS
        if self.accept("from"):
            select.source = self.from_items()
            self.following = _AFTER_RELATIONS
        if self.accept("where"):
            select.where = self.expression()
            self.following = _AFTER_WHERE
        if self.accept("group", "by"):
            select.group_distinct = self.accept_any("distinct", "all") == "distinct"
            select.grouping = self._grouping_items()
        if self.accept("having"):
            select.having = self.expression()
        if self.accept("window"):
            select.windows = self._named_windows()
        return select

    def _item(self) -> nodes.Node:
        place = self.place
        if self.accept("*"):
            return nodes.Star(place)
        if self.token.low == "from" or self.token.kind == "end":
            self.mismatch("'*'", "<expression>")
        expression = self.expression()
        if self.accept(".", "*"):
            aliases = self.names() if self.accept("as") else ()
            return nodes.Star(place, expression, aliases)
        if self.accept("as"):
            return nodes.Item(place, expression, self.name())
        return nodes.Item(
            place, expression, self.name() if self.is_name(self.token) and not self.begins_clause() else None
        )

    def _named_windows(self) -> tuple[tuple[str, nodes.Window], ...]:
        windows: list[tuple[str, nodes.Window]] = []
        while not windows or self.accept(","):
            name = self.name()
            self.expect("as")
            windows.append((name, self.window()))
        return tuple(windows)

    def _grouping_items(self) -> tuple[nodes.Grouping, ...]:
        items = [self._grouping_item()]
        while self.accept(","):
            items.append(self._grouping_item())
        return tuple(items)

    def _grouping_item(self) -> nodes.Grouping:
        place = self.place
        kind = self.accept_any("rollup", "cube") if self.ahead().low == "(" else ""
        if kind:
            self.expect("(")
            return nodes.Grouping(place, kind, self.listed(self._grouping_set, ")"))
        if self.accept("grouping", "sets"):
            self.expect("(")
            return nodes.Grouping(place, "sets", self.listed(self._grouping_set, ")"))
        return nodes.Grouping(place, "plain", (self._grouping_set(),))

    def _grouping_set(self) -> tuple[nodes.Node, ...]:
        if self.accept("(", ")"):
            return ()
        expression = self.expression()
        return expression.items if isinstance(expression, nodes.RowItems) else (expression,)
