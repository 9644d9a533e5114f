"""Translates what stands in FROM: tables and views by the catalogue, WITH queries, joins, UNNEST, samples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra.local.athena.contract import CATALOG, QueryError, Relation
from infra.local.athena.sql.analyzer import Analyzer, QueryTranslator
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.datatype import BIGINT, UNDEFINED, VARCHAR, Type, parse_type, quoted
from infra.local.athena.sql.grammar import nodes, parse
from infra.local.athena.sql.pruning import note_conditions
from infra.local.athena.sql.rules.unnest import unnest
from infra.local.athena.sql.scope import Column, Scope
from infra.local.athena.sql.session import Environment, Output
from infra.local.athena.sql.sources import BaseColumn
from infra.local.athena.sql.value import Value, cast_sql

_HIDDEN = (("$path", VARCHAR), ("$file_size", BIGINT))


@dataclass(frozen=True)
class FromItem:
    """A relation in DuckDB's SQL and its columns."""

    sql: str
    columns: tuple[Column, ...]


class Relations:
    """Translates the relations of one SELECT.

    Args:
        environment: Of the query.
        parent: Scope of the query around it.
        translate_query: Translates queries in FROM.
    """

    def __init__(self, environment: Environment, parent: Scope | None, translate_query: QueryTranslator) -> None:
        self.environment, self.parent, self.translate_query = environment.inner(), parent, translate_query

    def item(self, node: nodes.Node, left: Sequence[Column] = ()) -> FromItem:
        """Translate a relation; `left` are the columns that UNNEST and LATERAL may read."""
        match node:
            case nodes.TableName():
                return self._table(node)
            case nodes.Aliased():
                return self._aliased(node, left)
            case nodes.Derived():
                return self._derived(node, left)
            case nodes.Unnest():
                return self._unnest(node, left)
            case nodes.Sampled():
                return self._sampled(node, left)
            case nodes.Join():
                return self._join(node, left)
        raise QueryError("NOT_SUPPORTED", f"{type(node).__name__} is not supported in FROM", *node.place)

    def _analyzer(self, columns: Sequence[Column], clause: str) -> Analyzer:
        return Analyzer(self.environment, Scope(tuple(columns), self.parent), self.translate_query, clause=clause)

    def _named(self, sql: str, outputs: Sequence[Output], qualifier: tuple[str, ...] = ()) -> FromItem:
        alias = self.environment.session.fresh("r")
        columns = (Column(o.name, Value(f"{alias}.{o.sql_name}", o.type), qualifier, o.base) for o in outputs)
        return FromItem(f"{sql} AS {alias}", tuple(columns))

    def _table(self, node: nodes.TableName) -> FromItem:
        if node.version is not None:
            raise QueryError("NOT_SUPPORTED", "This connector does not support versioned tables", *node.place)
        common = self.environment.common.get(node.parts[0]) if len(node.parts) == 1 else None
        if common is not None:
            return self._named(common.sql_name, common.columns, node.parts)
        relation = self._look_up(node)
        qualifier = (CATALOG, relation.database, relation.name)
        if relation.view is not None:
            return self._view(node, relation, qualifier)
        key, table = self.environment.session.mention(relation)
        outputs = [
            Output(c.name.lower(), quoted(c.name), _type(c.type), BaseColumn(table, c.name)) for c in relation.columns
        ]
        outputs += [Output(name, quoted(name), kind, BaseColumn(table, name)) for name, kind in _HIDDEN]
        item = self._named(quoted(key), outputs, qualifier)
        count = len(relation.columns)
        hidden = (replace(c, hidden=True) for c in item.columns[count:])
        return FromItem(item.sql, (*item.columns[:count], *hidden))

    def _look_up(self, node: nodes.TableName) -> Relation:
        *prefix, name = node.parts
        if len(prefix) == 2 and prefix[0] != CATALOG:
            raise QueryError("CATALOG_NOT_FOUND", f"Catalog '{prefix[0]}' does not exist", *node.place)
        database = prefix[-1] if prefix else self.environment.database
        if not database:
            message = "Schema must be specified when session schema is not set"
            raise QueryError("MISSING_SCHEMA_NAME", message, *node.place)
        try:
            return self.environment.session.catalog.relation(database, name)
        except QueryError as error:
            raise QueryError(error.code, error.message, *node.place) from error

    def _view(self, node: nodes.TableName, relation: Relation, qualifier: tuple[str, ...]) -> FromItem:
        full_name = relation.full_name
        if full_name in self.environment.views:
            raise QueryError("VIEW_IS_RECURSIVE", f"Statement is recursive: {full_name}", *node.place)
        inner = Environment(self.environment.session, relation.database, {}, (*self.environment.views, full_name))
        try:
            translated = self.translate_query(parse(relation.view or ""), inner, None)
        except QueryError as error:
            if error.code == "VIEW_IS_RECURSIVE":
                raise
            message = f"Failed analyzing stored view '{CATALOG}.{full_name}': {str(error).partition(': ')[2]}"
            raise QueryError("INVALID_VIEW", message, *node.place) from error
        outputs = translated.columns
        if relation.columns:
            if len(relation.columns) != len(outputs):
                message = (
                    f"View '{CATALOG}.{full_name}' is stale or in invalid state: stored view column count "
                    f"({len(relation.columns)}) does not match column count derived from the view query analysis "
                    f"({len(outputs)})"
                )
                raise QueryError("INVALID_VIEW", message, *node.place)
            outputs = tuple(replace(o, name=c.name.lower()) for o, c in zip(outputs, relation.columns, strict=True))
        return self._named(f"({translated.sql})", outputs, qualifier)

    def _aliased(self, node: nodes.Aliased, left: Sequence[Column]) -> FromItem:
        item = self.item(node.relation, left)
        columns = item.columns
        if node.columns:
            shown = [c for c in columns if not c.hidden]
            if len(node.columns) != len(shown):
                message = (
                    f"Column alias list has {len(node.columns)} entries but '{node.alias}' has {len(shown)} columns "
                    "available"
                )
                raise QueryError("MISMATCHED_COLUMN_ALIASES", message, *node.place)
            return FromItem(
                item.sql,
                tuple(c.renamed(n, (node.alias,)) for c, n in zip(shown, node.columns, strict=True)),
            )
        return FromItem(item.sql, tuple(c.renamed(c.name, (node.alias,)) for c in columns))

    def _derived(self, node: nodes.Derived, left: Sequence[Column]) -> FromItem:
        parent = Scope(tuple(left), self.parent) if node.lateral else self.parent
        translated = self.translate_query(node.query, self.environment, parent)
        return self._named(f"{'LATERAL ' if node.lateral else ''}({translated.sql})", translated.columns)

    def _unnest(self, node: nodes.Unnest, left: Sequence[Column]) -> FromItem:
        sql, columns = unnest(node, self._analyzer(left, "UNNEST"))
        outputs = [Output(name, f"c{i}", kind) for i, (name, kind) in enumerate(columns)]
        return self._named(f"LATERAL ({sql})" if left or self.parent else f"({sql})", outputs)

    def _sampled(self, node: nodes.Sampled, left: Sequence[Column]) -> FromItem:
        item = self.item(node.relation, left)
        percent = node.percent
        if not isinstance(percent, nodes.Literal) or percent.kind not in ("integer", "decimal", "double"):
            raise QueryError("INVALID_ARGUMENTS", "Sample percentage should evaluate to a number", *percent.place)
        if not 0 <= float(percent.value) <= 100:
            message = "Sample percentage must be between 0 and 100"
            raise QueryError("NUMERIC_VALUE_OUT_OF_RANGE", message, *percent.place)
        head, _, alias = item.sql.rpartition(" AS ")
        method = "bernoulli" if node.method == "bernoulli" else "system"
        how = f"{float(percent.value)} PERCENT ({method})"
        sql = f"(SELECT * FROM {head} AS {alias} USING SAMPLE {how}) AS {alias}"  # noqa: S608 - made of translated parts
        return FromItem(sql, item.columns)

    def _join(self, node: nodes.Join, left: Sequence[Column]) -> FromItem:
        if node.natural:
            raise QueryError("NOT_SUPPORTED", "Natural join not supported", *node.place)
        first = self.item(node.left, left)
        second = self.item(node.right, (*left, *first.columns))
        right = f"({second.sql})" if isinstance(node.right, nodes.Join) else second.sql
        columns = (*first.columns, *second.columns)
        if node.kind == "cross":
            return FromItem(f"{first.sql} CROSS JOIN {right}", columns)
        if node.using:
            condition, columns = self._using(node, first, second)
        else:
            assert node.on is not None  # noqa: S101 - the parser demands it
            analyzer = self._analyzer((*left, *columns), "JOIN clause")
            condition = analyzer.boolean(node.on, "JOIN ON clause").sql
            if node.kind == "inner":
                note_conditions(node.on, Scope(columns))
        return FromItem(f"{first.sql} {node.kind.upper()} JOIN {right} ON {condition}", columns)

    def _using(self, node: nodes.Join, first: FromItem, second: FromItem) -> tuple[str, tuple[Column, ...]]:
        conditions, merged = [], []
        for name in node.using:
            pair = [Scope(side.columns).find((name,), node) for side in (first, second)]
            (a, _), (b, _) = pair
            kind = common_type(a.type, b.type)
            if kind is None:
                message = f"Cannot apply operator: {a.type} = {b.type}"
                raise QueryError("TYPE_MISMATCH", message, *node.place)
            left, right = cast_sql(a, kind), cast_sql(b, kind)
            conditions.append(f"{left} = {right}")
            merged.append(Column(name, Value(f"coalesce({left}, {right})", kind)))
        rest = [c for c in (*first.columns, *second.columns) if c.name not in node.using]
        return " AND ".join(conditions), (*merged, *rest)


def _type(text: str) -> Type:
    try:
        return parse_type(text)
    except ValueError:
        return UNDEFINED
