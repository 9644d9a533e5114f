"""Small named things in the file: workgroups, named queries, prepared statements, data catalogues, with their tags.

It knows no rules; what a body holds is the matter of who keeps it.
"""

import json
from dataclasses import dataclass
from typing import Any

from infra.local.athena.service.database import File
from infra.local.athena.service.executions import Json, Owner

WORKGROUP, NAMED, PREPARED, CATALOG = "workgroup", "named query", "prepared statement", "data catalog"
_COLUMNS = "number, parent, name, body, tags, created_at, modified_at"
_OF = "account = ? AND region = ? AND kind = ?"


@dataclass(frozen=True)
class Record:
    """One thing.

    Attributes:
        parent: Name of its workgroup; "" for what belongs to none.
        name: Unique under the parent.
        number: Row number, rising with time.
    """

    number: int
    parent: str
    name: str
    body: Json
    tags: dict[str, str]
    created_at: float
    modified_at: float


class Records:
    """All of them; used by any number of threads."""

    def __init__(self, file: File) -> None:
        self._file = file

    def put(self, owner: Owner, kind: str, name: str, body: Json, *, parent: str = "", now: float) -> None:
        """Keep a thing, in the place of what has its name; tags and the time of creation stay."""
        self._file.run(
            "INSERT INTO records (account, region, kind, parent, name, body, tags, created_at, modified_at) "
            "VALUES (?, ?, ?, ?, ?, ?, '{}', ?, ?) ON CONFLICT (account, region, kind, parent, name) "
            "DO UPDATE SET body = excluded.body, modified_at = excluded.modified_at",
            *(owner.account, owner.region, kind, parent, name, json.dumps(body), now, now),
        )

    def tag(self, owner: Owner, kind: str, name: str, tags: dict[str, str]) -> None:
        """Set the tags of a thing that has no parent."""
        statement = f"UPDATE records SET tags = ? WHERE {_OF} AND parent = '' AND name = ?"  # noqa: S608
        self._file.run(statement, json.dumps(tags), owner.account, owner.region, kind, name)

    def get(self, owner: Owner, kind: str, name: str, parent: str = "") -> Record | None:
        """The thing of a name."""
        found = self._all(f"{_OF} AND parent = ? AND name = ?", owner.account, owner.region, kind, parent, name)
        return found[0] if found else None

    def of_kind(self, owner: Owner, kind: str, parent: str | None = None) -> list[Record]:
        """All of a kind, of one parent or of all, by name."""
        under, values = ("", ()) if parent is None else (" AND parent = ?", (parent,))
        return self._all(f"{_OF}{under} ORDER BY name", owner.account, owner.region, kind, *values)

    def remove(self, owner: Owner, kind: str, name: str, parent: str = "") -> bool:
        """Forget a thing; whether it was there."""
        statement = f"DELETE FROM records WHERE {_OF} AND parent = ? AND name = ?"  # noqa: S608
        return self._file.run(statement, owner.account, owner.region, kind, parent, name) > 0

    def _all(self, where: str, *values: object) -> list[Record]:
        rows: list[Any] = self._file.all(f"SELECT {_COLUMNS} FROM records WHERE {where}", *values)  # noqa: S608
        return [Record(row[0], row[1], row[2], json.loads(row[3]), json.loads(row[4]), row[5], row[6]) for row in rows]
