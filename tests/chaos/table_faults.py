"""The faults of the second way in by name: what may befall table, stream, pipe, function and Firehose's objects."""

import time
from collections.abc import Callable
from typing import Any

from infra.aws import streaming
from lakehouse import places
from tests.chaos.again import rebuild
from tests.chaos.faults import S3_FAULTS, Fault, kill, kill_generator, kills_at, stop, stop_generator
from tests.chaos.scene import Act, Scene
from tests.chaos.stack import wait_until
from tests.chaos.steps import STEPS
from tests.chaos.table import KINESIS, OPTIONS, TableStack

SECONDS = 240.0
NOWHERE = "$.dynamodb.Keys.nowhere.S"
_PUT = 500  # records of a PutRecords


def of_table(scene: Scene) -> TableStack:
    """The scene's stack, which is one of the table's way."""
    assert isinstance(scene.stack, TableStack)
    return scene.stack


def _do(what: str, call: Callable[[], object]) -> None:
    """Call until the gateway, which may be under fire itself, takes it."""
    wait_until(what, lambda: (call(), True)[1], 60)


def _arrive(stack: TableStack) -> None:
    """Wait until all that the table's stream had on its way is in gold."""
    mark = wait_until("a mark is written", stack.mark, SECONDS)
    wait_until("gold has the mark", lambda: stack.holds(mark), SECONDS)


def kill_twice(scene: Scene) -> float:
    """kill -9 of the gateway, and once more as soon as it is there again."""
    stack = of_table(scene)
    before = stack.pid("gateway")
    stack.kill("gateway")
    wait_until("the gateway runs again", lambda: stack.pid("gateway") != before, 60)
    time.sleep(scene.rng.uniform(0, 2))
    at = time.monotonic()
    stack.kill("gateway")
    return at


def stream_off(scene: Scene) -> float:
    """The table's stream is off for 2 to 5 s; another one, its pipe, and a resync follow."""
    stack = of_table(scene)
    stack.has_gap = True
    _do("the stream is off", lambda: stack.enable(False))
    time.sleep(scene.rng.uniform(2, 5))
    _do("the stream is on", lambda: stack.enable(True))
    _do("its pipe is there", lambda: streaming.deploy(stack.settings, OPTIONS))
    _arrive(stack)
    stack.run("infra", "resync", seconds=SECONDS)
    return time.monotonic()


def function_broken(scene: Scene) -> float:
    """A function that fails at every call for 6 to 9 s: Firehose gives records up; mended, they are redriven."""
    stack = of_table(scene)
    _do("the function is broken", lambda: stack.use("whimsical.broken"))
    time.sleep(scene.rng.uniform(6, 9))
    _do("the function is mended", lambda: stack.use("whimsical.handler"))
    _arrive(stack)
    stack.run("infra", "redrive", seconds=SECONDS)
    return time.monotonic()


def pipe_gives_up(scene: Scene) -> float:
    """A pipe that can deliver nothing for 1 to 3 s and does not try again: dead letters, which are redriven."""
    stack = of_table(scene)
    pipes, name = stack.client("pipes"), stack.deployed.pipe
    given = pipes.describe_pipe(Name=name)
    before = given["SourceParameters"]["DynamoDBStreamParameters"]["MaximumRetryAttempts"]
    target = given["TargetParameters"]["KinesisStreamParameters"]["PartitionKey"]

    def update(key: str, attempts: int) -> None:
        pipes.update_pipe(
            Name=name,
            RoleArn=given["RoleArn"],
            SourceParameters={"DynamoDBStreamParameters": {"MaximumRetryAttempts": attempts}},
            TargetParameters={"KinesisStreamParameters": {"PartitionKey": key}},
        )

    _do("the pipe is broken", lambda: update(NOWHERE, 0))
    time.sleep(scene.rng.uniform(1, 3))
    _do("the pipe is mended", lambda: update(target, before))
    _arrive(stack)
    stack.run("infra", "redrive", seconds=SECONDS)
    return time.monotonic()


def records_twice(*, backwards: bool) -> Act:
    """Every record that the Kinesis stream keeps is put into it once more, in order or the last one first."""

    def act(scene: Scene) -> float:
        stack = of_table(scene)
        kinesis = stack.client("kinesis")
        _do("the records are sent again", lambda: again(kinesis))
        return time.monotonic()

    def again(kinesis: Any) -> None:
        for sent in shards(kinesis):
            ordered = sent[::-1] if backwards else sent
            for start in range(0, len(ordered), _PUT):
                records = [{"Data": data, "PartitionKey": key} for key, data in ordered[start : start + _PUT]]
                assert not kinesis.put_records(StreamName=KINESIS, Records=records)["FailedRecordCount"]

    return act


def shards(kinesis: Any) -> list[list[tuple[str, bytes]]]:
    """The different records of each shard: what was sent again before is not sent four times."""
    found = []
    for shard in kinesis.list_shards(StreamName=KINESIS)["Shards"]:
        records: dict[tuple[str, bytes], None] = {}
        iterator = kinesis.get_shard_iterator(
            StreamName=KINESIS, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            page = kinesis.get_records(ShardIterator=iterator)
            records.update(dict.fromkeys((one["PartitionKey"], one["Data"]) for one in page["Records"]))
            if not page["Records"]:
                break
            iterator = page["NextShardIterator"]
        found.append(list(records))
    return found


def object_twice(scene: Scene) -> float:
    """The newest objects of Firehose once more: under an earlier and a later key, as an object that it tried again."""
    stack = of_table(scene)
    _do("the objects are copied", lambda: _copy_newest(stack))
    return time.monotonic()


def _copy_newest(stack: TableStack) -> None:
    s3, bucket = stack.s3, stack.settings.bucket
    found = s3.list_objects_v2(Bucket=bucket, Prefix=places.BRONZE_DYNAMODB).get("Contents", [])
    for entry in found[-3:]:
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        folder, _, name = entry["Key"].rpartition("/")
        for copy in (f"{folder}/0-{name}", f"{folder}/{name}-again.jsonl.gz"):
            s3.put_object(Bucket=bucket, Key=copy, Body=body)


FAULTS: tuple[Fault, ...] = (
    Fault("kill -9 gateway", kill("gateway")),
    Fault("kill -9 spark", kill("spark")),
    Fault("stream off and on, then resync", stream_off, load_seconds=20, alone=True),
    Fault("function broken, then redrive", function_broken, load_seconds=12, alone=True),
    Fault("pipe gives up, then redrive", pipe_gives_up, alone=True),
    Fault("stream records twice", records_twice(backwards=False)),
    Fault("stream records twice, backwards", records_twice(backwards=True)),
    Fault("object twice", object_twice),
    Fault("kill -9 gateway twice", kill_twice),
    Fault("SIGSTOP gateway", stop("gateway")),
    Fault("kill -9 generator", kill_generator),
    Fault("SIGSTOP spark", stop("spark")),
    *S3_FAULTS,
    Fault("SIGSTOP generator", stop_generator),
    Fault("kill -9 spark's Python", kill("spark", "parent")),
    Fault("kill -9 spark's JVM", kill("spark", "children")),
    Fault("clock jumps", lambda scene: time.monotonic(), wrong_clock=True),
    Fault("rebuild", rebuild, alone=True),
    *kills_at(*(step for step in STEPS if step.process == "spark")),
)
