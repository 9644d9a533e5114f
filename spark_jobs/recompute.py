"""Silver and gold from bronze by the slow, obvious way: one dictionary, one message after the other, then SQL.

Shares nothing with the Spark driver but the contracts: no Spark, no plans, no Java. `verify` compares the two.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse import streamrecords
from lakehouse.envelopes import Change, decode
from lakehouse.fields import Rejection
from lakehouse.mapping import OWN, FieldMapping
from lakehouse.places import KAFKA, SOURCES, source_of
from lakehouse.strictjson import Integer, MalformedError, parse
from spark_jobs import salvage

OLDER = "older_than_expired_delete"


@dataclass
class Recomputed:
    """What bronze comes to.

    Attributes:
        newest: By source, order_id and line_no, the change with the greatest sequence.
        rows: Lines read.
        tombstones: Messages with a null value.
        rejected: Every rejected line as (object, position, reason).
        damaged: Keys of the objects that could not be read whole.
        expired: Lines that silver rejected because a delete that is forgotten was newer, as (object, position).
        expired_sequence: By source, the highest sequence of a forgotten delete.
        mapping: Which attribute of the DynamoDB table is which column.
    """

    newest: dict[tuple[str, str, int], Change] = field(default_factory=dict)
    rows: int = 0
    tombstones: int = 0
    rejected: set[tuple[str, int, str]] = field(default_factory=set)
    damaged: list[str] = field(default_factory=list)
    expired: frozenset[tuple[str, int]] = frozenset()
    expired_sequence: dict[str, str] = field(default_factory=dict)
    mapping: FieldMapping = OWN

    def add(self, key: str, body: bytes) -> None:
        """Take in a bronze object."""
        lines, damage = salvage.of(key, body)
        if damage:
            self.damaged.append(key)
            self.rejected.add((key, -1, "corrupt_object"))
        # a position counts from the object's first line that is not blank, as Spark's reading does
        start = next((number for number, line in enumerate(lines) if line.strip(" ")), 0)
        for number, line in enumerate(lines):
            if line.strip(" "):
                self._add_line(key, number - start, line)

    def _add_line(self, key: str, position: int, line: str) -> None:
        self.rows += 1
        source = source_of(key)
        try:
            change = self._change(source, line)
        except Rejection as reason:
            self.rejected.add((key, position, str(reason)))
            return
        if change is None:
            self.tombstones += 1
            return
        if (key, position) in self.expired and change.sequence <= self.expired_sequence.get(source, ""):
            self.rejected.add((key, position, OLDER))
            return
        held = self.newest.get((source, *change.key))
        if held is None or change.sequence > held.sequence:
            self.newest[source, *change.key] = change

    def _change(self, source: str, line: str) -> Change | None:
        if source != KAFKA:
            return streamrecords.decode(line, self.mapping)
        value = value_of(line)
        return None if value is None else decode(value)

    def silver_rows(self, business_timezone: str) -> Iterator[dict[str, Any]]:
        """The rows of silver.order_lines without batch_id, tombstones too."""
        for source in SOURCES:
            changes = (change for key, change in self.newest.items() if key[0] == source)
            yield from silver_rows(changes, business_timezone, source)

    def forget(self, held: Set[tuple[str, str, int]]) -> None:
        """Leave out the deletes that silver may have forgotten and has: those whose keys are not `held` there."""
        self.newest = {
            key: change
            for key, change in self.newest.items()
            if change.line or change.sequence > self.expired_sequence.get(key[0], "") or key in held
        }


def value_of(line: str) -> str | None:
    """The message's value in a line of bronze from Kafka; None for a Kafka null.

    Raises:
        Rejection: It is no such line, or the value is not UTF-8.
    """
    try:
        record = parse(line)
    except MalformedError:
        record = None
    if not isinstance(record, dict) or not _is_offset(record.get("offset")):
        raise Rejection("bad_line")
    if "value" in record and (record["value"] is None or type(record["value"]) is str):
        return record["value"]
    raise Rejection("not_utf8" if type(record.get("value_b64")) is str else "bad_line")


def _is_offset(value: Any) -> bool:
    return isinstance(value, Integer) and -(2**63) <= int(value) < 2**63


def silver_rows(changes: Iterable[Change], business_timezone: str, source: str = KAFKA) -> Iterator[dict[str, Any]]:
    """The rows of silver.order_lines of a source without batch_id, tombstones too."""
    zone = ZoneInfo(business_timezone)
    for change in changes:
        line = change.line
        yield {
            "source": source,
            "order_id": change.order_id,
            "line_no": change.line_no,
            "product_id": line.product_id if line else None,
            "description": line.description if line else None,
            "quantity": line.quantity if line else None,
            "unit_price": line.unit_price if line else None,
            "customer_id": line.customer_id if line else None,
            "country": line.country if line else None,
            "ordered_at": line.ordered_at if line else None,
            "sales_date": _date(line.ordered_at, zone) if line else None,
            "extra": change.extra,
            "cdc_op": change.op,
            "cdc_sequence": change.sequence,
            "cdc_at": change.at,
            "is_deleted": line is None,
        }


def _date(moment: datetime, zone: ZoneInfo) -> Any:
    return (
        moment.replace(tzinfo=UTC).astimezone(zone).date() if moment.tzinfo is None else moment.astimezone(zone).date()
    )


_MEASURES = """
    count(DISTINCT CASE WHEN quantity > 0 THEN (source, order_id) END) AS orders,
    count(DISTINCT CASE WHEN customer_id IS NOT NULL THEN (source, customer_id) END) AS customers,
    CAST(coalesce(sum(quantity) FILTER (quantity > 0), 0) AS BIGINT) AS units_sold,
    CAST(coalesce(-sum(quantity) FILTER (quantity < 0), 0) AS BIGINT) AS units_returned,
    TRY_CAST(coalesce(sum(quantity * unit_price) FILTER (quantity > 0), 0) AS DECIMAL(18,3)) AS gross_revenue,
    TRY_CAST(coalesce(-sum(quantity * unit_price) FILTER (quantity < 0), 0) AS DECIMAL(18,3)) AS returned_revenue,
    TRY_CAST(coalesce(sum(quantity * unit_price), 0) AS DECIMAL(18,3)) AS net_revenue
"""

GOLD = {
    "gold.daily_sales": f"""
        SELECT sales_date, country, {_MEASURES}
        FROM order_lines WHERE NOT is_deleted GROUP BY ALL""",  # noqa: S608 (text of our own)
    "gold.daily_product_sales": f"""
        SELECT sales_date, product_id, {_MEASURES},
            max_by(description, (ordered_at, source, order_id, line_no)) FILTER (description IS NOT NULL) AS description
        FROM order_lines WHERE NOT is_deleted GROUP BY ALL""",  # noqa: S608 (text of our own)
}
