"""The stack of the tests: real processes on free ports under a folder of the test, started as `make up` starts them."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local import stack as processes
from infra.local import supervision
from infra.local.trial import apart
from lakehouse.settings import Settings, load
from tests.stack.environment import SMALL, Told, deployed


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a stack of its own: free ports, data under `folder`, the user's cache of artefacts."""
    return apart(load(environ={}, dotenv=None), folder, **changes)


@contextlib.contextmanager
def started(settings: Settings, *names: str) -> Iterator[Settings]:
    """The named processes and what they need, taken down at the end."""
    try:
        supervision.up(
            settings.data_path,
            processes.processes(settings, names),
            ports=processes.ports(settings, names),
            then=processes.then(settings),
        )
        yield settings
    finally:
        supervision.down(settings.data_path)


def client(settings: Settings, service: str = "s3", **options: Any) -> Any:
    """A client of the gateway that tries once."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=2, **options)
    return boto3.client(service, config=config, **settings.client_arguments)


def wait_until(what: str, done: Callable[[], Any], seconds: float = 30) -> Any:
    """Ask until the answer is true and return it; fail at the deadline."""
    end = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return answer


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A gateway that the tests share; each makes a bucket of its own."""
    with started(make_settings(tmp_path_factory.mktemp("gateway")), "gateway") as settings:
        yield settings


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Gateway, broker and Connect worker that the tests share."""
    with started(make_settings(tmp_path_factory.mktemp("stack")), "gateway", "broker", "connect") as settings:
        yield settings


@dataclass(frozen=True)
class Deployed:
    """A deployed environment: the stack it lies beside, and what its deployment told."""

    settings: Settings
    told: Told


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A whole environment on a stack whose gateway checks the rights of users and roles."""
    wanted = make_settings(tmp_path_factory.mktemp("environment"), gateway_auth="on")
    with started(wanted, "gateway", "broker", "connect") as settings:
        yield Deployed(settings, deployed(settings, SMALL))


@pytest.fixture
def bucket(gateway: Settings, request: pytest.FixtureRequest) -> str:
    """An empty bucket on the shared gateway."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    client(gateway).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def s3(gateway: Settings) -> Any:
    """A client of the shared gateway."""
    return client(gateway)
