"""Redrive: changes that the pipe or Firehose gave up, put into bronze as they would have come there.

Those of the pipe are read from the table's stream (letters.py), those of Firehose from the objects under errors/. The
sequence decides what counts in silver, so that nothing is harmed by doing it late, in another order or twice; changes
may go on meanwhile, and neither pipe nor function need work.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.letters import Letter, Letters
from infra.aws.records import ROWS_PER_OBJECT, Clients, Report, clients_of, put, table_of
from lakehouse import places, streamrecords
from lakehouse.errors import SourceError
from lakehouse.fields import Rejection
from lakehouse.mapping import FieldMapping
from lakehouse.settings import Settings


@dataclass
class Redriven:
    """What a redrive came to.

    Attributes:
        letters, changes: Dead letters whose changes are in bronze now, and how many they are.
        objects, records: Objects of errors/ whose records are in bronze now, and how many they are.
        unfit: Records of errors/ that silver would reject whatever is done.
        covered: Letters that were needless: all rows were resynced under a later stream.
        gone: Letters whose changes are in no stream any more; they stay in their queue.
        others: Messages that are no dead letters of this table; they stay in their queue.
        written: The new objects of bronze.
    """

    letters: int = 0
    changes: int = 0
    objects: int = 0
    records: int = 0
    unfit: int = 0
    covered: int = 0
    gone: int = 0
    others: int = 0
    written: list[str] = field(default_factory=list)


class Redrive:
    """A redrive of the settings' table.

    Args:
        settings: Table and bucket.
        report: Told what is done, how much of it, and of how much.
        clients: Makes clients by the service's name.
    """

    def __init__(
        self,
        settings: Settings,
        report: Report = lambda what, done, total: None,
        clients: Clients | None = None,
    ) -> None:
        self._clients = clients or clients_of(settings)
        self._settings, self._report, self._s3 = settings, report, self._clients("s3")
        self._done = Redriven()

    def run(self) -> Redriven:
        """Do it.

        Raises:
            ConfigError: There is no such table.
            SourceError: AWS does not answer, or the stream does not give what it has.
        """
        try:
            table = table_of(self._clients("dynamodb"), self._settings.dynamodb_table)
            letters = Letters(self._clients, table["TableArn"])
            for queue in letters.queues():
                self._redrive_letters(letters, queue, str(table.get("LatestStreamArn") or ""))
            self._redrive_objects()
        except (ClientError, BotoCoreError) as fault:
            where = self._settings.aws_endpoint_url or "AWS"
            raise SourceError(f"redrive: {fault}", f"an answer of {where}", "run it again: it goes on") from fault
        return self._done

    # --- dead letters of the pipe

    def _redrive_letters(self, letters: Letters, queue: str, stream: str) -> None:
        lines: list[str] = []
        read: list[str] = []
        kept: list[str] = []
        for handle, letter in letters.received(queue):
            found = letters.lines(letter) if letter else None
            if found is not None:
                lines += found
                read.append(handle)
                self._report("changes of dead letters", self._done.changes + len(lines), None)
            elif letter and self._is_covered(letter, stream):
                letters.delete(queue, handle)
                self._done.covered += 1
            else:
                kept.append(handle)
                self._done.gone += letter is not None
                self._done.others += letter is None
            if len(lines) >= ROWS_PER_OBJECT:
                self._deliver(letters, queue, read, lines)
                lines, read = [], []
        self._deliver(letters, queue, read, lines)
        for handle in kept:
            letters.show(queue, handle)

    def _deliver(self, letters: Letters, queue: str, read: list[str], lines: list[str]) -> None:
        """Put lines into bronze, and then take their letters from the queue."""
        if lines:
            day = datetime.now(UTC).date()
            self._put(f"{places.dated(places.BRONZE_DYNAMODB, day)}{places.REDRIVE}{time.time_ns()}.jsonl.gz", lines)
        for handle in read:
            letters.delete(queue, handle)
        self._done.letters += len(read)
        self._done.changes += len(lines)

    def _is_covered(self, letter: Letter, stream: str) -> bool:
        """Whether all rows were resynced under a later stream than the letter's."""
        try:
            label, now = streamrecords.label_of(letter.stream), streamrecords.label_of(stream)
        except Rejection:
            return False
        if now <= label:
            return False
        after = places.dated(places.BRONZE_DYNAMODB, date.fromisoformat(now[:10]))
        return any(f"/{places.RESYNC}{now}-" in key for key in self._keys(places.BRONZE_DYNAMODB, after))

    # --- what Firehose gave up

    def _redrive_objects(self) -> None:
        known = list(self._keys(places.MAPPING))
        mapping = FieldMapping.from_json(self._body(places.MAPPING).decode() if known else "")
        for key in self._keys(places.ERRORS):
            again = place_of(key)
            if not again or list(self._keys(again)):
                continue
            lines, unfit = fit(key, self._body(key), mapping)
            self._done.unfit += unfit
            if lines:
                self._put(again, lines)
                self._done.objects += 1
                self._done.records += len(lines)
            self._report("records of errors/", self._done.records, None)

    def _keys(self, prefix: str, after: str = "") -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket, Prefix=prefix, StartAfter=after
        )
        return (entry["Key"] for page in pages for entry in page.get("Contents", ()))

    def _body(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._settings.bucket, Key=key)["Body"].read())

    def _put(self, key: str, lines: list[str]) -> None:
        put(self._s3, self._settings.bucket, key, lines)
        self._done.written.append(key)


def place_of(key: str) -> str:
    """Where in bronze the records of an object of errors/ come to lie: that it is there says that it was done.

    Example:
        >>> place_of("errors/order_lines/processing-failed/date=2026-11-30/s-1.jsonl.gz")
        'bronze/order_lines/dynamodb/date=2026-11-30/0-redrive-s-1.jsonl.gz'
    """
    folder, _, name = key.rpartition("/")
    day = folder.rpartition("/")[2]
    return f"{places.BRONZE_DYNAMODB}{day}/{places.REDRIVE}{name}" if places.is_dated(folder) else ""


def fit(key: str, body: bytes, mapping: FieldMapping) -> tuple[list[str], int]:
    """The records within an object of errors/ that silver takes, and how many others there are."""
    from spark_jobs import salvage  # noqa: PLC0415 (the gateway's image, which runs infra, has no spark_jobs)

    lines, unfit = [], 0
    for line in salvage.of(key, body)[0]:
        if not line.strip(" "):
            continue
        raw = streamrecords.raw_of(line)
        try:
            streamrecords.decode(raw, mapping)
        except Rejection:
            unfit += 1
            continue
        lines.append(raw)
    return lines, unfit
