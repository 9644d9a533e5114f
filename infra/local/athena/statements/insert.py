"""INSERT INTO a Hive table, and the refusal of UPDATE, DELETE and MERGE, which are Iceberg's."""

from collections.abc import Sequence

from infra.local.athena.contract import Column, Outcome, QueryError, Translation
from infra.local.athena.engine.context import Context, Written
from infra.local.athena.statements import answers, entries, faults, files, partitions, query, storage
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader

_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double")
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def read(reader: Reader) -> Action:
    """INSERT INTO name [(columns)] query."""
    reader.expect("INSERT", "INTO")
    name = reader.full_name()
    named = _names(reader)
    if reader.next is None:
        reader.refuse("<query>")
    start = reader.next.start
    query.check(query.within(reader.text, start))

    def run(context: Context) -> Outcome:
        database, table = entries.resolve(context, name)
        own = f"{context.job.output.rstrip('/')}/{context.job.execution_id}-manifest.csv"
        try:
            relation = context.catalog.relation(database, table)
            entry = entries.table(context, name)
            form = _form(entry)
            body = query.translate(context, query.within(reader.text, start))
            wanted = _wanted(relation.columns, named)
            _check_types(wanted, body.columns)
            casted = query.translate(context, _casted(reader.text[start:], wanted, relation.columns))
            done = _place(context, entry, _write(context, casted, entry, form))
        except QueryError as fault:
            raise faults.advised(fault, faults.CLEAN_FILES.format(own)) from fault
        return answers.written(done, files.manifest(context, done.files) if done.rows else "")

    return run


def refuse(reader: Reader) -> Action:
    """UPDATE, DELETE, MERGE: only for tables that Iceberg keeps, which are not here."""
    word = reader.take().word
    if word != "UPDATE":
        reader.expect("FROM" if word == "DELETE" else "INTO")
    name = reader.full_name()

    def run(context: Context) -> Outcome:
        relation = context.catalog.relation(*entries.resolve(context, name))
        if relation.view is not None:
            verb = {"UPDATE": "Updating", "DELETE": "Deleting from", "MERGE": "Merging into"}[word]
            raise QueryError("NOT_SUPPORTED", f"{verb} {'a view' if word == 'UPDATE' else 'views'} is not supported")
        raise QueryError("NOT_SUPPORTED", "Modifying Hive table rows is only supported for transactional tables")

    return run


def refuse_upkeep(reader: Reader) -> Action:
    """OPTIMIZE and VACUUM: upkeep of Iceberg tables."""
    word = reader.take().word
    name = reader.full_name()

    def run(context: Context) -> Outcome:
        context.catalog.relation(*entries.resolve(context, name))
        raise QueryError("NOT_SUPPORTED", f"{word} is only supported for Iceberg tables")

    return run


def _names(reader: Reader) -> tuple[str, ...]:
    """The list of columns, if what stands in parentheses is one and no query."""
    if not reader.peek("(") or reader.peek_second("SELECT", "WITH", "VALUES", "TABLE", "("):
        return ()
    return tuple(reader.listed(reader.name))


def _form(entry: Entry) -> files.Form:
    serde = entry.get("StorageDescriptor", {}).get("SerdeInfo") or {}
    library = str(serde.get("SerializationLibrary") or "")
    if entries.is_view(entry):
        raise QueryError("NOT_SUPPORTED", "Inserting into views is not supported", 1, 1)
    if entries.is_delta(entry):
        raise QueryError("NOT_SUPPORTED", "This connector does not support inserts")
    if entry["StorageDescriptor"].get("BucketColumns"):
        raise QueryError("NOT_SUPPORTED", "Inserting into bucketed tables is not supported", 1, 1)
    format_ = storage.format_of(library)
    if not format_ or library.endswith("OpenCSVSerde"):
        raise QueryError("HIVE_UNSUPPORTED_FORMAT", f"Writing tables with the SerDe {library} is not supported")
    parameters, options = entry.get("Parameters") or {}, serde.get("Parameters") or {}
    return files.Form(
        format_,
        str(parameters.get("write.compression") or parameters.get(f"{format_.lower()}.compression") or "").upper(),
        str(options.get("field.delim") or "") if format_ == "TEXTFILE" else "",
        tuple(key["Name"] for key in entries.keys(entry)),
    )


