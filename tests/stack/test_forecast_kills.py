"""kill -9 of the gateway and of workers at any moment: nothing that was answered is lost, and no job hangs."""

import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from forecasting.service.jobs import ATTEMPTS
from tests.stack.conftest import wait_until
from tests.stack.forecast_process import Gateway, dataset, done, gone, running, start_import

pytestmark = pytest.mark.stack

QUOTAS = "imports_at_once=99,stops_at_once=99"
ROUNDS = 5
AT_REST = ("ACTIVE", "CREATE_FAILED", "CREATE_STOPPED")


def workers(gateway: Gateway) -> list[psutil.Process]:
    """The worker processes of this gateway's folder, whoever their parent is."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if line and line[-1].startswith(str(gateway.state)):
            found.append(process)
    return found


def statuses(forecast: Any) -> dict[str, str]:
    pages = forecast.get_paginator("list_dataset_import_jobs").paginate()
    return {one["DatasetImportJobArn"]: one["Status"] for page in pages for one in page["DatasetImportJobs"]}


class Load:
    """A client that asks for jobs, stops some and deletes some, and remembers what it was answered."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.number = rng, 0
        self.made: dict[str, str] = {}  # import jobs that were answered 200, with their datasets
        self.stopped: set[str] = set()
        self.deleted: set[str] = set()

    def act(self, forecast: Any) -> None:
        """One request."""
        self.number += 1
        alive = sorted(set(self.made) - self.deleted)
        chance = self.rng.random()
        try:
            if chance < 0.6 or not alive:
                arn = dataset(forecast, f"d{self.number}")
                word = self.rng.choice(["quick", "quick", "once", "failed"])
                self.made[start_import(forecast, arn, f"{word}_{self.number}")] = arn
            elif chance < 0.75:
                arn = self.rng.choice(alive)
                forecast.stop_resource(ResourceArn=arn)
                self.stopped.add(arn)
            else:
                arn = self.rng.choice(alive)
                forecast.delete_dataset_import_job(DatasetImportJobArn=arn)
                self.deleted.add(arn)
        except ClientError as fault:  # it is busy, or at rest already
            assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400, fault


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_random_moments_lose_nothing_and_leave_nothing_hanging(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    load = Load(rng)
    with running(tmp_path, forecast_quotas=QUOTAS) as gateway:
        for _ in range(ROUNDS):
            forecast = gateway.client()
            for _ in range(rng.randint(1, 8)):
                load.act(forecast)
            time.sleep(rng.random() * 0.3)  # the moment of the kill is what is varied here
            gateway.kill()
            wait_until("no worker outlives its gateway", lambda: not workers(gateway))
            gateway.start()
        forecast = gateway.client()
        wait_until("every job is at rest", lambda: set(statuses(forecast).values()) <= set(AT_REST), 60)
        found = statuses(forecast)
        wait_until("deletions are finished", lambda: not load.deleted & set(statuses(forecast)))
        assert set(load.made) - load.deleted <= set(found)
        for arn, status in found.items():
            described = forecast.describe_dataset_import_job(DatasetImportJobArn=arn)
            assert described["Message"] if status == "CREATE_FAILED" else "Message" not in described
            if arn not in load.stopped:
                assert status in ("ACTIVE", "CREATE_FAILED")
        folders = {path.name for path in (gateway.state / "artefacts").iterdir()}
        assert len(folders) == sum(status == "ACTIVE" for status in found.values())


def test_a_killed_gateway_takes_its_jobs_up_again_but_none_more_than_three_times(tmp_path: Path) -> None:
    both = min(2, len(psutil.Process().cpu_affinity() or [0]))  # as many are at work at once as there are cores
    with running(tmp_path, forecast_quotas=QUOTAS) as gateway:
        often = start_import(gateway.client(), dataset(gateway.client(), "often"), "waits_often")
        twice = ""
        for number in range(3):
            if number == 1:
                twice = start_import(gateway.client(), dataset(gateway.client(), "twice"), "waits_twice")
            at_work = both if twice else 1
            found = wait_until("all are at work", lambda most=at_work: (all_ := workers(gateway))[most - 1 :] and all_)
            gateway.kill()
            wait_until("the workers are gone", lambda gone_=found: not any(one.is_running() for one in gone_))
            gateway.start()
        forecast = gateway.client()
        told = done("the import", forecast.describe_dataset_import_job, DatasetImportJobArn=often)
        assert (told["Status"], told["Message"]) == (
            "CREATE_FAILED",
            "The service ended while the job was at work. It was tried 3 times",
        )
        gone("the import", forecast, forecast.delete_dataset_import_job, DatasetImportJobArn=often)
        wait_until("the other is at work once more", lambda: workers(gateway))
        gateway.mark("go")
        assert done("the other", forecast.describe_dataset_import_job, DatasetImportJobArn=twice)["Status"] == "ACTIVE"


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path, forecast_quotas=QUOTAS) as gateway:
        forecast = gateway.client()
        job = start_import(forecast, dataset(forecast, "sales"), "waits")
        (worker,) = wait_until("it is at work", lambda: workers(gateway))
        worker.kill()
        (second,) = wait_until("another is at work", lambda: [one for one in workers(gateway) if one.pid != worker.pid])
        second.kill()
        wait_until(
            "a third is at work", lambda: [one for one in workers(gateway) if one.pid not in (worker.pid, second.pid)]
        )
        gateway.mark("go")
        assert done("the import", forecast.describe_dataset_import_job, DatasetImportJobArn=job)["Status"] == "ACTIVE"


def test_a_gateway_that_is_stopped_in_order_costs_no_attempt(tmp_path: Path) -> None:
    with running(tmp_path, forecast_quotas=QUOTAS) as gateway:
        job = start_import(gateway.client(), dataset(gateway.client(), "sales"), "waits")
        for _ in range(ATTEMPTS):
            wait_until("it is at work", lambda: workers(gateway))
            assert gateway.process is not None
            gateway.process.terminate()
            assert gateway.process.wait(10) in (0, -signal.SIGTERM)  # uvicorn raises it again when it is done
            assert workers(gateway) == []
            gateway.start()
        gateway.mark("go")
        found = done("the import", gateway.client().describe_dataset_import_job, DatasetImportJobArn=job)
        assert found["Status"] == "ACTIVE"


def test_what_was_not_answered_may_be_there_but_is_whole(tmp_path: Path) -> None:
    """Killed while it is asked: a resource is there with all it needs, or not at all."""
    with running(tmp_path, forecast_quotas=QUOTAS) as gateway:
        forecast, victim, answered = gateway.client(), gateway.process, 0
        assert victim is not None
        timer = threading.Timer(0.4, victim.kill)
        timer.start()
        with pytest.raises(BotoCoreError):
            while True:
                dataset(forecast, f"d{answered}")
                answered += 1
        timer.join()
        victim.wait()
        gateway.start()
        forecast = gateway.client()
        listed = [one for page in forecast.get_paginator("list_datasets").paginate() for one in page["Datasets"]]
        assert answered <= len(listed) <= answered + 1
        for one in listed:
            assert forecast.describe_dataset(DatasetArn=one["DatasetArn"])["Schema"]["Attributes"]
