"""The pool: every job has one outcome, whatever becomes of its worker; links go where they may."""

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena.contract import Column, Job, Outcome
from infra.local.athena.engine import wire
from infra.local.athena.engine.objects import Objects
from infra.local.athena.engine.pool import Pool
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

# A worker that does what a job's text says.
WORKER = """
import json, os, signal, sys, threading, time
def send(**message):
    print(json.dumps(message), flush=True)
def outcome(id, **about):
    empty = {"reason": "", "error_code": "", "columns": [], "location": "", "tables": []}
    send(outcome={"id": id, "state": "SUCCEEDED", **empty, **about})
send(ready=True)
current = None
for line in sys.stdin:
    message = json.loads(line)
    if "job" in message:
        current = message["job"]
        what = current["sql"]
        if what == "deaf":
            os._exit(4)
        send(began=True)
        if what == "echo":
            outcome(current["execution_id"], location=str(os.getpid()))
        elif what == "die":
            os._exit(3)
        elif what == "exhaust":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what.startswith("link "):
            send(link={"bucket": "shop", "targets": {"k": what[5:]}})
    elif "cancel" in message and current["sql"] == "wait":
        outcome(current["execution_id"], state="FAILED", error_code="OTHER")
    elif "linked" in message or "refused" in message:
        outcome(current["execution_id"], location=json.dumps(message))
"""


