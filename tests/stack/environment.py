"""An environment that tests deploy to a gateway, and what such a deployment tells."""

import functools
import io
import tarfile

from infra.aws import deploy, package
from infra.aws.account import Account
from infra.aws.artefacts import Artefacts
from infra.aws.changeset import Change
from infra.aws.environment import Environment
from infra.aws.failure import Event
from lakehouse.settings import Settings

SMALL = Environment(
    "tried", database_prefix="tried_", processing="scheduled", forecasting=True, sink_millis=200, budget_dollars=5,
    alarm_email="someone@example.com", kafka_partitions=4,
)  # fmt: skip


class Told:
    """Keeps what a deployment tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends: dict[str, str] = {}
        self.events: list[tuple[str, str, str]] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, stack: str, expected: list[Change]) -> None:
        pass

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


def _empty_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    return buffer.getvalue()
