"""Translates one SELECT: its columns, conditions, groups, windows and order."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, QueryTranslator
from infra.local.athena.sql.functions import RULES
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.ordering import Key, is_tied, limits, order_position, with_ties
from infra.local.athena.sql.pruning import note_conditions
from infra.local.athena.sql.relations import FromItem, Relations
from infra.local.athena.sql.scope import Column, Scope, unresolved
from infra.local.athena.sql.session import Environment, Output, Translated
from infra.local.athena.sql.sources import BaseColumn
from infra.local.athena.sql.value import Value
from infra.local.athena.sql.windows import direction


@dataclass(frozen=True)
class SelectItem:
    """A column to be of a SELECT: an expression, or a column that a `*` stands for."""

    name: str | None
    node: nodes.Node
    column: Column | None = None


def translate_select(
    node: nodes.Select,
    query: nodes.Query,
    environment: Environment,
    parent: Scope | None,
    translate_query: QueryTranslator,
) -> Translated:
    """Translate a SELECT with the ORDER BY, OFFSET and LIMIT of the query that it is the body of."""
    return _Select(node, query, environment, parent, translate_query).translated()


class _Select:
    def __init__(
        self,
        node: nodes.Select,
        query: nodes.Query,
        environment: Environment,
        parent: Scope | None,
        translate_query: QueryTranslator,
    ) -> None:
        self.node, self.query, self.environment, self.translate_query = node, query, environment, translate_query
        relations = Relations(environment, parent, translate_query)
        self.source = relations.item(node.source) if node.source is not None else FromItem("", ())
        self.scope = Scope(self.source.columns, parent)

    def translated(self) -> Translated:
        node, query = self.node, self.query
        where = ""
        if node.where is not None:
            where = f" WHERE {self._analyzer('WHERE clause').boolean(node.where, 'WHERE clause').sql}"
            note_conditions(node.where, Scope(self.source.columns))
        self.items = self._items()
        grouping, texts = self._grouping()
        aggregates = bool(node.grouping) or _has_call((*node.items, node.having, query.order), "aggregate")
        analyzer = Analyzer(
            self.environment,
            self.scope,
            self.translate_query,
            groups=frozenset(texts) if aggregates or node.having is not None else None,
        )
        analyzer.windows = dict(node.windows)
        self.values = [self._item_value(analyzer, item) for item in self.items]
        analyzer.check_grouped()
        having = f" HAVING {analyzer.boolean(node.having, 'HAVING clause').sql}" if node.having is not None else ""
        order = self._order(analyzer)
        analyzer.check_grouped()
        names = self.environment.sql_names([i.name for i in self.items])
        listed = ", ".join(f"{v.sql} AS {n}" for v, n in zip(self.values, names, strict=True))
        source = f" FROM {self.source.sql}" if self.source.sql else ""
        head = "SELECT DISTINCT" if node.distinct else "SELECT"
        rest = f"{source}{where}{grouping}{having}"
        if is_tied(query):
            sql = with_ties(query, f"{head} {listed}", rest, names, order)
        else:
            sql = f"{head} {listed}{rest}{limits(query, order)}"
        return Translated(sql, self._outputs(texts if analyzer.groups is not None else None))

    def _analyzer(self, clause: str) -> Analyzer:
        return Analyzer(self.environment, self.scope, self.translate_query, clause=clause)

    def _items(self) -> list[SelectItem]:
        items: list[SelectItem] = []
        for item in self.node.items:
            if isinstance(item, nodes.Star):
                items += self._star(item)
            elif isinstance(item, nodes.Item):
                items.append(SelectItem(item.alias or _name(item.expression), item.expression))
        return items

    def _star(self, star: nodes.Star) -> list[SelectItem]:
        columns = [c for c in self.source.columns if not c.hidden]
        if star.base is not None:
            path = _path(star.base)
            chosen = [c for c in columns if path and c.is_of(path)]
            if not chosen:
                return self._row_star(star)
            columns = chosen
        elif not columns:
            without = "in queries without FROM clause"
            where = without if self.node.source is None else "from relation that has no columns"
            raise QueryError("COLUMN_NOT_FOUND", f"SELECT * not allowed {where}", *star.place)
        names: tuple[str | None, ...] = star.aliases or tuple(c.name for c in columns)
        if len(names) != len(columns):
            message = f"Column alias list has {len(names)} entries but relation has {len(columns)} columns"
            raise QueryError("MISMATCHED_COLUMN_ALIASES", message, *star.place)
        return [SelectItem(n, star, c) for n, c in zip(names, columns, strict=True)]

    def _row_star(self, star: nodes.Star) -> list[SelectItem]:
        assert star.base is not None  # noqa: S101 - the caller looked
        path = _path(star.base)
        try:
            value = self._analyzer("SELECT").value(star.base)
        except QueryError as error:
            if path and error.code == "COLUMN_NOT_FOUND":
                message = f"Unable to resolve reference {'.'.join(path)}"
                raise QueryError("TABLE_NOT_FOUND", message, *star.place) from error
            raise
        if value.type.name != "row":
            raise unresolved(".".join(path), star)
        names = star.aliases or value.type.names
        items = []
        for i, (name, kind) in enumerate(zip(names, value.type.parts, strict=False), 1):
            column = Column(name, Value(f"struct_extract_at({value.sql}, {i})", kind))
            items.append(SelectItem(name, star, column))
        return items

    def _item_value(self, analyzer: Analyzer, item: SelectItem) -> Value:
        if item.column is None:
            return analyzer.value(item.node)
        if item.column.base is not None:
            item.column.base.need()
        if analyzer.groups is not None and item.column.value.sql not in analyzer.groups:
            analyzer.ungrouped.append((item.name or "*", item.node))
        return item.column.value

    def _grouping(self) -> tuple[str, list[str]]:
        """GROUP BY in DuckDB's SQL and the SQL of all that is grouped by."""
        if not self.node.grouping:
            return "", []
        analyzer = self._analyzer("GROUP BY clause")
        texts: list[str] = []
        parts = []
        for grouping in self.node.grouping:
            sets = []
            for members in grouping.items:
                pairs = [self._group(analyzer, m) for m in members]
                texts += [text for text, _ in pairs]
                sets.append(", ".join(sql for _, sql in pairs))
            if grouping.kind == "plain":
                parts.append(sets[0] or "()")
            elif grouping.kind == "sets":
                parts.append(f"GROUPING SETS ({', '.join(f'({s})' for s in sets)})")
            else:
                inner = (f"({s})" if len(m) > 1 else s for s, m in zip(sets, grouping.items, strict=True))
                parts.append(f"{grouping.kind.upper()} ({', '.join(inner)})")
        return f" GROUP BY {', '.join(parts)}", texts

    def _group(self, analyzer: Analyzer, member: nodes.Node) -> tuple[str, str]:
        """An expression of GROUP BY: its SQL, and how GROUP BY names it."""
        if not (isinstance(member, nodes.Literal) and member.kind == "integer"):
            sql = analyzer.value(member).sql
            return sql, sql
        if not 1 <= member.value <= len(self.items):
            message = f"GROUP BY position {member.value} is not in select list"
            raise QueryError("INVALID_COLUMN_REFERENCE", message, *member.place)
        item = self.items[member.value - 1]
        sql = self._item_value(analyzer, item).sql
        return sql, str(member.value) if isinstance(item.node, nodes.Literal) else sql

    def _order(self, analyzer: Analyzer) -> list[Key]:
        """The items of ORDER BY: places of columns where they are columns, else expressions."""
        known: dict[str, Value] = {}
        for column, value in zip(self.items, self.values, strict=True):
            if column.name is not None:
                known.setdefault(column.name, value)
        scope = analyzer.scope
        order = []
        for item in self.query.order:
            position = order_position(item, len(self.values))
            if position is None:
                analyzer.scope = Scope(scope.columns, scope.parent, {**scope.variables, **known})
                sql = analyzer.value(item.expression).sql
                analyzer.scope = scope
                found = [i for i, v in enumerate(self.values) if v.sql == sql]
                position = found[0] if found else None
                if position is None and self.node.distinct:
                    message = "For SELECT DISTINCT, ORDER BY expressions must appear in select list"
                    raise QueryError("EXPRESSION_NOT_IN_DISTINCT", message, *item.place)
            order.append(Key(sql if position is None else "", direction(item), position))
        return order

    def _outputs(self, groups: list[str] | None) -> tuple[Output, ...]:
        bases = self._bases(groups)
        names = self.environment.sql_names([i.name for i in self.items])
        triples = zip(self.items, names, self.values, strict=True)
        return tuple(Output(item.name, n, v.type, bases.get(v.sql)) for item, n, v in triples)

    def _bases(self, groups: list[str] | None) -> dict[str, BaseColumn]:
        """Columns of tables that this SELECT hands on so that a condition on them holds for the table as well."""
        if self.query.limit is not None or self.query.offset is not None or _has_call(self.node.items, "window"):
            return {}
        if self.node.distinct or any(g.kind != "plain" for g in self.node.grouping):
            return {}
        columns = [c for c in self.source.columns if c.base is not None]
        return {c.value.sql: c.base for c in columns if c.base and (groups is None or c.value.sql in groups)}


def _name(node: nodes.Node) -> str | None:
    return node.text if isinstance(node, nodes.Name | nodes.Field) else None


def _path(node: nodes.Node) -> list[str]:
    path: list[str] = []
    while isinstance(node, nodes.Field):
        path.insert(0, node.text)
        node = node.base
    return [node.text, *path] if isinstance(node, nodes.Name) else []


def _has_call(node: Any, kind: str) -> bool:
    """Whether a call of an aggregate, or of anything with OVER, stands in an expression, outside its subqueries."""
    if isinstance(node, tuple):
        return any(_has_call(n, kind) for n in node)
    if not is_dataclass(node) or isinstance(node, nodes.Query):
        return False
    if isinstance(node, nodes.Call):
        is_window = node.over is not None
        if is_window if kind == "window" else (not is_window and node.name in RULES and RULES[node.name].kind == kind):
            return True
    return any(_has_call(getattr(node, f.name), kind) for f in fields(node) if f.name != "place")
