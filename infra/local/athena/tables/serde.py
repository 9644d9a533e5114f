"""What Glue's description of a table says of its files: where they are, their format and its options."""

import re
from collections.abc import Mapping
from typing import Any

from infra.local.athena.contract import QueryError

Entry = Mapping[str, Any]

# Dots stand between letters or digits: `..` would be another folder.
_BUCKET = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9._-]{0,253}[A-Za-z0-9_-]|[A-Za-z0-9]")
_HIVE = "org.apache.hadoop.hive"
_FORMATS = {
    f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe": "parquet",
    "org.openx.data.jsonserde.JsonSerDe": "json",
    "org.apache.hive.hcatalog.data.JsonSerDe": "json",
    f"{_HIVE}.serde2.JsonSerDe": "json",
    f"{_HIVE}.serde2.OpenCSVSerde": "csv",
    f"{_HIVE}.serde2.lazy.LazySimpleSerDe": "text",
}
_SHARED = ("skip.header.line.count",)  # Athena takes it from the table's properties


def is_delta(table: Entry) -> bool:
    """Whether a table is a native Delta table."""
    given = table.get("Parameters") or {}
    return "delta" in (given.get("table_type", "").lower(), given.get("spark.sql.sources.provider", "").lower())


def location(table: Entry) -> str:
    """URL of a table's folder, `s3://bucket/prefix`.

    Raises:
        QueryError: It has none that is in S3.
    """
    described = table.get("StorageDescriptor") or {}
    path = (described.get("SerdeInfo") or {}).get("Parameters", {}).get("path", "")
    # Spark writes the path of a Delta table there, and a placeholder as the location.
    found = path if is_delta(table) and path else described.get("Location") or ""
    split_url(found)
    return "s3://" + found.partition("://")[2]


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of a URL.

    Raises:
        QueryError: It is none of S3.

    Example:
        >>> split_url("s3://shop/silver/order_lines/")
        ('shop', 'silver/order_lines/')
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not _BUCKET.fullmatch(bucket):
        raise QueryError("INVALID_TABLE_PROPERTY", f"The location '{url}' is not an S3 URL")
    return bucket, key


def is_url(url: str) -> bool:
    """Whether a location is one in S3, with a bucket that there can be."""
    return url.startswith("s3://") and bool(_BUCKET.fullmatch(url[5:].partition("/")[0]))


def reading(table: Entry) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """Format, its options, and the names that columns have in the files where they differ.

    Raises:
        QueryError: NOT_SUPPORTED; a format that is not read here.
    """
    described = table.get("StorageDescriptor") or {}
    serde = described.get("SerdeInfo") or {}
    parameters = table.get("Parameters") or {}
    library = serde.get("SerializationLibrary") or ""
    name = f"{table.get('DatabaseName')}.{table.get('Name')}"
    if parameters.get("table_type", "").lower() in ("iceberg", "hudi"):
        raise QueryError("NOT_SUPPORTED", f"Table {name} is of type {parameters['table_type'].upper()}")
    format = _FORMATS.get(library) or (not library and parameters.get("classification")) or ""
    if format not in ("parquet", "json", "csv", "text"):
        raise QueryError("NOT_SUPPORTED", f"Table {name} has a SerDe that cannot be read: {library or 'none'}")
    options = {**{key: parameters[key] for key in _SHARED if key in parameters}, **(serde.get("Parameters") or {})}
    mapping = {key.removeprefix("mapping."): value for key, value in options.items() if key.startswith("mapping.")}
    return format, options, {column.lower(): key for column, key in mapping.items()}
