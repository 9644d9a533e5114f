"""The thinnest way from a table's stream to bronze: pipe to Kinesis to Firehose, in the gateway's memory."""

import gzip
import json
import threading
import time
from typing import Any


def install() -> None:
    """Let the emulator's pipes reach Kinesis and its Firehose write buffered objects. Once in a process."""
    from ministack.services import firehose, kinesis, pipes  # noqa: PLC0415

    inner = pipes._deliver_batch

    def deliver(pipe: dict[str, Any], batch: list[dict[str, Any]]) -> bool:
        if pipes._arn_service(pipe["Target"]) != "kinesis":
            return bool(inner(pipe, batch))
        pairs = [
            (record["dynamodb"]["Keys"]["order_id"]["S"], json.dumps(record, separators=(",", ":")).encode())
            for record in batch
        ]
        for key, data in pairs:
            if not kinesis.put_record_internal(pipe["Target"], key, data):
                return False
        firehose.ingest_from_kinesis_source(pipe["Target"], pairs)
        return True

    pipes._deliver_batch = deliver
    buffers = Buffers(firehose)
    firehose._deliver_records_to_s3 = buffers.add
    threading.Thread(target=buffers.flush_for_ever, daemon=True, name="firehose").start()


class Buffers:
    """What waits to become an object, by delivery stream."""

    def __init__(self, firehose: Any) -> None:
        self._firehose = firehose
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Any, Any, list[Any], float]] = {}

    def add(self, stream: dict[str, Any], dest: dict[str, Any], records: list[Any]) -> None:
        dest["records"].clear()
        with self._lock:
            self._waiting.setdefault(stream["arn"], (stream, dest, [], time.monotonic()))[2].extend(records)

    def flush_for_ever(self) -> None:
        while True:
            time.sleep(0.2)
            with self._lock:
                due = [
                    arn
                    for arn, (_, dest, _, since) in self._waiting.items()
                    if time.monotonic() - since >= int(dest["config"]["BufferingHints"]["IntervalInSeconds"])
                ]
                taken = [self._waiting.pop(arn) for arn in due]
            for stream, dest, records, _ in taken:
                self._flush(stream, dest, records)

    def _flush(self, stream: dict[str, Any], dest: dict[str, Any], records: list[Any]) -> None:
        from ministack.core.arn import parse_arn  # noqa: PLC0415
        from ministack.core.responses import request_scope  # noqa: PLC0415

        firehose, config, place = self._firehose, dest["config"], parse_arn(stream["arn"])
        with request_scope(place.account_id, place.region):
            passed = firehose._apply_lambda_processors(stream, dest, records)
            moment = time.gmtime()
            key = firehose._evaluate_prefix(config["Prefix"], moment)
            key += f"{stream['name']}-{stream['version']}-{time.strftime('%Y-%m-%d-%H-%M-%S', moment)}-"
            key += firehose.new_uuid() + config.get("FileExtension", ".gz")
            body = gzip.compress(b"".join(data + b"\n" for _, data in passed), 6)
            firehose._put_s3_object(config["BucketARN"].rpartition(":")[2], key, body)
