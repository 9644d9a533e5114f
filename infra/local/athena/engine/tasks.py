"""Jobs on their way through the pool, and what becomes of those that no worker answers."""

from collections.abc import Callable

from infra.local.athena.contract import Job, Outcome

Done = Callable[[Outcome], None]


class Task:
    """A job and who wants to know."""

    def __init__(self, job: Job, done: Done, started: Callable[[], None]) -> None:
        self.job, self.done, self.started = job, done, started
        self.is_canceled = False
        self.has_begun = False
        self.tries = 0


def canceled() -> Outcome:
    """Of a job that a client ended."""
    return Outcome("FAILED", "Query was canceled", "USER_CANCELED")


def broken(why: str) -> Outcome:
    """Of a job that no fault of its own kept from running."""
    return Outcome("FAILED", f"GENERIC_INTERNAL_ERROR: {why}", "GENERIC_INTERNAL_ERROR")


def ended(task: Task, why: str, code: int) -> Outcome:
    """What became of a job whose worker is gone."""
    if task.is_canceled or why == "canceled":
        return canceled()
    if why == "late":
        words = f"EXCEEDED_TIME_LIMIT: Query exceeded maximum time limit of {task.job.seconds / 60:.2f}m"
        return Outcome("FAILED", words, "EXCEEDED_TIME_LIMIT")
    if code == -9:  # the system ends what takes too much memory
        return Outcome(
            "FAILED", "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor", "EXCEEDED_MEMORY_LIMIT"
        )
    return broken(f"the worker ended with {code}")
