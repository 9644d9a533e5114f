"""Import jobs: what a good one leaves, and what the Message of a bad one says."""

import io
import json
import lzma
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from forecasting.data import importing, storage
from forecasting.data.importing import Import
from lakehouse.errors import ConfigError, ContractError, LakehouseError, SourceError
from tests.unit.memory_s3 import MemoryS3

pytestmark = pytest.mark.unit

SAMPLES = Path(__file__).parents[1] / "data" / "aws_forecast_samples"
TARGET = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}
RELATED = {"item_id": "string", "store": "string", "timestamp": "timestamp", "price": "float", "promotion": "integer"}
METADATA = {"item_id": "string", "category": "string", "place": "geolocation"}


def job(schema: dict[str, str], path: str = "s3://shop/in.csv", previous: Path | None = None, **request: str) -> Import:
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in schema.items()]
    source = {"DataSource": {"S3Config": {"Path": path}}}
    return Import(source | request, {"Schema": {"Attributes": attributes}, "Domain": "CUSTOM"}, previous)


def ran(folder: Path, job_: Import, client: Any = None, **objects: bytes) -> list[dict[str, Any]]:
    """The rows that a job leaves; objects by key, with `.csv` at its end."""
    client = client or MemoryS3({f"{key}.csv": body for key, body in objects.items()})
    folder.mkdir(exist_ok=True)
    importing.run(job_, folder, client=client)
    return importing.table(folder).to_pylist()  # type: ignore[no-any-return]


def message(folder: Path, job_: Import, client: Any, error: type[LakehouseError] = ContractError) -> str:
    with pytest.raises(error) as raised:
        importing.run(job_, folder, client=client)
    assert not list(folder.iterdir())
    return str(raised.value)


def test_a_file_becomes_a_table_of_the_schemas_types(tmp_path: Path) -> None:
    body = b"a,s1,2019-01-02 03:04:05,1.5,7\n,"[:-1] + b"b,s 2,2019-01-03,,\n"
    assert ran(tmp_path, job(RELATED), **{"in": body}) == [
        {"item_id": "a", "store": "s1", "timestamp": datetime(2019, 1, 2, 3, 4, 5), "price": 1.5, "promotion": 7},
        {"item_id": "b", "store": "s 2", "timestamp": datetime(2019, 1, 3), "price": None, "promotion": None},
    ]
    types = [pa.string(), pa.string(), pa.timestamp("s"), pa.float64(), pa.int64()]
    assert importing.table(tmp_path).schema.types == types
    assert {path.name for path in tmp_path.iterdir()} == {"data.parquet", "statistics.json", "size.json", "source.json"}
    assert json.loads((tmp_path / "size.json").read_text()) == {"bytes": len(body), "DataSize": len(body) / 2**30}


@pytest.mark.parametrize(
    "header",
    [b"item_id,timestamp,target_value\n", b"\n Item_ID,TIMESTAMP,Target_Value\r\n", b"Model,timestamp,demand\n"],
)
def test_a_header_is_passed_over_in_every_file(tmp_path: Path, header: bytes) -> None:
    objects = {"in/a": header + b"a,2019-01-01,1\n", "in/b": header + b"b,2019-01-01,2\n"}
    found = ran(tmp_path, job(TARGET, "s3://shop/in/"), **objects)
    assert [row["item_id"] for row in found] == ["a", "b"]


