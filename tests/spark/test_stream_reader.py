"""The Java reader of stream records and lakehouse/streamrecords.py, its specification, say the same of every line."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from lakehouse import mapping as mappings
from lakehouse.fields import Rejection
from lakehouse.mapping import OWN, Field, FieldMapping
from lakehouse.streamrecords import decode, raw_of
from spark_jobs.session import DYNAMODB_READER
from tests.spark.site import item_change
from tests.spark.test_reader import FEW, ODD, Verdict, details, moment, one_line

pytestmark = pytest.mark.spark

Read = Callable[[str, FieldMapping], Verdict]
CLASSIC = FieldMapping(
    {
        **{name: Field("", "text", "Unknown") for name in ("customer_id", "country")},
        "order_id": Field("orderid", "number"),
        "line_no": Field("", "number", "1"),
        "product_id": Field("product_name", "text"),
        "description": Field("product_name", "text", "none"),
        "quantity": Field("quantity", "text", "7"),
        "unit_price": Field("price", "number", "0.5"),
        "ordered_at": Field("sold", "date", "2011-02-03T04:05:06Z"),
    }
)
TIMES = {
    kind: FieldMapping({**OWN.fields, "ordered_at": Field(name, kind)})
    for kind, name in (("seconds", "ordered_at"), ("millis", "ordered_at"), ("text", mappings.CHANGED_AT))
}
MAPPINGS = (OWN, OWN, OWN, CLASSIC, *TIMES.values())


def specified(line: str, mapping: FieldMapping = OWN) -> Verdict:
    """What the specification says of a line of bronze."""
    try:
        found = decode(line, mapping)
    except Rejection as reason:
        return ("rejected", str(reason))
    return ("change", found.order_id, found.line_no, *details(found), found.extra, found.op, found.sequence, found.at)


@pytest.fixture(scope="module")
def java(spark: SparkSession) -> Read:
    """The Java reader, called directly."""
    jvm = spark.sparkContext._jvm
    assert jvm
    reader = getattr(jvm, DYNAMODB_READER)()

    def read(line: str, mapping: FieldMapping = OWN) -> Verdict:
        row = reader.call(line, mapping.to_json())
        if row.get(1) is not None:
            return ("rejected", row.get(1))
        fields = [row.get(at) for at in range(4, 17)]
        for at in (8, 12):
            fields[at] = moment(fields[at]) if fields[at] is not None else None
        return ("change", *fields)

    return read


def raw(spark: SparkSession, line: str) -> Any:
    """What the Java reader keeps of a rejected line."""
    jvm = spark.sparkContext._jvm
    assert jvm
    return getattr(jvm, DYNAMODB_READER)().call(line, OWN.to_json()).get(2)


NUMBERS = st.sampled_from(
    ["", "0", "-0", "+5", "05", ".5", "5.", "1.5", "1.50", "2.0", "1e3", "1E+2", "1e-2", "15e-1", "1e999", "1e-999",
     "1e1000", "0e5", "0.000", "2147483647", "2147483647.0", "2147483648", "-2147483648", "-2147483649",
     "999999999.999", "999999999.9999", "999999999." + "9" * 99, "1000000000", "-1000000000", "1.2345", "1.2340",
     "12.0005", "9" * 100, "9" * 101, "0." + "0" * 98 + "1", "1294135200", "1294135200.123456789", "1294135200123",
     "-5e9", "7258118399.999999", "7258118400", "-2208988800", "-2208988800.0000001", "1e10", "10000000000.1", "NaN",
     "Infinity", "1_000", "\u0661", " 1", "x"]
)  # fmt: skip
ATTRIBUTES = st.one_of(
    NUMBERS.map(lambda text: json.dumps({"N": text})),
    ODD.map(lambda odd: f'{{"S":{odd}}}'),
    ODD.map(lambda odd: f'{{"N":{odd}}}'),
    ODD.map(lambda odd: f'{{"NULL":{odd}}}'),
    ODD.map(lambda odd: f'{{"BOOL":{odd}}}'),
    ODD.map(lambda odd: f'{{"M":{{"b":{{"S":{odd}}},"a":{{"N":"1.50"}}}}}}'),
    ODD.map(lambda odd: f'{{"L":[{{"BOOL":true}},{{"N":{odd}}}]}}'),
    ODD.map(lambda odd: f'{{"NS":["1",{odd}]}}'),
    ODD.map(lambda odd: f'{{"SS":["1",{odd}]}}'),
    ODD.map(lambda odd: f'{{"M":{odd}}}'),
    ODD,
    st.sampled_from(['{"S":"x","N":"1"}', "{}", '{"X":"1"}', '{"B":"AAE="}', '{"BS":["AAE="]}', '{"L":[]}', '{"M":{}}',
                     '{"NULL":true}', '{"BOOL":false}', '{"S":""}', '{"L":[{"L":[{"NULL":true}]}]}']),
)  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> str:
    """The text of a stream record in which up to three places say something odd."""
    op = draw(st.sampled_from("ccurd"))
    extra = draw(st.none() | st.just({"é": {"b": 1, "a": [None, True]}}))
    document = json.loads(item_change(op, draw(st.integers(0, 10**41)), extra=extra))
    record = document["dynamodb"]
    images = [record[name] for name in ("NewImage", "OldImage") if name in record]
    if draw(st.booleans()):
        record["Keys"] = {"orderid": {"N": "5"}}
        for image in images:
            image |= {"orderid": {"N": "5.0"}, "product_name": {"S": "tea"}, "price": {"N": "1.25"}}
    places = {f"@{number}@": draw(ATTRIBUTES | ODD) for number in range(draw(st.integers(0, 3)))}
    parts = (document, record, record["Keys"], *images, *images)
    for mark in places:
        where = draw(st.sampled_from(parts))
        where[draw(st.sampled_from(tuple(where)) | st.text(max_size=3))] = mark
    text = json.dumps(document, ensure_ascii=draw(st.booleans()), separators=(",", ":"))
    for mark, odd in places.items():
        text = text.replace(f'"{mark}"', odd, 1)
    return text


@settings(FEW, max_examples=900)
@given(line=records(), mapping=st.sampled_from(MAPPINGS))
def test_odd_records_are_read_alike(java: Read, line: str, mapping: FieldMapping) -> None:
    line = one_line(line)
    assert java(line, mapping) == specified(line, mapping)


@settings(FEW, max_examples=250)
@given(data=st.data())
def test_damaged_lines_are_read_alike(java: Read, data: st.DataObject) -> None:
    line = data.draw(records() | st.just(failure()) | st.text())
    for _ in range(data.draw(st.integers(0, 2))):
        at, length = data.draw(st.integers(0, len(line))), data.draw(st.integers(0, 40))
        line = line[:at] + data.draw(ODD | st.text(max_size=2)) + line[at + length :]
    line = one_line(line)
    assert java(line, OWN) == specified(line)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"INSERT"', '"UPSERT"', "unknown_op"),
        ('"eventName":"INSERT",', "", "unknown_op"),
        ('"SequenceNumber":"7",', "", "no_sequence"),
        ('"SequenceNumber":"7"', '"SequenceNumber":7', "no_sequence"),
        ('"SequenceNumber":"7"', '"SequenceNumber":"7.0"', "no_sequence"),
        ("/stream/2026", "/streams/2026", "no_sequence"),
        ('"ApproximateCreationDateTime":1700000007.0', '"ApproximateCreationDateTime":"now"',
         "wrong_type: dynamodb.ApproximateCreationDateTime"),
        ('"Keys":', '"keys":', "missing: Keys"),
        ('"NewImage":', '"newImage":', "missing: NewImage"),
        ('"Keys":{"order_id":{"S":"1"}', '"Keys":{"order_id":{"S":"2"}', "key_mismatch: NewImage.order_id"),
        ('"Keys":{"order_id":{"S":"1"},"line_no":{"N":"1"}', '"Keys":{"order_id":{"S":"1"},"line_no":{"N":"2"}',
         "key_mismatch: NewImage.line_no"),
        ('"Keys":{', '"Keys":{"sku":{"S":"1"},', "key_mismatch: Keys.sku"),
        ('"quantity":{"N":"1"}', '"quantity":{"S":"1"}', "wrong_type: NewImage.quantity"),
        ('"quantity":{"N":"1"}', '"quantity":{"N":"1.5"}', "wrong_type: NewImage.quantity"),
        ('"quantity":{"N":"1"}', '"quantity":{"N":"2147483648"}', "out_of_range: NewImage.quantity"),
        ('"quantity":{"N":"1"}', '"quantity":{"N":"one"}', "bad_number: NewImage.quantity"),
        ('"quantity":{"N":"1"},', "", "missing: NewImage.quantity"),
        ('"quantity":{"N":"1"}', '"quantity":{"NULL":true}', "missing: NewImage.quantity"),
        ('"unit_price":{"N":"1.000"}', '"unit_price":{"N":"12.3456"}', "too_many_decimals: NewImage.unit_price"),
        ('"unit_price":{"N":"1.000"}', '"unit_price":{"N":"1e9"}', "out_of_range: NewImage.unit_price"),
        ('"country":{"S":"UK"}', '"country":{"S":"UK"},"gift":{"Z":1}', "wrong_type: NewImage.gift"),
        ('"country":{"S":"UK"}', '"country":{"S":"UK"},"country":{"S":"EIRE"}', "bad_json"),
        ('"eventID"', '"eventID":1}{"eventID"', "bad_json"),
    ],
)  # fmt: skip
def test_both_refuse_what_the_contract_refuses(java: Read, old: str, new: str, reason: str) -> None:
    line = item_change("c", 7)
    assert old in line
    line = line.replace(old, new, 1)
    assert java(line, OWN) == specified(line) == ("rejected", reason)


def test_numbers_are_exact_and_nulls_may_be_absent(java: Read) -> None:
    line = item_change("u", 7, description=None).replace('"N":"1.000"', '"N":"1.1E-1"').replace('"N":"1"', '"N":"1.0"')
    read = java(line, OWN)
    assert read == specified(line)
    assert [str(read[5]), str(read[6]), read[4]] == ["1", "0.110", None]


def test_unknown_attributes_become_plain_json(java: Read) -> None:
    extra = {"z": {"b": [1.50, None], "a": True}, "B": "x"}
    line = item_change("c", 7, extra=extra).replace(
        '"country"', '"tags":{"NS":["1","2.50"]},"raw":{"B":"AAE="},"country"'
    )
    assert java(line, OWN) == specified(line)
    assert java(line, OWN)[10] == '{"B":"x","raw":"AAE=","tags":[1,2.50],"z":{"b":[1.5,null],"a":true}}'


def failure(data: str | bytes = "", code: str = "Lambda.FunctionError") -> str:
    """A line that Firehose leaves of a record it gave up."""
    body = data if isinstance(data, bytes) else (data or item_change("c", 7)).encode()
    about = {"attemptsMade": 4, "arrivalTimestamp": 1764410000000, "errorCode": code, "errorMessage": "failed"}
    about |= {"attemptEndingTimestamp": 1764410009000, "rawData": base64.b64encode(body).decode(), "lambdaArn": "arn"}
    return json.dumps(about)


@pytest.mark.parametrize("body", [b"", b"not utf-8: \xff", "é".encode(), item_change("d", 9).encode()])
def test_what_firehose_gave_up_is_rejected_with_its_raw_data(spark: SparkSession, java: Read, body: bytes) -> None:
    line = failure(body or b"")
    assert java(line, OWN) == specified(line) == ("rejected", "firehose_error: Lambda.FunctionError")
    assert raw(spark, line) == raw_of(line)
    assert body in (raw_of(line).encode(), base64.b64decode(raw_of(line) if b"\xff" in body else ""))
