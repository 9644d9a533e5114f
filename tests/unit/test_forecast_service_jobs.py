"""Jobs in worker processes: they succeed, fail, crash, are stopped and deleted, and go on after a kill."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.service import bodies
from forecasting.service import job as files
from forecasting.service.jobs import ATTEMPTS, ending
from forecasting.service.processes import Workers
from forecasting.service.states import remaining_minutes
from forecasting.service.worker import FIRST_TO_END, NICENESS
from lakehouse.errors import ConfigError
from tests.unit.forecast_api import ROLE, Api, RefusedError, destination

pytestmark = pytest.mark.unit

WORKER = (sys.executable, str(Path(__file__).with_name("forecast_worker.py")))
MANY = "imports_at_once=99,auto_predictors_at_once=99"


def wait_until(what: str, done: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.005)
    return answer


class Working(Api):
    """A service at work, with real time; what it tells is kept."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.metrics: list[dict[str, Any]] = []
        given = {"worker": WORKER, "put_events": self._hear, "put_metrics": self._measure, **options}
        super().__init__(folder, MANY, **given)
        self.service._clock = self.clock
        self.service.start()

    def _hear(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        assert (account, region) == ("000000000000", "eu-west-1")
        self.events += [{**entry, "Detail": json.loads(entry["Detail"])} for entry in entries]

    def _measure(self, _account: str, _region: str, data: list[dict[str, Any]]) -> None:
        self.metrics += data

    def status(self, arn: str) -> str:
        found = self.store.at(arn)
        return found.status if found else "gone"

    def settled(self, arn: str) -> dict[str, Any]:
        """A job's description once it is done."""
        wait_until(f"{arn} is done", lambda: self.status(arn) in ("ACTIVE", "CREATE_FAILED", "CREATE_STOPPED"))
        noun = "DatasetImportJob" if ":dataset-import-job/" in arn else "Forecast"
        return self(f"Describe{noun}", **{f"{noun}Arn": arn})

    def artefacts(self, arn: str) -> Path:
        found = self.store.at(arn)
        assert found is not None
        return self.folder / "artefacts" / found.id

    def go(self) -> None:
        (self.folder / "go").touch()

    def begun(self) -> list[str]:
        path = self.folder / "begun.txt"
        return path.read_text().split() if path.exists() else []

    def told(self) -> list[tuple[str, str]]:
        return [(event["DetailType"], event["Detail"]["Status"]) for event in self.events]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Working]:
    api = Working(tmp_path)
    yield api
    api.service.stop()


def test_a_job_becomes_active_with_what_it_made(api: Working) -> None:
    sales = api.dataset("sales")
    job = api.start_import(sales, "noted_import")
    found = api.settled(job)
    assert (found["Status"], found["Message"], found["DataSize"]) == ("ACTIVE", "a note", 0.5)
    assert found["FieldStatistics"] == {"demand": {"Count": 2, "Min": "1.0", "Avg": 1.5}}
    assert (api.artefacts(job) / "made.txt").read_text() == "noted_import"
    given = json.loads((api.artefacts(job) / "job.json").read_text())
    assert set(given) == {"kind", "arn", "name", "created_at", "request", "inputs"}
    assert (given["kind"], given["arn"], given["name"]) == ("dataset-import-job", job, "noted_import")
    assert given["request"]["DataSource"]["S3Config"]["RoleArn"] == ROLE
    assert given["inputs"]["dataset"]["Schema"] == api("DescribeDataset", DatasetArn=sales)["Schema"]
    assert given["inputs"]["previous"] is None


def test_a_job_steps_back_behind_whatever_else_runs(api: Working) -> None:
    job = api.start_import(api.dataset("sales"), "priority")
    assert api.settled(job)["Status"] == "ACTIVE"
    first_to_end = FIRST_TO_END if Path("/proc/self/oom_score_adj").exists() else ""
    expected = f"{min(os.nice(0) + NICENESS, 19)} PASSIVE {first_to_end}"
    assert (api.artefacts(job) / "made.txt").read_text().strip() == expected


