"""Views as Athena keeps them in the Glue catalogue: JSON in base64 in a comment, in ViewOriginalText."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.local.athena.contract import CATALOG, Column, QueryError

VIRTUAL_VIEW = "VIRTUAL_VIEW"
_START, _END = "/* Presto View: ", " */"


def encode(sql: str, database: str, columns: Sequence[Column]) -> str:
    """ViewOriginalText of a view.

    Args:
        sql: Its query.
        database: What the query's names without a database belong to.
        columns: Of the view, with Athena's types.
    """
    described = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": database,
        "columns": [{"name": column.name, "type": column.type} for column in columns],
    }
    return _START + base64.b64encode(json.dumps(described).encode()).decode() + _END


def decode(table: Mapping[str, Any]) -> tuple[str, str, tuple[Column, ...]]:
    """SQL, default database and columns of a view of the catalogue.

    Raises:
        QueryError: INVALID_VIEW; another engine made it.
    """
    text = (table.get("ViewOriginalText") or "").strip()
    try:
        if not (text.startswith(_START) and text.endswith(_END)):
            raise ValueError("no view of Athena's")
        described = json.loads(base64.b64decode(text[len(_START) : -len(_END)], validate=True))
        columns = tuple(Column(column["name"], column["type"]) for column in described["columns"])
        return described["originalSql"], described.get("schema") or "", columns
    except (ValueError, KeyError, TypeError, binascii.Error) as fault:
        name = f"{table.get('DatabaseName')}.{table.get('Name')}"
        raise QueryError("INVALID_VIEW", f"Invalid view JSON for {name}: {fault}") from fault
