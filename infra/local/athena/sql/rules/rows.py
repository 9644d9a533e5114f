"""Rows: how they are made.

Source: https://trino.io/docs/current/language/types.html#row
"""

from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.datatype import row
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.structure import packed
from infra.local.athena.sql.value import Value


@translates(nodes.RowItems)
def row_items(analyzer: Analyzer, node: nodes.RowItems) -> Value:
    """`ROW(a, b)`: a row whose fields have no names."""
    items = [analyzer.value(item) for item in node.items]
    kind = row([item.type for item in items])
    return Value(packed(kind.names, [item.sql for item in items]), kind)