def test_item_metadata_has_empty_cells_and_a_header_with_all_names_only(tmp_path: Path) -> None:
    found = ran(tmp_path, job(METADATA), **{"in": b"item_id,b,c\nx,,47.61_-122.33"})
    assert found == [
        {"item_id": "item_id", "category": "b", "place": "c"},
        {"item_id": "x", "category": None, "place": "47.61_-122.33"},
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"a,2019-01-01,1\nb,2019-01-01\n", "line 2: 2 columns, beginning with 'b'; expected 3: item_id,timesta"),
        (b"a,2019-01-01,1,\n", "line 1: 4 columns"),
        (b"a;2019-01-01;1\n", "separate the columns by commas, not by ';'"),
        (b"a\t2019-01-01\t1\n", "separate the columns by commas, not by '\\t'"),
        (b"\n\na,1.2.2019,1\n", "line 3, column 2 (timestamp): '1.2.2019'; expected a timestamp in the format yyyy"),
        (b"a,2019-02-29,1\n", "line 1, column 2 (timestamp): '2019-02-29'"),
        (b"a,,1\n", "line 1, column 2 (timestamp): ''"),
        (b"a,2019-01-01,one\n", "line 1, column 3 (target_value): 'one'; expected a finite number or nothing"),
        (b"a,2019-01-01,\"1,5\"\n", "line 1, column 3 (target_value): '1,5'"),
        (b"a,2019-01-01,-inf\n", "line 1, column 3 (target_value): '-inf'"),
        (b"a,2019-01-01,1e400\n", "line 1, column 3 (target_value): '1e400'"),
        (b"a,2019-01-01,1\n,2019-01-01,1\n", "line 2, column 1 (item_id): ''; expected a text that is not empty"),
        (b'"a\nb",2019-01-01,1\n"c\nd",x,1\n', "line 3, column 2 (timestamp): 'x'"),
        (b"a,2019-01-01,\xffx\n", "line 1, column 3 (target_value): '\\xffx'; expected a text in UTF-8"),
        (b'a,2019-01-01,1\nb,2019-01-01,"', "line 2: the file ends within a quoted cell"),
        (b"item_id,target_value,timestamp\n", "column 2: the header 'target_value'; expected the schema's order"),
        (b"a,2019-01-01," + b"x" * 1_000_000, "column 3 (target_value): '" + "x" * 60 + "'... (1000000 characters)"),
        (b"\x1f\x8b\x08\x00\x00", "s3://shop/in.csv: gzip; expected CSV as text in UTF-8"),
        ("a,2019-01-01,1".encode("utf-16"), "s3://shop/in.csv: UTF-16"),
        (b"a,2019-01-01,\x00\x1b[31m\n", "column 3 (target_value): '\\x00\\x1b[31m'"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_line_column_and_value(tmp_path: Path, body: bytes, told: str) -> None:
    found = message(tmp_path, job(TARGET), MemoryS3({"in.csv": body}))
    assert told in found
    assert found.startswith("s3://shop/in.csv")
    assert len(found) < 500


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "1.0", "0x10", "1e3", "NaN", "true"])
def test_what_is_no_integer_is_a_fault_of_an_integer_column(tmp_path: Path, text: str) -> None:
    body = f"a,s,2019-01-01,1,9223372036854775807\na,s,2019-01-01,1,{text}\n".encode()
    found = message(tmp_path, job(RELATED), MemoryS3({"in.csv": body}))
    assert f"line 2, column 5 (promotion): '{text}'; expected an integer from -2^63 to 2^63-1" in found


def test_an_empty_dimension_is_a_fault(tmp_path: Path) -> None:
    found = message(tmp_path, job(RELATED), MemoryS3({"in.csv": b"a,,2019-01-01,1,1\n"}))
    assert "line 1, column 2 (store): ''" in found


@pytest.mark.parametrize("body", [b"", b"\n \n"[:1], b"item_id,timestamp,target_value", b"\xef\xbb\xbf"])
def test_no_row_at_all_is_a_fault(tmp_path: Path, body: bytes) -> None:
    assert message(tmp_path, job(TARGET), MemoryS3({"in.csv": body})).startswith("no row of data in s3://shop/in.csv;")
    objects = {"in/a.csv": body, "in/b.csv": b""}
    assert "the 2 files, of which the first is s3://shop/in/a.csv" in message(
        tmp_path, job(TARGET, "s3://shop/in/"), MemoryS3(objects)
    )


