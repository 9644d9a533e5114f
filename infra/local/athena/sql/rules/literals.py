"""Literals: numbers, texts, booleans, NULL, bytes; those with a type's name before them are casts of their text."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.datatype import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    UNKNOWN,
    VARBINARY,
    decimal,
    duckdb_type,
    varchar,
)
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.value import Value, string


@translates(nodes.Literal)
def literal(analyzer: Analyzer, node: nodes.Literal) -> Value:
    written = node.value
    makers = {
        "integer": lambda: _integer(written),
        "decimal": lambda: decimal_literal(written, node),
        "double": lambda: Value(f"CAST({string(written)} AS DOUBLE)", DOUBLE),
        "string": lambda: Value(string(written), varchar(len(written))),
        "boolean": lambda: Value("true" if written else "false", BOOLEAN),
        "binary": lambda: Value(f"from_hex('{written.hex()}')", VARBINARY),
        "null": lambda: Value("NULL", UNKNOWN),
    }
    return makers[node.kind]()


def _integer(number: int) -> Value:
    kind = INTEGER if -(2**31) <= number < 2**31 else BIGINT
    return Value(str(number) if number >= 0 else f"CAST({number} AS {duckdb_type(kind)})", kind)


def decimal_literal(text: str, node: nodes.Node, *, leading: bool = False) -> Value:
    """A decimal with as many digits as the text has: `1.10` is a decimal(3,2).

    Args:
        text: Of the number.
        node: For the place of an error.
        leading: Whether zeros before the number count, as they do in DECIMAL '007'.
    """
    whole, _, fraction = text.strip().lstrip("+-").partition(".")
    if not (whole + fraction).isdigit():
        raise QueryError("INVALID_LITERAL", f"'{text}' is not a valid DECIMAL literal", *node.place)
    digits = whole if leading else whole.lstrip("0")
    precision, scale = max(len(digits + fraction), 1), len(fraction)
    if precision > 38:
        raise QueryError("INVALID_LITERAL", f"'{text}' is not a valid DECIMAL literal", *node.place)
    return Value(f"CAST({string(text.strip())} AS DECIMAL({precision}, {scale}))", decimal(precision, scale))
