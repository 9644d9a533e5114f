"""The forecast command: what is said while it waits, what is shown at 80 columns, how it ends."""
# ruff: noqa: N803  (as boto3 names them)

import argparse
import dataclasses
import doctest
import io
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from forecasting.definitions import reading
from forecasting.definitions.definition import Predictor
from infra.aws import executions, machine
from infra.aws.athena import Answer
from infra.aws.executions import Ended
from infra.commands import catalog, data, forecast, forecasts, phases, stack, terminal
from infra.commands.forecasts import Outcome
from infra.commands.phases import NOT_LOADED, PHASES, Phases
from infra.local import gateway, status
from infra.local.daemon import Daemon
from lakehouse.errors import SourceError
from lakehouse.progress import Progress
from lakehouse.settings import Settings
from tests.unit.memory_s3 import MemoryS3
from tests.unit.test_forecast_report import shown

pytestmark = pytest.mark.unit

KNOWN = reading.load()
REVENUE = KNOWN["revenue_by_country"]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to a terminal of 80 columns."""
    text = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=text, width=80, highlight=False, soft_wrap=True))
    monkeypatch.setattr(terminal, "err", Console(file=text, width=80, highlight=False, soft_wrap=True))
    return text


def test_every_figure_is_whole_at_80_columns_even_beside_the_longest_name(screen: io.StringIO) -> None:
    found = dataclasses.replace(
        shown("a"), name="n" * 40, predictor="AutoPredictor", wape=12.345, naive=23.456, seconds=12345.6,
        metrics={"AverageWeightedQuantileLoss": 11.111, "MASE": 10.125},
    )  # fmt: skip
    forecast.show([found, dataclasses.replace(shown("b"), is_new=False, run_id="abc")])
    text = screen.getvalue()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    for words in ("AutoPredictor", "12.345", "23.456", "47.4 %", "11.111", "10.125", "12345.6", "seasonal", "naive"):
        assert words in text
    table = lines[: next(at for at, line in enumerate(lines) if line.startswith("tea"))]
    assert sum(line.count("n" * 2) for line in table) > 1
    assert "tea: nothing new since run abc" in lines
    assert "tea: units_sold of b (largest of 1)" in lines


def test_how_it_ends_is_an_exit_code_and_a_line(screen: io.StringIO) -> None:
    assert forecast.tell(Outcome()) == 0
    assert forecast.tell(Outcome(faults={"tea": "row 7 is wrong"})) == 1
    assert forecast.tell(Outcome(left=["tea", "cake"], faults={"jam": "x"})) == 130
    lines = screen.getvalue().splitlines()
    assert lines[0] == "error: tea: row 7 is wrong"
    assert lines[-1].startswith("tea, cake: goes on; `make status` shows how far it is")


# --- while it waits


def test_the_phases_are_those_of_the_machine() -> None:
    assert set(PHASES) | set(phases.LOADING) <= set(machine.machine()["States"])
    assert doctest.testmod(phases) == (2, 0) or doctest.testmod(phases).failed == 0


def test_a_phase_is_said_once_however_often_its_states_come() -> None:
    said: list[str] = []
    told = Phases(said.append, lambda: False)
    for state in (
        "Plan",
        "Is it planned",
        "Import",
        "Train",
        "Is it loaded",
        "Has it been loaded",
        "Wait for the driver",
    ):
        assert [told("tea", state, 1.0), told("tea", state, 2.0)] == ["", ""]
    assert [line.partition("tea: ")[2] for line in said] == [
        PHASES[state] for state in ("Plan", "Import", "Train", "Is it loaded")
    ]  # fmt: skip
    told("cake", "Approve", 3.0)
    assert said[-1].endswith("cake: wait for approval: python -m infra forecast-approve cake")


def test_without_a_driver_nobody_waits_for_it() -> None:
    told = Phases(lambda _: None, lambda: True)
    assert told("tea", "Train", 1.0) == ""
    assert told("tea", "Wait for the driver", 1.0) == NOT_LOADED


class States:
    """Step Functions with executions that go through given states and then end."""

    def __init__(self, ends: Mapping[str, Sequence[str]], last: Mapping[str, Any]) -> None:
        self._ends = {name: list(states) for name, states in ends.items()}
        self._last = last

    def start_execution(self, *, name: str, **_: Any) -> dict[str, str]:
        return {"executionArn": name.partition("-")[0]}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        return {"status": "RUNNING"} if self._ends[executionArn] else dict(self._last[executionArn])

    def get_execution_history(self, *, executionArn: str, **_: Any) -> dict[str, Any]:
        state = self._ends[executionArn].pop(0) if self._ends[executionArn] else ""
        return {"events": [{"stateEnteredEventDetails": {"name": state}}]}


def followed(
    monkeypatch: pytest.MonkeyPatch, ends: Mapping[str, Sequence[str]], last: Mapping[str, Any], report: Any, stop: Any
) -> list[Ended]:
    monkeypatch.setattr(executions.boto3, "client", lambda *_, **__: States(ends, last))
    monkeypatch.setattr(executions.time, "sleep", lambda _: None)
    return executions.run(Settings(), "arn", [{"DataName": name} for name in ends], report, stop)


def test_executions_end_each_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    last = {
        "a": {"status": "SUCCEEDED", "output": '{"plan": 1}'},
        "b": {"status": "FAILED", "cause": '{"errorMessage": "no such\\n table"}'},
        "c": {"status": "RUNNING"},
    }
    ends = {"a": ["Plan", "Train"], "b": ["Plan"], "c": ["Plan", "Wait for the driver"]}
    states: list[tuple[str, str]] = []

    def report(name: str, state: str, _: float) -> str:
        states.append((name, state))
        return "no driver" if state == "Wait for the driver" else ""

    found = {one.name: one for one in followed(monkeypatch, ends, last, report, lambda: False)}
    assert found["a"].output == {"plan": 1}
    assert (found["b"].fault, found["c"].fault) == ("no such table", "no driver")
    assert states.count(("a", "Train")) == 1


def test_a_person_who_waits_no_longer_leaves_only_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    last = {"a": {"status": "SUCCEEDED", "output": "{}"}, "b": {"status": "RUNNING"}}
    wishes = iter([False, False, True, True])
    found = followed(monkeypatch, {"a": [], "b": []}, last, lambda *_: "", lambda: next(wishes, True))
    assert [(one.name, one.is_left) for one in found] == [("a", False), ("b", True)]


def test_ctrl_c_is_a_wish_to_wait_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_s: Any, _m: Any, orders: Sequence[Mapping[str, Any]], _r: Any, stop: Callable[[], bool]) -> list[Ended]:
        signal.raise_signal(signal.SIGINT)
        assert stop()
        return [Ended(str(order["DataName"]), 1.0, is_left=True) for order in orders]

    monkeypatch.setattr(catalog, "refresh", lambda _: None)
    monkeypatch.setattr(forecasts, "deploy", lambda _: argparse.Namespace(machine="arn"))
    monkeypatch.setattr(executions, "run", run)
    assert forecasts.make(Settings(), KNOWN).left == list(KNOWN)


def test_a_replay_that_is_stopped_ends_it_with_130(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO) -> None:
    monkeypatch.setattr(gateway, "unready", lambda _: "down")
    monkeypatch.setattr(stack, "up", lambda *_: 0)
    monkeypatch.setattr(status, "progress", lambda _: None)
    monkeypatch.setattr(data, "send_and_wait", lambda *_: None)
    given = argparse.Namespace(names=[], horizon=None, env="")
    assert forecast.forecast(Settings(), given) == 130
    assert screen.getvalue().splitlines()[-1] == "stopped; run the same command again to go on"
    monkeypatch.setattr(status, "progress", lambda _: Progress(batch_id=1))
    assert forecast._ensure_stack(Settings())


# --- the driver


@pytest.fixture
def lease(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], MemoryS3]]:
    """What the supervisor knows, and the bucket."""
    states: dict[str, Any] = {}
    s3 = MemoryS3()
    monkeypatch.setattr(Daemon, "states", lambda _: states)
    monkeypatch.setattr(status.boto3, "client", lambda *_, **__: s3)
    monkeypatch.setattr(status.time, "time", lambda: 1000.0)
    yield states, s3


def test_a_driver_is_gone_if_neither_this_machine_nor_another_has_one(
    lease: tuple[dict[str, Any], MemoryS3], monkeypatch: pytest.MonkeyPatch
) -> None:
    states, s3 = lease

    def get(*, Bucket: str, Key: str) -> dict[str, Any]:
        body = s3.objects.get(Key)
        if body is None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(body)}

    monkeypatch.setattr(s3, "get_object", get)
    assert status.is_driver_gone(Settings())
    for state in ("RUNNING", "STARTING", "BACKOFF"):
        states["spark"] = {"statename": state}
        assert not status.is_driver_gone(Settings())
    for state in ("STOPPED", "FATAL", "EXITED"):
        states["spark"] = {"statename": state}
        assert status.is_driver_gone(Settings())
    s3.objects["ops/lease.json"] = json.dumps({"until": 1001.0}).encode()
    assert not status.is_driver_gone(Settings())
    s3.objects["ops/lease.json"] = json.dumps({"until": 0.0}).encode()
    assert status.is_driver_gone(Settings())
    assert not status.is_driver_gone(Settings(aws_endpoint_url=""))


# --- too short a history


class Asked:
    """An Athena that knows the first and the last day of whatever is asked for."""

    span: tuple[str | None, str | None] = (None, None)

    def __init__(self, _: Settings) -> None:
        pass

    def ask(self, _: str) -> Answer:
        return Answer(("a", "b"), ("varchar", "varchar"), iter([self.span]))


def test_what_no_history_suffices_for_is_said_in_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "Athena", Asked)
    found = forecasts.shortages(Settings(), KNOWN.values())
    assert found == {
        "revenue_by_country": "gold.daily_sales has no country yet",
        "units_of_top_products": "gold.daily_product_sales has no product_id with rows on 60 days yet",
    }
    last = datetime(2024, 1, 1) + timedelta(days=54)
    monkeypatch.setattr(Asked, "span", ("2024-01-01", f"{last:%Y-%m-%d}"))
    needs = "a horizon of 14 needs a history of 56 periods, gold.daily_sales has 55"  # four times the horizon: auto
    auto = dataclasses.replace(REVENUE, predictors=(Predictor("auto"),))
    assert forecasts.shortages(Settings(), [auto]) == {"revenue_by_country": needs}
    monkeypatch.setattr(Asked, "span", ("2024-01-01", f"{last + timedelta(days=1):%Y-%m-%d}"))
    assert forecasts.shortages(Settings(), [auto]) == {}
    weekly = dataclasses.replace(REVENUE, frequency="W", horizon=3, predictors=(Predictor("NPTS"),))
    assert forecasts.shortages(Settings(), [weekly, dataclasses.replace(weekly, name="other", horizon=2)]) == {
        "revenue_by_country": "a horizon of 3 needs a history of 9 periods, gold.daily_sales has 8"
    }


def test_one_that_cannot_be_shown_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def show(_: Settings, definition: Any, __: Ended) -> Any:
        if definition.name == "revenue_by_country":
            raise SourceError("Athena: gone")
        return shown("a")

    monkeypatch.setattr(catalog, "refresh", lambda _: None)
    monkeypatch.setattr(forecasts, "deploy", lambda _: argparse.Namespace(machine="arn"))
    monkeypatch.setattr(executions, "run", lambda *_: [Ended(name, 1.0, {"plan": {}}) for name in KNOWN])
    monkeypatch.setattr(forecasts, "_shown", show)
    outcome = forecasts.make(Settings(), KNOWN)
    assert len(outcome.made) == 1
    assert outcome.faults == {"revenue_by_country": "it is made, but cannot be shown: Athena: gone"}