class Outcomes:
    """What a pool hands back."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Outcome] = queue.Queue()
        self.put = self._queue.put

    def next(self) -> Outcome:
        return self._queue.get(timeout=20)

    def is_empty(self) -> bool:
        return self._queue.empty()


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(Settings(), tmp_path, link, workers=2, command=(sys.executable, "-c", WORKER))
    yield made
    made.stop()


def link(bucket: str, targets: Any) -> dict[str, int]:
    if targets["k"].name == "absent":
        raise SourceError("object s3://shop/k is not there")
    return {"k": 5}


def job(folder: Path, name: str, what: str, seconds: float = 60) -> Job:
    return Job(name, what, "db", ("1",), "s3://shop/r/", folder / name, seconds)


def wait_until(done: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_jobs_and_outcomes_survive_the_wire(tmp_path: Path) -> None:
    one = job(tmp_path, "a", "select 'é'")
    assert wire.job_from(wire.job_to(one)) == one
    outcome = Outcome("FAILED", "r", "C", columns=(Column("a", "b", "c"),), milliseconds={"x": 1.5}, tables=("db.t",))
    assert wire.outcome_from(wire.outcome_to(outcome)) == outcome


def test_no_worker_is_started_before_it_is_needed(pool: Pool) -> None:
    assert pool._workers == []


def test_more_jobs_than_workers_wait_and_are_all_answered(pool: Pool, tmp_path: Path) -> None:
    outcomes = Outcomes()
    for number in range(20):
        pool.submit(job(tmp_path, str(number), "echo"), outcomes.put)
    found = [outcomes.next() for _ in range(20)]
    assert {outcome.state for outcome in found} == {"SUCCEEDED"}
    assert 1 <= len({outcome.location for outcome in found}) <= 2


@pytest.mark.parametrize(
    ("what", "code", "reason"),
    [
        ("die", "GENERIC_INTERNAL_ERROR", "GENERIC_INTERNAL_ERROR: the worker ended with 3"),
        ("exhaust", "EXCEEDED_MEMORY_LIMIT", "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor"),
    ],
)
def test_a_worker_that_ends_fails_its_job_and_the_next_finds_another(
    pool: Pool, tmp_path: Path, what: str, code: str, reason: str
) -> None:
    outcomes = Outcomes()
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        pool.submit(job(tmp_path, name, what), outcomes.put)
        outcome = outcomes.next()
        assert (outcome.state, outcome.error_code, outcome.reason) == ("FAILED", code, reason)
        assert not (tmp_path / name).exists()
    pool.submit(job(tmp_path, "d", "echo"), outcomes.put)
    assert outcomes.next().state == "SUCCEEDED"
    assert outcomes.is_empty()


@pytest.mark.parametrize("what", ["wait", "hang"])
def test_a_canceled_job_ends_within_its_grace_whether_its_worker_listens_or_not(
    pool: Pool, tmp_path: Path, what: str
) -> None:
    outcomes, started = Outcomes(), queue.Queue[int]()
    pool.submit(job(tmp_path, "a", what), outcomes.put, lambda: started.put(1))
    started.get(timeout=20)
    wait_until(lambda: all(worker.is_ready for worker in pool._workers))
    start = time.monotonic()
    assert pool.cancel("a")
    assert outcomes.next().error_code == "USER_CANCELED"
    assert time.monotonic() - start < 3
    assert not pool.cancel("a")
    pool.submit(job(tmp_path, "b", "echo"), outcomes.put)
    assert outcomes.next().state == "SUCCEEDED"


def test_a_job_that_no_worker_takes_is_given_to_others_and_fails_in_the_end(pool: Pool, tmp_path: Path) -> None:
    outcomes, started = Outcomes(), queue.Queue[int]()
    pool.submit(job(tmp_path, "a", "deaf"), outcomes.put, lambda: started.put(1))
    assert outcomes.next().reason == "GENERIC_INTERNAL_ERROR: the worker ended with 4"
    assert started.qsize() == 1


def test_a_worker_that_was_killed_while_it_was_idle_costs_no_job(pool: Pool, tmp_path: Path) -> None:
    outcomes = Outcomes()
    pool.submit(job(tmp_path, "a", "echo"), outcomes.put)
    outcomes.next()
    for worker in list(pool._workers):
        worker.process.kill()
    pool.submit(job(tmp_path, "b", "echo"), outcomes.put)
    assert outcomes.next().state == "SUCCEEDED"


def test_workers_that_idle_are_ended_but_for_one(pool: Pool, tmp_path: Path) -> None:
    pool.idle_seconds = 0.05
    outcomes = Outcomes()
    for name in ("a", "b"):
        pool.submit(job(tmp_path, name, "link /absent"), outcomes.put)
    processes = [worker.process for worker in pool._workers]
    assert len(processes) == 2
    assert [outcomes.next().state for _ in "ab"] == ["SUCCEEDED"] * 2
    wait_until(lambda: sorted(process.poll() is None for process in processes) == [False, True])
    (left,) = pool._workers
    assert {process.returncode for process in processes} == {0, None}
    pool.submit(job(tmp_path, "c", "echo"), outcomes.put)
    assert outcomes.next().location == str(left.process.pid)


def test_a_waiting_job_can_be_canceled(pool: Pool, tmp_path: Path) -> None:
    outcomes, canceled = Outcomes(), Outcomes()
    for name in ("a", "b"):
        pool.submit(job(tmp_path, name, "hang"), outcomes.put)
    pool.submit(job(tmp_path, "c", "echo"), canceled.put)
    assert pool.cancel("c")
    assert canceled.next().error_code == "USER_CANCELED"
    assert outcomes.is_empty()


def test_a_worker_that_does_not_heed_its_time_is_killed(pool: Pool, tmp_path: Path) -> None:
    outcomes = Outcomes()
    pool.submit(job(tmp_path, "a", "hang", seconds=0.1), outcomes.put)
    assert outcomes.next().error_code == "EXCEEDED_TIME_LIMIT"


def test_stop_ends_everything_at_once(tmp_path: Path) -> None:
    pool = Pool(Settings(), tmp_path, link, workers=2, command=(sys.executable, "-c", WORKER))
    outcomes = Outcomes()
    for name in ("a", "b", "c"):
        pool.submit(job(tmp_path, name, "hang"), outcomes.put)
    processes = [worker.process for worker in pool._workers]
    start = time.monotonic()
    pool.stop()
    assert time.monotonic() - start < 2
    assert {outcomes.next().error_code for _ in range(3)} == {"USER_CANCELED"}
    assert all(process.poll() is not None for process in processes)


def test_links_are_made_only_in_the_jobs_folder(pool: Pool, tmp_path: Path) -> None:
    outcomes = Outcomes()
    cases = {
        f"{tmp_path}/a/in/0": '{"linked": {"k": 5}}',
        f"{tmp_path}/b/absent": '{"refused": "object s3://shop/k is not there"}',
        f"{tmp_path}/other": '{"refused": "a link outside the job\'s folder"}',
        f"{tmp_path}/d/../other": '{"refused": "a link outside the job\'s folder"}',
    }
    for name, (target, answer) in zip("abcd", cases.items(), strict=True):
        pool.submit(job(tmp_path, name, f"link {target}"), outcomes.put)
        assert outcomes.next().location == answer


def test_a_worker_that_cannot_be_started_fails_its_job(tmp_path: Path) -> None:
    pool = Pool(Settings(), tmp_path, link, command=(str(tmp_path / "absent"),))
    outcomes = Outcomes()
    pool.submit(job(tmp_path, "a", "echo"), outcomes.put)
    assert outcomes.next().reason == "GENERIC_INTERNAL_ERROR: no worker can be started"


# --- links


class Bodies:
    """Bodies in a folder; each look-up of a key that was overwritten meanwhile finds the next one."""

    def __init__(self, *paths: Path) -> None:
        self._paths = list(paths)

    def path(self, account: str, bucket: str, key: str) -> Path:
        assert (account, bucket, key) == ("000000000000", "shop", "a/b")
        return self._paths.pop(0)


def test_a_link_keeps_a_body_that_is_removed(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"hello")
    sizes = Objects(Settings(), Bodies(tmp_path / "body")).link("shop", {"a/b": tmp_path / "in" / "p0=x" / "0"})
    (tmp_path / "body").unlink()
    assert sizes == {"a/b": 5}
    assert (tmp_path / "in" / "p0=x" / "0").read_bytes() == b"hello"


def test_an_object_that_is_overwritten_between_look_and_link_is_found_anew(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    Objects(Settings(), Bodies(tmp_path / "old", tmp_path / "new")).link("shop", {"a/b": tmp_path / "in"})
    assert (tmp_path / "in").read_bytes() == b"new"


def test_a_missing_body_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"object s3://shop/a/b has no body"):
        Objects(Settings(), Bodies(tmp_path / "x", tmp_path / "y")).link("shop", {"a/b": tmp_path / "in"})


def test_a_folder_on_another_disk_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "body").write_bytes(b"hello")

    def refuse(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    Objects(Settings(), Bodies(tmp_path / "body")).link("shop", {"a/b": tmp_path / "in"})
    assert (tmp_path / "in").stat().st_ino != (tmp_path / "body").stat().st_ino
    assert (tmp_path / "in").read_bytes() == b"hello"
