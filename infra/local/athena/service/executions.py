"""Query executions in the file: added, advanced from state to state, found, listed, forgotten.

Who may see which is asked of every look-up; which state may follow is decided here, so that no two threads disagree.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from infra.local.athena.service.database import File

Json = dict[str, Any]

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
UNFINISHED = (QUEUED, RUNNING)
KEPT_SECONDS = 45 * 24 * 3600


@dataclass(frozen=True)
class Owner:
    """Whose a thing is: one account and one region."""

    account: str
    region: str


@dataclass(frozen=True)
class Execution:
    """One query execution.

    Attributes:
        owner: Who alone can see it.
        token: ClientRequestToken.
        fingerprint: Of what must be the same when the token comes again.
        reuse_key: Equal for executions that may share a result; "" for those that cannot.
        statement: DML, DDL or UTILITY.
        submitted_at: Epoch seconds, as the others.
        reused: Id of the execution whose result this one shows; "" for its own.
        request: What it runs with: context, parameters, output folder, encryption, limits.
        outcome: The members of `contract.Outcome` that are more than the state; empty before the end.
        number: Row number, rising with time.
    """

    id: str
    owner: Owner
    workgroup: str
    state: str
    sql: str
    submitted_at: float
    token: str = ""
    fingerprint: str = ""
    reuse_key: str = ""
    statement: str = "DML"
    substatement: str = ""
    started_at: float | None = None
    completed_at: float | None = None
    reason: str = ""
    error_code: str = ""
    reused: str = ""
    request: Json = field(default_factory=dict)
    outcome: Json = field(default_factory=dict)
    number: int = 0


_PLAIN = [one.name for one in fields(Execution) if one.name not in ("owner", "request", "outcome", "number")]
_WRITTEN = ["account", "region", *_PLAIN, "request", "outcome"]
_COLUMNS = ", ".join([*_WRITTEN, "number"])
_MINE = "account = ? AND region = ?"


class Executions:
    """All executions; used by any number of threads."""

    def __init__(self, file: File) -> None:
        self._file = file

    def add(self, execution: Execution) -> Execution:
        """Keep a new one; returns it with its number."""
        values = [getattr(execution, name) for name in _PLAIN]
        kept = (json.dumps(execution.request), json.dumps(execution.outcome))
        number = self._file.run(
            f"INSERT INTO executions ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})",  # noqa: S608
            execution.owner.account,
            execution.owner.region,
            *values,
            *kept,
        )
        return replace(execution, number=number)

    def advance(self, execution_id: str, state: str, **values: Any) -> Execution | None:
        """Take an unfinished execution into a state.

        Returns:
            It in its new state; None if it had come to its end before, or is there no more.
        """
        stored = {name: json.dumps(value) if name == "outcome" else value for name, value in values.items()}
        names = "".join(f", {name} = ?" for name in stored)
        before = "state = 'QUEUED'" if state == RUNNING else "state IN ('QUEUED', 'RUNNING')"
        with self._file.transaction():
            statement = f"UPDATE executions SET state = ?{names} WHERE id = ? AND {before}"  # noqa: S608
            changed = self._file.run(statement, state, *stored.values(), execution_id)
            return self._one("id = ?", execution_id) if changed else None

    def requeue(self, execution_id: str) -> None:
        """Let one that was at work when the service ended wait again."""
        self._file.run(
            "UPDATE executions SET state = 'QUEUED', started_at = NULL WHERE id = ? AND state = 'RUNNING'", execution_id
        )

    def get(self, owner: Owner, execution_id: str) -> Execution | None:
        """One of an owner's."""
        return self._one(f"id = ? AND {_MINE}", execution_id, owner.account, owner.region)

    def with_token(self, owner: Owner, token: str) -> Execution | None:
        """The one that was started with a token."""
        return self._one(f"{_MINE} AND token = ?", owner.account, owner.region, token)

    def reusable(self, reuse_key: str, since: float) -> list[Execution]:
        """Those whose result may be shown again, the newest first, with a result of their own from `since` on."""
        where = (
            "reuse_key = ? AND state = 'SUCCEEDED' AND reused = '' AND completed_at >= ? ORDER BY number DESC LIMIT 5"
        )
        return self._all(where, reuse_key, since)

    def page(self, owner: Owner, workgroup: str, before: int, most: int) -> list[tuple[int, str]]:
        """Number and id of a workgroup's, the newest first, older than a number."""
        where = f"{_MINE} AND workgroup = ? AND number < ? ORDER BY number DESC LIMIT ?"
        query = f"SELECT number, id FROM executions WHERE {where}"  # noqa: S608
        rows = self._file.all(query, owner.account, owner.region, workgroup, before, most)
        return [(int(str(number)), str(name)) for number, name in rows]

    def unfinished(self, owner: Owner | None = None) -> list[Execution]:
        """Those that wait or are at work, the oldest first; of one owner or of all."""
        mine, values = ("", ()) if owner is None else (f" AND {_MINE}", (owner.account, owner.region))
        return self._all(f"state IN ('QUEUED', 'RUNNING'){mine} ORDER BY number", *values)

    def count_unfinished(self, owner: Owner) -> int:
        """How many of an owner's wait or are at work."""
        query = f"SELECT count(*) FROM executions WHERE state IN ('QUEUED', 'RUNNING') AND {_MINE}"  # noqa: S608
        return int(str(self._file.all(query, owner.account, owner.region)[0][0]))

    def of_workgroup(self, owner: Owner, workgroup: str) -> list[str]:
        """Ids of all in a workgroup."""
        query = f"SELECT id FROM executions WHERE {_MINE} AND workgroup = ?"  # noqa: S608
        return [str(name) for (name,) in self._file.all(query, owner.account, owner.region, workgroup)]

    def forget(self, ids: Sequence[str]) -> None:
        """Remove executions."""
        for name in ids:
            self._file.run("DELETE FROM executions WHERE id = ?", name)

    def older_than(self, moment: float) -> list[str]:
        """Ids of those that ended before a moment."""
        query = "SELECT id FROM executions WHERE completed_at < ? AND state NOT IN ('QUEUED', 'RUNNING')"
        return [str(name) for (name,) in self._file.all(query, moment)]

    def _one(self, where: str, *values: object) -> Execution | None:
        found = self._all(f"{where} LIMIT 1", *values)
        return found[0] if found else None

    def _all(self, where: str, *values: object) -> list[Execution]:
        rows = self._file.all(f"SELECT {_COLUMNS} FROM executions WHERE {where}", *values)  # noqa: S608 (fixed texts)
        return [_execution(dict(zip([*_WRITTEN, "number"], row, strict=True))) for row in rows]


def _execution(row: Mapping[str, Any]) -> Execution:
    plain = {name: row[name] for name in _PLAIN}
    owner = Owner(row["account"], row["region"])
    kept = {name: json.loads(row[name]) for name in ("request", "outcome")}
    return Execution(owner=owner, number=row["number"], **plain, **kept)
