"""What the shop has done and sent, so that a killed run can go on with the same lsns: one small file a run.

A run is a recipe (everything its messages follow from) and how far it has come; the messages themselves need not be
stored. The file is replaced as a whole before anything it announces is sent; it survives a kill, not a power loss.
"""

import dataclasses
import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lakehouse.errors import ConfigError, ContractError
from lakehouse.places import KAFKA

RECIPE_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    """Everything a run's messages follow from.

    Args:
        shop: replay or simulate.
        arguments: What the steps follow from: data file digest and limit, or the simulation's arguments.
        noise: Name of the noise level.
        seed: Of the noise, and of the simulation.
        first_lsn: The run's first lsn; names the run.
        start_millis: When the run began, milliseconds since 1970.
        rate: Steps per second of the shop's time.
        reach: Greatest delay of the noise in steps.
        version: Of the code that plans; another one would plan other messages.
        sink: Where it goes: kafka or dynamodb.
    """

    shop: str
    arguments: dict[str, Any]
    noise: str
    seed: int
    first_lsn: int
    start_millis: int
    rate: float
    reach: int
    version: int = RECIPE_VERSION
    sink: str = KAFKA

    @property
    def name(self) -> str:
        """What is told of the run while it goes on."""
        return self.shop if self.sink == KAFKA else f"{self.shop} to {self.sink}"

    def same_request(self, other: "Recipe") -> bool:
        """Whether both answer the same command: all but the first lsn and the time."""
        mine, theirs = (dataclasses.replace(recipe, first_lsn=0, start_millis=0, rate=0.0) for recipe in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class Run:
    """A recipe and how far it has come.

    Args:
        recipe: What is being sent.
        topic_id: Kafka's id of the topic it goes to, or DynamoDB's of the table.
        steps: The shop's steps whose messages may have been sent.
        last_lsn: The highest lsn that may have been sent.
        confirmed: Messages, from the first, that the broker has confirmed, or changes that the table has.
        ended: Whether `steps` is final; what the noise still owes follows them and nothing else.
        closed: Whether all is sent and confirmed.
    """

    recipe: Recipe
    topic_id: str
    steps: int = 0
    last_lsn: int = 0
    confirmed: int = 0
    ended: bool = False
    closed: bool = False


@dataclass
class Journal:
    """The runs of one shop, under `folder`/journal/`shop`; one process at a time writes them.

    Args:
        folder: The data folder.
        shop: replay or simulate.
        sink: Where it sends; a shop may send to each sink at a time.
    """

    folder: Path
    shop: str
    sink: str = KAFKA
    _lock: int = field(default=-1, init=False, repr=False)

    def __enter__(self) -> Self:
        """Take the journal for this process.

        Raises:
            ConfigError: Another process has it, or the folder cannot be written.
        """
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            name = "lock" if self.sink == KAFKA else f"lock-{self.sink}"
            self._lock = os.open(self._place / name, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(self._lock)
            raise ConfigError(
                f"another {self.shop} is running on {self._place}", "one at a time", "wait for it or stop it"
            ) from fault
        except OSError as fault:
            raise ConfigError(f"journal {self._place}: {fault}", "a writable folder", "correct DATA_DIR") from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        os.close(self._lock)

    @property
    def _place(self) -> Path:
        return self.folder / "journal" / self.shop

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return [_read(path) for path in sorted(self._place.glob("*.json"))]

    def unfinished(self) -> list[Run]:
        """The runs that were interrupted, oldest first."""
        return [run for run in self.runs() if not run.closed]

    def next_lsn(self, now_micros: int) -> int:
        """The first lsn for a new run: above all that any shop of this folder has used, and above the clock.

        Args:
            now_micros: Microseconds since 1970.
        """
        used = [_read(path).last_lsn for path in (self.folder / "journal").glob("*/*.json")]
        return max([now_micros, *(lsn + 1 for lsn in used)])

    def write(self, run: Run) -> None:
        """Replace the run's file.

        Raises:
            ConfigError: The folder cannot be written, for example because the disk is full.
        """
        path = self._place / f"{run.recipe.first_lsn:020d}.json"
        fresh = path.with_suffix(".tmp")
        try:
            fresh.write_text(json.dumps(dataclasses.asdict(run)) + "\n", encoding="utf-8")
            fresh.replace(path)
        except OSError as fault:
            raise ConfigError(
                f"journal {path}: {fault}", "a writable folder with room", "make room, run again"
            ) from fault


def _read(path: Path) -> Run:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Run(**{**document, "recipe": Recipe(**document["recipe"])})
    except (OSError, ValueError, TypeError, KeyError) as fault:
        raise ContractError(
            f"journal {path}: {fault}", "a run written by this version", "move the file away; its run is then forgotten"
        ) from fault
