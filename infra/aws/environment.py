"""An environment on AWS: what of it a person chooses, read from `infra/environments/<name>.yaml`. Calls nothing.

A value that is not in the file has the default of the field here. Names of the account's parts come of the name.
"""

import dataclasses
import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from lakehouse.errors import ConfigError
from lakehouse.evolution import MODES

FOLDER = Path(__file__).parents[1] / "environments"
NAME = re.compile(r"[a-z][a-z0-9]{1,11}")
# By cores of a worker of EMR Serverless, the gigabytes that it can have.
_MEMORY = {1: (2, 8), 2: (4, 16), 4: (8, 30), 8: (16, 60), 16: (32, 120)}


def _value(default: Any, meaning: str, *, choices: tuple[Any, ...] = (), low: float = 0, pattern: str = "") -> Any:
    about = {"meaning": meaning, "choices": choices, "low": low, "pattern": pattern}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Environment:
    """All that differs between environments, typed and checked."""

    name: str
    region: str = _value("eu-west-1", "AWS Region", pattern=r"[a-z]{2}(-[a-z]+)+-\d")
    ingest: str = _value("both", "ways into the lake", choices=("kafka", "dynamodb", "both"))
    database_prefix: str = _value(
        "", "before the names of the databases; environments of one account need different ones",
        pattern=r"([a-z][a-z0-9_]{0,20})?",
    )  # fmt: skip
    table_name: str = _value("", "DynamoDB table that is made; empty for saleslake-<environment>-order_lines")
    existing_table: str = _value(
        "", "DynamoDB table that was there before and is read instead: it is neither made, changed nor deleted",
        pattern=r"([a-zA-Z0-9_.-]{3,255})?",
    )  # fmt: skip
    mapping: str = _value(
        "", "YAML file, from the project's folder, that says which attribute of the table is which column"
    )

    kafka: str = _value("provisioned", "kind of MSK cluster", choices=("provisioned", "serverless"))
    kafka_instance: str = _value("kafka.t3.small", "broker of a provisioned cluster", pattern=r"kafka\.[a-z0-9]+\.\w+")
    kafka_brokers: int = _value(2, "brokers of a provisioned cluster, a multiple of 2", low=2)
    kafka_gigabytes: int = _value(20, "disk of a broker", low=1)
    kafka_partitions: int = _value(4, "partitions of the order-line topic", low=1)
    kafka_retention_hours: int = _value(168, "how long the topic keeps messages", low=1)
    connect_units: int = _value(1, "MSK Connect units (a vCPU and 4 GiB each) of the sink", choices=(1, 2, 4, 8))
    sink_millis: int = _value(60_000, "age at which the sink closes a bronze object", low=50)
    network: str = _value("10.42.0.0/16", "addresses of the VPC that holds Kafka", pattern=r"\d+\.\d+\.\d+\.\d+/16")

    processing: str = _value(
        "stream", "stream runs all day and shows a sale after minutes; scheduled costs what it works",
        choices=("stream", "scheduled"),
    )  # fmt: skip
    schedule_minutes: int = _value(60, "between two runs of scheduled processing", low=5)
    driver_cores: int = _value(4, "vCPU of the Spark driver", choices=(1, 2, 4, 8, 16))
    driver_gigabytes: int = _value(16, "memory of the Spark driver", low=2)
    executors: int = _value(1, "Spark executors of the driver's size", low=1)

    business_timezone: str = _value(
        "UTC", "time zone in which a sale has its date; a change needs `make job JOB=rebuild`"
    )
    unknown_columns: str = _value("freeze", "what becomes of a field that has no column", choices=MODES)
    tombstone_retention_days: float = _value(30.0, "how long silver remembers a delete", low=0)

    buffer_seconds: int = _value(60, "age at which Firehose closes a bronze object", low=0)
    buffer_megabytes: int = _value(64, "size at which Firehose closes a bronze object", low=1)
    transform_seconds: int = _value(10, "age at which Firehose calls the transform function", low=0)
    transform_concurrency: int = _value(
        0,
        "calls of the transform function that are reserved; 0 for none: a new account has few",
        low=0,
    )

    forecasting: bool = _value(False, "deploy the forecasts; needs an account that has Amazon Forecast")
    forecast_poll_seconds: int = _value(60, "pause between two looks at a job of a forecast", low=1)

    query_gigabytes: int = _value(10, "what one Athena query may scan", low=1)
    log_days: int = _value(
        30, "how long logs are kept", choices=(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
    )
    alarm_email: str = _value("", "who is told of alarms; empty for nobody", pattern=r"([^@\s]+@[^@\s]+\.[^@\s]+)?")
    lag_seconds: int = _value(900, "lag of a layer behind the shop that raises an alarm", low=60)
    rejected_share: float = _value(0.05, "share of rejected rows that raises an alarm", low=0)
    budget_dollars: int = _value(0, "monthly bill of which a person is warned; 0 for none", low=0)

    changes_a_day: int = _value(600_000, "changes a day, for the bill on paper", low=0)
    stored_gigabytes: float = _value(5.0, "what the lake holds, for the bill on paper", low=0)
    queries_a_day: int = _value(200, "queries a day, for the bill on paper", low=0)
    work_minutes: float = _value(4.0, "how long a scheduled run works, for the bill on paper", low=0)

    def has(self, way: str) -> bool:
        """Whether changes come in by `kafka`, or by `dynamodb`."""
        return self.ingest in (way, "both")

    def stack(self, part: str) -> str:
        """The name of one of its stacks.

        Example:
            >>> Environment("dev").stack("storage")
            'saleslake-dev-storage'
        """
        return f"saleslake-{self.name}-{part}"

    @property
    def table(self) -> str:
        """The DynamoDB table's name."""
        return self.existing_table or self.table_name or f"saleslake-{self.name}-order_lines"


def known(folder: Path = FOLDER) -> list[str]:
    """The environments that have a file."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(name: str, folder: Path = FOLDER) -> Environment:
    """Read an environment's file.

    Raises:
        ConfigError: There is none of that name, or anything in it is wrong.
    """
    names = known(folder)
    if not NAME.fullmatch(name) or name not in names:
        said = f"ENV={name}" if name else "no ENV"
        raise ConfigError(
            said, f"one of {', '.join(names)}", "correct it, or write infra/environments/<ENV>.yaml after dev.yaml"
        )
    path = folder / f"{name}.yaml"
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise ConfigError(f"{path}: {' '.join(str(fault).split())}", "lines of name: value", "correct it") from fault
    if not isinstance(given, dict):
        raise ConfigError(f"{path}: {type(given).__name__}", "lines of name: value", "correct it")
    fields = {one.name: one for one in dataclasses.fields(Environment) if one.name != "name"}
    for key in given:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            raise ConfigError(f"{path}: {key}", near[0] if near else f"one of {', '.join(fields)}", "correct the name")
    found = Environment(name, **{key: _checked(path, fields[key], value) for key, value in given.items()})
    _check_together(path, found)
    return found


def _check_together(path: Path, found: Environment) -> None:
    """What is right alone and wrong beside another value."""
    if found.kafka_brokers % 2:
        raise ConfigError(f"{path}: kafka_brokers: {found.kafka_brokers}", "a multiple of 2", "correct the value")
    low, high = _MEMORY[found.driver_cores]
    if not low <= found.driver_gigabytes <= high:
        said = f"{path}: driver_gigabytes: {found.driver_gigabytes}"
        raise ConfigError(said, f"{low} to {high} with {found.driver_cores} driver_cores", "correct the value")
    try:
        ZoneInfo(found.business_timezone)
    except (KeyError, ValueError, OSError) as fault:
        said = f"{path}: business_timezone: {found.business_timezone}"
        raise ConfigError(said, "an IANA time zone such as Europe/London", "correct the value") from fault
    if found.existing_table and found.table_name:
        raise ConfigError(f"{path}: existing_table and table_name", "one of the two", "remove the other")


def _checked(path: Path, one: dataclasses.Field[Any], value: Any) -> Any:
    default: Any = one.default
    kind, about = type(default), one.metadata
    place = f"{path}: {one.name}: {value}"
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        raise ConfigError(place, words[kind], "correct the value")
    if about["choices"] and value not in about["choices"]:
        raise ConfigError(place, f"one of {', '.join(map(str, about['choices']))}", "correct the value")
    if kind in (int, float) and not about["choices"] and not value >= about["low"]:
        raise ConfigError(place, f"at least {about['low']}", "correct the value")
    if about["pattern"] and not re.fullmatch(about["pattern"], value):
        raise ConfigError(place, f"text like {about['pattern']}", "correct the value")
    return value