def test_empty_files_beside_others_are_passed_over(tmp_path: Path) -> None:
    objects = {"in/a": b"", "in/b": b"item_id,timestamp,target_value\n", "in/c": b"x,2019-01-01,1"}
    assert len(ran(tmp_path, job(TARGET, "s3://shop/in"), **objects)) == 1


def test_an_empty_object_beside_parquet_is_passed_over_though_it_is_none(tmp_path: Path) -> None:
    rows = pa.table({"item_id": ["x"], "timestamp": ["2019-01-01"], "target_value": [1.0]})
    body = io.BytesIO()
    parquet.write_table(rows, body)
    client = MemoryS3({"in/part-0": body.getvalue(), "in/part-1": b""})
    assert len(ran(tmp_path, job(TARGET, "s3://shop/in/", Format="PARQUET"), client)) == 1
    (tmp_path / "alone").mkdir()
    alone = MemoryS3({"in.csv": b""})
    assert message(tmp_path / "alone", job(TARGET, Format="PARQUET"), alone).startswith("no row of data in")


def test_a_prefix_is_listed_page_by_page_without_markers(tmp_path: Path) -> None:
    objects = {f"in/{number}.csv": f"i{number},2019-01-01,1\n".encode() for number in range(25)}
    others = {"in/": b"", "in/_SUCCESS": b"", "in/.hidden.csv": b"junk", "input.csv": b"junk"}
    client = MemoryS3(objects | others, page=7)
    for path in ("s3://shop/in/", "s3://shop/in"):
        assert len(ran(tmp_path, job(TARGET, path), client)) == 25
    whole = MemoryS3(objects)
    assert len(ran(tmp_path, job(TARGET, "s3://shop"), whole)) == 25
    assert parquet.ParquetFile(tmp_path / "data.parquet").num_row_groups == 1


