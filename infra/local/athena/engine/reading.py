"""From a scan and its files on this machine to the SELECT that gives a relation's columns, in DuckDB's SQL.

Owns where links lie below a job's folder and what each format means by its bytes. It opens footers and samples, and
runs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from infra.local.athena.contract import Column, QueryError, Range, Source
from infra.local.athena.engine import lines
from infra.local.athena.engine.footers import Footer, Footers
from infra.local.athena.engine.lines import hive_options, path_list
from infra.local.athena.tables import types
from infra.local.athena.tables.catalog import PATH
from infra.local.athena.tables.scan import NULL_PARTITION, File, Scan
from infra.local.athena.tables.types import literal, quoted

# What a column of a table may be in a file, by families of Arrow's types; anything else is HIVE_BAD_DATA, as in Trino.
_FAMILIES = (
    (("tinyint", "smallint", "integer", "bigint"), (pa.types.is_integer,)),
    (("real", "double"), (pa.types.is_floating,)),
    (("decimal",), (pa.types.is_decimal, pa.types.is_integer)),
    (("varchar", "char"), (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_dictionary)),
    (("varbinary",), (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_string)),
    (("date",), (pa.types.is_date, pa.types.is_int32)),
    (("timestamp",), (pa.types.is_timestamp, pa.types.is_int64)),
    (("boolean",), (pa.types.is_boolean,)),
    (("array",), (pa.types.is_list, pa.types.is_large_list)),
    (("map",), (pa.types.is_map,)),
    (("row",), (pa.types.is_struct,)),
)


@dataclass(frozen=True)
class Reading:
    """How a source is read.

    Args:
        sql: A SELECT of the needed columns.
        paths: The files it reads.
        scanned_bytes: What it reads of them.
    """

    sql: str
    paths: tuple[Path, ...]
    scanned_bytes: int


def targets(scan: Scan, folder: Path) -> list[Path]:
    """Where the files of a scan are to be linked, below a folder of the source alone.

    The values of partitions are in the path as DuckDB reads them; its names are numbers, since a table's could be
    anything.
    """
    found = []
    for number, file in enumerate(scan.files):
        place = folder
        for level, value in enumerate(file.partition):
            place = place / f"p{level}={NULL_PARTITION if value is None else quote(value, safe='')}"
        found.append(place / f"{number}{_suffix(file, scan)}")
    return found


def read(source: Source, scan: Scan, paths: Sequence[Path], footers: Footers) -> Reading:
    """The SELECT of a source.

    Args:
        source: With the columns that are needed.
        scan: What is read.
        paths: Its files, as `targets` has them.
        footers: Of Parquet files.

    Raises:
        QueryError: A file cannot be read as the table describes it.
    """
    wanted = [column for column in source.relation.columns if column.name in source.needed]
    if scan.format == "rows":
        return Reading(_rows(source, scan, wanted), (), 0)
    if not scan.files:
        items = [f"CAST(NULL AS {types.to_duckdb(column.type)}) AS {quoted(column.name)}" for column in wanted]
        items += [f"CAST(NULL AS VARCHAR) AS {quoted(PATH)}"] if PATH in source.needed else []
        return Reading(f"SELECT {', '.join(items) or 'NULL'} WHERE false", (), 0)
    stored = [column for column in wanted if column not in scan.partitions]
    if scan.format == "parquet":
        table, items, where, scanned = _parquet(source, scan, paths, footers)
    else:
        inside = [column for column in source.relation.columns if column not in scan.partitions]
        table, items = lines.table(scan, inside, {column.name for column in stored}, paths)
        where, scanned = "", sum(file.size for file in scan.files)
    items += [
        f"CAST(p{level} AS {types.to_duckdb(column.type)}) AS {quoted(column.name)}"
        for level, column in enumerate(scan.partitions)
        if column.name in source.needed
    ]
    if PATH in source.needed:
        urls = ", ".join(literal(file.url) for file in scan.files)
        items.append(f"list_extract([{urls}], CAST(file_index AS BIGINT) + 1) AS {quoted(PATH)}")
    return Reading(f"SELECT {', '.join(items) or 'NULL'} FROM {table}{where}", tuple(paths), scanned)  # noqa: S608 (literals and identifiers are escaped)


def _parquet(source: Source, scan: Scan, paths: Sequence[Path], footers: Footers) -> tuple[str, list[str], str, int]:
    found = footers.read(scan.files, paths)
    columns = [c for c in source.relation.columns if c.name in source.needed and c not in scan.partitions]
    items, conditions, options = [], [], [hive_options(scan)]
    names: dict[str, set[str]] = {}
    for column in columns:
        physical = scan.names.get(column.name, column.name).lower()
        kinds = {str(f.schema.field(f.names[physical]).type) if physical in f.names else "" for f in found}
        names[column.name] = {f.names[physical] for f in found if physical in f.names}
        item, condition = _item(column, physical, found, scan, source.ranges.get(column.name))
        items.append(item)
        conditions += condition
        # Reading by the first file's columns is quicker, and wrong where another file has others.
        if len(kinds) > 1 and "union_by_name=true" not in options:
            options.append("union_by_name=true")
        if types.parse(column.type).name in ("varchar", "char") and kinds & {"binary", "large_binary"}:
            options = [*dict.fromkeys([*options, "binary_as_string=true"])]
    every = {name for several in names.values() for name in several}
    scanned = sum(footer.scanned_bytes(every & set(footer.schema.names), source.ranges) for footer in found)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"read_parquet({path_list(paths)}, {', '.join(options)})", items, where, scanned


def _item(
    column: Column, physical: str, found: Sequence[Footer], scan: Scan, wanted: Range | None
) -> tuple[str, list[str]]:
    kind = types.parse(column.type)
    target = types.duckdb(kind)
    fields = [footer.schema.field(footer.names[physical]) for footer in found if physical in footer.names]
    if not fields:
        return f"CAST(NULL AS {target}) AS {quoted(column.name)}", []
    for footer, file in zip(found, scan.files, strict=True):
        if physical in footer.names:
            _check(column, kind, footer.schema.field(footer.names[physical]), file)
    name = quoted(fields[0].name)
    if kind.name == "varbinary" and any(pa.types.is_string(field.type) for field in fields):
        return f"encode({name}) AS {quoted(column.name)}", []
    conditions = []
    if kind.name == "timestamp" and wanted and any(getattr(field.type, "tz", None) for field in fields):
        # A cast of a time with zone hides the statistics of row groups; these do not.
        bounds = ((">=", wanted.low), ("<=", wanted.high))
        conditions = [f"{name} {sign} TIMESTAMPTZ '{value}+00'" for sign, value in bounds if hasattr(value, "hour")]
    return f"CAST({name} AS {target}) AS {quoted(column.name)}", conditions


def _check(column: Column, kind: types.Type, field: pa.Field, file: File) -> None:
    for names, families in _FAMILIES:
        if kind.name in names and not any(family(field.type) for family in families):
            raise QueryError(
                "HIVE_BAD_DATA",
                f"Field {column.name}'s type {str(field.type).upper()} in parquet file {file.url} is incompatible with "
                f"type {column.type} defined in table schema",
            )


def _rows(source: Source, scan: Scan, wanted: Sequence[Column]) -> str:
    places = {column.name: place for place, column in enumerate(source.relation.columns)}
    items = [f"CAST(c{places[c.name]} AS {types.to_duckdb(c.type)}) AS {quoted(c.name)}" for c in wanted]
    names = ", ".join(f"c{place}" for place in places.values())
    rows = scan.rows or ((None,) * len(places),)
    values = ", ".join(
        f"({', '.join('CAST(NULL AS VARCHAR)' if value is None else literal(value) for value in row)})" for row in rows
    )
    return (
        f"SELECT {', '.join(items) or 'NULL'} FROM (VALUES {values}) AS r({names}){'' if scan.rows else ' WHERE false'}"  # noqa: S608 (escaped)
    )


def _suffix(file: File, scan: Scan) -> str:
    name = file.key.rpartition("/")[2]
    suffix = Path(name).suffix.lower()
    if scan.format == "parquet":
        return ".parquet"
    if suffix in (".bz2", ".snappy", ".lz4", ".lzo", ".deflate"):
        raise QueryError("NOT_SUPPORTED", f"Compression of {file.url} cannot be read")
    return suffix if suffix in (".gz", ".zst") else ".txt"
