"""The operations tables: what every batch and every bronze object came to, filled off the hot path.

The results in the bucket are the truth; these tables are made from them and can be made again.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from lakehouse.tables import LAYERS, OPS_BATCHES, OPS_BRONZE_OBJECTS, OUTCOMES
from spark_jobs.arrow import arrow_schema
from spark_jobs.coverage import Span, Where, spans
from spark_jobs.delta import Lakehouse
from spark_jobs.gold import Step
from spark_jobs.lags import Distribution
from spark_jobs.ledger import Ledger
from spark_jobs.plans import ReadObject, Result


class Publisher:
    """Appends finished batches to ops.batches and ops.bronze_objects, each once.

    Args:
        tables: Where they lie.
        generation: The generation of the batches.
    """

    def __init__(self, tables: Lakehouse, generation: int) -> None:
        self._tables, self._app, self._generation = tables, f"ops/{generation}", generation
        self._steps: list[Step] = []
        self._ends: dict[tuple[str, int], int] | None = None
        self.published = min(tables.transaction(table, self._app) for table in (OPS_BATCHES, OPS_BRONZE_OBJECTS))

    def note(self, step: Step) -> None:
        """Remember when gold showed which version of silver."""
        self._steps.append(step)

    def publish(self, ledger: Ledger) -> int:
        """Append the batches up to the newest finished one.

        Returns:
            How many were appended.
        """
        newest = ledger.finished
        if newest <= self.published:
            return 0
        ends = self._published_ends(ledger)
        batches, objects = self._rows(ledger, ends)
        for table, found in ((OPS_BATCHES, batches), (OPS_BRONZE_OBJECTS, objects)):
            since = self._tables.transaction(table, self._app)
            fresh = [row for row in found if row["batch_id"] > since]
            if since < newest:
                rows = pa.Table.from_pylist(fresh, schema=arrow_schema(table))
                self._tables.append_few(rows, table, self._app, newest, f"batches {since + 1} to {newest}")
        count = newest - max(self.published, 0)
        self.published, self._ends = newest, ends
        self._steps = self._steps[-1:]
        return count

    def _published_ends(self, ledger: Ledger) -> dict[tuple[str, int], int]:
        """By topic id and partition, the first offset that no published batch has read."""
        if self._ends is not None:
            return dict(self._ends)
        ends = dict(ledger.checkpoint.next_offsets)  # what it holds is published
        for batch_id in sorted(ledger.results):
            if batch_id <= self.published:
                spans(ledger.results[batch_id].objects, ends)
        return ends

    def _rows(
        self, ledger: Ledger, ends: dict[tuple[str, int], int]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of the batches that are not published; `ends` is moved on past them."""
        batches: list[dict[str, Any]] = []
        objects: list[dict[str, Any]] = []
        for batch_id in sorted(batch_id for batch_id in ledger.results if batch_id > self.published):
            result = ledger.results[batch_id]
            for where, span in spans(result.objects, ends).items():
                batches.append(self._batch(result, where, span))
            objects += _objects(result)
        return batches, objects

    def _batch(self, result: Result, where: Where, span: Span) -> dict[str, Any]:
        step = next((step for step in self._steps if step.silver_version >= result.silver_version), None)
        return {
            "generation": self._generation,
            "batch_id": result.batch_id,
            "source": result.source,
            "topic_id": where[0],
            "partition": where[1],
            "rows_read": sum(read.rows for read in span.objects),
            **{name: sum(read.outcomes.get(name, 0) for read in span.objects) for name in OUTCOMES},
            "first_offset": span.first,
            "last_offset": span.last,
            "gaps": span.gaps,
            "overlaps": span.overlaps,
            "planned_at": _moment(result.planned_at),
            "committed_at": _moment(result.committed_at),
            "silver_version": result.silver_version,
            "gold_version": step.gold_version if step else None,
            **_lag_columns(lags(span.objects, result.committed_at, step.committed_at if step else None)),
        }


def lags(
    objects: Iterable[ReadObject], silver_at: float, gold_at: float | None, into: dict[str, Distribution] | None = None
) -> dict[str, Distribution]:
    """The lags of objects' applied changes from the source to each layer.

    Args:
        objects: What was read; an object whose time S3 does not tell counts for nothing.
        silver_at: When silver showed them, seconds since 1970.
        gold_at: When gold did; None if that is not known.
        into: Where to count them; new distributions by default.

    Returns:
        By layer, `into`.
    """
    into = {layer: Distribution() for layer in LAYERS} if into is None else into
    for read in objects:
        if read.landed_at is None:
            continue
        for layer, seen_at in zip(LAYERS, (read.landed_at, silver_at, gold_at), strict=True):
            if seen_at is not None:
                for spread in read.spreads:
                    into[layer].add(spread, read.landed_at, seen_at)
    return into


def _lag_columns(found: dict[str, Distribution]) -> dict[str, Any]:
    columns: dict[str, Any] = {"ahead": found["bronze"].ahead, "history": found["bronze"].history}
    for layer, lag in found.items():
        values = (lag.quantile(0.5), lag.quantile(0.95), lag.greatest) if lag.rows else (None, None, None)
        for name, value in zip(("", "_p95", "_max"), values, strict=True):
            columns[f"{layer}_lag{name}_seconds"] = None if value is None else round(value, 3)
    return columns


def _objects(result: Result) -> Iterator[dict[str, Any]]:
    for read in result.objects:
        yield {
            "object": read.key,
            "etag": read.etag,
            "rows": read.rows,
            "generation": result.generation,
            "batch_id": result.batch_id,
            "status": read.status,
        }


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