def test_ten_thousand_files_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    client = MemoryS3({f"in/{number}.csv": b"" for number in range(storage.MAX_FILES)})
    assert len(storage.files("s3://shop/in/", client)) == 10_000
    client.objects["in/_SUCCESS"] = b""
    assert len(storage.files("s3://shop/in/", client)) == 10_000
    client.objects["in/more.csv"] = b""
    assert "more than 10,000 files at s3://shop/in/" in message(tmp_path, job(TARGET, "s3://shop/in/"), client)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("s3://shop/absent.csv", "nothing at s3://shop/absent.csv"),
        ("s3://shop/absent/", "nothing at s3://shop/absent/"),
        ("s3://other/in.csv", "listing s3://other/in.csv/: S3 says NoSuchBucket"),
        ("s3://shop/2019/0101", "the file s3://shop/2019/0101; expected a name with at least one letter"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(tmp_path: Path, path: str, told: str) -> None:
    assert told in message(tmp_path, job(TARGET, path), MemoryS3({"2019/0101": b"a,2019-01-01,1"}))


def test_a_path_that_may_not_be_read_is_final_and_a_fault_of_s3_is_not(tmp_path: Path) -> None:
    client = MemoryS3({"in.csv": b"a,2019-01-01,1"})
    client.refuse("AccessDenied", 403)
    assert "reading s3://shop/in.csv: S3 says AccessDenied" in message(tmp_path, job(TARGET), client)
    client.refuse("SlowDown", 503)
    assert "S3 says SlowDown" in message(tmp_path, job(TARGET), client, SourceError)
    client.refuse("Whatever", 500)
    message(tmp_path, job(TARGET), client, SourceError)


class Breaking(MemoryS3):
    """The body of every object breaks off, or nothing is reached at all."""

    def get_object(self, **given: str) -> dict[str, Any]:
        answer = super().get_object(**given)
        answer["Body"] = Breaks(answer["Body"].read())
        return answer


class Breaks(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")
        return super().read(min(8, size or 8))


class Unreachable(MemoryS3):
    def head_object(self, **given: str) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1")


@pytest.mark.parametrize("client", [Breaking, Unreachable])
@pytest.mark.parametrize("form", ["CSV", "PARQUET"])
def test_a_connection_that_breaks_is_worth_another_try(tmp_path: Path, client: type[MemoryS3], form: str) -> None:
    body = b"a,2019-01-01,1\n" * 100
    assert "reading s3://shop/in.csv" in message(
        tmp_path, job(TARGET, Format=form), client({"in.csv": body}), SourceError
    )


def test_a_name_with_line_feeds_is_told_in_one_line(tmp_path: Path) -> None:
    found = message(tmp_path, job(TARGET, "s3://shop/in"), MemoryS3({"in/a\nb\x1b.csv": b"x"}))
    assert found.startswith("s3://shop/in/a\\nb\\x1b.csv, line 1: 1 column")


class Refused(MemoryS3):
    fault: BotoCoreError = NoCredentialsError()

    def head_object(self, **given: str) -> dict[str, Any]:
        raise self.fault


def test_a_call_that_botocore_refuses_is_final(tmp_path: Path) -> None:
    assert "expected credentials of AWS" in message(tmp_path, job(TARGET), Refused(), ConfigError)
    client = Refused()
    client.fault = ParamValidationError(report='Invalid bucket name "A!":\n must match')
    assert 'Invalid bucket name "A!": must match; expected a bucket' in message(tmp_path, job(TARGET), client)


def test_progress_is_told_by_bytes(tmp_path: Path) -> None:
    client = MemoryS3({"in/a.csv": b"a,2019-01-01,1\n", "in/b.csv": b"a,2019-01-02,1\n" * 3})
    shares: list[float] = []
    importing.run(job(TARGET, "s3://shop/in/"), tmp_path, client=client, report=shares.append)
    assert shares == [0.25, 1.0]


def test_an_import_can_run_twice_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "rows.tmp").write_bytes(b"left by an attempt that was killed")
    assert ran(tmp_path, job(TARGET), **{"in": b"a,2019-01-01,1"}) == ran(
        tmp_path, job(TARGET), **{"in": b"a,2019-01-01,1"}
    )


def typed(table: pa.Table) -> dict[str, bytes]:
    body = io.BytesIO()
    parquet.write_table(table, body, row_group_size=2)
    return {"in": body.getvalue()}


def test_parquet_is_read_by_names_and_from_types_that_hold_the_values(tmp_path: Path) -> None:
    parquet_job = job(RELATED, Format="PARQUET", TimestampFormat="dd.MM.yyyy")
    expected = [
        {"item_id": "a", "store": "s", "timestamp": datetime(2019, 1, day), "price": price, "promotion": day}
        for day, price in ((1, 1.5), (2, None), (3, 2.0))
    ]
    plus = timezone(timedelta(hours=2))
    for times in (
        pa.array([date(2019, 1, day) for day in (1, 2, 3)]),
        pa.array([datetime(2019, 1, day, 0, 0, 0, 999_999) for day in (1, 2, 3)], pa.timestamp("us")),
        pa.array([datetime(2019, 1, day, 2, tzinfo=plus) for day in (1, 2, 3)], pa.timestamp("ns", "Europe/Vilnius")),
        pa.array(["01.01.2019", "02.01.2019", "03.01.2019"]),
    ):
        table = pa.table(
            {
                "promotion": pa.array([1, 2, 3], pa.uint8()),
                "price": pa.array([Decimal("1.5"), None, Decimal("2")]),
                "timestamp": times,
                "store": pa.array(["s"] * 3).dictionary_encode(),
                "item_id": pa.array(["a"] * 3, pa.large_string()),
            }
        )
        assert ran(tmp_path, parquet_job, **typed(table)) == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"store": ["x"]}, "has the columns 'item_id,timestamp,target_value,store'; expected item_id,timestamp,target"),
        ({"target_value": ["1"]}, "column target_value: the type string; expected a number"),
        ({"target_value": [True]}, "column target_value: the type bool"),
        ({"item_id": [1]}, "column item_id: the type int64; expected a text"),
        ({"timestamp": [1.0]}, "column timestamp: the type double"),
        ({"timestamp": [None]}, "row 1, column timestamp: None"),
        ({"item_id": [""]}, "row 1, column item_id: ''; expected a text that is not empty"),
        ({"target_value": [float("inf")]}, "row 1, column target_value: inf"),
        ({"timestamp": ["1.1.2019"]}, "row 1, column timestamp: '1.1.2019'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_parquet_file_is_told(tmp_path: Path, change: dict[str, list[Any]], told: str) -> None:
    columns = {"item_id": ["a"], "timestamp": [datetime(2019, 1, 1)], "target_value": [1.0]} | change
    client = MemoryS3({"in.csv": typed(pa.table(columns))["in"]})
    found = message(tmp_path, job(TARGET, Format="PARQUET"), client)
    assert told in found
    assert found.startswith("s3://shop/in.csv")


def test_a_row_of_a_later_row_group_is_counted_from_the_start(tmp_path: Path) -> None:
    table = pa.table({"item_id": ["a", "b", "c", None], "category": ["x"] * 4, "place": pa.nulls(4)})
    found = message(tmp_path, job(METADATA, Format="PARQUET"), MemoryS3({"in.csv": typed(table)["in"]}))
    assert "row 4, column item_id: None" in found


def test_a_large_unsigned_integer_and_csv_are_no_parquet(tmp_path: Path) -> None:
    table = pa.table({"item_id": ["a"], "n": pa.array([2**64 - 1], pa.uint64())})
    parquet_job = job({"item_id": "string", "n": "integer"}, Format="PARQUET")
    assert "s3://shop/in.csv: " in message(tmp_path, parquet_job, MemoryS3({"in.csv": typed(table)["in"]}))
    assert "expected a Parquet file" in message(tmp_path, parquet_job, MemoryS3({"in.csv": b"a,1\n"}))
    assert "in.csv: Parquet; expected CSV" in message(tmp_path, job(METADATA), MemoryS3({"in.csv": typed(table)["in"]}))


KEY = st.tuples(st.sampled_from("abc"), st.sampled_from("st"), st.integers(1, 9))
ROWS = st.lists(st.tuples(KEY, st.integers(0, 99)), max_size=12)


@settings(max_examples=12, deadline=None)
@given(ROWS.filter(len), st.lists(ROWS.filter(len), max_size=2))
def test_incremental_imports_replace_by_key_like_a_list_does(
    tmp_path_factory: pytest.TempPathFactory, first: list[Any], more: list[list[Any]]
) -> None:
    def body(rows: list[Any]) -> bytes:
        return "".join(f"{item},{store},2019-01-0{day},{price},\n" for (item, store, day), price in rows).encode()

    expected, folder = list(first), tmp_path_factory.mktemp("import")
    ran(folder, job(RELATED), **{"in": body(first)})
    for rows in more:
        fresh = {key for key, _ in rows}
        expected = [one for one in expected if one[0] not in fresh] + rows
        before, folder = folder, tmp_path_factory.mktemp("import")
        ran(folder, job(RELATED, previous=before, ImportMode="INCREMENTAL"), **{"in": body(rows)})
    found = [
        ((row["item_id"], row["store"], row["timestamp"].day), int(row["price"]))
        for row in importing.table(folder).to_pylist()
    ]
    assert found == expected
    counts = json.loads((folder / "statistics.json").read_text())["item_id"]
    assert (counts["Count"], counts["CountDistinct"]) == (len(expected), len({key[0] for key, _ in expected}))
    size = sum(len(body(rows)) for rows in [first, *more])
    assert json.loads((folder / "size.json").read_text())["bytes"] == size


def test_incremental_metadata_replaces_by_item(tmp_path: Path) -> None:
    ran(tmp_path / "1", job(METADATA), **{"in": b"a,x,\nb,x,\n"})
    found = ran(tmp_path / "2", job(METADATA, previous=tmp_path / "1", ImportMode="INCREMENTAL"), **{"in": b"b,y,\n"})
    assert [(row["item_id"], row["category"]) for row in found] == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"TimestampFormat": "yyyy-MM-dd"}, "TimestampFormat yyyy-MM-dd; expected that of the import before, left out"),
        ({"Format": "PARQUET"}, "Format PARQUET; expected that of the import before, CSV"),
        ({"GeolocationFormat": "LAT_LONG"}, "GeolocationFormat LAT_LONG"),
    ],
)
def test_an_incremental_import_must_be_written_like_the_one_before(
    tmp_path: Path, request_: dict[str, str], told: str
) -> None:
    before, folder = tmp_path / "1", tmp_path / "2"
    ran(before, job(TARGET), **{"in": b"a,2019-01-01,1\n"})
    folder.mkdir()
    client = MemoryS3({"in.csv": b"a,2019-01-01,1\n"})
    assert told in message(folder, job(TARGET, previous=before, ImportMode="INCREMENTAL", **request_), client)
    alone = message(folder, job(TARGET, ImportMode="INCREMENTAL"), client)
    assert alone.startswith("an INCREMENTAL import of a data set without data; expected an earlier import")
    importing.run(job(TARGET, previous=before, ImportMode="INCREMENTAL", Format="CSV"), folder, client=client)


