"""Any bytes as a file: the import says what is wrong or reads every row as the slow reader does, and never crashes."""

import io
import math
import tempfile
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from forecasting.data import columnar, delimited, faults, storage, timestamps
from forecasting.data.cells import Reading
from forecasting.data.schema import Attribute, Schema
from lakehouse.errors import ContractError
from tests.unit import slow_reader
from tests.unit.slow_reader import BadFileError

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    (
        Attribute("item_id", "string"),
        Attribute("timestamp", "timestamp"),
        Attribute("price", "float"),
        Attribute("units", "integer"),
    ),
    "item_id",
)
METADATA = Schema((Attribute("item_id", "string"), Attribute("category", "string")), "item_id")
ONE = Schema((Attribute("item_id", "string"),), "item_id")


def reading(schema: Schema) -> Reading:
    return Reading(schema, timestamps.compiled(None))


def file_of(body: bytes, name: str = "a.csv") -> storage.File:
    return storage.File(name, len(body), lambda: io.BytesIO(body))


def fast(body: bytes, schema: Schema) -> list[tuple[Any, ...]]:
    batches = delimited.batches(file_of(body), reading(schema))
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple("nan" if isinstance(one, float) and math.isnan(one) else one for one in row) for row in rows]


def same_as_the_slow_reader(body: bytes, schema: Schema) -> None:
    try:
        expected = slow_reader.rows(body, schema)
    except BadFileError:
        with pytest.raises(ContractError, match=r"^a\.csv"):
            fast(body, schema)
    else:
        assert comparable(fast(body, schema)) == comparable(expected)
        assert faults.first(file_of(body), reading(schema)) is None


LINES = b'a,2020-01-01,1,2\n|"x, ""y""\n",2020-01-01 05:06:07,,\n|item_id,timestamp,price,units\n'.split(b"|")
MARKS = [b",", b"\n", b"\r\n", b"\r", b'"', b'""', b"a", b"\xc3\xa9", b"\xff", b"\xef\xbb\xbf", b"\x00", b" "]
WORDS = b"2020-02-28 2020-02-30 1.5 -7 nan inf item_id timestamp price units category".split()
PIECES = st.sampled_from([*LINES, *MARKS, *WORDS])


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=25).map(b"".join)))
@example(b"\xef\xbb\xbf\xef\xbb\xbfa,2020-01-01,1,2")
@example(b"item_id,timestamp,price,units\n\xef\xbb\xbfa,2020-01-01,1,2")
@example(b'a,2020-01-01,1,2\nb,2020-01-01,1,"2')
@example(b'a"b,2020-01-01,1,2\n')
@example(b'"item_id')
@example(b'a",2020-01-01,1,"')
@example(b'a,"b"",\n')
@example(b'a,"b\n"\n')
@example(b"a,2020-01-01,1,2\n\n\r\n\rb,2020-01-01,,")
def test_bytes_are_read_as_slowly_or_refused(body: bytes) -> None:
    for schema in (SCHEMA, METADATA, ONE):
        same_as_the_slow_reader(body, schema)


CELLS = st.text(st.characters(codec="utf-8"), max_size=8)
ROWS = st.lists(
    st.tuples(
        CELLS.filter(lambda text: text != ""),
        st.datetimes().map(lambda at: at.replace(microsecond=0)),
        st.one_of(st.none(), st.just(math.nan), st.floats(allow_nan=False, allow_infinity=False)),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    ),
    min_size=1,
    max_size=20,
)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans(), st.booleans())
def test_good_rows_come_through_unchanged(
    rows: list[tuple[Any, ...]], end: str, with_header: bool, with_mark: bool, is_ended: bool
) -> None:
    lines = [",".join(SCHEMA.names)] if with_header else []
    for item, at, price, units in rows:
        cells = [quoted(item), at.isoformat(" "), "" if price is None else repr(price), "" if units is None else units]
        lines.append(",".join(map(str, cells)))
    told = end.join(lines) + (end if is_ended else "")
    body = (b"\xef\xbb\xbf" if with_mark else b"") + told.encode()
    assert comparable(fast(body, SCHEMA)) == comparable(rows)


NUMBER_LIKE = st.text(st.sampled_from("+-.0123456789eEnaifNxX_ \t"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBER_LIKE, min_size=1, max_size=4))
@example(["0x10"])
@example(["nan(1)"])
@example(["1e999"])
@example([str(2**63)])
@example([f"-000{2**63}"])
@example(["+-1", "-0", "+", "."])
def test_numbers_mean_what_the_slow_reader_says(texts: list[str]) -> None:
    for kind in ("float", "integer"):
        schema = Schema((Attribute("item_id", "string"), Attribute("value", kind)), "item_id")
        values, bad = reading(schema).column(schema.attributes[1], pa.array(texts))
        for row, text in enumerate(texts):
            try:
                expected = slow_reader.cell_value(text, kind, ())
            except BadFileError:
                assert bad is not None and bad[row], (kind, text)
            else:
                assert bad is None or not bad[row], (kind, text)
                assert comparable([(values[row].as_py(),)]) == comparable([(expected,)])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_bytes_that_are_no_parquet_are_refused(noise: bytes, place: int) -> None:
    table = pa.table({"item_id": ["a", "b"], "category": ["x", None]})
    body = io.BytesIO()
    parquet.write_table(table, body)
    whole = body.getvalue()
    for damaged in (noise, b"PAR1" + noise + b"PAR1", whole[:place] + noise + whole[place + len(noise) :]):
        with tempfile.TemporaryFile() as scratch:
            try:
                found = list(columnar.batches(file_of(damaged, "a.parquet"), reading(METADATA), scratch))
            except ContractError as fault:
                assert str(fault).startswith("a.parquet")
            else:  # the noise lay where nothing is read, or became other texts
                assert all(batch.schema == METADATA.arrow for batch in found)


def test_a_file_without_an_end_of_line_or_of_a_quote_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 1 << 16)
    monkeypatch.setattr(faults, "MAX_FIELD", 1 << 17)
    good = b"a,2020-01-01,1,2\n"
    for rest, told in (
        (b"x" * (1 << 20), "line 2: a line without an end; expected lines and cells of at most 131,072 characters"),
        (b'b,"' + b"x\n" * (1 << 19), "line 2: field larger than field limit (131072)"),
    ):
        with pytest.raises(ContractError) as raised:
            fast(good + rest, SCHEMA)
        assert str(raised.value).startswith(f"a.csv, {told}")


def test_the_first_fault_of_a_long_file_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the first block of the fast reader and the first lot of the slow one, and with lines within cells."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 16)
    monkeypatch.setattr(faults, "_TOGETHER", 1_000)
    good = b'"two\nlines",2020-01-01 00:00:00,1.0,2\n' * 9_500
    assert len(fast(good, SCHEMA)) == 9_500
    with pytest.raises(ContractError) as raised:
        fast(good + b"b,2020-01-01,1,2\nc,2020-01-01,1,2.0\nd,2020-13-01,1,2\n", SCHEMA)
    assert str(raised.value).startswith("a.csv, line 19002, column 4 (units): '2.0'; expected an integer")
