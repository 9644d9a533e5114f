"""A log of the journal: records in the order of their arrival, at positions that never change."""

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from infra.local.journal import Journal

# A record's row id is that of its log and its position: appends of a log stay together, and reading is a range.
POSITIONS = 2**40
_PAGE = 8 * 2**20  # what one read holds [bytes]


class Record(NamedTuple):
    """One record of a log: its place, when it arrived [seconds since 1970], its key and its body."""

    position: int
    at: float
    key: str
    body: bytes


class Log:
    """Records in the order of their arrival, at positions that never change.

    Attributes:
        name: Its name.
        first: The position of the oldest record that is kept.
        next: The position that the next record will have.
    """

    def __init__(self, journal: "Journal", name: str) -> None:
        self._journal, self.name = journal, name
        found = journal.execute("SELECT id, first, next FROM logs WHERE name = ?", (name,))
        if not found:
            found = journal.execute("INSERT INTO logs (name, first, next) VALUES (?, 0, 0) RETURNING *", (name,))
            journal.on_undo(lambda: journal.forget_log(name))
            found = [(found[0][0], found[0][2], found[0][3])]
        self._id, self.first, self.next = found[0]
        last = journal.execute(
            "SELECT max(id) FROM records WHERE id >= ? AND id < ?", (self.row(0), self.row(0) + POSITIONS)
        )[0][0]
        if last is not None:
            self.next = last - self.row(0) + 1

    def row(self, position: int) -> int:
        """The row id of a position."""
        return int(self._id) * POSITIONS + position

    def append(self, key: str, body: bytes, at: float | None = None) -> int:
        """Add a record within a transaction; its position."""
        position = self.next
        self._journal.append((self.row(position), time.time() if at is None else at, key, body))
        self._journal.on_undo(lambda: setattr(self, "next", position))
        self.next = position + 1
        return position

    def read(self, position: int, limit: int, size: int = _PAGE) -> list[Record]:
        """At most `limit` committed records from a position on, or from the oldest one that is kept.

        Fewer if they have `size` bytes together before; always one, if there is one.
        """
        start = self.row(max(position, self.first))
        found, first = [], self.row(0)
        query = "SELECT id, at, key, body FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        with self._journal.rows(query, (start, first + POSITIONS, limit)) as rows:
            for row, at, key, body in rows:
                found.append(Record(row - first, at, key, body))
                size -= len(body)
                if size <= 0:
                    break
        return found

    def end(self) -> int:
        """The position behind the newest record that is committed."""
        with self._journal.lock:
            return self.next

    def trim(self, position: int) -> None:
        """Forget what is before a position."""
        position = min(position, self.next)
        if position <= self.first:
            return
        with self._journal.transaction():
            before = self.first
            self._journal.execute("DELETE FROM records WHERE id >= ? AND id < ?", (self.row(0), self.row(position)))
            self._journal.execute("UPDATE logs SET first = ?, next = ? WHERE id = ?", (position, self.next, self._id))
            self.first = position
            self._journal.on_undo(lambda: setattr(self, "first", before))

    def older_than(self, moment: float) -> int:
        """The position of the first record that arrived at `moment` or later; records arrive in order."""
        low, high = self.first, self.next
        while low < high:
            middle = (low + high) // 2
            found = self.read(middle, 1)
            if found and found[0].at < moment:
                low = middle + 1
            else:
                high = middle
        return low