def test_statistics_are_those_that_the_service_gave_for_the_same_file(tmp_path: Path) -> None:
    """Tutorial 1 of the samples imports January to October of this file; its output shows FieldStatistics."""
    lines = lzma.decompress((SAMPLES / "item-demand-time.csv.xz").read_bytes()).decode().splitlines()
    columns = [line.split(",") for line in lines if line < "2014-11-01"]
    body = "".join(f"{time},{item},{value}\n" for time, value, item in columns).encode()
    tutorial = job(
        {"timestamp": "timestamp", "item_id": "string", "target_value": "float"}, TimestampFormat="yyyy-MM-dd hh:mm:ss"
    )
    answer = importing.run(tutorial, tmp_path, client=MemoryS3({"in.csv": body}))
    statistics = answer["FieldStatistics"]
    avg, stddev = (statistics["target_value"].pop(name) for name in ("Avg", "Stddev"))
    assert avg == pytest.approx(50.0947432986864, rel=1e-14)
    assert stddev == pytest.approx(38.47197571594975, rel=1e-13)
    assert answer == {
        "DataSize": 0.0009746281430125237,
        "FieldStatistics": {
            "item_id": counts(21885, 3),
            "timestamp": counts(21885, 7295) | {"Min": "2014-01-01T01:00:00Z", "Max": "2014-10-31T23:00:00Z"},
            "target_value": counts(21885, 4635)
            | {"CountNan": 0, "CountNanLong": 0, "Min": "0.0", "Max": "209.99170812603649"},
        },
    }


