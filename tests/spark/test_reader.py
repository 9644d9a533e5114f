"""The Java reader and lakehouse/envelopes.py, its specification, give every line the same verdict and values."""

import json
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from generator.malformed import KINDS, broken
from lakehouse.envelopes import Change, decode
from lakehouse.fields import Rejection
from spark_jobs import bronze
from spark_jobs.recompute import value_of
from spark_jobs.session import READER
from tests.spark.site import bronze_line, change

pytestmark = pytest.mark.spark

Verdict = tuple[Any, ...]
Read = Callable[[str], Verdict]
MANY = settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=500)


def specified(line: str) -> Verdict:
    """What the specification says of a line of bronze."""
    try:
        value = value_of(line)
        if value is None:
            return ("tombstone",)
        found = decode(value)
    except Rejection as reason:
        return ("rejected", str(reason))
    return ("change", found.order_id, found.line_no, *details(found), found.extra, found.op, found.sequence, found.at)


def details(found: Change) -> tuple[Any, ...]:
    """What a change says of its row beyond the key; nulls for a delete."""
    row = found.line
    if row is None:
        return (None,) * 7
    return row.product_id, row.description, row.quantity, row.unit_price, row.customer_id, row.country, row.ordered_at


def moment(instant: Any) -> datetime:
    """A java.time.Instant."""
    micros = timedelta(seconds=instant.getEpochSecond(), microseconds=instant.getNano() // 1000)
    return datetime(1970, 1, 1, tzinfo=UTC) + micros


@pytest.fixture(scope="module")
def java(spark: SparkSession) -> Read:
    """The Java reader, called directly: a line at a time, so that hypothesis can shrink what differs."""
    jvm = spark.sparkContext._jvm
    assert jvm
    reader = getattr(jvm, READER)()

    def read(line: str) -> Verdict:
        row = reader.call(line)
        if row.get(1) is not None:
            return ("rejected", row.get(1))
        if row.get(3):
            return ("tombstone",)
        fields = [row.get(at) for at in range(4, 17)]
        for at in (8, 12):
            fields[at] = moment(fields[at]) if fields[at] is not None else None
        return ("change", *fields)

    return read


ODD = st.sampled_from(
    [
        "", "null", "true", "false", "NaN", "Infinity", "-Infinity", "-0", "-0.0", "0", "1", "00", "01", "-1", "+1",
        "1.", ".5", "1.5", "1e3", "1E+2", "1e400", "2147483647", "2147483648", "-2147483648", "-2147483649", "1" * 18,
        "1" * 19, "9223372036854775807", "9223372036854775808", "9" * 99, "9" * 100, "9" * 101, "1." + "0" * 98,
        "1." + "0" * 99, "-" + "9" * 99, "-" + "9" * 100, "1e" + "9" * 98, "1e" + "9" * 99, "253402300799999",
        "253402300800000", '""', '" "', '"x"', '"1.10"', '"-0"', '"-0.000"', '"0001.5"', '"1.2345"', '"1.2340"',
        '"999999999.999"', '"1000000000"', '"1,5"', '"1e3"', '"٣"', '"' + "0" * 300 + '1.5"', '"1."', '".5"', '" 1"',
        '"2011-01-04T10:00:00Z"', '"2011-01-04T10:00:00.1Z"', '"2011-01-04T10:00:00.1234567Z"',
        '"2011-01-04T24:00:00Z"', '"2011-01-04T23:59:60Z"', '"2011-01-04T10:00:00+14:59"',
        '"2011-01-04T10:00:00+15:00"', '"2011-01-04T10:00:00-00:00"', '"2011-01-04T10:00:00z"',
        '"2011-01-04 10:00:00Z"', '"2011-02-29T10:00:00Z"', '"2012-02-29T10:00:00Z"', '"1900-02-29T10:00:00Z"',
        '"0000-01-01T00:00:00Z"', '"0001-01-01T00:00:00+14:59"', '"0001-01-01T00:00:00-14:59"',
        '"9999-12-31T23:59:59-14:59"', '"1899-12-31T23:59:59-00:01"', '"1900-01-01T00:00:00+00:01"',
        '"2199-12-31T23:59:59.999999Z"', '"2199-12-31T23:59:59-00:01"', '"2011-1-04T10:00:00Z"',
        '"2011-01-04T10:00:00+0100"', '"\uff12011-01-04T10:00:00Z"', "[]", "{}", "[1,2]", '{"b":1,"a":2.50}',
        '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"😀"', '"\\u0000"', '"\\u001f\\u007f\\u2028\\b"',
        '{"\\ud800":1}', '"\\/"', '"\\x"', '"\\u00e"', '"\t"', '"\\t"', '"\x7f"', "[" * 61 + "]" * 61,
        "[" * 62 + "]" * 62, "[" * 63 + "]" * 63, "[" * 64 + "]" * 64, "[" * 65 + "]" * 65, "[" * 3000,
        "[" * 3000 + "]" * 3000, '{"a":' * 62 + "1" + "}" * 62, '{"a":' * 63 + "1" + "}" * 63, "[1,]", "[,1]", "tru",
        "nul", "\u00a01", "/**/1", "// x\n1", "'x'", "x", "\ufeff1",
    ]
)  # fmt: skip
NAMES = ("order_id", "line_no", "product_id", "description", "quantity", "unit_price", "customer_id", "country",
         "ordered_at")  # fmt: skip


@st.composite
def envelopes(draw: st.DrawFn) -> str:
    """The text of an envelope in which up to three places say something odd."""
    op = draw(st.sampled_from("ccurd"))
    document = json.loads(change(op, draw(st.integers(0, 2**63))))
    image, source = document["before" if op == "d" else "after"], document["source"]
    places = {f"@{number}@": draw(ODD) for number in range(draw(st.integers(0, 3)))}
    for mark in places:
        where = draw(st.sampled_from((document, source, image, image)))
        where[draw(st.sampled_from(tuple(where)) | st.text(max_size=3))] = mark
    text = json.dumps(document, ensure_ascii=draw(st.booleans()), separators=(",", ":"))
    for mark, odd in places.items():
        text = text.replace(f'"{mark}"', odd, 1)
    return text


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The text of an envelope with characters inserted, deleted, replaced or doubled, or junk around it."""
    text = draw(envelopes())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 4) | st.integers(0, 60))
        patch = draw(
            st.sampled_from(['"', "{", "}", ",", ":", "\\", "\\u", "0", "-", ".", "e", " ", "\n", "\r", "\t", "\x0b"])
            | st.text(max_size=3)
            | st.just(text[at : at + length] * 2)
            | st.just("")
        )
        text = text[:at] + patch + text[at + length :]
    return text


def one_line(text: str) -> str:
    """The text without what would end a line of bronze."""
    return text.replace("\n", " ").replace("\r", " ")


@MANY
@given(value=envelopes())
def test_odd_values_are_read_alike(java: Read, value: str) -> None:
    assert java(bronze_line(1, value)) == specified(bronze_line(1, value))


@MANY
@given(value=mutated())
def test_mutated_text_is_read_alike(java: Read, value: str) -> None:
    assert java(bronze_line(1, value)) == specified(bronze_line(1, value))


@FEW
@given(value=st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
@example(value="")
@example(value="null")
def test_arbitrary_values_are_read_alike(java: Read, value: str) -> None:
    assert java(bronze_line(1, value)) == specified(bronze_line(1, value))


@FEW
@given(data=st.data())
def test_damaged_lines_are_read_alike(java: Read, data: st.DataObject) -> None:
    line = bronze_line(data.draw(st.integers()), data.draw(st.none() | st.just(change("c", 5)) | st.binary()))
    for _ in range(data.draw(st.integers(0, 2))):
        at, length = data.draw(st.integers(0, len(line))), data.draw(st.integers(0, 40))
        line = line[:at] + data.draw(ODD | st.text(max_size=2)) + line[at + length :]
    line = one_line(line)
    assert java(line) == specified(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"offset":1,"offset":2,"value":null}',
        '{"offset":1.0,"value":null}',
        '{"offset":9223372036854775808,"value":null}',
        '{"offset":-0,"value":null}',
        '{"offset":1}',
        '{"offset":1,"value":5}',
        '{"offset":1,"value":5,"value_b64":"/w=="}',
        '{"offset":1,"value_b64":"not base64"}',
        '{"offset":1,"value_b64":null}',
        '{"offset":1,"value":null}x',
        "[]",
        "null",
    ],
)
def test_lines_the_sink_never_writes_are_read_alike(java: Read, line: str) -> None:
    assert java(line) == specified(line)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (change("c", 1) + change("c", 2), "bad_json"),
        (change("c", 1) + b" junk", "bad_json"),
        (change("c", 1)[:-20], "bad_json"),
        (change("c", 1).replace(b'"quantity":1', b'"quantity":1,"quantity":2'), "bad_json"),
        (change("c", 1).replace(b'"UK"', b'"\\ud800"'), "bad_json"),
        (change("c", 1, extra={"deep": json.loads("[" * 63 + "]" * 63)}), "bad_json"),
        (change("c", 1).replace(b'"quantity":1', b'"quantity":' + b"1" * 101), "bad_json"),
        (change("c", 1).replace(b'"quantity":1', b'"quantity":' + b"1" * 100), "out_of_range: after.quantity"),
        (change("c", 1).replace(b'"quantity":1', b'"quantity":1.0'), "wrong_type: after.quantity"),
        (change("c", 1).replace(b'"1.000"', b'"1.0005"'), "too_many_decimals: after.unit_price"),
        (change("c", 1).replace(b"2011-01-01T12", b"2011-01-01T24"), "bad_timestamp: after.ordered_at"),
        (change("c", 1, quantity=-(10**7), unit_price="100000.000"), "out_of_range: after.quantity"),
        (change("c", 1).replace(b'"lsn":1', b'"lsn":"1"'), "no_sequence"),
        (change("c", 1).replace(b'"op":"c"', b'"op":"t"'), "unknown_op"),
        (change("d", 1).replace(b'"line_no":1', b'"line_no":0'), "out_of_range: before.line_no"),
    ],
)
def test_both_refuse_what_the_contract_refuses(java: Read, value: bytes, reason: str) -> None:
    assert java(bronze_line(1, value)) == specified(bronze_line(1, value)) == ("rejected", reason)


def test_extra_keeps_what_came_and_sorts_its_own_names_only(java: Read) -> None:
    value = change("c", 1).replace(
        b'"country"',
        '"z":{"b":1.10,"a":-0},"é":"\\u001f\\b/\\"","\\ud83d\\ude00":[1E5, null],"\uffff":0,"country"'.encode(),
    )
    read = java(bronze_line(1, value))
    assert read == specified(bronze_line(1, value))
    assert read[10] == '{"z":{"b":1.10,"a":-0},"é":"\\u001F\\b/\\"","\uffff":0,"😀":[1E5,null]}'


def test_ten_thousand_fuzzed_messages_come_through_spark_as_specified(spark: SparkSession) -> None:
    lines = fuzzed(10_000, seed=7)
    raw = spark.createDataFrame([(line, number, 1, None) for number, line in enumerate(lines)], bronze.RAW_LINES)
    read = bronze.changes(raw, "kafka").orderBy("line")
    seconds = [F.unix_micros(name).alias(name) for name in ("ordered_at", "cdc_at")]
    rest = [name for name in read.columns if name not in ("ordered_at", "cdc_at")]
    found = read.select(*rest, *seconds).collect()
    assert len(found) == len(lines)

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    verdicts = {"rejected": 0, "tombstone": 0, "change": 0}
    for line, row in zip(lines, found, strict=True):
        expected = specified(line)
        verdicts[expected[0]] += 1
        if expected[0] == "rejected":
            assert row["reason"] == expected[1], line
            continue
        assert row["reason"] is None, line
        assert row["is_tombstone"] == (expected[0] == "tombstone")
        if expected[0] == "change":
            times = [
                None if row[name] is None else epoch + timedelta(microseconds=row[name])
                for name in ("ordered_at", "cdc_at")
            ]
            values = [*(row[name] for name in (*NAMES[:-1],)), times[0], row["extra"]]
            assert ("change", *values, row["cdc_op"], row["cdc_sequence"], times[1]) == expected, line
    assert min(verdicts.values()) > 100


def fuzzed(count: int, seed: int) -> list[str]:
    """Lines of bronze: sound changes, nulls, each kind of malformed message, and random damage."""
    rng = Random(seed)
    alphabet = string.printable + '"{}[],:\\' * 5 + "é😀\u2028"
    lines = []
    for number in range(count):
        price = Decimal(rng.randrange(-(10**6), 10**6)) / 1000
        sound = change(rng.choice("cudr"), number, f"{rng.randrange(10**6)}", 1 + number % 7, unit_price=price)
        value: bytes | None = sound
        match rng.randrange(6):
            case 0:
                value = None
            case 1:
                kind = rng.choice([name for name in KINDS if name != "big"])
                value = broken(kind, json.loads(change("u", number)))
            case 2 | 3:
                text = sound.decode()
                at = rng.randrange(len(text))
                junk = "".join(rng.choices(alphabet, k=rng.randrange(4)))
                value = (text[:at] + junk + text[at + rng.randrange(3) :]).encode()
            case 4:
                value = rng.randbytes(rng.randrange(40))
        lines.append(one_line(bronze_line(number, value)))
    return lines
