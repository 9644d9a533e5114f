"""From gold to forecasts and back: the two that come with it, over a year of UCI's sales, on a stack of its own.

Seconds are from starting both executions at once to the end of the later one, when the driver has loaded both into
gold; CPU seconds and memory are those of all processes of the stack. Naive is the seasonal naive forecast of the same
days. From six origins, a forecast is made anew by what was known then: nothing in it has seen the days it is held
against.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Any

import boto3
import psutil

from benchmarks import origins
from benchmarks.figure import Figure
from benchmarks.live import live
from benchmarks.options import Options
from benchmarks.workbench import Took
from forecasting.definitions import reading
from forecasting.definitions.definition import Definition
from infra.aws import deployment, executions, results
from infra.aws.athena import Athena
from infra.aws.executions import Ended
from infra.commands import catalog
from infra.local import machine
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

ASKED_SECONDS, ASKED_AGAIN_SECONDS = 60.0, 10.0
ORIGINS = 6
LOAD_SECONDS = 300
SAMPLE_SECONDS = 0.5
_LISTS = (
    "datasets", "dataset_groups", "dataset_import_jobs", "predictors", "predictor_backtest_export_jobs", "forecasts",
    "forecast_export_jobs",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What the executions came to and what they took."""

    ended: list[Ended]
    took: Took


def run(options: Options) -> Iterator[Figure]:
    """Measure: both forecasts, the same again, how good they are."""
    definitions = reading.load()
    with live() as stack:
        stack.replay("realistic")
        settings = stack.settings
        catalog.tables(settings)
        deployed = deployment.deploy(settings, definitions, deployment.Options(load_seconds=LOAD_SECONDS))
        first = _measured(settings, deployed.machine, definitions)
        note = "from starting both at once until gold has them"
        yield _figure(
            "both forecasts, gold to gold", "s", first.took.seconds, took=first.took, asked=ASKED_SECONDS, note=note
        )
        before = _resources(settings)
        again = _measured(settings, deployed.machine, definitions)
        what = "both again, with nothing new in gold"
        yield _figure(what, "s", again.took.seconds, took=again.took, asked=ASKED_AGAIN_SECONDS)
        made = len(_resources(settings) - before)
        yield _figure("resources that it made", "", made, asked=0, note=f"of {len(before)} there, none twice")
        for one in first.ended:
            yield _reported(settings, definitions[one.name], str(one.output["plan"]["run_id"]))
        for definition in definitions.values():
            yield from _from_origins(settings, definition, options.rounds_or(ORIGINS))


def _measured(settings: Settings, arn: str, definitions: Mapping[str, Definition]) -> Measured:
    """Run all forecasts at once.

    Raises:
        SourceError: One failed.
    """
    orders = [{"DataName": name} for name in definitions]
    before, start = _cpu_seconds(settings), time.monotonic()
    with _greatest_memory(settings) as most:
        ended = executions.run(settings, arn, orders, _quietly)
    for one in ended:
        if one.fault:
            raise SourceError(f"{one.name}: {one.fault}", "a forecast", "see the gateway's log")
    seconds = time.monotonic() - start
    return Measured(ended, Took(seconds, _cpu_seconds(settings) - before, max(most) / 2**20))


def _reported(settings: Settings, definition: Definition, run_id: str) -> Figure:
    """What the run itself says of its newest window."""
    found = results.read(settings, definition, run_id)
    note = f"{found.run.predictor}; the median, on windows that chose nothing"
    what = f"{definition.name}: WAPE of the backtest that the run tells of"
    return _figure(what, "", found.wape, naive=found.naive, asked=found.naive, note=note)


def _from_origins(settings: Settings, definition: Definition, count: int) -> Iterator[Figure]:
    athena = Athena(settings)

    def ask(query: str) -> Any:
        return athena.ask(query).rows

    (((last,),)) = ask("SELECT max(sales_date) FROM gold.daily_sales")
    end = date.fromisoformat(last) + timedelta(days=1)
    horizon = timedelta(days=definition.horizon)
    held = [origins.held_out(definition, end - horizon * number, ask) for number in range(1, count + 1)]
    name = definition.name
    of_last = f"the last {definition.horizon} days held out"
    yield _figure(f"{name}: WAPE, {of_last}", "", held[0].wape, naive=held[0].naive, asked=held[0].naive)
    yield _figure(f"{name}: average wQL, {of_last}", "", held[0].wql, naive=held[0].naive_wql)
    note = "WAPE by origin, the newest first: " + ", ".join(f"{one.wape:.3f} ({one.naive:.3f})" for one in held)
    wape, naive = fmean(one.wape for one in held), fmean(one.naive for one in held)
    yield _figure(f"{name}: WAPE, the mean of {count} origins", "", wape, naive=naive, rounds=count, note=note)
    wql, naive = fmean(one.wql for one in held), fmean(one.naive_wql for one in held)
    yield _figure(f"{name}: average wQL, the mean of {count} origins", "", wql, naive=naive, rounds=count)


def _figure(what: str, unit: str, ours: float, *, took: Took | None = None, **more: Any) -> Figure:
    if took is not None:
        more |= {"cpu_seconds": took.cpu_seconds, "memory_mib": took.memory_mib}
    return Figure("forecast_pipeline", what, unit, ours, **more)


def _resources(settings: Settings) -> set[str]:
    """The ARN of everything that Amazon Forecast has."""
    client = boto3.client("forecast", **settings.client_arguments)
    found: set[str] = set()
    for name in _LISTS:
        for page in client.get_paginator(f"list_{name}").paginate():
            members = next(value for value in page.values() if isinstance(value, list))
            found |= {value for one in members for key, value in one.items() if key in _ARNS}
    return found


_ARNS = frozenset("".join(word.capitalize() for word in name[:-1].split("_")) + "Arn" for name in _LISTS)


def _cpu_seconds(settings: Settings) -> float:
    """Of all processes of the stack and of those that they have had."""
    total = 0.0
    for process in machine.marked(settings.data_path):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


@contextlib.contextmanager
def _greatest_memory(settings: Settings) -> Iterator[list[int]]:
    """Resident bytes of all processes of the stack, twice a second, within the block."""
    found, over = [machine.resident_bytes(machine.marked(settings.data_path))], threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            found.append(machine.resident_bytes(machine.marked(settings.data_path)))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _quietly(*_: Any) -> Any:
    """Nobody watches."""
    return ""