def test_a_whole_pipeline_is_told_of_what_it_reads(api: Working) -> None:
    dataset = api.dataset("sales")
    first = api.start_import(dataset, "first")
    api.settled(first)
    group = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=[dataset])["DatasetGroupArn"]
    predictor = api.auto_predictor(group)
    wait_until("the predictor is trained", lambda: api.status(predictor) == "ACTIVE")
    second = api.start_import(dataset, "second", ImportMode="INCREMENTAL")
    api.settled(second)
    forecast = api.forecast(predictor)
    assert api.settled(forecast)["Status"] == "ACTIVE"
    export = {"ForecastExportJobName": "e", "ForecastArn": forecast, "Destination": destination()}
    export_arn = api("CreateForecastExportJob", **export)["ForecastExportJobArn"]
    wait_until("the forecast is exported", lambda: api.status(export_arn) == "ACTIVE")

    def inputs(arn: str) -> dict[str, Any]:
        return dict(json.loads((api.artefacts(arn) / "job.json").read_text())["inputs"])

    assert inputs(second)["previous"] == str(api.artefacts(first))
    data = inputs(predictor)["data"]
    assert data["group"]["DatasetGroupName"] == "g"
    assert data["target"]["dataset"]["DatasetName"] == "sales"
    assert data["target"]["folder"] == str(api.artefacts(first))
    assert (data["related"], data["metadata"]) == (None, None)
    given = inputs(forecast)
    assert given["data"]["target"]["folder"] == str(api.artefacts(second))
    assert given["predictor"]["folder"] == str(api.artefacts(predictor))
    assert given["predictor"]["body"]["ForecastHorizon"] == 14
    assert inputs(export_arn)["source"]["body"]["ForecastName"] == "next"
    assert api("DescribeAutoPredictor", PredictorArn=predictor)["DatasetImportJobArns"] == [first]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contract", "sales.csv, line 3, column demand: 'x'; expected a number; correct the file"),
        ("failed", "as asked"),
        ("memory", "The job needs more memory than this machine has"),
        ("bug", "An internal error occurred: KeyError: 'demand'"),
    ],
)
def test_a_fault_fails_the_job_at_once_and_says_why(api: Working, name: str, message: str) -> None:
    job = api.start_import(api.dataset("sales"), name)
    found = api.settled(job)
    assert (found["Status"], found["Message"]) == ("CREATE_FAILED", message)
    assert api.begun() == [name]
    assert not api.artefacts(job).exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("exits", "The worker process ended with status 3 and left no result"),
        ("killed", "The worker process was ended by SIGKILL"),
        ("garbles", "The worker left a result that cannot be read"),
        ("source", "s3://bucket/sales.csv: timed out"),
    ],
)
def test_what_may_pass_is_tried_three_times(api: Working, name: str, message: str) -> None:
    job = api.start_import(api.dataset("sales"), name)
    # The second attempt follows at once, the third after a second.
    wait_until("two attempts fail", lambda: len(api.begun()) == 2 and api.status(job) == "CREATE_PENDING")
    waiting = api("DescribeDatasetImportJob", DatasetImportJobArn=job)
    assert waiting["LastModificationTime"] == waiting["CreationTime"]
    api.clock.now += 1
    api.service._manager.wake()
    found = api.settled(job)
    assert (found["Status"], found["Message"]) == ("CREATE_FAILED", f"{message}. It was tried 3 times")
    assert api.begun() == [name] * ATTEMPTS


def test_a_system_without_openmp_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(bodies.importlib, "import_module", load)
    given = files.Job("predictor", "arn", "best", 0.0, {}, {}, tmp_path)
    with pytest.raises(ConfigError, match=r"LightGBM cannot be loaded: libgomp.*run `apt-get install libgomp1`"):
        bodies.BODIES["predictor"](given)


def test_a_job_that_crashed_once_succeeds(api: Working) -> None:
    job = api.start_import(api.dataset("sales"), "once")
    assert api.settled(job)["Status"] == "ACTIVE"
    assert api.begun() == ["once", "once"]


