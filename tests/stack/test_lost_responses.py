"""A write whose response is lost is tried again and meets its own object: that is success, another's object is not."""

import dataclasses
from collections.abc import Iterator

import pytest

from lakehouse import places
from lakehouse.settings import Settings
from spark_jobs.lease import Lease
from spark_jobs.storage import Bucket
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Reset, Rule
from tests.stack.conftest import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
def proxy(gateway: Settings) -> Iterator[Proxy]:
    with Proxy(0, gateway.aws_endpoint_url.removeprefix("http://")) as entered:
        yield entered


@pytest.fixture
def behind(gateway: Settings, proxy: Proxy, bucket: str) -> Bucket:
    """The bucket as the driver sees it, through the proxy."""
    return Bucket(dataclasses.replace(gateway, aws_endpoint_url=proxy.url, bucket=bucket))


def lose_response(proxy: Proxy) -> Rule:
    return proxy.add(Rule(Reset(forwarded=True), ("PUT",)))


def test_a_create_is_its_own(behind: Bucket, proxy: Proxy) -> None:
    lost = lose_response(proxy)
    assert behind.create("plan", b"ours")
    assert lost.done == 1
    assert behind.get("plan") == b"ours"
    lose_response(proxy)
    assert not behind.create("plan", b"theirs")
    assert behind.get("plan") == b"ours"


def test_a_replace_is_its_own(behind: Bucket, proxy: Proxy) -> None:
    behind.put("lease", b"1")
    _, etag = behind.get_with_etag("lease") or (b"", "")
    lost = lose_response(proxy)
    assert behind.replace("lease", b"2", etag)
    assert lost.done == 1
    assert not behind.replace("lease", b"3", etag)
    assert not behind.replace("gone", b"3", etag)
    assert behind.get("lease") == b"2"


def test_a_lease_outlives_it(behind: Bucket, proxy: Proxy) -> None:
    lease = Lease(behind, seconds=0.9)
    lease.acquire(0)
    try:
        lost = lose_response(proxy)
        assert lost.met.wait(10)
        for _ in range(2):  # it was renewed by the lost one, and is again
            before = behind.get(places.LEASE)
            wait_until("renewed", lambda before=before: behind.get(places.LEASE) != before)  # type: ignore[misc]
        lease.check()
    finally:
        lease.release()
