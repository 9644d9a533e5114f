"""Every knob of the product, each with its default, unit and meaning, read once from `.env` and the environment.

The names here are the environment variables' names in lower case. Nothing else in the code reads the environment.
"""

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.errors import ConfigError
from lakehouse.evolution import MODES
from lakehouse.knobs import assignments, knob, parse

SUBMITTED = "submitted"  # SPARK_MASTER of a driver that spark-submit starts


# Of docker-compose.yaml alone, which reads the same file .env: name, default and meaning.
COMPOSE = (
    ("GATEWAY_PORT", "4566", "port of 127.0.0.1 for the AWS API; `make up` takes that of AWS_ENDPOINT_URL"),
    ("BROKER_PORT", "9092", "port of 127.0.0.1 for Kafka; `make up` takes that of KAFKA_BOOTSTRAP_SERVERS"),
    ("CONNECT_PORT", "8083", "port of 127.0.0.1 for the Connect worker; `make up` takes that of CONNECT_URL"),
    ("RATE", "20", "changes a second of the simulated shop (profile live)"),
    ("KAFKA_IMAGE", "apache/kafka:4.3.1", "image of broker and Connect worker"),
    ("BASE_IMAGE", "python:3.12-slim-bookworm", "image that ours are built on: Debian 12 with Python 3.11 or newer"),
)


