"""Resources in SQLite: one row each, and which of them belong to or are read by which.

Owns the file and its atomicity: a state that a client has seen survives a kill of the process and a loss of power. It
knows no rules: which state may follow which is decided above it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from forecasting.service.database import Database

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, arn TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, lane TEXT NOT NULL,
    status TEXT NOT NULL, message TEXT NOT NULL, created_at REAL NOT NULL, modified_at REAL NOT NULL,
    started_at REAL, attempts INTEGER NOT NULL, due_at REAL NOT NULL,
    request TEXT NOT NULL, body TEXT NOT NULL, inputs TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_kind ON resources (account, region, kind, name);
CREATE INDEX IF NOT EXISTS by_status ON resources (status);
CREATE TABLE IF NOT EXISTS links (
    child INTEGER NOT NULL REFERENCES resources (number) ON DELETE CASCADE, other TEXT NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (other, role, child)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_child ON links (child);
"""

PARENT, INPUT = "parent", "input"
# Rows that a list reads at a time.
_CHUNK = 200


@dataclass(frozen=True)
class Resource:
    """One row.

    Attributes:
        id: A ULID, the name of its artefact folder.
        lane: Which quota on parallel work counts it.
        started_at: When its work began first; None before.
        attempts: How often a worker was started for it.
        due_at: Before this moment it is not tried again.
        request: The Create request as it is carried out, without tags.
        body: What else Describe shows.
        inputs: The ARNs of what its job reads, in the form of job.json.
    """

    id: str
    arn: str
    account: str
    region: str
    kind: str
    name: str
    status: str
    created_at: float
    modified_at: float
    lane: str = ""
    message: str = ""
    started_at: float | None = None
    attempts: int = 0
    due_at: float = 0.0
    request: Json = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    inputs: Json = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    number: int = 0


_COLUMNS = [column.name for column in fields(Resource)]
_JSON = ("request", "body", "inputs", "tags")


class Store(Database):
    """All resources, used by one process and any number of its threads.

    Raises:
        ConfigError: The file is open elsewhere, or the disk refuses it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    def add(self, resource: Resource, parents: Iterable[str] = (), inputs: Iterable[str] = ()) -> None:
        """Add a resource, the parents it belongs to and the resources that its job reads."""
        given = [name for name in _COLUMNS if name != "number"]
        values = [_stored(name, getattr(resource, name)) for name in given]
        with self.transaction():
            child = self._database.execute(
                f"INSERT INTO resources ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})",  # noqa: S608
                values,
            ).lastrowid
            links = {(child, arn, PARENT) for arn in parents} | {(child, arn, INPUT) for arn in inputs}
            self._database.executemany("INSERT INTO links VALUES (?, ?, ?)", sorted(links, key=str))

    def change(self, number: int, **values: Any) -> None:
        """Set columns of a resource."""
        names = ", ".join(f"{name} = ?" for name in values)
        stored = [_stored(name, value) for name, value in values.items()]
        with self._lock:
            self._database.execute(f"UPDATE resources SET {names} WHERE number = ?", (*stored, number))  # noqa: S608

    def remove(self, number: int) -> None:
        """Forget a resource."""
        with self._lock:
            self._database.execute("DELETE FROM resources WHERE number = ?", (number,))

    def at(self, arn: str) -> Resource | None:
        """The resource of an ARN."""
        return self._one("arn = ?", arn)

    def numbered(self, number: int) -> Resource | None:
        """The resource of a row number; None once it is deleted."""
        return self._one("number = ?", number)

    def named(self, account: str, region: str, kind: str, name: str) -> Resource | None:
        """A resource of this kind and name; of several with other parents the first."""
        return self._one("account = ? AND region = ? AND kind = ? AND name = ?", account, region, kind, name)

    def of_kind(self, account: str, region: str, kind: str, before: int | None = None) -> Iterator[Resource]:
        """All of a kind, the newest first, read as they are asked for; with `before`, those older than that number."""
        where = f"account = ? AND region = ? AND kind = ? AND number < ? ORDER BY number DESC LIMIT {_CHUNK}"
        last = 2**62 if before is None else before
        while found := self._all(where, account, region, kind, last):
            yield from found
            last = found[-1].number

    def in_status(self, statuses: Sequence[str]) -> list[Resource]:
        """All in one of these states, the oldest first."""
        return self._all(f"status IN ({', '.join('?' * len(statuses))}) ORDER BY number", *statuses)

    def linked(self, arn: str, role: str, statuses: Sequence[str] = ()) -> list[Resource]:
        """The children of a resource, or the jobs that read it, the youngest first; with `statuses`, those in them."""
        which = f" AND status IN ({', '.join('?' * len(statuses))})" if statuses else ""
        where = f"number IN (SELECT child FROM links WHERE other = ? AND role = ?){which} ORDER BY number DESC"  # noqa: S608
        return self._all(where, arn, role, *statuses)

    def newest_linked(self, arn: str, role: str, status: str) -> Resource | None:
        """The youngest child or reader in a state."""
        where = "number = (SELECT max(number) FROM resources JOIN links ON child = number WHERE other = ? AND role = ?"
        return self._one(f"{where} AND status = ?)", arn, role, status)

    def count(self, account: str, region: str, **values: str) -> int:
        """How many resources have these values in these columns."""
        where = "".join(f" AND {name} = ?" for name in values)
        with self._lock:
            query = f"SELECT count(*) FROM resources WHERE account = ? AND region = ?{where}"  # noqa: S608
            return int(self._database.execute(query, (account, region, *values.values())).fetchone()[0])

    def latest_numbers(self, account: str, region: str, kind: str, most: int) -> set[int]:
        """Numbers of the newest ACTIVE resources of a kind."""
        query = (
            "SELECT number FROM resources WHERE account = ? AND region = ? AND kind = ? AND status = 'ACTIVE' "
            "ORDER BY number DESC LIMIT ?"
        )
        with self._lock:
            return {number for (number,) in self._database.execute(query, (account, region, kind, most))}

    def typical_seconds(self, kind: str) -> float | None:
        """How long the last job of a kind that succeeded took; None if none did."""
        query = (
            "SELECT modified_at - started_at FROM resources WHERE kind = ? AND status = 'ACTIVE' "
            "AND started_at IS NOT NULL ORDER BY number DESC LIMIT 1"
        )
        with self._lock:
            found = self._database.execute(query, (kind,)).fetchone()
        return found[0] if found else None

    def ids(self) -> set[str]:
        """The ids of all resources."""
        with self._lock:
            return {found for (found,) in self._database.execute("SELECT id FROM resources")}

    def _one(self, where: str, *values: Any) -> Resource | None:
        found = self._all(f"{where} LIMIT 1", *values)
        return found[0] if found else None

    def _all(self, where: str, *values: Any) -> list[Resource]:
        query = f"SELECT {', '.join(_COLUMNS)} FROM resources WHERE {where}"  # noqa: S608 (fixed texts)
        with self._lock:
            rows = self._database.execute(query, values).fetchall()
        return [_resource(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _stored(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON else value


def _resource(row: Mapping[str, Any]) -> Resource:
    return Resource(**{name: json.loads(value) if name in _JSON else value for name, value in row.items()})
