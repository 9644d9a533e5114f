"""An environment that tests deploy to a gateway, what such a deployment tells, and a job that works in it.

It reads a table that was there before, the classic course project's, by the mapping that comes along.
"""

import functools
import gzip
import io
import tarfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.aws import deploy, jobs, package, source
from infra.aws.account import Account
from infra.aws.artefacts import Artefacts
from infra.aws.changeset import Change
from infra.aws.environment import Environment
from infra.aws.failure import Event
from lakehouse import places
from lakehouse.settings import Settings
from tests.spark.site import bronze_line, change

SMALL = Environment(
    "tried", database_prefix="tried_", processing="scheduled", forecasting=True, sink_millis=200, budget_dollars=5,
    alarm_email="someone@example.com", kafka_partitions=4, existing_table="orders",
    mapping="infra/aws/mappings/course.yaml", buffer_seconds=0, transform_seconds=0, transform_concurrency=5,
    forecast_poll_seconds=1,
)  # fmt: skip
ID = "A" * 22
KAFKA_KEY = f"{places.BRONZE_KAFKA}{places.TOPIC}/{ID}/partition=0/{0:020d}.jsonl.gz"
ITEM = {"orderid": {"S": "1001"}, "product_name": {"S": "Laptop"}, "quantity": {"N": "2"}, "price": {"N": "999.5"}}


class Told:
    """Keeps what a deployment tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends: dict[str, str] = {}
        self.events: list[tuple[str, str, str]] = []
        self.expected: dict[str, list[str]] = {}

    def note(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, stack: str, expected: list[Change]) -> None:
        self.expected[stack] = [one.logical_id for one in expected]

    def event(self, stack: str, event: Event) -> None:
        self.events.append((stack, event["LogicalResourceId"], event["ResourceStatus"]))

    def end(self, stack: str, outcome: str) -> None:
        self.ends[stack] = outcome


BUILT: dict[str, bytes] = {}


def artefacts(account: Account) -> Artefacts:
    """The real ones, built once, but for the packages of a job, which weigh 160 MB."""
    if not BUILT:
        heavy = "job-packages.tar.gz"
        BUILT.update(
            {
                name: _empty_archive() if name == heavy else build()
                for name, build in package.builders(account.settings).items()
            }
        )
    return Artefacts(account.client("s3"), {name: functools.partial(bytes, body) for name, body in BUILT.items()})


def deployed(settings: Settings, environment: Environment) -> Told:
    account, told = Account(settings, environment), Told()
    deploy.deploy(account, artefacts(account), told)
    return told


@dataclass(frozen=True)
class Deployed:
    """A deployed environment: the stack it lies beside, what its deployment told, and the job that it was given."""

    settings: Settings
    told: Told
    job: dict[str, str]

    @functools.cached_property
    def account(self) -> Account:
        return Account(self.settings, SMALL)

    def job_ended(self) -> dict[str, Any]:
        """The run of the job once it has ended."""

        def ended() -> Any:
            told = self.account.client("emr-serverless").get_job_run(**self.job)["jobRun"]
            return told if told["state"] in ("SUCCESS", "FAILED", "CANCELLED") else None

        return until("the end of the job", ended, 240)


def whole(settings: Settings) -> Deployed:
    """The environment deployed beside the table that was there before, and its job at work on changes of both ways.

    The job is begun at once: it takes as long as all that the tests do meanwhile.
    """
    account = Account(settings, SMALL)
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName=SMALL.existing_table,
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": source.IMAGES},
    )
    told = deployed(settings, SMALL)
    bucket, s3 = account.outputs("storage")["Bucket"], account.client("s3")
    dynamodb.put_item(TableName=SMALL.existing_table, Item=ITEM)
    until(
        "the item in bronze", lambda: s3.list_objects_v2(Bucket=bucket, Prefix=places.BRONZE_DYNAMODB)["KeyCount"], 30
    )
    lines = [bronze_line(0, change("c", 1, quantity=7)), bronze_line(1, b"no JSON")]
    s3.put_object(Bucket=bucket, Key=KAFKA_KEY, Body=gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    keys = artefacts(account).keys("processing")
    driver = jobs.driver("backfill", SMALL, account.settings, bucket, keys)
    run = jobs.run(account.outputs("processing"), "backfill", driver, uuid.uuid4().hex)
    started = account.client("emr-serverless").start_job_run(**run)
    return Deployed(settings, told, {name: started[name] for name in ("applicationId", "jobRunId")})


def until(what: str, done: Callable[[], Any], seconds: float = 30) -> Any:
    """Ask until the answer is true and return it; fail at the deadline."""
    end = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return answer


def _empty_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    return buffer.getvalue()
