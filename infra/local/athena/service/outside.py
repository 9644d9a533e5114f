"""What the service reaches beyond its own file: workers, result files, catalogue, S3, grammar. Names only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from infra.local.athena.contract import Job, Outcome

# Account, region, operation and its members, to the members of the answer; raises CatalogError.
Glue = Callable[[str, str, str, dict[str, Any]], dict[str, Any]]
# Account, region and `s3://bucket/key`, to whether there is such an object.
Exists = Callable[[str, str, str], bool]
# Refuses a text that is no statement: raises QueryError, whose text is what the client reads.
Check = Callable[[str], None]


class CatalogError(Exception):
    """What Glue refused.

    Args:
        code: Such as EntityNotFoundException.
        message: Glue's.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


class Pool(Protocol):
    """Warm worker processes."""

    def submit(self, job: Job, done: Callable[[Outcome], None], started: Callable[[], None] = ...) -> None:
        """Have a job run; returns at once.

        Args:
            job: What to run.
            done: Called once, from any thread, when the job has ended; with the code USER_CANCELED if it was cancelled
                or the pool has stopped.
            started: Called when a worker has taken the job; it may be later than `done`.
        """
        ...

    def cancel(self, execution_id: str) -> bool:
        """Stop a job, whether it waits or is at work; whether there is one."""
        ...

    def stop(self) -> None:
        """End all workers, within 2 seconds."""
        ...


class Rows(Protocol):
    """Reads rows of results."""

    def __call__(self, account: str, region: str, location: str, *, start: int, count: int) -> bytes:
        """Rows of one result as GetQueryResults answers them: reading them one by one would take most of its time.

        Args:
            account: Whose bucket it is in.
            region: Where.
            location: Of the result file in S3.
            start: From 0, the header not counted.
            count: At most.

        Returns:
            JSON, the elements of `Rows` with commas between them; nothing without rows.

        Raises:
            FileNotFoundError: The result is gone, or is not what was written.
        """
        ...


def _takes_all(sql: str) -> None:
    """Refuse nothing: what is no statement fails when it runs."""


@dataclass(frozen=True)
class Outside:
    """All that is beyond the service.

    Attributes:
        pool: The workers; the service stops them.
        rows: Reads rows of results.
        glue: The catalogue.
        exists: Whether an object is in S3.
        check: Refuses text that is no statement, before it is taken.
    """

    pool: Pool
    rows: Rows
    glue: Glue
    exists: Exists
    check: Check = _takes_all
