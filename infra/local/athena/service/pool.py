"""What the service needs of the workers and of the result files: names only; `engine` has both."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from infra.local.athena.contract import Job, Outcome

# Account, region, operation and its members, to the members of the answer; raises CatalogError.
Glue = Callable[[str, str, str, dict[str, Any]], dict[str, Any]]
# Account, region and `s3://bucket/key`, to whether there is such an object.
Exists = Callable[[str, str, str], bool]


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

    def submit(self, job: Job, finished: Callable[[Outcome], None], started: Callable[[], None]) -> None:
        """Have a job run; returns at once.

        Args:
            job: What to run.
            finished: Called once, from any thread, when the job has ended, unless it was cancelled.
            started: Called before a worker is given the job.
        """
        ...

    def cancel(self, execution_id: str) -> None:
        """Stop a job, whether it waits or is at work; nothing if there is none."""
        ...

    def stop(self) -> None:
        """End all workers, within 2 seconds."""
        ...


class Rows(Protocol):
    """Reads rows of results."""

    def __call__(self, folder: Path, location: str, start: int, count: int) -> Sequence[Sequence[str | None]]:
        """Rows of one result.

        Args:
            folder: The job's.
            location: Of the result file in S3.
            start: From 0, the header not counted.
            count: At most.

        Returns:
            Values as Athena writes them; None for NULL.

        Raises:
            FileNotFoundError: The result is gone.
        """
        ...
