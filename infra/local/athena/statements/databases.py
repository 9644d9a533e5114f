"""CREATE and DROP DATABASE (or SCHEMA)."""

from botocore.exceptions import ClientError

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, entries, faults
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.reader import Reader


def create(reader: Reader) -> Action:
    """CREATE DATABASE [IF NOT EXISTS] name [COMMENT …] [LOCATION …] [WITH DBPROPERTIES (…)]."""
    reader.expect("CREATE")
    reader.one_of("DATABASE", "SCHEMA")
    quiet = reader.exists(negated=True)
    name = reader.name()
    given: dict[str, object] = {"Name": name}
    if reader.accept("COMMENT"):
        given["Description"] = reader.string()
    if reader.accept("LOCATION"):
        given["LocationUri"] = reader.string()
    if reader.accept("WITH", "DBPROPERTIES"):
        given["Parameters"] = reader.properties()
    reader.end()

    def run(context: Context) -> Outcome:
        try:
            context.glue.create_database(DatabaseInput=given)
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "AlreadyExistsException":
                raise
            if not quiet:
                raise faults.task(f"Database {name} already exists") from fault
        return answers.done(context)

    return run


def drop(reader: Reader) -> Action:
    """DROP DATABASE [IF EXISTS] name [RESTRICT|CASCADE]."""
    reader.expect("DROP")
    reader.one_of("DATABASE", "SCHEMA")
    quiet = reader.exists()
    name = reader.name()
    cascade = reader.accept("CASCADE")
    if not cascade:
        reader.accept("RESTRICT")
    reader.end()

    def run(context: Context) -> Outcome:
        if entries.find_database(context, name) is None:
            if quiet:
                return answers.done(context)
            raise faults.no_database(name)
        # Glue drops the tables of a database with it; Hive asks for CASCADE.
        if not cascade and entries.tables(context, name):
            raise faults.task(
                f"InvalidOperationException(message:Database {name} is not empty. One or more tables exist.)"
            )
        context.glue.delete_database(Name=name)
        return answers.done(context)

    return run
