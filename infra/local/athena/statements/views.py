"""CREATE VIEW and SHOW CREATE VIEW: views as Athena keeps them in Glue."""

from collections.abc import Sequence

from infra.local.athena.contract import CATALOG, Column, Outcome, QueryError
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults, query
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.reader import Reader
from infra.local.athena.tables import types
from infra.local.athena.tables import views as encoded


def create(reader: Reader) -> Action:
    """CREATE [OR REPLACE] VIEW name AS query."""
    reader.expect("CREATE")
    replace = reader.accept("OR", "REPLACE")
    reader.expect("VIEW")
    name = reader.full_name()
    reader.expect("AS")
    body, start = reader.rest, len(reader.text)
    if reader.next:
        start = reader.next.start
    if not body:
        reader.refuse("<query>")
    query.check(query.within(reader.text, start))

    def run(context: Context) -> Outcome:
        database, view = entries.resolve(context, name)
        old = entries.find(context, name)
        shown = f"{CATALOG}.{database}.{view}"
        if old is None:
            query.require_database(context, database)
        elif not entries.is_view(old):
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table already exists: '{shown}'", 1, 1)
        elif not replace:
            raise QueryError("TABLE_ALREADY_EXISTS", f"View already exists: '{shown}'", 1, 1)
        columns = query.translate(context, query.within(reader.text, start)).columns
        query.check_columns(columns)
        entry = view_entry(view, body, columns, database=database, default=entries.resolve(context, ("", ""))[0])
        if old is None:
            context.glue.create_table(DatabaseName=database, TableInput=entry)
        else:
            context.glue.update_table(DatabaseName=database, TableInput=entry)
        return answers.done(context)

    return run


def show(reader: Reader) -> Action:
    """SHOW CREATE VIEW name."""
    reader.expect("SHOW", "CREATE", "VIEW")
    name = reader.full_name()
    reader.end()

    def run(context: Context) -> Outcome:
        database, view = entries.resolve(context, name)
        entry = entries.find(context, name)
        if entry is None:
            raise QueryError("TABLE_NOT_FOUND", f"View '{CATALOG}.{database}.{view}' does not exist", 1, 1)
        if not entries.is_view(entry):
            shown = f"{CATALOG}.{database}.{view}"
            raise QueryError("NOT_SUPPORTED", f"Relation '{shown}' is a table, not a view", 1, 1)
        text = f"CREATE VIEW {database}.{view} AS\n{encoded.decode(entry)[0]}"
        return answers.lines(context, [Column("create view", "varchar(0)")], text.split("\n"))

    return run


def view_entry(name: str, body: str, columns: Sequence[Column], *, database: str, default: str = "") -> Entry:
    """A view as Athena writes it to Glue.

    Args:
        name: Of the view.
        body: Its query.
        columns: Of the query, with Trino's types.
        database: That it lies in.
        default: The database that names in the query without one mean; `database` unless given.
    """
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"comment": "Presto View", "presto_view": "true"},
        "ViewOriginalText": encoded.encode(body, default or database, columns),
        "ViewExpandedText": "/* Presto View */",
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": types.to_hive(column.type)} for column in columns],
            "Location": "",
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SerdeInfo": {},
            "SortColumns": [],
            "StoredAsSubDirectories": False,
        },
    }


def refuse_alter(reader: Reader) -> Action:
    """ALTER VIEW … DIALECT is of the Glue Data Catalog views, which are not kept here."""
    raise faults.at_start(faults.NOT_SUPPORTED)
