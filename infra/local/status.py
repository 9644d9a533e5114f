"""How the stack is: each process with its pid, health and memory, and how far the data has come.

Reads only; changes nothing and starts nothing.
"""

import json
import time
from dataclasses import dataclass, field

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import backlog, runtime
from infra.local.backlog import Backlog
from infra.local.health import Health
from infra.local.runs import Register, Runs
from lakehouse import places
from lakehouse.progress import Progress
from lakehouse.settings import Settings


def health(settings: Settings) -> list[Health]:
    """Every part of the stack in the order of its start, and the supervisor at the end while there is one."""
    return runtime.of(settings).health()


@dataclass(frozen=True)
class Picture:
    """The whole stack at a moment.

    Args:
        at: The moment, seconds since 1970.
        processes: Every process.
        progress: How far the data has come; None if the bucket does not say.
        backlog: What has not come through; None if the bucket does not say.
        forecasts: The runs of each forecast.
    """

    at: float
    processes: list[Health]
    progress: Progress | None = None
    backlog: Backlog | None = None
    forecasts: list[Runs] = field(default_factory=list)


class Observer:
    """Looks at the stack again and again with one client.

    Args:
        settings: Which stack.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        quick = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
        self._s3 = boto3.client("s3", config=quick, **settings.client_arguments)
        states = boto3.client("stepfunctions", config=quick, **settings.client_arguments)
        self._register = Register(settings, self._s3, states)

    def look(self) -> Picture:
        """Everything."""
        reached = self.progress()
        try:
            behind = backlog.look(self._s3, self._settings.bucket, reached or Progress())
            runs = self._register.look()
        except (BotoCoreError, ClientError):
            behind, runs = None, []
        return Picture(time.time(), health(self._settings), reached, behind, runs)

    def progress(self) -> Progress | None:
        """How far the data has come; None if the bucket does not say."""
        try:
            answer = self._s3.get_object(Bucket=self._settings.bucket, Key=places.PROGRESS)
            return Progress.from_json(answer["Body"].read())
        except (BotoCoreError, ClientError, ValueError):
            return None


def is_driver_gone(settings: Settings) -> bool:
    """Whether nobody is going to write tables here: this machine's driver is down, and no other holds the lease."""
    if not settings.aws_endpoint_url or runtime.of(settings).has_driver():
        return False
    try:
        found = boto3.client("s3", **settings.client_arguments).get_object(Bucket=settings.bucket, Key=places.LEASE)
        return float(json.loads(found["Body"].read())["until"]) < time.time()
    except ClientError as fault:
        return fault.response["Error"]["Code"] in ("NoSuchKey", "404")
    except (BotoCoreError, ValueError, KeyError):
        return False  # nobody knows: the execution itself ends the waiting


def progress(settings: Settings) -> Progress | None:
    """How far the data has come; None if the bucket does not say."""
    return Observer(settings).progress()
