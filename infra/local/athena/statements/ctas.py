"""CREATE TABLE AS SELECT and UNLOAD: the rows of a query as files, and a table over them."""

import time
from dataclasses import replace

from infra.local.athena.contract import CATALOG, Column, Outcome, QueryError, Translation
from infra.local.athena.engine.context import Context, Written
from infra.local.athena.statements import answers, entries, faults, files, partitions, query, tables
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.storage import FORMATS
from infra.local.athena.tables import types

# Buckets are accepted and not made: the files are right without them, and no bucket is promised in Glue.
_TABLE = (
    "format", "external_location", "location", "partitioned_by", "bucketed_by", "bucket_count", "write_compression",
    "parquet_compression", "orc_compression", "field_delimiter", "table_type", "is_external", "compression_level",
)  # fmt: skip
_UNLOAD = ("format", "compression", "compression_level", "field_delimiter", "partitioned_by")
_NO_LOCATION = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property to an "
    "Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
    "'external_location' property and resubmit the query."
)


def create(reader: Reader) -> Action:
    """CREATE TABLE [IF NOT EXISTS] name [COMMENT …] [WITH (…)] AS query [WITH [NO] DATA]."""
    reader.expect("CREATE", "TABLE")
    quiet = reader.exists(negated=True)
    name = reader.full_name()
    if reader.peek("("):
        raise QueryError("MISSING_COLUMN_NAME", "Column name not specified at position 1", 1, 1)
    comment = reader.string() if reader.accept("COMMENT") else ""
    given = files.properties(reader, _TABLE, "table") if reader.accept("WITH") else {}
    reader.expect("AS")
    start, text, empty = _query(reader)
    query.check(query.within(text, start))

    def run(context: Context) -> Outcome:
        job = context.job
        database, table = entries.resolve(context, name)
        default = f"{job.output.rstrip('/')}/tables/{job.execution_id}"
        try:
            if files.text(given, "table_type").upper() == "ICEBERG":
                raise QueryError("NOT_SUPPORTED", "Iceberg tables are not supported by this endpoint")
            form = files.Form.of(given)
            own = files.text(given, "external_location") or files.text(given, "location")
            if own and not job.external_locations:
                raise faults.PlainError("INVALID_INPUT", _NO_LOCATION)
            if entries.find(context, name):
                if quiet:
                    return answers.written(Written((), 0))
                raise QueryError(
                    "TABLE_ALREADY_EXISTS", f"Destination table '{CATALOG}.{database}.{table}' already exists", 1, 1
                )
            query.require_database(context, database)
            translation = query.translate(context, query.within(text, start))
            query.check_columns(translation.columns)
            form.check_order([column.name.lower() for column in translation.columns])
            described = _described(translation.columns)
            location = files.folder(own or default)
            files.require_empty(context, location, f"{database}.{table}")
            done = Written((), 0) if empty else _write(context, translation, location, form)
        except QueryError as fault:
            raise faults.advised(fault, faults.CLEAN_TABLE.format(default)) from fault
        at = len(described) - len(form.partitioned_by)
        stored = FORMATS["JSONFILE" if form.format == "JSON" else form.format]
        if form.format == "TEXTFILE":
            delimiter = form.delimiter or "\x01"
            stored = replace(
                stored, parameters=stored.parameters | {"field.delim": delimiter, "serialization.format": delimiter}
            )
        entry = tables.table_entry(
            table,
            described[:at],
            described[at:],
            format=stored,
            location=location.rstrip("/"),
            parameters={
                "EXTERNAL": "TRUE",
                "has_encrypted_data": "false",
                "transient_lastDdlTime": str(int(time.time())),
                **({"comment": comment} if comment else {}),
            },
        )
        context.glue.create_table(DatabaseName=database, TableInput=entry)
        entry["DatabaseName"] = database
        found = [
            partitions.at(entry, [partitions.NULL if value is None else value for value in values], place.rstrip("/"))
            for values, place in zip(done.partitions, done.folders, strict=True)
        ]
        partitions.create(context, entry, found)
        return answers.written(done, files.manifest(context, done.files, under="tables/"))

    return run


def unload(reader: Reader) -> Action:
    """UNLOAD (query) TO 'location' [WITH (…)]."""
    reader.expect("UNLOAD")
    first = reader.next
    reader.expect("(")
    start = first.end if first else 0
    stop = reader.skip_to_close()
    reader.expect("TO")
    location = reader.string()
    given = files.properties(reader, _UNLOAD, "unload") if reader.accept("WITH") else {}
    reader.end()
    query.check(query.within(reader.text[:stop], start))

    def run(context: Context) -> Outcome:
        form = files.Form.of(given)
        if form.format == "AVRO":
            raise QueryError("NOT_SUPPORTED", "AVRO is not supported by this endpoint")
        place = files.folder(location)
        translation = query.translate(context, query.within(reader.text[:stop], start))
        query.check_columns(translation.columns)
        form.check_order([column.name.lower() for column in translation.columns])
        files.require_empty(context, place, f"{entries.resolve(context, ('', ''))[0]}.unload")
        done = _write(context, translation, place, form)
        return answers.written(done, files.manifest(context, done.files))

    return run


def _write(context: Context, translation: Translation, location: str, form: files.Form) -> Written:
    return context.write(
        translation,
        location,
        format=form.format,
        partitioned_by=form.partitioned_by,
        compression=form.compression,
        delimiter=form.delimiter,
    )


def _described(columns: tuple[Column, ...]) -> list[entries.Entry]:
    return [{"Name": column.name.lower(), "Type": types.to_hive(column.type)} for column in columns]


def _query(reader: Reader) -> tuple[int, str, bool]:
    """Where the query begins, the statement up to its end, and whether it says WITH NO DATA."""
    if reader.next is None:
        reader.refuse("<query>")
    start, text, empty = reader.next.start, reader.text, False
    for words, found in ((("WITH", "NO", "DATA"), True), (("WITH", "DATA"), False)):
        last = reader.last(len(words))
        if [token.word for token in last] == list(words):
            text, empty = text[: last[0].start], found
            break
    return start, text, empty