def test_the_states_are_those_of_aws_on_the_way(api: Working) -> None:
    job = api.start_import(api.dataset("sales"), "waits")
    wait_until("it is at work", lambda: api.status(job) == "CREATE_IN_PROGRESS")
    api.clock.now += 90
    folder = api.artefacts(job)
    wait_until("it reports", lambda: (files.read(folder / "progress.json") or {}).get("share") == 0.5)
    found = api("DescribeDatasetImportJob", DatasetImportJobArn=job)
    assert found["EstimatedTimeRemainingInMinutes"] == remaining_minutes(90, 0.5, 0) == 2
    assert found["LastModificationTime"].timestamp() == api.clock.now
    api.go()
    done = api.settled(job)
    assert "EstimatedTimeRemainingInMinutes" not in done
    api.clock.now += 90
    assert api("DescribeDatasetImportJob", DatasetImportJobArn=job) == done


def test_no_more_jobs_are_at_work_than_there_are_cores(api: Working) -> None:
    cores = api.service._manager._jobs._slots
    jobs = [api.start_import(api.dataset(f"d{number}"), f"waits_{number}") for number in range(cores + 2)]
    wait_until("the cores are busy", lambda: len(api.begun()) == cores)
    assert [api.status(job) for job in jobs] == ["CREATE_IN_PROGRESS"] * cores + ["CREATE_PENDING"] * 2
    api.go()
    assert {api.settled(job)["Status"] for job in jobs} == {"ACTIVE"}
    assert sorted(api.begun()) == sorted(f"waits_{number}" for number in range(cores + 2))


def test_a_job_at_work_is_stopped(api: Working) -> None:
    job = api.start_import(api.dataset("sales"), "waits")
    wait_until("it is at work", api.begun)
    api("StopResource", ResourceArn=job)
    wait_until("it is stopped", lambda: api.status(job) == "CREATE_STOPPED")
    assert not api.artefacts(job).exists()
    api("DeleteDatasetImportJob", DatasetImportJobArn=job)
    wait_until("it is gone", lambda: api.status(job) == "gone")


def test_a_job_that_waits_is_stopped_and_never_begins(tmp_path: Path) -> None:
    open_gate = threading.Event()
    api = Working(tmp_path, ready=open_gate.is_set)
    job, other = (api.start_import(api.dataset(name), name) for name in ("one", "two"))
    api("StopResource", ResourceArn=job)
    wait_until("it is stopped", lambda: api.status(job) == "CREATE_STOPPED")
    assert api.status(other) == "CREATE_PENDING"
    open_gate.set()
    api.settled(other)
    assert api.begun() == ["two"]
    api.service.stop()


