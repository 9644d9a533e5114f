"""The stack of the tests: real processes on free ports under a folder of the test, started as `make up` starts them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local import stack as processes
from infra.local import supervision
from infra.local.trial import apart
from lakehouse.settings import Settings, load
from tests.stack.environment import Deployed, until, whole


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


def client_environment(settings: Settings, home: Path, **more: str) -> dict[str, str]:
    """The variables of a program that talks to the gateway with nothing of ours: endpoint, keys, region, a home."""
    keys = settings.client_arguments
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": keys["endpoint_url"],
        "AWS_DEFAULT_REGION": keys["region_name"],
        "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
        "AWS_PAGER": "",
        **more,
    }


wait_until = until


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A gateway that the tests share; each makes a bucket of its own."""
    with started(make_settings(tmp_path_factory.mktemp("gateway")), "gateway") as settings:
        yield settings


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A whole environment on a stack whose gateway checks the rights of users and roles."""
    wanted = make_settings(tmp_path_factory.mktemp("environment"), gateway_auth="on")
    with started(wanted, "gateway", "broker", "connect") as settings:
        yield whole(settings)


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
