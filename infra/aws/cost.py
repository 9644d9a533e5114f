"""The bill of a day on paper: what an environment would cost with the load that its file assumes. Calls nothing.

It counts what runs all day exactly and the rest by a few figures that are written here, so that they can be argued
with. Prices and their date are one file, prices.yaml.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.aws.environment import Environment
from lakehouse.errors import ConfigError

FILE = Path(__file__).with_name("prices.yaml")
DAYS = 30.4  # of a month
MESSAGE_KB = 0.5  # a change on Kafka
RECORD_KB = 2.0  # a change in a DynamoDB stream, both images
ITEM_UNITS = 1  # write units of an order line, below 1 KB
SCANNED_GB = 0.05  # a query of gold
METRICS, ALARMS = 30, 18
LOG_GB = 0.1


@dataclass(frozen=True)
class Line:
    """A line of the bill: what for, how much of it and dollars a day; `is_fixed` if it costs while nothing happens."""

    part: str
    what: str
    dollars: float
    is_fixed: bool


@dataclass(frozen=True)
class Prices:
    """The table, its date and its Region."""

    date: str
    region: str
    by_name: Mapping[str, Any]


def prices(path: Path = FILE) -> Prices:
    """Read the table."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Prices(str(given["date"]), given["region"], given["prices"])


def bill(environment: Environment, table: Prices) -> list[Line]:
    """The lines of a day, stack by stack.

    Raises:
        ConfigError: The broker has no price in the table.
    """
    price = table.by_name
    found = [*_storage(environment, price)]
    if environment.has("dynamodb"):
        found += _streaming(environment, price)
    if environment.has("kafka"):
        found += _kafka(environment, price)
    found += _processing(environment, price)
    if environment.forecasting:
        # One run a day of the definitions that come along: 38 countries and 50 products.
        day = 2 * price["forecast_training_hour"] + 0.1 * price["forecast_thousand"] + 0.01 * price["forecast_gigabyte"]
        found.append(Line("forecasting", "a run a day: 2 training hours, 100 forecasts", day, False))
    scanned = environment.queries_a_day * SCANNED_GB / 1000
    found.append(Line("query", f"{environment.queries_a_day:,} queries", scanned * price["athena_terabyte"], False))
    watching = METRICS * price["cloudwatch_metric_month"] + ALARMS * price["cloudwatch_alarm_month"]
    watching = (watching + price["cloudwatch_dashboard_month"]) / DAYS
    found.append(Line("alarms", f"{METRICS} metrics, {ALARMS} alarms, a dashboard", watching, True))
    return found


def _storage(environment: Environment, price: Mapping[str, Any]) -> Iterator[Line]:
    stored = environment.stored_gigabytes * price["s3_gigabyte_month"] / DAYS
    yield Line("storage", f"{environment.stored_gigabytes:g} GB in S3", stored, True)
    yield Line("storage", "a key", price["kms_key_month"] / DAYS, True)
    minutes = 1440 if environment.processing == "stream" else 1440 / environment.schedule_minutes
    # A turn of the driver that finds something writes some 40 objects and reads some 200.
    requests = minutes * (40 * price["s3_thousand_writes"] + 200 * price["s3_thousand_reads"]) / 1000
    requests += minutes * 240 / 10_000 * price["kms_ten_thousand"] * 0.01  # the bucket's key spares 99 of 100 calls
    yield Line("storage", "requests", requests, False)
    yield Line("storage", f"{LOG_GB:g} GB of logs", LOG_GB * price["logs_gigabyte"], False)


def _kafka(environment: Environment, price: Mapping[str, Any]) -> Iterator[Line]:
    gigabytes = _share(environment) * MESSAGE_KB / 1e6
    if environment.kafka == "serverless":
        hour = price["msk_serverless_hour"] + environment.kafka_partitions * price["msk_serverless_partition_hour"]
        yield Line("kafka", "MSK Serverless", 24 * hour, True)
        moved = gigabytes * (price["msk_serverless_gigabyte_in"] + price["msk_serverless_gigabyte_out"])
        yield Line("kafka", f"{gigabytes:.2f} GB in and out", moved, False)
    else:
        known = price["msk_broker_hour"]
        if environment.kafka_instance not in known:
            raise ConfigError(
                f"no price of {environment.kafka_instance}",
                f"one of {', '.join(known)}",
                "add it to infra/aws/prices.yaml",
            )
        count, disk = environment.kafka_brokers, environment.kafka_gigabytes
        day = count * (24 * known[environment.kafka_instance] + disk * price["msk_gigabyte_month"] / DAYS)
        yield Line("kafka", f"{count} {environment.kafka_instance} with {disk} GB", day, True)
    day = 24 * environment.connect_units * price["msk_connect_unit_hour"]
    yield Line("kafka", f"MSK Connect, {environment.connect_units} unit(s)", day, True)


def _streaming(environment: Environment, price: Mapping[str, Any]) -> Iterator[Line]:
    changes = _share(environment)
    millions, gigabytes = changes / 1e6, changes * RECORD_KB / 1e6
    yield Line("streaming", f"{changes:,.0f} writes", ITEM_UNITS * millions * price["dynamodb_million_writes"], False)
    yield Line("streaming", f"pipe, {changes:,.0f} changes", millions * price["pipes_million"], False)
    yield Line("streaming", "Kinesis on demand", 24 * price["kinesis_stream_hour"], True)
    kinesis = gigabytes * (price["kinesis_gigabyte_in"] + price["kinesis_gigabyte_out"])
    yield Line("streaming", f"Kinesis, {gigabytes:.2f} GB", kinesis, False)
    counted = changes * max(RECORD_KB, 5.0) / 1e6  # Firehose rounds a record up to 5 KB
    yield Line("streaming", f"Firehose, {counted:.2f} GB as it counts", counted * price["firehose_gigabyte"], False)
    calls = min(86_400 / max(environment.transform_seconds, 1), changes) / 1e6
    work = calls * (price["lambda_million"] + 1e6 * 0.25 * 0.2 * price["lambda_gigabyte_second"])
    yield Line("streaming", f"transform, {1e6 * calls:,.0f} calls", work, False)


def _processing(environment: Environment, price: Mapping[str, Any]) -> Iterator[Line]:
    workers = 1 + environment.executors
    hour = environment.driver_cores * price["emr_core_hour"] + environment.driver_gigabytes * price["emr_gigabyte_hour"]
    size = f"{workers} of ({environment.driver_cores} vCPU, {environment.driver_gigabytes} GB)"
    if environment.processing == "stream":
        yield Line("processing", f"{size} all day", 24 * workers * hour, True)
        return
    runs = 1440 / environment.schedule_minutes
    hours = runs * environment.work_minutes / 60
    yield Line(
        "processing", f"{size}, {runs:.0f} runs of {environment.work_minutes:g} min", hours * workers * hour, False
    )


def _share(environment: Environment) -> float:
    """The changes of a day that come one of the ways: half of them where there are two."""
    return environment.changes_a_day / (2 if environment.ingest == "both" else 1)
