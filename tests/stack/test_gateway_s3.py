"""The gateway's object store: conditions, ranges, listings, versions, kills, and what a failed write leaves."""

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import gateway as gateway_module
from infra.local.daemon import ROOT, Daemon
from lakehouse.settings import Settings
from tests.stack.conftest import client, make_settings, started, wait_until

pytestmark = pytest.mark.stack

PLACE = {"LocationConstraint": "eu-west-1"}


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def body(s3: Any, bucket: str, key: str, **arguments: Any) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read())


def process_of(settings: Settings) -> psutil.Process:
    return psutil.Process(Daemon(settings.data_path).states()["gateway"]["pid"])


def kill_and_wait(settings: Settings) -> None:
    """kill -9 the gateway and wait until the supervisor has brought it back."""
    before = process_of(settings).pid
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        pid = Daemon(settings.data_path).states()["gateway"]["pid"]
        return pid not in (0, before) and gateway_module.unready(settings) is None

    wait_until("the gateway is back", is_back)


@contextmanager
def files_at_most(settings: Settings, size: int) -> Iterator[None]:
    """The gateway's disk is full: no file of its may grow beyond `size` bytes."""
    process = process_of(settings)
    process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A gateway of this module, to be killed and starved; its data folder has an awkward name."""
    folder = tmp_path_factory.mktemp("own") / "my data #1 %s"
    with started(make_settings(folder), "gateway") as settings:
        yield settings


@pytest.fixture
def full_disk() -> None:
    if not hasattr(psutil, "RLIMIT_FSIZE"):
        pytest.skip("this system cannot limit the file size of a running process")


def test_the_gateway_opens_its_one_port_and_no_other(gateway: Settings) -> None:
    processes = [process_of(gateway), *process_of(gateway).children(recursive=True)]
    found = [connection for process in processes for connection in process.net_connections("inet")]
    listening = {connection.laddr for connection in found if connection.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", gateway_module.address(gateway)[1])}


def test_the_gateway_sees_no_secret(gateway: Settings) -> None:
    environment = process_of(gateway).environ()
    assert not [name for name in environment if "SECRET" in name or "ACCESS_KEY" in name]
    assert "USER" not in environment


def test_range_reads_are_that_part_of_the_object(s3: Any, bucket: str) -> None:
    content = os.urandom(1 << 20)
    s3.put_object(Bucket=bucket, Key="k", Body=content)
    assert body(s3, bucket, "k", Range="bytes=10-19") == content[10:20]
    assert body(s3, bucket, "k", Range="bytes=-8") == content[-8:]
    assert body(s3, bucket, "k", Range="bytes=1048570-") == content[1048570:]
    assert body(s3, bucket, "k", Range="bytes=1048570-9999999") == content[1048570:]
    assert body(s3, bucket, "k") == content
    assert code(s3.get_object, Bucket=bucket, Key="k", Range="bytes=1048576-") in ("416", "InvalidRange")


def test_bodies_do_not_stay_in_memory(gateway: Settings, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="first", Body=os.urandom(1 << 20))
    before = process_of(gateway).memory_info().rss
    for number in range(40):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=os.urandom(2 << 20))
        s3.get_object(Bucket=bucket, Key=f"k{number}")["Body"].read()
    # 80 MiB were written; a few bodies may be in flight or not yet given back.
    assert process_of(gateway).memory_info().rss - before < 30 << 20


def test_listing_starts_after_a_key_within_a_prefix(s3: Any, bucket: str) -> None:
    keys = [f"a/{number:05d}" for number in range(1500)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: s3.put_object(Bucket=bucket, Key=key), ["0", *keys, "b/0"]))
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="a/")
    assert [found["Key"] for page in pages for found in page["Contents"]] == keys
    after = s3.list_objects_v2(Bucket=bucket, Prefix="a/", StartAfter="a/01489")
    assert [found["Key"] for found in after["Contents"]] == keys[1490:]
    between = s3.list_objects_v2(Bucket=bucket, Prefix="a/", StartAfter="a/00009x", MaxKeys=2)
    assert [found["Key"] for found in between["Contents"]] == ["a/00010", "a/00011"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="a/", StartAfter="a/01499")["KeyCount"] == 0
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [found["Prefix"] for found in folders["CommonPrefixes"]] == ["a/", "b/"]


def test_keys_that_no_path_could_hold_are_kept_apart(s3: Any, bucket: str) -> None:
    keys = ["a", "a/b", "a//b", "a/", "../x", "k.meta.json", "ü/é?x=1&y%20", "k" * 1000]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert {key: body(s3, bucket, key).decode() for key in keys} == {key: key for key in keys}


def test_of_racing_creators_one_wins(gateway: Settings, bucket: str) -> None:
    clients = [client(gateway) for _ in range(4)]

    def create(number: int) -> int | None:
        try:
            clients[number % 4].put_object(Bucket=bucket, Key=f"{number // 8}", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as fault:
            assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 412
            return None
        return number

    with ThreadPoolExecutor(4) as threads:
        winners = [number for number in threads.map(create, range(160)) if number is not None]
    assert sorted(number // 8 for number in winners) == list(range(20))
    assert {int(body(clients[0], bucket, str(number // 8))) for number in winners} == set(winners)


def test_a_conditional_overwrite_needs_the_current_etag(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)["ETag"]
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=first) == "PreconditionFailed"
    assert code(s3.put_object, Bucket=bucket, Key="absent", Body=b"3", IfMatch=second) == "NoSuchKey"
    assert body(s3, bucket, "k", IfMatch=second) == b"2"


def test_everything_is_there_after_a_kill(own: Settings) -> None:
    s3 = client(own)
    s3.create_bucket(Bucket="killed", CreateBucketConfiguration=PLACE)
    s3.create_bucket(Bucket="empty", CreateBucketConfiguration=PLACE)
    s3.put_object(Bucket="killed", Key="k", Body=b"old")
    put = s3.put_object(
        Bucket="killed", Key="k", Body=b"new", Metadata={"first": "7"}, ContentType="text/x", Tagging="a=b"
    )
    s3.put_object(Bucket="killed", Key="gone", Body=b"x")
    s3.delete_object(Bucket="killed", Key="gone")
    s3.copy_object(Bucket="killed", Key="copy", CopySource="killed/k")
    upload = s3.create_multipart_upload(Bucket="killed", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="killed", Key="parts", UploadId=upload, PartNumber=1, Body=b"p" * 100)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="killed", Key="parts", UploadId=upload, MultipartUpload=parts)
    kill_and_wait(own)
    assert {found["Name"] for found in s3.list_buckets()["Buckets"]} >= {"killed", "empty"}
    listed = s3.list_objects_v2(Bucket="killed")
    assert {found["Key"]: found["Size"] for found in listed["Contents"]} == {"copy": 3, "k": 3, "parts": 100}
    head = s3.head_object(Bucket="killed", Key="k")
    assert (head["ETag"], head["Metadata"], head["ContentType"]) == (put["ETag"], {"first": "7"}, "text/x")
    assert s3.get_object_tagging(Bucket="killed", Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert [body(s3, "killed", key) for key in ("k", "copy", "parts")] == [b"new", b"new", b"p" * 100]
    assert code(s3.put_object, Bucket="killed", Key="k", Body=b"3", IfNoneMatch="*") == "PreconditionFailed"
    s3.put_object(Bucket="killed", Key="k", Body=b"3", IfMatch=put["ETag"])


def test_versions_are_there_after_a_kill(own: Settings) -> None:
    s3 = client(own)
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration=PLACE)
    s3.put_object(Bucket="versions", Key="k", Body=b"0")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket="versions", Key="k", Body=b"%d" % number)["VersionId"] for number in (1, 2)]
    s3.delete_object(Bucket="versions", Key="k")
    kill_and_wait(own)
    assert s3.get_bucket_versioning(Bucket="versions")["Status"] == "Enabled"
    assert code(s3.get_object, Bucket="versions", Key="k") == "NoSuchKey"
    assert [body(s3, "versions", "k", VersionId=version) for version in ("null", *ids)] == [b"0", b"1", b"2"]
    marker = s3.list_object_versions(Bucket="versions")["DeleteMarkers"][0]["VersionId"]
    s3.delete_object(Bucket="versions", Key="k", VersionId=marker)
    s3.delete_object(Bucket="versions", Key="k", VersionId=ids[0])
    kill_and_wait(own)
    assert body(s3, "versions", "k") == b"2"
    found = s3.list_object_versions(Bucket="versions")["Versions"]
    assert [version["VersionId"] for version in found] == [ids[1], "null"]


@pytest.mark.usefixtures("full_disk")
def test_a_write_that_the_disk_refuses_is_answered_500_and_changes_nothing(own: Settings) -> None:
    s3 = client(own)
    s3.create_bucket(Bucket="full", CreateBucketConfiguration=PLACE)
    s3.put_object(Bucket="full", Key="k", Body=b"old", Metadata={"n": "1"})
    upload = s3.create_multipart_upload(Bucket="full", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="full", Key="parts", UploadId=upload, PartNumber=1, Body=b"p" * 5000)
    complete = {"UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    s3.put_object(Bucket="full", Key="source", Body=b"s" * 5000)
    with files_at_most(own, 1000):
        assert code(s3.put_object, Bucket="full", Key="k", Body=b"n" * 5000) == "InternalError"
        assert code(s3.put_object, Bucket="full", Key="fresh", Body=b"n" * 5000) == "InternalError"
        assert code(s3.copy_object, Bucket="full", Key="copy", CopySource="full/source") == "InternalError"
        assert code(s3.complete_multipart_upload, Bucket="full", Key="parts", **complete) == "InternalError"
        assert body(s3, "full", "k") == b"old"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="full")["Contents"]] == ["k", "source"]
    assert s3.head_object(Bucket="full", Key="k")["Metadata"] == {"n": "1"}
    # A client tries again once there is room: the upload is still there, and so is the right to create.
    s3.complete_multipart_upload(Bucket="full", Key="parts", **complete)
    s3.put_object(Bucket="full", Key="fresh", Body=b"n", IfNoneMatch="*")
    kill_and_wait(own)
    assert [body(s3, "full", key) for key in ("k", "fresh", "parts")] == [b"old", b"n", b"p" * 5000]


@pytest.mark.usefixtures("full_disk")
def test_a_commit_that_the_disk_refuses_is_answered_500_and_changes_nothing(own: Settings) -> None:
    s3 = client(own)
    s3.create_bucket(Bucket="commit", CreateBucketConfiguration=PLACE)
    s3.put_object(Bucket="commit", Key="k", Body=b"old")
    log = own.data_path / "gateway" / "s3" / "objects.sqlite-wal"
    with files_at_most(own, log.stat().st_size):
        # The body fits, its row does not.
        assert code(s3.put_object, Bucket="commit", Key="k", Body=b"new") == "InternalError"
        assert code(s3.put_object, Bucket="commit", Key="fresh", Body=b"new") == "InternalError"
        assert code(s3.delete_object, Bucket="commit", Key="k") == "InternalError"
        delete = {"Objects": [{"Key": "k"}]}
        assert code(s3.delete_objects, Bucket="commit", Delete=delete) == "InternalError"
        assert body(s3, "commit", "k") == b"old"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="commit")["Contents"]] == ["k"]
    kill_and_wait(own)
    assert body(s3, "commit", "k") == b"old"
    assert _files(own) == _objects(own)


def test_no_acknowledged_write_is_lost_by_kills(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    acknowledged: dict[str, bytes] = {}
    tried: dict[str, set[bytes]] = {}
    for turn in range(6):
        with _bare(settings) as process, ThreadPoolExecutor(1) as threads:
            s3 = client(settings)
            if not turn:
                s3.create_bucket(Bucket="loop", CreateBucketConfiguration=PLACE)
            for key, content in acknowledged.items():
                found = body(s3, "loop", key)
                # The write under way at the kill has arrived as a whole or not at all; every other one is there.
                assert found == content or found in tried.get(key, ())
            written: list[str] = []
            killed = threads.submit(_kill_after, process, 30 + 23 * turn, written)
            tried = _write_until_it_dies(s3, turn, acknowledged, written)
            killed.result()
    with _bare(settings):
        assert _files(settings) == _objects(settings)
        assert len(acknowledged) == 25


@contextmanager
def _bare(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway without a supervisor, which would wait longer with every kill."""
    described = gateway_module.process(settings)
    environment = {"PATH": os.environ["PATH"], **described.environment}
    with subprocess.Popen(described.command, env=environment, cwd=ROOT) as process:
        try:
            wait_until("the gateway answers", lambda: gateway_module.unready(settings) is None)
            yield process
        finally:
            process.kill()


def _write_until_it_dies(
    s3: Any, turn: int, acknowledged: dict[str, bytes], written: list[str]
) -> dict[str, set[bytes]]:
    """Overwrite 25 keys round and round; returns what was tried last and not acknowledged."""
    for number in itertools.count():
        key, content = f"k{number % 25}", b"%d-%d " % (turn, number) * (1 + number * 37 % 5000)
        try:
            s3.put_object(Bucket="loop", Key=key, Body=content)
        except (BotoCoreError, ClientError):
            return {key: {content}}
        acknowledged[key] = content
        written.append(key)
    raise AssertionError


def _kill_after(process: subprocess.Popen[bytes], count: int, written: list[str]) -> None:
    wait_until("writes", lambda: len(written) >= count)
    process.kill()


def _files(settings: Settings) -> int:
    bodies: Path = settings.data_path / "gateway" / "s3" / "bodies"
    return sum(path.is_file() for path in bodies.rglob("*"))


def _objects(settings: Settings) -> int:
    """Objects and versions of all buckets: each has one file."""
    s3 = client(settings)
    count = 0
    for found in s3.list_buckets()["Buckets"]:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=found["Name"])
        count += sum(len(page.get("Versions", [])) for page in pages)
    return count
