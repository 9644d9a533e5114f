"""Rows: how they are made and turned into other row types.

Source: https://trino.io/docs/current/language/types.html#row
"""

from collections.abc import Sequence

from infra.local.athena.sql.datatype import Type, row
from infra.local.athena.sql.structure import packed
from infra.local.athena.sql.value import Value


def made(items: Sequence[Value]) -> Value:
    """`ROW(a, b)`: a row whose fields have no names."""
    kind: Type = row([item.type for item in items])
    return Value(packed(kind.names, [item.sql for item in items]), kind)
