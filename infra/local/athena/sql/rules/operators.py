"""Literals and operators: arithmetic, comparisons, logic, `||`, IN, BETWEEN, LIKE, subqueries."""

from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.datatype import BIGINT, BOOLEAN, DOUBLE, INTEGER, UNKNOWN, VARBINARY, decimal, varchar
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.value import Value, string


@translates(nodes.Literal)
def literal(analyzer: Analyzer, node: nodes.Literal) -> Value:
    written = node.value
    makers = {
        "integer": lambda: Value(str(written), INTEGER if written < 2**31 else BIGINT),
        "decimal": lambda: decimal_literal(written),
        "double": lambda: Value(f"CAST({string(written)} AS DOUBLE)", DOUBLE),
        "string": lambda: Value(string(written), varchar(len(written))),
        "boolean": lambda: Value("true" if written else "false", BOOLEAN),
        "binary": lambda: Value(f"from_hex('{written.hex()}')", VARBINARY),
        "null": lambda: Value("NULL", UNKNOWN),
    }
    return makers[node.kind]()


def decimal_literal(text: str) -> Value:
    """A decimal with as many digits as the text has: `1.10` is a decimal(3,2)."""
    whole, _, fraction = text.strip().lstrip("+-").partition(".")
    precision, scale = max(len(whole.lstrip("0") + fraction), 1), len(fraction)
    return Value(f"CAST({string(text.strip())} AS DECIMAL({precision}, {scale}))", decimal(precision, scale))
