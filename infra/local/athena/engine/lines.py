"""JSON lines, quoted CSV and Hive's plain text: the table function that reads them and each column's expression.

Each format fails or gives NULL where Hive's SerDe does in Athena.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.athena.contract import Column, QueryError
from infra.local.athena.engine.faults import raised
from infra.local.athena.tables import types
from infra.local.athena.tables.scan import Scan
from infra.local.athena.tables.types import Type, literal, quoted

# Stand in no text file: lines are read whole by the first, and no value is NULL by the second.
_NO_DELIMITER, _NO_NULL = "\x1f\x1e\x1d\x1f", "\x1d\x1e\x1d\x1e"
_SAMPLED_FILES, _SAMPLED_BYTES = 8, 1 << 16
_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_MAX_LINE = 16 << 20


def table(scan: Scan, columns: Sequence[Column], needed: set[str], paths: Sequence[Path]) -> tuple[str, list[str]]:
    """What stands after FROM, and the expressions of the needed columns.

    Args:
        scan: Of a format of lines.
        columns: Of the files, all of them in their order.
        needed: Names of those that a query reads.
        paths: The files.

    Raises:
        QueryError: NOT_SUPPORTED; a type that the format cannot have.
    """
    makers = {"json": _json, "csv": _csv, "text": _text}
    return makers[scan.format](scan, columns, needed, paths)


def hive_options(scan: Scan) -> str:
    """Arguments of a table function that reads partitions off the paths."""
    if not scan.partitions:
        return "hive_partitioning=false"
    kinds = ", ".join(f"'p{level}': VARCHAR" for level in range(len(scan.partitions)))
    return f"hive_partitioning=true, hive_types={{{kinds}}}"


def path_list(paths: Sequence[Path]) -> str:
    """Paths as a list of SQL; nothing in them is a wildcard."""
    return f"[{', '.join(literal(str(path)) for path in paths)}]"


def _json(scan: Scan, columns: Sequence[Column], needed: set[str], paths: Sequence[Path]) -> tuple[str, list[str]]:
    wanted = [column for column in columns if column.name in needed]
    spellings = _spellings(paths)
    keys = {column.name: _keys(scan, column.name, spellings) for column in wanted}
    is_lenient = scan.options.get("ignore.malformed.json", "").lower() == "true"
    # DuckDB's reader of typed columns is quicker; it refuses names that differ in capitals alone.
    is_raw = is_lenient or any(len(found) > 1 for found in keys.values())
    items = []
    for column in wanted:
        kind = types.parse(column.type)
        value = _extracted(keys[column.name], kind) if is_raw else quoted(keys[column.name][0])
        if kind.name == "varbinary":
            value = f"from_base64({value})"
        items.append(f"CAST({value} AS {types.duckdb(kind)}) AS {quoted(column.name)}")
    if is_raw:
        # Lines that are no JSON are rows of NULL if they are to be ignored; a value of a wrong type is an error.
        options = f"format='newline_delimited', ignore_errors={str(is_lenient).lower()}"
        return _call("read_json_objects", paths, scan, options), items
    source = {keys[column.name][0]: _json_type(types.parse(column.type)) for column in wanted}
    described = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in (source or {"_": "VARCHAR"}).items())
    return _call("read_json", paths, scan, f"format='newline_delimited', columns={{{described}}}"), items


def _extracted(keys: Sequence[str], kind: Type) -> str:
    pointers = (literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
    found = ", ".join(f"json_extract(json, {pointer})" for pointer in pointers)
    return f"json_transform_strict(coalesce({found}), {literal(json.dumps(_json_type(kind)))})"


def _csv(scan: Scan, columns: Sequence[Column], needed: set[str], paths: Sequence[Path]) -> tuple[str, list[str]]:
    given = scan.options
    separator = _sign(given, ("separatorChar", "field.delim"), ",")
    quote = _sign(given, ("quoteChar",), '"')
    escape = _sign(given, ("escapeChar", "escape.delim"), "\\")
    names = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(columns)))
    # Not strict: a row may be shorter, with NULLs, or longer than the table. Not parallel: it could not fill up rows.
    options = (
        f"columns={{{names}}}, delim={literal(separator)}, quote={literal(quote)}, escape={literal(escape)}, "
        f"nullstr={literal(_NO_NULL)}, null_padding=true, strict_mode=false"
    )
    items = []
    for place, column in enumerate(columns):
        if column.name in needed:
            # Inside quotes a doubled quote is one whatever escapes.
            doubled = literal(quote * 2)
            text = f"c{place}" if escape == quote else f"replace(c{place}, {doubled}, {literal(quote)})"
            items.append(f"{_strict(text, types.parse(column.type), place)} AS {quoted(column.name)}")
    return _lines("read_csv", paths, scan, options), items


def _text(scan: Scan, columns: Sequence[Column], needed: set[str], paths: Sequence[Path]) -> tuple[str, list[str]]:
    given = scan.options
    delimiter = _sign(given, ("field.delim", "serialization.format"), "\x01")
    if delimiter == "1" and "field.delim" not in given:
        delimiter = "\x01"  # how Hive names it
    escape = _sign(given, ("escape.delim",), "")
    options = (
        f"columns={{'line': 'VARCHAR'}}, delim={literal(_NO_DELIMITER)}, quote='', escape='', "
        f"nullstr={literal(_NO_NULL)}"
    )
    inner = _lines("read_csv", paths, scan, options)
    extra = "".join(f", p{level}" for level in range(len(scan.partitions)))
    split = f"string_split(line, {literal(delimiter)})" if not escape else _escaped_split(delimiter, escape)
    null = given.get("serialization.null.format", "\\N")
    items = []
    for place, column in enumerate(columns):
        if column.name in needed:
            text = f"nullif(f[{place + 1}], {literal(null)})"
            value = _lenient(text, types.parse(column.type), given, escape)
            items.append(f"{value} AS {quoted(column.name)}")
    return f"(SELECT {split} AS f, file_index{extra} FROM {inner})", items  # noqa: S608 (literals and identifiers are escaped)


def _call(function: str, paths: Sequence[Path], scan: Scan, options: str) -> str:
    detect = "" if function == "read_json_objects" else ", auto_detect=false"
    size = f", maximum_object_size={_MAX_LINE}" if "json" in function else ""
    return f"{function}({path_list(paths)}, {options}{detect}{size}, {hive_options(scan)})"


def _lines(function: str, paths: Sequence[Path], scan: Scan, options: str) -> str:
    skipped = scan.options.get("skip.header.line.count", "0")
    if not skipped.isdigit():
        raise QueryError("INVALID_TABLE_PROPERTY", f"skip.header.line.count is no number: {skipped}")
    return _call(function, paths, scan, f"{options}, header=false, skip={skipped}, max_line_size={_MAX_LINE // 8}")


def _sign(options: Mapping[str, str], names: Sequence[str], default: str) -> str:
    found = next((options[name] for name in names if options.get(name)), default)
    if found.startswith("\\u") and len(found) == 6:
        return chr(int(found[2:], 16))
    return {"\\t": "\t", "\\001": "\x01", "\\\\": "\\", '\\"': '"'}.get(found, found)


def _keys(scan: Scan, name: str, spellings: Mapping[str, list[str]]) -> list[str]:
    """Keys that a column can have in JSON: the one mapped to it, or those that differ in capitals alone."""
    if name in scan.names:
        return [scan.names[name]]
    if scan.options.get("case.insensitive", "true").lower() != "true":
        return [name]
    return spellings.get(name) or [name]


def _spellings(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Spellings of the keys at the start of some files, by themselves in small letters."""
    found: dict[str, dict[str, None]] = {}
    for path in paths[:_SAMPLED_FILES]:
        for line in _head(path).splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # cut off by the sample, or malformed: the query itself meets it
            for key in row if isinstance(row, dict) else ():
                found.setdefault(key.lower(), {})[key] = None
    return {name: list(keys) for name, keys in found.items()}


