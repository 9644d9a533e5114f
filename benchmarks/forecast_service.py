"""The Amazon Forecast API as a program meets it: boto3 against the running gateway, jobs in their own processes.

A gateway of its own, and nothing else of the stack. Seconds are from the request to ACTIVE, asked for ten times a
second; CPU seconds and memory are those of the gateway and its workers.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from statistics import quantiles
from typing import Any

import boto3
import psutil

from benchmarks import panels
from benchmarks.alone import gateway_alone
from benchmarks.figure import Figure
from benchmarks.options import Options
from infra.local import gateway, machine, status
from lakehouse.errors import SourceError
from lakehouse.settings import Settings

ROLE = "arn:aws:iam::000000000000:role/forecast"
HORIZON = 14
ITEMS, PERIODS = 1_000, 1_000
QUERIES = 2_000
POLL_SECONDS = 0.1
ASKED_IMPORT_SECONDS, ASKED_MILLISECONDS = 6.0, 20.0
NPTS = "arn:aws:forecast:::algorithm/NPTS"
ATTRIBUTES = [
    {"AttributeName": name, "AttributeType": kind}
    for name, kind in (("item_id", "string"), ("timestamp", "timestamp"), ("target_value", "float"))
]


@dataclass(frozen=True)
class Took:
    """Seconds from a request to ACTIVE, CPU seconds of it and greatest memory [MiB]."""

    seconds: float
    cpu_seconds: float
    memory_mib: float


class Program:
    """A program that uses Amazon Forecast.

    Args:
        settings: Of the stack.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.s3, self.forecast, self.query = (
            boto3.client(name, **settings.client_arguments) for name in ("s3", "forecast", "forecastquery")
        )
        pid = next(one.pid for one in status.health(settings) if one.name == gateway.NAME)
        self._gateway = psutil.Process(pid)

    def put(self, key: str, text: str) -> dict[str, Any]:
        """Store a file; returns its DataSource."""
        self.s3.put_object(Bucket=self.settings.bucket, Key=key, Body=text.encode())
        return {"S3Config": {"Path": f"s3://{self.settings.bucket}/{key}", "RoleArn": ROLE}}

    def dataset(self, name: str) -> str:
        """An empty data set of daily targets."""
        made = self.forecast.create_dataset(
            DatasetName=name,
            Domain="CUSTOM",
            DatasetType="TARGET_TIME_SERIES",
            DataFrequency="D",
            Schema={"Attributes": ATTRIBUTES},
        )
        return str(made["DatasetArn"])

    def take(self, name: str, dataset: str, source: dict[str, Any]) -> Took:
        """Import a file."""
        return self._until_active(
            self.forecast.describe_dataset_import_job,
            "DatasetImportJobArn",
            lambda: self.forecast.create_dataset_import_job(
                DatasetImportJobName=name,
                DatasetArn=dataset,
                DataSource=source,
                TimestampFormat="yyyy-MM-dd HH:mm:ss",
            ),
        )[1]

    def predictor(self, group: str, algorithm: str | None) -> tuple[str, Took]:
        """Train with one algorithm, or with all that there are."""
        common: dict[str, Any] = {"PredictorName": "auto" if algorithm is None else "npts", "ForecastHorizon": HORIZON}
        if algorithm is None:
            return self._until_active(
                self.forecast.describe_auto_predictor,
                "PredictorArn",
                lambda: self.forecast.create_auto_predictor(
                    **common, ForecastFrequency="D", DataConfig={"DatasetGroupArn": group}
                ),
            )
        return self._until_active(
            self.forecast.describe_predictor,
            "PredictorArn",
            lambda: self.forecast.create_predictor(
                **common,
                AlgorithmArn=algorithm,
                EvaluationParameters={"NumberOfBacktestWindows": 2},
                InputDataConfig={"DatasetGroupArn": group},
                FeaturizationConfig={"ForecastFrequency": "D"},
            ),
        )

    def forecasts(self, name: str, predictor: str) -> tuple[str, Took]:
        """Forecast all series."""
        return self._until_active(
            self.forecast.describe_forecast,
            "ForecastArn",
            lambda: self.forecast.create_forecast(ForecastName=name, PredictorArn=predictor),
        )

    def _until_active(self, describe: Callable[..., Any], arn: str, create: Callable[[], Any]) -> tuple[str, Took]:
        before, most, start = self._cpu_seconds(), 0.0, time.monotonic()
        made = str(create()[arn])
        while (found := describe(**{arn: made}))["Status"].startswith("CREATE_"):
            if found["Status"] == "CREATE_FAILED":
                raise SourceError(f"{made} failed: {found.get('Message')}", "ACTIVE")
            most = max(most, self._memory_mib())
            time.sleep(POLL_SECONDS)
        return made, Took(time.monotonic() - start, self._cpu_seconds() - before, most)

    def _cpu_seconds(self) -> float:
        """Of the gateway and of its workers that have ended."""
        times = self._gateway.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    def _memory_mib(self) -> float:
        return machine.resident_bytes([self._gateway, *self._gateway.children()]) / 2**20


