"""A statement that was read: what Athena calls it, and what it does when it is run."""

from collections.abc import Callable
from dataclasses import dataclass

from infra.local.athena.contract import Outcome
from infra.local.athena.engine.context import Context

Action = Callable[[Context], Outcome]


@dataclass(frozen=True)
class Statement:
    """A statement.

    Args:
        statement: DML, DDL or UTILITY.
        substatement: SELECT, CREATE_TABLE …, Athena's SubstatementType.
        run: Runs it.
    """

    statement: str
    substatement: str
    run: Action