def _head(path: Path) -> bytes:
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read(_SAMPLED_BYTES)
        with path.open("rb") as file:
            return file.read(_SAMPLED_BYTES) if path.suffix != ".zst" else b""
    except (OSError, EOFError):
        return b""  # unreadable: the query itself meets it


def _json_type(kind: Type) -> str:
    return "VARCHAR" if kind.name == "varbinary" else types.duckdb(kind)


def _strict(text: str, kind: Type, place: int) -> str:
    """A value of OpenCSVSerde: what is not of the type is an error, times are milliseconds, dates days."""
    if kind.name in ("varchar", "char"):
        return text
    if kind.fields or kind.name == "varbinary":
        raise QueryError("NOT_SUPPORTED", f"OpenCSVSerde cannot read the type {types.athena(kind)}")
    target = types.duckdb(kind)
    tried = {
        "timestamp": f"make_timestamp(TRY_CAST({text} AS BIGINT) * 1000)",
        "date": f"DATE '1970-01-01' + TRY_CAST({text} AS INTEGER)",
    }.get(kind.name, f"TRY_CAST({text} AS {target})")
    words = f"{literal(f'Error parsing field value for field {place}: For input string: ')} || {text}"
    return (
        f"CASE WHEN {text} IS NULL THEN NULL WHEN {tried} IS NULL "
        f"THEN {raised('HIVE_BAD_DATA', words, target)} ELSE {tried} END"
    )


