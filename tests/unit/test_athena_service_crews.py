"""A pool of workers for each owner: jobs and cancels go to the right one, and those that idle are ended."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.athena.contract import Job, Outcome
from infra.local.athena.service.crews import MOST_IDLE, Crews
from infra.local.athena.service.executions import Owner

pytestmark = pytest.mark.unit

DONE = Outcome("SUCCEEDED")


class Pool:
    """Remembers what it was told."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.stopped = owner, False
        self.jobs: dict[str, Callable[[Outcome], None]] = {}
        self.cancelled: list[str] = []

    def submit(self, job: Job, done: Callable[[Outcome], None], started: Callable[[], None] = lambda: None) -> None:
        assert not self.stopped
        self.jobs[job.execution_id] = done

    def cancel(self, execution_id: str) -> bool:
        self.cancelled.append(execution_id)
        return True

    def stop(self) -> None:
        self.stopped = True


class Pools:
    """Crews over such pools."""

    def __init__(self) -> None:
        self.made: list[Pool] = []
        self.ended: list[str] = []
        self.crews = Crews(self.make)

    def make(self, owner: Owner) -> Pool:
        self.made.append(Pool(owner))
        return self.made[-1]

    def submit(self, name: str, account: str, region: str = "eu-west-1") -> Pool:
        place = "s3://results/"
        job = Job(name, "SELECT 1", "", (), place, Path("/nowhere"), 1.0, account=account, region=region)
        self.crews.submit(job, lambda _: self.ended.append(name))
        return next(pool for pool in reversed(self.made) if name in pool.jobs)


def test_each_account_and_region_has_workers_of_its_own() -> None:
    pools = Pools()
    found = [pools.submit(*given) for given in (("1", "a"), ("2", "b"), ("3", "a", "us-east-1"), ("4", "a"))]
    assert [pool.owner for pool in pools.made] == [
        Owner("a", "eu-west-1"),
        Owner("b", "eu-west-1"),
        Owner("a", "us-east-1"),
    ]
    assert found[3] is found[0]


def test_a_cancel_goes_to_who_has_the_job_while_it_is_there() -> None:
    pools = Pools()
    one, two = pools.submit("1", "a"), pools.submit("2", "b")
    assert pools.crews.cancel("2")
    assert (one.cancelled, two.cancelled) == ([], ["2"])
    one.jobs["1"](DONE)
    assert pools.ended == ["1"]
    assert not pools.crews.cancel("1")
    assert not pools.crews.cancel("absent")


def test_pools_without_work_are_ended_the_longest_idle_first() -> None:
    pools = Pools()
    busy = pools.submit("busy", "busy")
    for number in range(MOST_IDLE + 2):
        pools.submit(f"{number}", f"{number}").jobs[f"{number}"](DONE)
    pools.submit("last", "last")
    assert not busy.stopped
    idle = [pool for pool in pools.made if pool is not busy and "last" not in pool.jobs]
    assert [pool.stopped for pool in idle] == [True, True] + [False] * MOST_IDLE
    again = pools.submit("again", "0")
    assert again is not idle[0]
    assert not again.stopped


def test_a_stop_ends_all_at_once() -> None:
    pools = Pools()
    for name in ("a", "b", "c"):
        pools.submit(name, name)
    together = threading.Barrier(3, timeout=5)
    for pool in pools.made:
        pool.stop = lambda: together.wait() and None  # type: ignore[method-assign]
    pools.crews.stop()
    assert not together.broken
