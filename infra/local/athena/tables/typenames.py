"""What a scalar type is called in Athena, Hive, Delta and DuckDB."""

# Athena's names by any name that a scalar has in Hive, Delta or Athena itself.
NAMES = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "byte": "tinyint",
    "smallint": "smallint",
    "short": "smallint",
    "int": "integer",
    "integer": "integer",
    "bigint": "bigint",
    "long": "bigint",
    "float": "real",
    "real": "real",
    "double": "double",
    "double precision": "double",
    "decimal": "decimal",
    "numeric": "decimal",
    "string": "varchar",
    "varchar": "varchar",
    "char": "char",
    "binary": "varbinary",
    "varbinary": "varbinary",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    # AWS lists `timestamp` among the types of Delta tables, without a zone:
    # https://docs.aws.amazon.com/athena/latest/ug/delta-lake-tables-supported-data-types-columns.html
    "timestamp_ntz": "timestamp",
    "timestamp with time zone": "timestamp with time zone",
    "timestamp with local time zone": "timestamp with time zone",
    "time with time zone": "time with time zone",
    "interval day to second": "interval day to second",
    "interval year to month": "interval year to month",
    "json": "json",
    "uuid": "uuid",
    "unknown": "unknown",
    "array": "array",
    "map": "map",
    "row": "row",
    "struct": "row",
}
HIVE = {"integer": "int", "real": "float", "varbinary": "binary", "varchar": "string", "row": "struct"}
DUCKDB = {
    "real": "FLOAT",
    "varbinary": "BLOB",
    "char": "VARCHAR",
    "timestamp with time zone": "TIMESTAMPTZ",
    "time with time zone": "TIMETZ",
    "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL",
    "unknown": '"NULL"',
}
FROM_DUCKDB = {
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "UBIGINT", "UINTEGER", "BIGNUM"), "bigint"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS"), "timestamp(3)"),
    "TIMESTAMP_NS": "timestamp(9)",
    "USMALLINT": "integer",
    "UTINYINT": "smallint",
    "BLOB": "varbinary",
    "INTERVAL": "interval day to second",
    '"NULL"': "unknown",
}
# Precision that a type has when its text gives none.
IMPLIED = {"timestamp": (3,), "timestamp with time zone": (3,), "time": (3,), "decimal": (10, 0)}
