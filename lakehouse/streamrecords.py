"""A change of a DynamoDB table as a Pipe delivers its stream record, and the strict reading of one.

As lakehouse/envelopes.py does for Kafka: this is the specification, one record at a time, and spark_jobs/reader states
the same rules in Java. Which attribute is which column says a mapping.
"""

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Any, Final

from lakehouse.attributes import Attributes, decimal, key
from lakehouse.envelopes import Change
from lakehouse.fields import Rejection, members
from lakehouse.images import EPOCH, MAX_SECONDS, Image, since_epoch
from lakehouse.mapping import KEY, OWN, FieldMapping
from lakehouse.strictjson import Fraction, Integer, MalformedError, parse

OPS: Final = {"INSERT": "c", "MODIFY": "u", "REMOVE": "d", "READ": "r"}
"""By eventName; READ is not DynamoDB's but that of `python -m infra resync`, for an item that a scan found."""
SEQUENCE_DIGITS: Final = 40
FIREHOSE_ERROR: Final = "firehose_error"

_LABEL = re.compile(r"arn:[^/]*:table/[^/]+/stream/([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3})Z?")
_SEQUENCE = re.compile(r"[0-9]{1,40}", re.ASCII)


def sequence(label: str, number: str) -> str:
    """Where a change stands among all changes of a table: a later stream's come after all of an earlier one's.

    Args:
        label: The stream's label, its creation time to the millisecond.
        number: The record's SequenceNumber.

    Example:
        >>> sequence("2026-11-29T10:00:00.000", "7")
        '2026-11-29T10:00:00.000/0000000000000000000000000000000000000007'
    """
    return f"{label}/{number.zfill(SEQUENCE_DIGITS)}"


def label_of(stream_arn: Any) -> str:
    """The label of a stream by its ARN; the `Z` that some write behind it is left out.

    Raises:
        Rejection: It is no ARN of a stream.
    """
    found = _LABEL.fullmatch(stream_arn) if type(stream_arn) is str else None
    if not found:
        raise Rejection("no_sequence")
    return found[1]


def encode(event: str, stream_arn: str, number: str, at: float, keys: Attributes, **images: Attributes) -> str:
    """A stream record as a Pipe delivers it.

    Args:
        event: INSERT, MODIFY, REMOVE or READ.
        stream_arn: Of the table's stream.
        number: SequenceNumber.
        at: When the change was made, seconds since 1970.
        keys: The item's key, typed.
        images: NewImage, OldImage, typed.
    """
    return json.dumps(
        {
            "eventID": f"{number}",
            "eventName": event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": stream_arn.split(":")[3],
            "dynamodb": {
                "ApproximateCreationDateTime": at,
                "Keys": keys,
                **images,
                "SequenceNumber": number,
                "SizeBytes": 0,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": stream_arn,
        },
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda value: base64.b64encode(value).decode(),  # binary data, as AWS's client hands it out
    )


def key_of(keys: Attributes, mapping: FieldMapping = OWN) -> tuple[str, int]:
    """The order line's key by the key of its item.

    Raises:
        Rejection: It is none.
    """
    own = [name for name, _ in mapping.keys]
    for name in keys:
        if name not in own:  # two items would be one row
            raise Rejection(f"key_mismatch: Keys.{name}")
    reader = Image("Keys", keys, mapping, EPOCH)
    return reader.text("order_id"), reader.integer("line_no", 1)


def keys_of(order_id: str, line_no: int, mapping: FieldMapping = OWN) -> Attributes:
    """The key of an item by that of its order line: the other way round.

    Example:
        >>> keys_of("536365", 7)
        {'order_id': {'S': '536365'}, 'line_no': {'N': '7'}}
    """
    values = {"order_id": order_id, "line_no": str(line_no)}
    fields = {column: mapping.fields[column] for column in KEY}
    return {
        field.attribute: {"N" if field.kind == "number" else "S": values[column]}
        for column, field in fields.items()
        if field.attribute
    }


def raw_of(line: str) -> str:
    """What is kept of a rejected line: the line, or the record that Firehose gave up, decoded where it is UTF-8."""
    try:
        document = parse(line)
    except MalformedError:
        return line
    if not _is_failure(document):
        return line
    try:
        return base64.b64decode(document["rawData"], validate=True).decode()
    except UnicodeDecodeError:
        return str(document["rawData"])
    except (binascii.Error, ValueError):
        return line


def decode(line: str, mapping: FieldMapping = OWN) -> Change:
    """Read a line of bronze.

    Raises:
        Rejection: The record breaks the contract; its text is the reason.
    """
    try:
        document = parse(line)
    except MalformedError as fault:
        raise Rejection("bad_json") from fault
    if not isinstance(document, dict):
        raise Rejection("wrong_type: record")
    if _is_failure(document):
        raise Rejection(f"{FIREHOSE_ERROR}: {document['errorCode']}")
    event = document.get("eventName")
    if type(event) is not str or event not in OPS:
        raise Rejection("unknown_op")
    record = members(document, "dynamodb")
    number = record.get("SequenceNumber")
    label = label_of(document.get("eventSourceARN"))
    if type(number) is not str or not _SEQUENCE.fullmatch(number):
        raise Rejection("no_sequence")
    at = _created(record)
    op, keys = OPS[event], members(record, "Keys")
    order_id, line_no = key_of(keys, mapping)
    if op == "d":
        if record.get("OldImage") is not None:
            _agree(keys, members(record, "OldImage"), "OldImage")
        return Change(op, sequence(label, number), at, order_id, line_no, None)
    image = members(record, "NewImage")
    _agree(keys, image, "NewImage")
    line_read, extra = Image("NewImage", image, mapping, at).line(order_id, line_no)
    return Change(op, sequence(label, number), at, order_id, line_no, line_read, extra)


def _is_failure(document: Any) -> bool:
    return (
        isinstance(document, dict) and type(document.get("rawData")) is str and type(document.get("errorCode")) is str
    )


def _created(record: dict[str, Any]) -> datetime:
    value = record.get("ApproximateCreationDateTime")
    place = "dynamodb.ApproximateCreationDateTime"
    if value is None:
        raise Rejection(f"missing: {place}")
    if not isinstance(value, Integer | Fraction):
        raise Rejection(f"wrong_type: {place}")
    number = decimal(str(value), place)
    if not 0 <= number <= MAX_SECONDS:
        raise Rejection(f"out_of_range: {place}")
    return since_epoch(number) or EPOCH


def _agree(keys: Attributes, image: Attributes, where: str) -> None:
    for name, value in keys.items():
        place = f"{where}.{name}"
        if name not in image:
            raise Rejection(f"key_mismatch: {place}")
        if key(value, f"Keys.{name}") != key(image[name], place):
            raise Rejection(f"key_mismatch: {place}")
