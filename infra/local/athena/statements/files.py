"""What CTAS, INSERT INTO and UNLOAD share: their properties, an empty target, the manifest of what was written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infra.local.athena.contract import QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import partitions
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import NUMBER

FORMATS = ("PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE")
Value = str | tuple[str, ...]


def properties(reader: Reader, known: Sequence[str], kind: str) -> dict[str, Value]:
    """Read `(name = value, …)`, where a value is a text, a number, true, false or ARRAY['…'].

    Raises:
        QueryError: INVALID_TABLE_PROPERTY, with its place; at start for what is no property.
    """
    found: dict[str, Value] = {}

    def one() -> None:
        token = reader.next
        name = reader.name()
        if name not in known:
            line, column = reader.place(token)
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                f"Catalog 'awsdatacatalog' {kind} property '{name}' does not exist",
                line,
                column,
            )
        reader.expect("=")
        found[name] = _value(reader)

    reader.listed(one)
    return found


def text(given: dict[str, Value], name: str, default: str = "") -> str:
    """A property that is one text."""
    value = given.get(name, default)
    if isinstance(value, tuple):
        raise _invalid(name, f"ARRAY{list(value)}")
    return value


def names(given: dict[str, Value], name: str) -> tuple[str, ...]:
    """A property that is an array of columns."""
    value = given.get(name, ())
    if isinstance(value, str):
        raise _invalid(name, value)
    return tuple(one.lower() for one in value)


@dataclass(frozen=True)
class Form:
    """How files are written.

    Args:
        format: One of FORMATS.
        compression: SNAPPY, GZIP …; "" for the format's own.
        delimiter: Of TEXTFILE; "" for Hive's.
        partitioned_by: Columns that become folders.
    """

    format: str
    compression: str = ""
    delimiter: str = ""
    partitioned_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: dict[str, Value]) -> "Form":
        """The form that the properties of CTAS or UNLOAD ask for.

        Raises:
            QueryError: INVALID_TABLE_PROPERTY.
        """
        format_ = text(given, "format", "PARQUET").upper()
        if format_ not in FORMATS:
            raise _invalid("format", format_)
        named = ("write_compression", "compression", f"{format_.lower()}_compression")
        compression = next((text(given, name).upper() for name in named if name in given), "")
        delimiter = text(given, "field_delimiter")
        if len(delimiter) > 1:
            raise _invalid("field_delimiter", delimiter)
        return cls(format_, compression, delimiter, names(given, "partitioned_by"))

    def check_order(self, columns: Sequence[str]) -> None:
        """Partition columns are the last, and not all.

        Raises:
            QueryError: HIVE_COLUMN_ORDER_MISMATCH or INVALID_TABLE_PROPERTY.
        """
        wanted = self.partitioned_by
        shown = f"[{', '.join(wanted)}]"
        if not set(wanted) <= set(columns):
            raise QueryError("INVALID_TABLE_PROPERTY", f"Partition columns {shown} not present in schema", 1, 1)
        if wanted and len(wanted) == len(columns):
            raise QueryError("INVALID_TABLE_PROPERTY", "Table contains only partition columns", 1, 1)
        if wanted and tuple(columns[-len(wanted) :]) != wanted:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                "Partition keys must be the last columns in the table and in the same order as the table properties: "
                + shown,
            )


def folder(location: str) -> str:
    """A location as a folder.

    Raises:
        QueryError: INVALID_TABLE_PROPERTY: it is none of S3.
    """
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/.*)?", location):
        raise QueryError("INVALID_TABLE_PROPERTY", f"External location must be a directory of S3: {location}")
    return location.rstrip("/") + "/"


def require_empty(context: Context, location: str, table: str) -> None:
    """Nothing may lie where files are to be written.

    Raises:
        QueryError: HIVE_PATH_ALREADY_EXISTS.
    """
    bucket, key = partitions.bucket_and_key(location)
    if context.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"):
        raise QueryError(
            "HIVE_PATH_ALREADY_EXISTS", f"Target directory for table '{table}' already exists: {location.rstrip('/')}"
        )


def manifest(context: Context, files: Sequence[str], *, under: str = "") -> str:
    """Write `<execution id>-manifest.csv`, one URL a line; returns its URL."""
    job = context.job
    url = f"{job.output.rstrip('/')}/{under}{job.execution_id}-manifest.csv"
    bucket, key = partitions.bucket_and_key(url)
    context.s3.put_object(Bucket=bucket, Key=key, Body="\n".join(files).encode(), ContentType="text/csv")
    return url


def _value(reader: Reader) -> Value:
    if reader.accept("ARRAY"):
        reader.expect("[")
        found = []
        while not reader.accept("]"):
            found.append(reader.string())
            if not reader.peek("]"):
                reader.expect(",")
        return tuple(found)
    token = reader.next
    if token and (token.kind == NUMBER or token.word in ("TRUE", "FALSE")):
        return reader.take().text.lower()
    return reader.string()


def _invalid(name: str, value: str) -> QueryError:
    return QueryError("INVALID_TABLE_PROPERTY", f"Unable to set table property '{name}' to '{value}'", 1, 1)