def _lenient(text: str, kind: Type, options: Mapping[str, str], escape: str) -> str:
    """A value of LazySimpleSerDe: what is not of the type is NULL."""
    if escape:
        pattern = literal(_regex(escape) + "(.)")
        plain = f"regexp_replace({text}, {pattern}, '\\1', 'g')"
    else:
        plain = text
    if not kind.fields:
        return _scalar(plain, kind)
    item = _sign(options, ("collection.delim", "colelction.delim"), "\x02")
    entry = _sign(options, ("mapkey.delim",), "\x03")
    inner = [field for _, field in kind.fields]
    if any(field.fields for field in inner):
        raise QueryError("NOT_SUPPORTED", f"LazySimpleSerDe with the type {types.athena(kind)} cannot be read")
    parts = f"string_split({text}, {literal(item)})"
    if kind.name == "array":
        return f"list_transform({parts}, lambda x: {_scalar('x', inner[0])})"
    if kind.name == "map":
        key, value = (f"string_split(x, {literal(entry)})[{place}]" for place in (1, 2))
        pairs = f"lambda x: struct_pack(k := {_scalar(key, inner[0])}, v := {_scalar(value, inner[1])})"
        return f"map_from_entries(list_transform({parts}, {pairs}))"
    fields = ", ".join(
        f"{quoted(name or f'field{place}')} := {_scalar(f'{parts}[{place + 1}]', field)}"
        for place, (name, field) in enumerate(kind.fields)
    )
    return f"CASE WHEN {text} IS NULL THEN NULL ELSE struct_pack({fields}) END"


def _scalar(text: str, kind: Type) -> str:
    if kind.name in ("varchar", "char"):
        return text
    if kind.name == "varbinary":
        return f"from_base64({text})"
    if kind.name == "boolean":
        return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if kind.name in _INTEGERS:
        # 1.5 is no integer, though a cast would round it.
        whole = f"regexp_full_match({text}, '[+-]?[0-9]+')"
        return f"CASE WHEN {whole} THEN TRY_CAST({text} AS {types.duckdb(kind)}) END"
    return f"TRY_CAST({text} AS {types.duckdb(kind)})"


def _escaped_split(delimiter: str, escape: str) -> str:
    sign, separator = _regex(escape), _regex(delimiter)
    pattern = literal(f"((?:{sign}.|[^{sign}{separator}])*){separator}")
    return f"regexp_extract_all(line || {literal(delimiter)}, {pattern}, 1)"


def _regex(sign: str) -> str:
    return f"\\x{{{ord(sign):x}}}"
