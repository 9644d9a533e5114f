"""A pool of workers for each account and region: none of them can reach what is another's.

It knows neither states nor results; which process a pool starts is the matter of who makes the pools.
"""

import threading
from collections.abc import Callable

from infra.local.athena.contract import Job, Outcome
from infra.local.athena.service.executions import Owner
from infra.local.athena.service.outside import Pool

# Beyond as many, pools that have nothing to do are ended: each has processes of some hundred MB.
MOST_IDLE = 2


class Crews:
    """All pools, made when they are needed; itself a `Pool`.

    Args:
        make: Makes the pool of an owner.
    """

    def __init__(self, make: Callable[[Owner], Pool]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._pools: dict[Owner, Pool] = {}
        # Whose a job is.
        self._jobs: dict[str, Owner] = {}

    def submit(self, job: Job, done: Callable[[Outcome], None], started: Callable[[], None] = lambda: None) -> None:
        """Have a job run by the workers of its owner."""
        owner = Owner(job.account, job.region)

        def ended(outcome: Outcome) -> None:
            with self._lock:
                self._jobs.pop(job.execution_id, None)
            done(outcome)

        with self._lock:
            self._jobs[job.execution_id] = owner
            pool = self._pools.pop(owner) if owner in self._pools else self._make(owner)
            self._pools[owner] = pool  # the last that was used stands last
            surplus = self._idle_surplus()
        for one in surplus:
            one.stop()
        pool.submit(job, ended, started)

    def cancel(self, execution_id: str) -> bool:
        """Stop a job; whether there is one."""
        with self._lock:
            owner = self._jobs.get(execution_id)
            pool = self._pools.get(owner) if owner else None
        return pool is not None and pool.cancel(execution_id)

    def stop(self) -> None:
        """End all workers, all at once, within 2 seconds."""
        with self._lock:
            pools = list(self._pools.values())
        threads = [threading.Thread(target=pool.stop) for pool in pools]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _idle_surplus(self) -> list[Pool]:
        busy = set(self._jobs.values())
        idle = [owner for owner in self._pools if owner not in busy]
        return [self._pools.pop(owner) for owner in idle[: max(0, len(idle) - MOST_IDLE)]]
