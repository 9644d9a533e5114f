"""ALTER TABLE: columns, properties, locations and partitions of a table, changed in Glue alone."""

from collections.abc import Callable

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, clauses, entries, faults, hive, partitions
from infra.local.athena.statements.action import Action, Statement
from infra.local.athena.statements.entries import Entry
from infra.local.athena.statements.partitions import Name
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import place
from infra.local.athena.tables import serde


def read(reader: Reader) -> Statement:
    """ALTER TABLE name and what follows it.

    Raises:
        QueryError: At start, for a form that Athena does not know.
    """
    reader.expect("ALTER", "TABLE")
    name = reader.full_name()
    kind, action = _on_partition(reader, name) if reader.peek("PARTITION") else _on_table(reader, name)
    return Statement("DDL", f"ALTER_TABLE_{kind}", action)


def _on_partition(reader: Reader, name: Name) -> tuple[str, Action]:
    old = partitions.spec(reader)
    if reader.accept("RENAME", "TO"):
        return "RENAME_PARTITION", partitions.rename(reader, name, old)
    if reader.accept("ADD", "COLUMNS"):
        return "ADD_COLUMN", _columns_of_partition(reader, name, old)
    reader.expect("SET", "LOCATION")
    return "SET_LOCATION", partitions.relocate(reader, name, old)


def _on_table(reader: Reader, name: Name) -> tuple[str, Action]:
    if reader.peek("ADD", "PARTITION") or reader.peek("ADD", "IF", "NOT", "EXISTS"):
        reader.expect("ADD")
        return "ADD_PARTITION", partitions.add(reader, name)
    if reader.peek("DROP", "PARTITION") or reader.peek("DROP", "IF", "EXISTS"):
        reader.expect("DROP")
        return "DROP_PARTITION", partitions.drop(reader, name)
    for words, kind, action in _FORMS:
        if reader.peek(*words):
            return kind, action(reader, name)
    raise reader.fault("'ADD', 'CHANGE', 'DROP', 'PARTITION', 'RENAME', 'REPLACE', 'SET'")


def _add_columns(reader: Reader, name: Name) -> Action:
    reader.expect("ADD", "COLUMNS")
    new = reader.listed(lambda: clauses.column(reader))
    _end_of_columns(reader)
    return _with_columns(name, lambda columns: [*columns, *new])


def _columns_of_partition(reader: Reader, name: Name, old: dict[str, str]) -> Action:
    new = reader.listed(lambda: clauses.column(reader))
    _end_of_columns(reader)

    def change(_: Entry, part: Entry) -> Entry:
        storage = part["StorageDescriptor"]
        return part | {"StorageDescriptor": storage | {"Columns": [*storage.get("Columns", []), *new]}}

    return partitions.changed(name, old, change)


def _replace_columns(reader: Reader, name: Name) -> Action:
    reader.expect("REPLACE", "COLUMNS")
    new = reader.listed(lambda: clauses.column(reader))
    _end_of_columns(reader)
    return _with_columns(name, lambda _: new)


def _change_column(reader: Reader, name: Name) -> Action:
    reader.expect("CHANGE")
    reader.accept("COLUMN")
    old = reader.name()
    new: Entry = {"Name": reader.name(), "Type": hive.read(reader)}
    if reader.accept("COMMENT"):
        new["Comment"] = reader.string()
    first = reader.accept("FIRST")
    after = reader.name() if not first and reader.accept("AFTER") else ""
    _end_of_columns(reader)

    def change(columns: list[Entry]) -> list[Entry]:
        names = [entry["Name"] for entry in columns]
        for wanted in filter(None, (old, after)):
            if wanted not in names:
                raise faults.task(f"Invalid column reference {wanted}", "COLUMN_NOT_FOUND")
        kept = {key: value for key, value in columns[names.index(old)].items() if key == "Comment"}
        changed = kept | new
        if not first and not after:
            return [changed if entry["Name"] == old else entry for entry in columns]
        others = [entry for entry in columns if entry["Name"] != old]
        at = 0 if first else [entry["Name"] for entry in others].index(after) + 1
        return [*others[:at], changed, *others[at:]]

    return _with_columns(name, change)


def _set_properties(reader: Reader, name: Name) -> Action:
    reader.expect("SET", "TBLPROPERTIES")
    new = reader.properties()
    reader.end()
    return _changed(name, lambda entry: entry | {"Parameters": (entry.get("Parameters") or {}) | new})


def _set_location(reader: Reader, name: Name) -> Action:
    reader.expect("SET", "LOCATION")
    location = reader.string()
    reader.end()
    if not serde.is_url(location):
        raise faults.at_start(f"Invalid S3 location: {location}")
    return _changed(
        name, lambda entry: entry | {"StorageDescriptor": entry["StorageDescriptor"] | {"Location": location}}
    )


def _rename(reader: Reader, name: Name) -> Action:
    reader.expect("RENAME", "TO")
    reader.full_name()
    reader.end()

    def run(context: Context) -> Outcome:
        if entries.find(context, name) is None:
            raise faults.no_table(".".join(entries.resolve(context, name)))
        raise faults.glue(
            "InvalidInputException",
            "Unable to alter table. Unable to change partition or table: "
            "com.amazonaws.services.datacatalog.model.InvalidInputException: Table cannot be renamed",
        )

    return run


def _drop_column(reader: Reader, name: Name) -> Action:
    reader.expect("DROP")
    token = reader.next
    reader.expect("COLUMN")
    reader.name()
    reader.end()
    line, column = place(reader.text, token.start if token else 0)

    def run(context: Context) -> Outcome:
        raise faults.HiveError(
            "COLUMN_NOT_FOUND",
            f"ParseException line {line}:{column - 1} mismatched input 'COLUMN' expecting PARTITION near 'DROP' "
            "in drop partition statement",
        )

    return run


_FORMS: tuple[tuple[tuple[str, ...], str, Callable[[Reader, Name], Action]], ...] = (
    (("ADD", "COLUMNS"), "ADD_COLUMN", _add_columns),
    (("REPLACE", "COLUMNS"), "REPLACE_COLUMN", _replace_columns),
    (("CHANGE",), "CHANGE_COLUMN", _change_column),
    (("SET", "TBLPROPERTIES"), "PROPERTIES", _set_properties),
    (("SET", "LOCATION"), "SET_LOCATION", _set_location),
    (("RENAME", "TO"), "RENAME", _rename),
    (("DROP", "COLUMN"), "DROP_COLUMN", _drop_column),
)


def _end_of_columns(reader: Reader) -> None:
    if not reader.accept("CASCADE"):
        reader.accept("RESTRICT")
    reader.end()


def _with_columns(name: Name, change: Callable[[list[Entry]], list[Entry]]) -> Action:
    def write(entry: Entry) -> Entry:
        columns = change(entries.columns(entry))
        clauses.check_names([*columns, *entries.keys(entry)])
        return entry | {"StorageDescriptor": entry["StorageDescriptor"] | {"Columns": columns}}

    return _changed(name, write)


def _changed(name: Name, change: Callable[[Entry], Entry]) -> Action:
    def run(context: Context) -> Outcome:
        entries.update(context, change(entries.table(context, name)))
        return answers.done(context)

    return run