def run(_: Options) -> Iterator[Figure]:
    """Measure: an import, a predictor of each kind with its forecast, queries."""
    with _program() as program:
        big = program.dataset("big")
        source = program.put("in/big.csv", _rows(ITEMS, PERIODS))
        took = program.take("big", big, source)
        yield _figure(f"import of {ITEMS * PERIODS:,} rows of CSV", took, ASKED_IMPORT_SECONDS)
        shop = program.dataset("shop")
        program.take("shop", shop, program.put("in/shop.csv", _shop()))
        made = program.forecast.create_dataset_group(DatasetGroupName="shop", Domain="CUSTOM", DatasetArns=[shop])
        for name, algorithm in (("AutoPredictor", None), ("NPTS", NPTS)):
            predictor, trained = program.predictor(made["DatasetGroupArn"], algorithm)
            forecast, forecasted = program.forecasts(name, predictor)
            yield _figure(f"{name} of 1,000 series of 730 days, 2 windows of backtest", trained)
            yield _figure(f"its forecast, horizon {HORIZON}", forecasted)
        took_milliseconds = _queried(program, forecast)
        yield Figure(
            "forecast_service",
            "QueryForecast of one series out of 1,000, the 95th of 100",
            "ms",
            quantiles(took_milliseconds, n=20)[-1],
            asked=ASKED_MILLISECONDS,
            rounds=QUERIES,
            note=f"through boto3 and HTTP; the first one, which opens the forecast, {took_milliseconds[0]:.0f} ms",
        )


def _figure(what: str, took: Took, asked: float | None = None) -> Figure:
    note = "from the request to ACTIVE"
    return Figure(
        "forecast_service",
        what,
        "s",
        took.seconds,
        asked=asked,
        cpu_seconds=took.cpu_seconds,
        memory_mib=took.memory_mib,
        note=note,
    )


def _queried(program: Program, forecast: str) -> list[float]:
    """Milliseconds of queries of series at random."""
    rng, took = Random(1), []
    for _ in range(QUERIES):
        item = f"item_{rng.randrange(1_000):04}"
        start = time.perf_counter()
        program.query.query_forecast(ForecastArn=forecast, Filters={"item_id": item})
        took.append(1000 * (time.perf_counter() - start))
    return took


@contextlib.contextmanager
def _program() -> Iterator[Program]:
    """A gateway with a bucket, up within the block."""
    with gateway_alone() as settings:
        yield Program(settings)


def _rows(items: int, periods: int) -> str:
    rng, start = Random(1), datetime(2020, 1, 1)
    days = [start + timedelta(days=period) for period in range(periods)]
    return "".join(f"item_{item:04},{day},{100 * rng.random()!r}\n" for item in range(items) for day in days)


def _shop() -> str:
    panel = panels.made_up()
    days = [str(day).replace("T", " ") for day in panel.starts(0, panel.periods)]
    names = panel.keys["item_id"].to_pylist()
    return "".join(
        f"{name},{day},{value:g}\n"
        for name, row in zip(names, panel.target, strict=True)
        for day, value in zip(days, row, strict=True)
    )
