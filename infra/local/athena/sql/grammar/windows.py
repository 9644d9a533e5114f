"""Reads calls of functions: arguments, ORDER BY, FILTER, the treatment of nulls, OVER."""

from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.cursor import Cursor


class Windows(Cursor):
    """A parser of calls and of windows."""

    def call(self, place: tuple[int, int]) -> nodes.Call:
        """`name(…)` and what may follow it."""
        call = nodes.Call(place, self.name())
        self.expect("(")
        if self.accept("*"):
            call.star = True
            self.expect(")")
        elif not self.accept(")"):
            call.distinct = self.accept_any("distinct", "all") == "distinct"
            items = [self.expression()]
            while self.accept(","):
                items.append(self.expression())
            call.arguments = tuple(items)
            call.order = self.order_by()
            if not self.accept(")"):
                self.mismatch("')'", "','")
        return self.call_tail(call)

    def call_tail(self, call: nodes.Call) -> nodes.Call:
        """WITHIN GROUP, FILTER, IGNORE NULLS, OVER."""
        if self.accept("within", "group"):
            self.expect("(")
            call.order = self.order_by()
            self.expect(")")
        if self.accept("filter", "("):
            self.expect("where")
            call.filter = self.expression()
            self.expect(")")
        if self.is_next("ignore", "nulls") or self.is_next("respect", "nulls"):
            call.nulls = self.take().low
            self.take()
        if self.accept("over"):
            call.over = self.window() if self.is_next("(") else nodes.Window(self.place, self.name())
        return call

    def order_by(self) -> tuple[nodes.SortItem, ...]:
        """ORDER BY and its items; () where it does not come next."""
        if not self.accept("order", "by"):
            return ()
        items = [self._sort_item()]
        while self.accept(","):
            items.append(self._sort_item())
        return tuple(items)

    def _sort_item(self) -> nodes.SortItem:
        place, expression = self.place, self.expression()
        descending = self.accept_any("asc", "desc") == "desc"
        nulls_first = False
        if self.accept("nulls"):
            nulls_first = (self.accept_any("first", "last") or self.mismatch("'FIRST'", "'LAST'")) == "first"
        return nodes.SortItem(place, expression, descending, nulls_first)

    def window(self) -> nodes.Window:
        """`([name] [PARTITION BY …] [ORDER BY …] [frame])`."""
        place = self.place
        self.expect("(")
        window = nodes.Window(place)
        if self.is_name(self.token) and self.token.low not in ("partition", "rows", "range", "groups"):
            window.name = self.name()
        if self.accept("partition", "by"):
            items = [self.expression()]
            while self.accept(","):
                items.append(self.expression())
            window.partition = tuple(items)
        window.order = self.order_by()
        if unit := self.accept_any("rows", "range", "groups"):
            window.frame = self._frame(unit)
        self.expect(")")
        return window

    def _frame(self, unit: str) -> nodes.Frame:
        place = self.place
        if not self.accept("between"):
            return nodes.Frame(place, unit, self._bound(), None)
        start = self._bound()
        self.expect("and")
        return nodes.Frame(place, unit, start, self._bound())

    def _bound(self) -> tuple[str, nodes.Node | None]:
        if self.accept("current", "row"):
            return "current row", None
        if self.accept("unbounded"):
            return f"unbounded {self._side()}", None
        expression = self.expression()
        return self._side(), expression

    def _side(self) -> str:
        return self.accept_any("preceding", "following") or self.mismatch("'FOLLOWING'", "'PRECEDING'")
