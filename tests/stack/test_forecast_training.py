"""A training that takes a while, with real jobs: it says how long, it can be stopped, it holds up nobody."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from forecasting.service.worker import NICENESS
from infra.local import gateway
from infra.local.daemon import Daemon
from tests.stack.conftest import wait_until
from tests.stack.forecast_program import JOB_SECONDS, Program, served

pytestmark = pytest.mark.stack

SERIES, DAYS = 400, 400


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with served(tmp_path_factory.mktemp("training")) as program:
        yield program


@pytest.fixture(scope="module")
def group(program: Program) -> str:
    days = [f"{date(2023, 1, 1) + timedelta(days=day)}" for day in range(DAYS)]
    rows = [
        [f"item {item}", day, f"{(item * 7 + at * 3) % 11}"] for item in range(SERIES) for at, day in enumerate(days)
    ]
    columns = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}
    given = {"DataFrequency": "D", "TimestampFormat": "yyyy-MM-dd"}
    return program.group("many", program.dataset("many", "TARGET_TIME_SERIES", columns, rows, **given))


@pytest.fixture
def training(program: Program, group: str) -> Iterator[str]:
    """A predictor whose job is at work; gone at the end."""
    config = {"ForecastFrequency": "D", "ForecastHorizon": 14, "DataConfig": {"DatasetGroupArn": group}}
    arn = program.forecast.create_auto_predictor(PredictorName="long", **config)["PredictorArn"]
    wait_until("the job is at work", lambda: described(program, arn)["Status"] == "CREATE_IN_PROGRESS")
    wait_until("its process is there", lambda: workers(program))
    yield arn
    program.forecast.stop_resource(ResourceArn=arn)
    program.ended(program.forecast.describe_auto_predictor, PredictorArn=arn)
    program.forecast.delete_predictor(PredictorArn=arn)

    def is_gone() -> bool:
        return arn not in [one["PredictorArn"] for one in program.forecast.list_predictors()["Predictors"]]

    wait_until("the predictor is gone", is_gone)


def described(program: Program, arn: str) -> dict[str, Any]:
    return dict(program.forecast.describe_auto_predictor(PredictorArn=arn))


def workers(program: Program) -> list[psutil.Process]:
    """The processes of jobs of this gateway."""
    folder = str(program.settings.data_path)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "forecasting.service.worker" in words and words[-1].startswith(folder):
            found.append(process)
    return found


def test_a_training_at_work_says_how_long_it_will_take(program: Program, training: str) -> None:
    [worker] = workers(program)
    progress, seen = Path(worker.cmdline()[-1]) / "progress.json", []

    def has_told() -> bool:
        found = described(program, training)
        assert found["Status"] == "CREATE_IN_PROGRESS", found.get("Message")
        seen.append(found["EstimatedTimeRemainingInMinutes"])
        return progress.exists()

    wait_until("the job has said how far it is", has_told, JOB_SECONDS)
    assert all(isinstance(one, int) and 0 <= one < 60 for one in seen)


def test_a_training_is_stopped_at_once_and_its_process_is_gone(program: Program, training: str) -> None:
    begin = time.monotonic()
    program.forecast.stop_resource(ResourceArn=training)
    assert described(program, training)["Status"] in ("CREATE_STOPPING", "CREATE_STOPPED")
    found = program.ended(program.forecast.describe_auto_predictor, PredictorArn=training)
    assert found["Status"] == "CREATE_STOPPED"
    assert time.monotonic() - begin < 10
    assert "EstimatedTimeRemainingInMinutes" not in found
    wait_until("the process is gone", lambda: not workers(program))
    program.forecast.stop_resource(ResourceArn=training)  # asked twice it does nothing


def test_a_training_steps_back_behind_the_stack(program: Program, training: str) -> None:
    [worker] = wait_until("the process is there", lambda: workers(program))
    assert worker.environ()["OMP_WAIT_POLICY"] == "PASSIVE"
    wait_until("it has stepped back", lambda: worker.nice() == psutil.Process().nice() + NICENESS)
    for number in range(50):
        begin = time.monotonic()
        program.put(f"beside/{number}", b"change")
        assert time.monotonic() - begin < 5
    assert described(program, training)["Status"] == "CREATE_IN_PROGRESS"


def test_a_training_goes_on_when_the_gateway_was_killed(program: Program, group: str) -> None:
    daemon = Daemon(program.settings.data_path)
    before = daemon.states()["gateway"]["pid"]
    arn = program.forecast.create_predictor(
        PredictorName="goes_on",
        AlgorithmArn="arn:aws:forecast:::algorithm/NPTS",
        ForecastHorizon=14,
        InputDataConfig={"DatasetGroupArn": group},
        FeaturizationConfig={"ForecastFrequency": "D"},
    )["PredictorArn"]
    [worker] = wait_until("its process is there", lambda: workers(program))
    os.kill(before, signal.SIGKILL)
    wait_until("the process is gone", lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    wait_until("the gateway is up again", lambda: daemon.states()["gateway"]["pid"] not in (0, before))
    wait_until("it answers", lambda: gateway.unready(program.settings) is None)
    program.done(program.forecast.describe_predictor, PredictorArn=arn)
    assert program.forecast_of("goes_on", arn)
