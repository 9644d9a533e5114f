"""From the shop's changes to the messages it sends: noise added, numbered by the order of changes, put out of order.

Pure: no clock, no I/O; the same steps, level and seed give the same messages, however the steps are cut into lists. The
last change of a key by lsn always says what the steps say: noise lies between, beside and after, never at the end.
"""

import heapq
import json
import math
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Final, NamedTuple

from generator import malformed, noise
from generator.steps import Clock, Message, Step, envelope

BIG_MESSAGES: Final = 8  # a megabyte each


class _Commit(NamedTuple):
    kind: str
    op: str
    before: str
    after: str


class Planner:
    """Turns steps into messages.

    Args:
        level: The shares of each kind of noise.
        seed: Of all chance.
        first_lsn: The lsn of the first change.
        clock: The shop's time.
        reach: How many steps later a change may at most be made up for or delivered.
        has_tombstones: Whether a delete is followed by a message without a value.

    Example:
        >>> planner = Planner(noise.level("none"), 1, first_lsn=7, clock=Clock(0))
        >>> [message.lsn for message in planner.feed([Step("c", "{}", "null", "{}")]) + planner.finish()]
        [7]
    """

    def __init__(
        self,
        level: noise.Level,
        seed: int,
        *,
        first_lsn: int,
        clock: Clock,
        reach: int = 200_000,
        has_tombstones: bool = True,
    ) -> None:
        self._has_tombstones = has_tombstones
        self.steps = 0
        self.last_lsn = first_lsn - 1
        self.kinds: Counter[str] = Counter()
        self.delayed = 0
        self._level, self._clock, self._reach = level, clock, max(reach, 2)
        self._rng = Random(seed)
        self._stories = [(name, getattr(level, name)) for name in noise.STORIES]
        self._share = sum(share for _, share in self._stories)
        self._ties = 0
        self._open: dict[str, list[_Commit]] = {}
        self._agenda: list[tuple[int, int, str]] = []
        self._parcels: list[tuple[int, int, Message]] = []
        self._out: list[Message] = []
        self._big = 0

    def feed(self, steps: Iterable[Step]) -> list[Message]:
        """The messages to send for these steps, and those owed from before that are due."""
        self._out = []
        chance, share, agenda, parcels, pending = self._rng.random, self._share, self._agenda, self._parcels, self._open
        for step in steps:
            if agenda and agenda[0][0] <= self.steps:
                self._make_up(self.steps)
            if step.op == "c":
                if share and chance() < share:
                    self._tell(step)
                else:
                    self._commit("insert", step.op, step.key, step.before, step.after, 0.0)
            else:
                if step.key in pending:
                    self._settle(step.key)
                self._commit("update" if step.op == "u" else "delete", *step, self._level.shuffled)
            if parcels and parcels[0][0] <= self.steps:
                self._deliver(self.steps)
            self.steps += 1
        return self._counted()

    def finish(self) -> list[Message]:
        """All messages still owed: corrections, deletions and late deliveries, in the order of their due times."""
        self._out = []
        while self._agenda or self._parcels:
            due = min(heap[0][0] for heap in (self._agenda, self._parcels) if heap)
            self._make_up(due)
            self._deliver(due)
        return self._counted()

    def _counted(self) -> list[Message]:
        self.kinds.update([message.kind for message in self._out])
        return self._out

    def _commit(self, kind: str, op: str, key: str, before: str, after: str, late_share: float) -> None:
        """Number a change and deliver it, now or later, once or twice."""
        self.last_lsn += 1
        message = Message(
            key.encode(), envelope(op, self.last_lsn, self._now(), before, after).encode(), self.last_lsn, kind
        )
        later = 0
        if self._share:
            roll = self._rng.random()
            if roll < (late_share or self._level.delayed):
                later = self._delay()
                self._post(message, later)
                self.delayed += 1
            if roll > 1 - self._level.duplicate:
                self._post(message._replace(kind="duplicate"), self._delay())
        if not later:
            self._out.append(message)
        if op == "d" and self._has_tombstones:
            tombstone = Message(message.key, None, 0, "tombstone")
            if later:
                self._post(tombstone, later)
            else:
                self._out.append(tombstone)

    def _tell(self, step: Step) -> None:
        """Let one of the stories happen to an insert."""
        roll = self._rng.random() * self._share
        story = noise.STORIES[-1]
        for name, share in self._stories:
            if roll < share:
                story = name
                break
            roll -= share
        rng, image = self._rng, step.after
        if story == "blank" and noise.blank(image) == image:
            story = "wrong"
        insert = _Commit("insert", "c", "null", image)
        match story:
            case "wrong" | "blank":
                bad = noise.wrong(image, rng) if story == "wrong" else noise.blank(image)
                self._begin(step.key, [_Commit(story, "c", "null", bad), _Commit("correction", "u", bad, image)])
            case "reinsert":
                again = _Commit("reinsert", "c", "null", image)
                self._begin(step.key, [insert, _Commit("undone", "d", image, "null"), again])
            case "late":
                self._open[step.key] = [_Commit("late", "c", "null", image)]
                self._remind(step.key, self._reach // 4 + self._delay())
            case "unknown":
                self._begin(step.key, [_Commit("unknown", "c", "null", noise.unknown(image, rng))])
            case _:
                self._begin(step.key, [insert])
                self._accompany(story, step)

    def _accompany(self, story: str, step: Step) -> None:
        """Send, beside an insert, something that changes nothing in the end."""
        if story == "phantom":
            for image in noise.phantoms(step.after, self.steps, self._rng):
                row = json.loads(image)
                key = noise.dumps({"order_id": row["order_id"], "line_no": row["line_no"]})
                gone = _Commit("phantom_deleted", "d", image, "null")
                self._begin(key, [_Commit("phantom", "c", "null", image), gone])
        elif story == "null_value":
            self._post(Message(step.key.encode(), None, 0, "null_value"), self._delay())
        else:
            kind = self._rng.choice(_MALFORMED)
            self._big += kind == "big"
            if kind == "big" and self._big > BIG_MESSAGES:
                kind = "no_row"
            self.last_lsn += 1
            row = json.loads(step.after)
            image = noise.dumps({**row, "quantity": (row["quantity"] or 1) * 7})
            sound = json.loads(envelope("u", self.last_lsn, self._now(), step.after, image))
            message = Message(step.key.encode(), malformed.broken(kind, sound), 0, f"malformed:{kind}")
            self._post(message, self._delay())

    def _begin(self, key: str, commits: list[_Commit]) -> None:
        first, *rest = commits
        self._commit(first.kind, first.op, key, first.before, first.after, self._level.shuffled if rest else 0.0)
        if rest:
            self._open[key] = rest
            self._remind(key, self._delay())

    def _make_up(self, due: int) -> None:
        """Make the changes that are due by now and that the stories still owe."""
        while self._agenda and self._agenda[0][0] <= due:
            _, _, key = heapq.heappop(self._agenda)
            owed = self._open.get(key)
            if not owed:
                continue
            commit = owed.pop(0)
            self._commit(commit.kind, commit.op, key, commit.before, commit.after, self._level.shuffled)
            if owed:
                self._remind(key, max(1, due - self.steps) + self._delay())
            else:
                del self._open[key]

    def _settle(self, key: str) -> None:
        """End a row's story now, because the shop itself goes on with the row."""
        for commit in self._open.pop(key):
            self._commit(commit.kind, commit.op, key, commit.before, commit.after, self._level.shuffled)

    def _deliver(self, due: int) -> None:
        while self._parcels and self._parcels[0][0] <= due:
            self._out.append(heapq.heappop(self._parcels)[2])

    def _remind(self, key: str, later: int) -> None:
        self._ties += 1
        heapq.heappush(self._agenda, (self.steps + later, self._ties, key))

    def _post(self, message: Message, later: int) -> None:
        self._ties += 1
        heapq.heappush(self._parcels, (self.steps + later, self._ties, message))

    def _delay(self) -> int:
        """A number of steps, from 1 to the reach, as often below 450 as above for a reach of 200,000."""
        return math.ceil(math.exp(self._rng.random() * math.log(self._reach)))

    def _now(self) -> int:
        return self._clock.millis(self.steps)


_MALFORMED: Final = tuple(malformed.KINDS)