def _wanted(columns: Sequence[Column], named: Sequence[str]) -> list[Column]:
    """The columns that are inserted, in the query's order."""
    known = {column.name: column for column in columns}
    for name in named:
        if name not in known:
            raise QueryError("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {name}", 1, 1)
        if list(named).count(name) > 1:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Insert column name is specified more than once: {name}", 1, 1)
    return [known[name] for name in named] if named else list(columns)


def _check_types(wanted: Sequence[Column], given: Sequence[Column]) -> None:
    if len(wanted) == len(given) and all(fits(new.type, old.type) for new, old in zip(given, wanted, strict=True)):
        return
    raise QueryError(
        "TYPE_MISMATCH",
        "Insert query has mismatched column types: "
        f"Table: [{', '.join(column.type for column in wanted)}], "
        f"Query: [{', '.join(column.type for column in given)}]",
        1,
        1,
    )


def fits(given: str, wanted: str) -> bool:
    """Whether Trino makes one type into another by itself when it is inserted.

    Example:
        >>> fits("integer", "bigint"), fits("varchar(3)", "varchar"), fits("varchar", "integer")
        (True, True, False)
    """
    new, old = (type_.partition("(")[0].strip() for type_ in (given, wanted))
    if old == "decimal" and new in _DIGITS | {"decimal": 0}:
        before, after = _digits(given if new == "decimal" else f"decimal({_DIGITS[new]},0)"), _digits(wanted)
        return before[0] - before[1] <= after[0] - after[1] and before[1] <= after[1]
    if new in _NUMBERS and old in _NUMBERS:
        return _NUMBERS.index(new) <= _NUMBERS.index(old)
    return new in (old, "unknown") or {new, old} <= {"varchar", "char"} or (new, old) == ("date", "timestamp")


def _digits(decimal: str) -> tuple[int, int]:
    """Precision and scale."""
    precision, _, scale = decimal.partition("(")[2].rstrip(")").partition(",")
    return int(precision), int(scale or 0)


def _casted(text: str, wanted: Sequence[Column], columns: Sequence[Column]) -> str:
    """The query with the table's columns, in its order and of its types; those that are not inserted are null."""
    places = {column.name: at for at, column in enumerate(wanted)}
    listed = ", ".join(
        f"CAST({f'inserted.c{places[column.name]}' if column.name in places else 'NULL'} AS {column.type}) "
        f'AS "{column.name}"'
        for column in columns
    )
    names = ", ".join(f"c{at}" for at in range(len(wanted)))
    return f"SELECT {listed} FROM (\n{text}\n) AS inserted ({names})"  # noqa: S608 (names and types of the catalogue)


def _write(context: Context, translation: Translation, entry: Entry, form: files.Form) -> Written:
    return context.write(
        translation,
        files.folder(entry["StorageDescriptor"]["Location"]),
        format=form.format,
        partitioned_by=form.partitioned_by,
        compression=form.compression,
        delimiter=form.delimiter,
    )


def _place(context: Context, entry: Entry, done: Written) -> Written:
    """Bring the files of each partition to where Glue says that it is, and create the partitions that are new."""
    if not done.partitions or str((entry.get("Parameters") or {}).get("projection.enabled", "")).lower() == "true":
        return done
    known = {
        tuple(part["Values"]): part["StorageDescriptor"]["Location"] for part in entries.partitions(context, entry)
    }
    new, moved = [], list(done.files)
    for values, place in zip(done.partitions, done.folders, strict=True):
        texts = tuple(partitions.NULL if value is None else value for value in values)
        if texts not in known:
            new.append(partitions.at(entry, list(texts), place.rstrip("/")))
        elif known[texts].rstrip("/") != place.rstrip("/"):
            moved = [_moved(context, url, place, known[texts]) for url in moved]
    partitions.create(context, entry, new)
    return Written(
        tuple(moved), done.rows, done.partitions, done.folders, done.scanned_bytes, done.milliseconds, done.tables
    )


def _moved(context: Context, url: str, old: str, new: str) -> str:
    if not url.startswith(old):
        return url
    there = new.rstrip("/") + "/" + url[len(old) :]
    (bucket, key), (to_bucket, to_key) = partitions.bucket_and_key(url), partitions.bucket_and_key(there)
    context.s3.copy_object(Bucket=to_bucket, Key=to_key, CopySource={"Bucket": bucket, "Key": key})
    context.s3.delete_object(Bucket=bucket, Key=key)
    return there
