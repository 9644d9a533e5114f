"""The lease: one driver at a time, and none kept waiting by one that is gone."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from lakehouse import places
from lakehouse.errors import SourceError
from spark_jobs.lease import Lease
from tests.unit.memory_bucket import MemoryBucket

pytestmark = pytest.mark.unit


def held_by(host: str, pid: int, until: float) -> MemoryBucket:
    bucket = MemoryBucket()
    bucket.put(places.LEASE, json.dumps({"id": "other", "host": host, "pid": pid, "until": until}).encode())
    return bucket


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_free_lease_is_taken_and_given_back() -> None:
    bucket = MemoryBucket()
    lease = Lease(bucket, 30)
    lease.acquire(0)
    holder = json.loads(bucket.objects[places.LEASE])
    assert (holder["pid"], holder["host"]) == (os.getpid(), socket.gethostname())
    lease.check()
    lease.release()
    other = Lease(bucket, 30)
    other.acquire(0)
    other.release()


def test_a_driver_that_died_on_this_machine_keeps_nobody_waiting() -> None:
    lease = Lease(held_by(socket.gethostname(), dead_pid(), time.time() + 3600), 30)
    lease.acquire(0)
    lease.release()


def test_a_driver_elsewhere_is_believed_until_its_time_is_over() -> None:
    now = 1000.0
    bucket = held_by("elsewhere", dead_pid(), now + 5)
    with pytest.raises(SourceError, match=r"another driver holds the lease: pid \d+ on elsewhere.*make down"):
        Lease(bucket, 30, clock=lambda: now).acquire(0)
    late = Lease(bucket, 30, clock=lambda: now + 6)
    late.acquire(0)
    late.release()


def test_a_driver_that_lives_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as living:
        bucket = held_by(socket.gethostname(), living.pid, time.time() + 3600)
        with pytest.raises(SourceError, match="holds the lease"):
            Lease(bucket, 30).acquire(0)
        lease = Lease(bucket, 30)
        waiting = threading.Thread(target=lease.acquire, args=(20,))
        waiting.start()
        assert waiting.is_alive()
        living.communicate(b"\n")
        waiting.join(timeout=20)
        lease.check()
        lease.release()


def test_the_lease_is_renewed_and_its_loss_stops_the_driver() -> None:
    bucket = MemoryBucket()
    lease = Lease(bucket, 0.15)
    lease.acquire(0)
    first = bucket.objects[places.LEASE]
    wait_until(lambda: bucket.objects[places.LEASE] != first)
    lease.check()

    stolen = json.dumps({"id": "thief", "host": "x", "pid": 1, "until": time.time() + 60}).encode()
    bucket.put(places.LEASE, stolen)

    def is_lost() -> bool:
        try:
            lease.check()
        except SourceError as fault:
            return "the lease was lost to another driver" in str(fault)
        return False

    wait_until(is_lost)
    lease.release()
    assert bucket.objects[places.LEASE] == stolen  # what another holds is not given back


class Raced(MemoryBucket):
    """A bucket in which another driver is faster by a moment."""

    def create(self, key: str, body: bytes) -> bool:
        self.put(key, json.dumps({"id": "faster", "host": "elsewhere", "pid": 1, "until": time.time() + 60}).encode())
        return super().create(key, body)

    def replace(self, key: str, body: bytes, etag_: str) -> bool:
        self.create(key, body)
        return super().replace(key, body, etag_)


@pytest.mark.parametrize("expired", [False, True])
def test_of_two_that_see_it_free_one_gets_it(expired: bool) -> None:
    bucket = Raced()
    if expired:
        bucket.put(places.LEASE, json.dumps({"id": "old", "host": "elsewhere", "pid": 1, "until": 0}).encode())
    with pytest.raises(SourceError, match="pid 1 on elsewhere"):
        Lease(bucket, 30).acquire(0)
    assert json.loads(bucket.objects[places.LEASE])["id"] == "faster"
