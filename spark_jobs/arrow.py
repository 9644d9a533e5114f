"""The tables' columns as Arrow types."""

import pyarrow as pa

from lakehouse.tables import Table


def arrow_schema(table: Table) -> pa.Schema:
    """The table's columns as Arrow types."""
    kinds = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "map<string,string>": pa.map_(pa.string(), pa.string()),
        "map<string,double>": pa.map_(pa.string(), pa.float64()),
    }
    return pa.schema(
        [
            pa.field(column.name, kinds[column.type] if column.type in kinds else _decimal(column.type))
            for column in table.columns
        ]
    )


def typed(rows: pa.Table, table: Table) -> pa.Table:
    """Rows with the table's types; columns beyond the contract hold text."""
    known = arrow_schema(table)
    return rows.cast(
        pa.schema([known.field(name) if name in known.names else (name, pa.string()) for name in rows.column_names])
    )


def _decimal(kind: str) -> pa.DataType:
    precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
    return pa.decimal128(int(precision), int(scale))
