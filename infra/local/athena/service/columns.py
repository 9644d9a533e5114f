"""ColumnInfo of a result: a type as Athena writes it to the bare name, the digits and the flags of the API."""

import re
from typing import Any

# Measured at AWS: https://github.com/aoyagikouhei/athena-local, README.
_PRECISIONS = {
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "float": 17,
    "double": 17,
    "varchar": 2147483647,
    "varbinary": 1073741824,
    "timestamp": 3,
    "timestamp with time zone": 3,
    "time": 3,
}
_NAMES = {"real": "float", "int": "integer"}
_TYPE = re.compile(r"\s*([a-z][a-z ]*?)\s*(?:\((.*)\))?\s*(with time zone)?\s*", re.DOTALL)


def column_info(name: str, type_text: str) -> dict[str, Any]:
    """One ColumnInfo.

    Example:
        >>> info = column_info("price", "decimal(18,3)")
        >>> info["Type"], info["Precision"], info["Scale"]
        ('decimal', 18, 3)
    """
    found = _TYPE.fullmatch(type_text.lower())
    base, inside, zone = found.groups() if found else (type_text, None, None)
    kind = f"{_NAMES.get(base, base)}{' with time zone' if zone else ''}"
    precision, scale = _PRECISIONS.get(kind, 0), 0
    if kind in ("decimal", "varchar", "char") and inside:
        digits = [int(digit) for digit in re.findall(r"\d+", inside)]
        precision, scale = (*digits, 0)[:2]
    elif kind.startswith("time") and inside and inside.isdigit():
        precision = int(inside)
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        # Those of SHOW and DESCRIBE have no length: string, and varchar(0).
        "CaseSensitive": kind in ("varchar", "char") and precision > 0,
    }