def counts(count: int, distinct: int, null: int = 0) -> dict[str, int]:
    every = {"Count": count, "CountDistinct": distinct, "CountNull": null}
    return every | {f"{name}Long": value for name, value in every.items()}


@pytest.mark.parametrize(("name", "value", "rows"), [("TTS", "target_value", 36_000), ("RTS", "price", 40_500)])
def test_files_of_the_samples_are_read_though_their_header_names_the_target_otherwise(
    tmp_path: Path, name: str, value: str, rows: int
) -> None:
    body = lzma.decompress((SAMPLES / f"consumer_electronics_{name}.csv.xz").read_bytes())
    schema = {"item_id": "string", "store_id": "string", "timestamp": "timestamp", value: "float"}
    found = ran(tmp_path, job(schema, TimestampFormat="yyyy-MM-dd"), **{"in": body})
    assert len(found) == rows
    lines = [line.split(",") for line in body.decode().splitlines()[1:]]
    assert [row[value] for row in found] == [float(line[3]) for line in lines]
    assert [(row["item_id"], row["store_id"], f"{row['timestamp']:%Y-%m-%d}") for row in found] == [
        tuple(line[:3]) for line in lines
    ]


def test_missing_values_and_nan_are_counted_and_not_averaged(tmp_path: Path) -> None:
    body = b"a,s,2019-01-01,1,\na,s,2019-01-02,NaN,3\na,s,2019-01-03,,5\na,s,2019-01-04,4,3\n"
    ran(tmp_path, job(RELATED), **{"in": body})
    found = json.loads((tmp_path / "statistics.json").read_text())
    price = {
        "CountNan": 1,
        "CountNanLong": 1,
        "Min": "1.0",
        "Max": "4.0",
        "Avg": 2.5,
        "Stddev": pytest.approx(4.5**0.5),
    }
    promotion = {"CountNan": 0, "CountNanLong": 0, "Min": "3", "Max": "5"}
    promotion |= {"Avg": pytest.approx(11 / 3), "Stddev": pytest.approx((4 / 3) ** 0.5)}
    assert found["price"] == counts(4, 3, 1) | price
    assert found["promotion"] == counts(4, 2, 1) | promotion


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1e307", "-1e307"], {"Min": "-1.0E307", "Max": "1.0E307", "Avg": 0.0, "Stddev": 2**0.5 * 1e307}),
        (["1.7e308", "1.7e308"], {"Min": "1.7E308", "Max": "1.7E308", "Avg": 1.7e308, "Stddev": 0.0}),
        (["5e-324"], {"Min": "5.0E-324", "Max": "5.0E-324", "Avg": 5e-324}),
        (["nan"], {}),
        ([""], {}),
    ],
)  # fmt: skip
def test_statistics_of_extreme_columns(tmp_path: Path, values: list[str], expected: dict[str, Any]) -> None:
    body = "".join(f"a,2019-01-01,{value}\n" for value in values).encode()
    ran(tmp_path, job(TARGET), **{"in": body})
    found = json.loads((tmp_path / "statistics.json").read_text())["target_value"]
    assert {name: value for name, value in found.items() if not name.startswith("Count")} == expected