@dataclass(frozen=True)
class Settings:
    """All settings, typed and checked; see `.env.example` for the list with meanings."""

    aws_endpoint_url: str = knob(
        "http://127.0.0.1:4566", "where the AWS API answers; empty for AWS itself", group="AWS API"
    )
    aws_default_region: str = knob("eu-west-1", "region of every client", group="AWS API")
    aws_access_key_id: str = knob("test", "access key; empty for the default credential chain", group="AWS API")
    aws_secret_access_key: str = knob(
        "test", "secret key; empty for the default credential chain", group="AWS API", secret=True
    )
    aws_session_token: str = knob("", "token of temporary keys", group="AWS API", secret=True)
    gateway_auth: str = knob(
        "off",
        "whether the local gateway checks the rights of users and roles; the keys `test` may do everything",
        group="AWS API",
        choices=("off", "on"),
    )
    bucket: str = knob("saleslake-local", "the bucket of this environment", group="AWS API")

    kafka_bootstrap_servers: str = knob(
        "127.0.0.1:9092", "brokers, host:port with commas; locally the broker listens on the first", group="Kafka"
    )
    kafka_security: str = knob(
        "PLAINTEXT",
        "how clients talk to the brokers: PLAINTEXT, or AWS_MSK_IAM with the AWS keys over TLS",
        group="Kafka",
        choices=("PLAINTEXT", "AWS_MSK_IAM"),
    )
    kafka_partitions: int = knob(4, "partitions of the order-line topic when it is made", group="Kafka", low=1)
    kafka_replication: int = knob(1, "replicas of the order-line topic when it is made", group="Kafka", low=1)
    kafka_retention_hours: int = knob(
        168, "how long the order-line topic keeps messages", unit="hours", group="Kafka", low=1
    )
    kafka_controller_port: int = knob(9093, "the local broker's controller port", group="Kafka", low=1)

    dynamodb_table: str = knob("order_lines", "the DynamoDB table of order lines", group="DynamoDB")
    dynamodb_mapping: str = knob(
        "",
        "YAML file that says which attribute of the table is which column (docs/mapping.md); empty for the shop's own "
        "table; a change needs `make rebuild`",
        group="DynamoDB",
    )

    connect_url: str = knob("http://127.0.0.1:8083", "REST address of the Connect worker", group="Connect")
    sink_chunk_rows: int = knob(
        50_000, "rows at which the sink closes a bronze object", unit="rows", group="Connect", low=1
    )
    sink_chunk_bytes: int = knob(
        33_554_432,
        "size before compression at which the sink closes a bronze object",
        unit="bytes",
        group="Connect",
        low=1024,
    )
    sink_chunk_millis: int = knob(
        1000, "age at which the sink closes a bronze object", unit="milliseconds", group="Connect", low=50
    )

    business_timezone: str = knob(
        "UTC", "time zone in which a sale has its date; a change needs `make rebuild`", group="Tables"
    )
    database_prefix: str = knob(
        "", "put before the names of the databases bronze, silver, gold and ops", group="Tables"
    )
    unknown_columns: str = knob(
        "freeze",
        "what becomes of a field that has no column: freeze keeps it in `extra`, evolve gives it a column of "
        "silver.order_lines, discard drops it; `make rebuild` brings it to what is there already",
        group="Tables",
        choices=MODES,
    )
    tombstone_retention_days: float = knob(
        30.0, "how long silver remembers a delete", unit="days", group="Tables", low=0
    )

    deleted_file_retention_hours: int = knob(
        1,
        "how long files that a table no longer needs are kept for readers and the change feed; 24 on AWS",
        unit="hours",
        group="Tables",
        low=1,
    )

    spark_memory_mb: int = knob(1024, "heap of the Spark driver", unit="MiB", group="Spark", low=512)
    spark_cores: int = knob(2, "threads of the Spark driver", group="Spark", low=1)
    spark_master: str = knob(
        "",
        "Spark master; empty for this machine with SPARK_CORES threads, `submitted` to take that of spark-submit",
        group="Spark",
    )
    spark_class_path: str = knob(
        "",
        "class path of the driver's jars; empty for what `make install` noted, or for the cluster's own",
        group="Spark",
    )
    poll_millis: int = knob(
        250, "pause between two looks for new bronze objects", unit="milliseconds", group="Spark", low=10
    )
    batch_max_rows: int = knob(1_000_000, "rows in a batch, about", unit="rows", group="Spark", low=1)
    batch_max_bytes: int = knob(33_554_432, "compressed bytes in a batch, about", unit="bytes", group="Spark", low=1)
    collect_max_bytes: int = knob(
        33_554_432,
        "compressed bytes of a batch (some 600,000 lines) up to which it is committed in the driver's memory",
        unit="bytes",
        group="Spark",
        low=0,
    )
    rejected_share_alarm: float = knob(
        0.05, "share of rejected rows in a batch above which it raises an alarm", group="Spark", low=0
    )
    lease_seconds: float = knob(
        15.0, "how long a driver that is gone keeps others waiting", unit="seconds", group="Spark", low=2
    )

    forecast_quotas: str = knob(
        "",
        "quotas of the local Forecast service that differ from AWS's, such as forecasts=100,imports_at_once=10",
        group="Forecast",
    )
    forecasts: str = knob("", "file of definitions; empty for forecasting/forecasts.yaml", group="Forecast")
    forecast_poll_seconds: int = knob(
        1, "pause between two looks at a job of a forecast; 60 on AWS", unit="seconds", group="Forecast", low=1
    )
    forecast_load_seconds: int = knob(
        600,
        "how long a forecast waits for the driver to load it into gold; 0 ends it with its exports",
        unit="seconds",
        group="Forecast",
        low=0,
    )

    athena_workgroup: str = knob("primary", "workgroup of every query", group="Athena")
    athena_workers: int = knob(2, "queries that the local Athena runs at once", group="Athena", low=1)
    athena_memory_mb: int = knob(
        1024, "memory of a query of the local Athena; beyond it is refused", unit="MiB", group="Athena", low=64
    )

    metrics_port: int = knob(
        9108, "port on which the driver serves its figures to Prometheus; 0 for none", group="Metrics", low=0
    )
    metrics_host: str = knob("127.0.0.1", "address of that port; another one only in a container", group="Metrics")
    cloudwatch_namespace: str = knob(
        "", "namespace of CloudWatch to which the driver sends its figures each minute; empty for none", group="Metrics"
    )

    stack: str = knob(
        "processes",
        "what `make up` starts: processes of this machine, or the containers of docker-compose.yaml",
        group="This machine",
        choices=("processes", "compose"),
    )
    data_dir: str = knob(".data", "folder of the local stack's state, logs and journals", group="This machine")
    cache_dir: str = knob(
        "", "folder of downloaded JVM artefacts; empty for the user's cache folder", group="This machine"
    )
    java_home: str = knob("", "Java 17 or 21; empty to look for one", group="This machine")
    log_level: str = knob(
        "INFO", "least level that is logged", group="This machine", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.business_timezone)
        except (KeyError, ValueError, OSError) as fault:
            raise ConfigError(
                f"BUSINESS_TIMEZONE={self.business_timezone}",
                "an IANA time zone such as Europe/London",
                "correct it in .env",
            ) from fault

    @property
    def data_path(self) -> Path:
        """The data folder as an absolute path."""
        return Path(self.data_dir).expanduser().resolve()

    @property
    def cache_path(self) -> Path:
        """The artefact cache as an absolute path."""
        if self.cache_dir:
            return Path(self.cache_dir).expanduser().resolve()
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return (Path(root).expanduser() / "saleslake").resolve()

    @property
    def client_arguments(self) -> dict[str, str]:
        """Keyword arguments of every boto3 client: endpoint, region and keys, those that are set."""
        given = {
            "endpoint_url": self.aws_endpoint_url,
            "region_name": self.aws_default_region,
            "aws_access_key_id": self.aws_access_key_id,
            "aws_secret_access_key": self.aws_secret_access_key,
            "aws_session_token": self.aws_session_token,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def kafka_arguments(self) -> dict[str, str]:
        """Keyword arguments of kafka-python's clients by which they sign in."""
        if self.kafka_security == "PLAINTEXT":
            return {}
        return {"security_protocol": "SASL_SSL", "sasl_mechanism": self.kafka_security}

    @property
    def delta_options(self) -> dict[str, str]:
        """Storage options of the `deltalake` package for this bucket, those that are set."""
        given = {
            "aws_endpoint_url": self.aws_endpoint_url,
            "aws_region": self.aws_default_region,
            "aws_access_key_id": self.aws_access_key_id,
            "aws_secret_access_key": self.aws_secret_access_key,
            "aws_session_token": self.aws_session_token,
            "aws_conditional_put": "etag",  # a commit by conditional create, as the driver's LogStore makes it
            "aws_allow_http": str(self.aws_endpoint_url.startswith("http:")).lower(),
        }
        return {name: value for name, value in given.items() if value}


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Read the settings: defaults, then the lines of `.env`, then the environment.

    Args:
        environ: The environment; the process's own by default. Names that are no setting are ignored there.
        dotenv: A file of NAME=value lines; missing is fine. A name in it that is no setting is an error.

    Raises:
        ConfigError: An unknown name in the file, a line that is no assignment, or a value of the wrong type.
    """
    environ = os.environ if environ is None else environ
    known = {setting.name.upper(): setting for setting in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    elsewhere = {name for name, _, _ in COMPOSE}
    for name, (text, place) in assignments(dotenv).items():
        if name in elsewhere:
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"{place}: unknown setting {name}",
                near[0] if near else "a name listed in .env.example",
                "correct or remove the line",
            )
        values[name] = parse(known[name], text, place)
    for name, setting in known.items():
        if name in environ:
            values[name] = parse(setting, environ[name], "environment")
    if not values.get("AWS_ENDPOINT_URL", "the gateway"):
        # The default keys are the gateway's: AWS itself gets none of them, and boto3 looks for a profile or a role.
        values = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", **values}
    return Settings(**{name.lower(): value for name, value in values.items()})


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a child process that is to have the same ones."""
    return {setting.name.upper(): str(getattr(settings, setting.name)) for setting in dataclasses.fields(settings)}


def example() -> str:
    """The text of `.env.example`: every setting, commented out, with its default, unit and meaning."""
    lines = [
        "# Settings of saleslake. Copy to .env and uncomment what you change; the environment wins over .env.",
        "# Shown are the defaults. An unknown name or a value of the wrong type is refused.",
    ]
    group = ""
    for setting in dataclasses.fields(Settings):
        about = setting.metadata
        if about["group"] != group:
            group = about["group"]
            lines += ["", f"# --- {group}"]
        unit = f" [{about['unit']}]" if about["unit"] else ""
        lines += [f"# {about['meaning']}{unit}", f"#{setting.name.upper()}={setting.default}"]
    lines += ["", "# --- Containers (docker-compose.yaml)"]
    for name, default, meaning in COMPOSE:
        lines += [f"# {meaning}", f"#{name}={default}"]
    return "\n".join(lines) + "\n"