def test_deleting_removes_the_artefacts_and_tells_of_it(api: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[bool] = []
    monkeypatch.setattr("forecasting.service.query.forget", lambda: forgotten.append(True))
    job = api.start_import(api.dataset("sales"), "first")
    api.settled(job)
    folder = api.artefacts(job)
    api("DeleteDatasetImportJob", DatasetImportJobArn=job)
    wait_until("it is gone", lambda: api.status(job) == "gone")
    wait_until("its folder is gone", lambda: not list(folder.parent.iterdir()))
    assert forgotten
    with pytest.raises(RefusedError, match="ResourceNotFoundException"):
        api("DescribeDatasetImportJob", DatasetImportJobArn=job)
    deletion = ("Forecast Dataset Import Job Deletion State Change", "DELETE_IN_PROGRESS")
    wait_until("it is told", lambda: deletion in api.told())
    assert "Duration" not in api.events[-1]["Detail"]


def test_a_tree_goes_from_its_leaves(api: Working) -> None:
    group = api.group()
    predictor = api.end(api.auto_predictor(group))
    forecast = api.end(api.forecast(predictor))
    api("DeleteResourceTree", ResourceArn=group)
    wait_until("the group is gone", lambda: api.status(group) == "gone")
    assert (api.status(predictor), api.status(forecast)) == ("gone", "gone")
    wait_until("it is told", lambda: len([name for name, _ in api.told() if "Deletion" in name]) == 2)
    assert [event["Detail"]["Arn"] for event in api.events if "Deletion" in event["DetailType"]] == [
        forecast,
        predictor,
    ]


def test_artefacts_that_cannot_be_removed_fail_the_deletion(api: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    job = api.start_import(api.dataset("sales"), "first")
    api.settled(job)

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        api("DeleteDatasetImportJob", DatasetImportJobArn=job)
        wait_until("it failed", lambda: api.status(job) == "DELETE_FAILED")
    assert "Permission denied" in api("DescribeDatasetImportJob", DatasetImportJobArn=job)["Message"]
    api("DeleteDatasetImportJob", DatasetImportJobArn=job)
    wait_until("it is gone", lambda: api.status(job) == "gone")


def test_a_group_is_updated_in_steps(api: Working) -> None:
    made = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL")["DatasetGroupArn"]
    api("UpdateDatasetGroup", DatasetGroupArn=made, DatasetArns=[api.dataset("sales")])
    wait_until("it is updated", lambda: api.status(made) == "ACTIVE")


# --- what is told


def test_events_and_metrics_of_a_job_are_those_of_aws(api: Working) -> None:
    dataset = api.dataset("sales")
    job = api.start_import(dataset, "waits")
    wait_until("it is at work", lambda: api.status(job) == "CREATE_IN_PROGRESS")
    api.clock.now += 61
    api.go()
    api.settled(job)
    name = "Forecast Dataset Import Job State Change"
    wait_until("it is told", lambda: api.told() == [(name, "CREATE_IN_PROGRESS"), (name, "ACTIVE")])
    event = api.events[-1]
    assert (event["Source"], event["Resources"]) == ("aws.forecast", [job])
    assert event["Detail"] == {"Arn": job, "Status": "ACTIVE", "Duration": 2}
    wait_until("it is measured", lambda: len(api.metrics) == 2)
    whole, one = api.metrics
    assert (whole["MetricName"], whole["Value"], whole["Unit"], whole["Dimensions"]) == (
        "DatasetSize",
        512.0,
        "Kilobytes",
        [],
    )
    assert one["Dimensions"] == [
        {"Name": "DatasetArn", "Value": dataset},
        {"Name": "DatasetImportJobArn", "Value": job},
    ]


def test_forecasts_are_measured_by_predictor_and_forecast(api: Working) -> None:
    dataset = api.dataset("sales")
    api.settled(api.start_import(dataset, "first"))
    group = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=[dataset])["DatasetGroupArn"]
    predictor = api.auto_predictor(group)
    wait_until("the predictor is trained", lambda: api.status(predictor) == "ACTIVE")
    forecast = api.forecast(predictor)
    api.settled(forecast)
    wait_until("all is measured", lambda: len(api.metrics) == 2 + 1 + 4)
    found = [(one["MetricName"], [part["Name"] for part in one["Dimensions"]]) for one in api.metrics[2:]]
    assert found == [
        ("CreatePredictorExecutionTime", ["PredictorArn"]),
        ("TimeSeriesForecastsGenerated", []),
        ("TimeSeriesForecastsGenerated", ["PredictorArn"]),
        ("TimeSeriesForecastsGenerated", ["PredictorArn", "ForecastArn"]),
        ("CreateForecastExecutionTime", ["ForecastArn"]),
    ]
    assert {event["DetailType"] for event in api.events} == {
        "Forecast Dataset Import Job State Change",
        "Forecast Predictor Creation State Change",
        "Forecast Forecast Creation State Change",
    }


def test_a_failure_is_told_with_its_message(api: Working) -> None:
    api.settled(api.start_import(api.dataset("sales"), "failed"))
    wait_until("it is told", lambda: len(api.events) == 2)
    assert (api.events[1]["Detail"]["Status"], api.events[1]["Detail"]["Message"]) == ("CREATE_FAILED", "as asked")
    assert api.metrics == []


def test_whoever_cannot_be_told_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no such host")

    api = Working(tmp_path, put_events=refuse)
    with caplog.at_level("WARNING", "saleslake"):
        job = api.start_import(api.dataset("sales"), "first")
        assert api.settled(job)["Status"] == "ACTIVE"
        wait_until("it is logged", lambda: caplog.messages.count("event not sent") == 2)
    wait_until("it is measured all the same", lambda: len(api.metrics) == 2)
    api.service.stop()


# --- restarts


def test_an_orderly_stop_costs_no_attempt(tmp_path: Path) -> None:
    api = Working(tmp_path)
    job = api.start_import(api.dataset("sales"), "waits")
    for times in range(1, 5):
        wait_until("it is at work", lambda count=times, at=api: len(at.begun()) == count)
        begin = time.monotonic()
        api.service.stop()
        assert time.monotonic() - begin < 2
        api = Working(tmp_path)
    api.go()
    assert api.settled(job)["Status"] == "ACTIVE"
    found = api.store.at(job)
    assert found is not None
    assert found.attempts == 1
    api.service.stop()


def test_a_result_that_nobody_took_is_taken(tmp_path: Path) -> None:
    api = Api(tmp_path, MANY)
    job = api.start_import(api.dataset("sales"), "first")
    api.end(job, "CREATE_IN_PROGRESS")
    found = api.store.at(job)
    assert found is not None
    folder = tmp_path / "artefacts" / found.id
    folder.mkdir()
    files.finish(folder, files.Result(body={"DataSize": 0.125}))
    api.service.stop()
    again = Working(tmp_path)
    assert again.settled(job)["DataSize"] == 0.125
    assert again.begun() == []
    again.service.stop()


@pytest.mark.parametrize(("attempts", "status"), [(1, "ACTIVE"), (ATTEMPTS, "CREATE_FAILED")])
def test_a_job_that_lost_its_service_runs_again_or_fails(tmp_path: Path, attempts: int, status: str) -> None:
    api = Api(tmp_path, MANY)
    job = api.start_import(api.dataset("sales"), "first")
    api.end(job, "CREATE_IN_PROGRESS")
    found = api.store.at(job)
    assert found is not None
    api.store.change(found.number, attempts=attempts)
    stopped, deleted = api.start_import(api.dataset("a"), "a"), api.start_import(api.dataset("b"), "b")
    api.end(stopped, "CREATE_STOPPING")
    api.end(deleted, "DELETE_IN_PROGRESS")
    (tmp_path / "artefacts" / "nobody").mkdir()
    (tmp_path / "artefacts" / ".DS_Store").touch()
    api.service.stop()
    again = Working(tmp_path)
    done = again.settled(job)
    assert done["Status"] == status
    if status == "CREATE_FAILED":
        assert done["Message"] == "The service ended while the job was at work. It was tried 3 times"
    wait_until("the deletion is finished", lambda: again.status(deleted) == "gone")
    assert again.status(stopped) == "CREATE_STOPPED"
    assert not (tmp_path / "artefacts" / "nobody").exists()
    again.service.stop()


def test_nothing_starts_while_a_worker_of_before_lives(tmp_path: Path) -> None:
    api = Api(tmp_path, MANY)
    job = api.start_import(api.dataset("sales"), "first")
    api.service.stop()
    with (tmp_path / "workers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        again = Working(tmp_path)
        again("ListDatasets")
        assert again.status(job) == "CREATE_PENDING"
    assert again.settled(job)["Status"] == "ACTIVE"
    again.service.stop()


def test_a_disk_that_was_full_loses_no_result(api: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, refused = api.service._manager._jobs, threading.Event()
    ended = jobs.ended

    def full_once(number: int, how: str) -> None:
        if not refused.is_set():
            refused.set()
            raise OSError(28, "No space left on device")
        ended(number, how)

    monkeypatch.setattr(jobs, "ended", full_once)
    job = api.start_import(api.dataset("sales"), "first")
    assert api.settled(job)["Status"] == "ACTIVE"
    assert refused.is_set()
    assert api.begun() == ["first"]


# --- the worker itself


def test_a_worker_ends_with_its_standard_input(tmp_path: Path) -> None:
    folder = tmp_path / "artefacts" / "one"
    folder.mkdir(parents=True)
    given = {"kind": "forecast", "arn": "a", "name": "waits", "created_at": 0.0, "request": {}, "inputs": {}}
    files.write(folder / files.JOB, given)
    with subprocess.Popen(
        [*WORKER, str(folder)], stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ) as worker:
        wait_until("it is at work", (tmp_path / "begun.txt").exists)
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(10) == 1
    assert not (folder / files.RESULT).exists()


def test_a_worker_that_cannot_start_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    api = Working(tmp_path, worker=("/nowhere/python",))
    job = api.start_import(api.dataset("sales"), "first")

    def settled() -> bool:
        api.clock.now += 10
        api.service._manager.wake()
        return api.status(job) == "CREATE_FAILED"

    wait_until("it fails", settled)
    message = api("DescribeDatasetImportJob", DatasetImportJobArn=job)["Message"]
    assert message.startswith("The job could not be started: ")
    api.service.stop()


def test_a_clock_that_was_set_back_keeps_no_job_waiting(tmp_path: Path) -> None:
    api = Api(tmp_path, MANY)
    job = api.start_import(api.dataset("sales"), "first")
    found = api.store.at(job)
    assert found is not None
    api.store.change(found.number, due_at=api.clock.now + 3600)
    api.service.stop()
    again = Working(tmp_path)
    assert again.settled(job)["Status"] == "ACTIVE"
    again.service.stop()


def test_a_job_whose_inputs_are_gone_fails(tmp_path: Path) -> None:
    api = Api(tmp_path, MANY)
    job = api.start_import(api.dataset("sales"), "first")
    found = api.store.at(job)
    assert found is not None
    api.store.change(found.number, attempts=ATTEMPTS - 1, inputs={"dataset": f"{job}x"})
    api.service.stop()
    again = Working(tmp_path)
    done = again.settled(job)
    assert (done["Status"], "No resource found" in done["Message"]) == ("CREATE_FAILED", True)
    again.service.stop()


def test_a_lock_is_held_for_as_long_as_a_worker_lives(tmp_path: Path) -> None:
    ends: list[tuple[int, int]] = []
    sleeper = Workers(("/bin/sh", "-c", "read x"), tmp_path / "lock", lambda *end: ends.append(end))
    assert sleeper.open()
    sleeper.start(1, tmp_path, {})
    os.close(sleeper._lock)  # as when the service is killed: its own hold is gone, the worker's is not
    sleeper._lock = -1
    other = Workers((), tmp_path / "lock", lambda *_: None)
    assert not other.open()
    sleeper.kill(1)
    wait_until("the worker is gone", lambda: ends)
    assert ends == [(1, -signal.SIGKILL)]
    assert other.open()
    other.close()


def test_reports_are_cheap_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = files.Job("forecast", "a", "n", 0.0, {}, {}, tmp_path)
    times = iter([10.0, 10.1, 10.3])
    monkeypatch.setattr(files.time, "monotonic", lambda: next(times))
    seen = []
    for share in (-1.0, 0.5, 7.0):
        job.report(share)
        seen.append((files.read(tmp_path / files.PROGRESS) or {})["share"])
    assert seen == [0.0, 0.0, 1.0]
    assert [path.name for path in tmp_path.iterdir()] == [files.PROGRESS]


def test_no_time_remains_that_is_negative() -> None:
    assert remaining_minutes(-100, 0.5, 60) == remaining_minutes(100, 0, 60) == 0
    assert remaining_minutes(61, 0.5, 0) == 2


def test_an_end_is_told_in_words() -> None:
    assert ending(-signal.SIGSEGV) == "The worker process was ended by SIGSEGV"
    assert ending(-99) == "The worker process was ended by signal 99"
