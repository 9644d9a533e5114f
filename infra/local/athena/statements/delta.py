"""The schema of a Delta table as its log has it, in Hive's types. Reads no row."""

from infra.local.athena.engine.context import Context
from infra.local.athena.statements.entries import Entry
from infra.local.athena.tables import types


def columns(context: Context, location: str) -> list[Entry]:
    """The columns of a Delta table; Glue keeps those of its partitions among them.

    Raises:
        QueryError: There is no Delta table, or one that Athena does not read.
    """
    # With `deltalake`: the service, which only checks statements, must not load it.
    from infra.local.athena.tables.delta import Deltas  # noqa: PLC0415

    snapshot = Deltas(context.settings.delta_options).snapshot(location)
    found = ({"Name": one.name, "Type": types.to_hive(one.type), "Comment": one.comment} for one in snapshot.columns)
    return [{name: value for name, value in entry.items() if value} for entry in found]