def test_columns_whose_names_differ_in_capitals_only_are_kept_apart(tmp_path: Path) -> None:
    schema = {"item_id": "string", "timestamp": "timestamp", "Price": "float", "price": "float"}
    ran(tmp_path / "1", job(schema), **{"in": b"a,2019-01-01,1,2\n"})
    found = ran(
        tmp_path / "2", job(schema, previous=tmp_path / "1", ImportMode="INCREMENTAL"), **{"in": b"b,2019-01-01,3,4\n"}
    )
    assert [(row["Price"], row["price"]) for row in found] == [(1.0, 2.0), (3.0, 4.0)]


def test_a_schema_without_its_item_or_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    assert "expected one with item_id" in message(tmp_path, job({"model": "string"}), MemoryS3())
    twice = Import({}, {"Schema": {"Attributes": [{"AttributeName": "item_id", "AttributeType": "string"}] * 2}})
    with pytest.raises(ContractError, match="each name once"):
        _ = twice.schema


def test_a_key_with_quotes_and_slashes_is_told_whole(tmp_path: Path) -> None:
    path = 's3://shop/in/it\'s "x"/ü.csv'
    client = MemoryS3({path.removeprefix("s3://shop/"): b"a,x,1\n"})
    assert re.match(re.escape(f"{path}, line 1, column 2"), message(tmp_path, job(TARGET, path), client))
