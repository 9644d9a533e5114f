"""`python -m infra catalog` against the real gateway: made once, the same again, put right where it differs."""

import argparse
import dataclasses
import gzip
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType

from infra.__main__ import main
from infra.aws import named
from infra.aws.athena import Athena
from infra.commands import catalog
from infra.local.daemon import Daemon
from lakehouse import places, streamrecords
from lakehouse.settings import Settings, environment
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, VIEWS
from tests.stack.conftest import client, make_settings, started

pytestmark = pytest.mark.stack

STREAM = "arn:aws:dynamodb:eu-west-1:0:table/orders/stream/2026-11-29T10:00:00.000"


@pytest.fixture
def settings(gateway: Settings, bucket: str) -> Settings:
    """A bucket of its own, with databases of a prefix of its own."""
    return dataclasses.replace(gateway, bucket=bucket, database_prefix=f"{bucket}_")


@pytest.fixture
def glue(gateway: Settings) -> Any:
    return client(gateway, "glue")


def test_the_catalogue_is_made_once_and_the_same_again_changes_nothing(settings: Settings, glue: Any) -> None:
    done = catalog.tables(settings)
    assert len(done) == 4 + 2 + len(TABLES) + len(VIEWS)
    assert all(line.startswith("created ") for line in done)
    name = f"{settings.database_prefix}silver"
    before = glue.get_table(DatabaseName=name, Name="order_lines")["Table"]
    begin = time.monotonic()
    assert catalog.tables(settings) == []
    assert time.monotonic() - begin < 1
    assert glue.get_table(DatabaseName=name, Name="order_lines")["Table"]["VersionId"] == before["VersionId"]
    found = {entry["Name"] for entry in glue.get_tables(DatabaseName=name)["TableList"]}
    assert found == {"order_lines", "rejected", "current_order_lines"}


def test_what_differs_is_put_right_and_what_others_added_stays(settings: Settings, glue: Any) -> None:
    catalog.tables(settings)
    name = f"{settings.database_prefix}gold"
    table = glue.get_table(DatabaseName=name, Name="daily_sales")["Table"]
    storage = table["StorageDescriptor"] | {"Columns": table["StorageDescriptor"]["Columns"][:1]}
    glue.update_table(
        DatabaseName=name,
        TableInput={
            "Name": "daily_sales",
            "StorageDescriptor": storage,
            "Parameters": table["Parameters"] | {"owner": "a shop"},
        },
    )
    glue.create_table(DatabaseName=name, TableInput={"Name": "mine", "StorageDescriptor": {"Columns": []}})
    line = f"updated {name}.daily_sales: StorageDescriptor.Columns"
    assert catalog.tables(settings, check=True) == [line]
    assert catalog.tables(settings) == [line]
    assert catalog.tables(settings) == []
    after = glue.get_table(DatabaseName=name, Name="daily_sales")["Table"]
    assert after["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]
    assert after["Parameters"]["owner"] == "a shop"
    assert glue.get_table(DatabaseName=name, Name="mine")["Table"]["Name"] == "mine"


def test_columns_that_silver_has_gained_are_in_table_and_view(settings: Settings, glue: Any) -> None:
    fields = [Field(column.name, PrimitiveType("string")) for column in SILVER_ORDER_LINES.columns]
    url = places.table_url(settings.bucket, "silver", "order_lines")
    DeltaTable.create(
        url, Schema([*fields, Field("colour", PrimitiveType("string"))]), storage_options=settings.delta_options
    )
    catalog.tables(settings)
    for name in ("order_lines", "current_order_lines"):
        found = glue.get_table(DatabaseName=f"{settings.database_prefix}silver", Name=name)["Table"]
        assert found["StorageDescriptor"]["Columns"][-1]["Name"] == "colour"


def test_bronze_is_projected_over_the_topics_and_partitions_that_have_objects(
    settings: Settings, glue: Any, s3: Any
) -> None:
    for key in ("Aa/partition=0/1.jsonl.gz", "Aa/partition=6/1.jsonl.gz", "Bb/partition=1/1.jsonl.gz"):
        s3.put_object(Bucket=settings.bucket, Key=f"{places.BRONZE_KAFKA}{places.TOPIC}/{key}", Body=b"")
    catalog.tables(settings)
    table = glue.get_table(DatabaseName=f"{settings.database_prefix}bronze", Name="order_lines")["Table"]
    assert table["Parameters"]["projection.topic_id.values"] == "Aa,Bb"
    assert table["Parameters"]["projection.partition.range"] == "0,6"


def test_stream_records_of_bronze_can_be_asked_for(settings: Settings, s3: Any) -> None:
    """As Firehose and a resync leave them, of the course project's table: typed values within, a delete, two days."""
    put = {"orderid": {"S": "1001"}, "price": {"N": "999.5"}, "note": {"S": 'a "b" {c}'}}
    days = {
        f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}": [
            streamrecords.encode("INSERT", STREAM, "7", 1764410000, {"orderid": put["orderid"]}, NewImage=put)
        ],
        f"{datetime.now(UTC):%Y-%m-%d}": [
            streamrecords.encode("REMOVE", STREAM, "8", 1764410001, {"orderid": put["orderid"]}, OldImage=put),
            streamrecords.encode("READ", STREAM, "0", 1764410002, {"orderid": {"S": "7"}}, NewImage=put),
        ],
    }
    for day, lines in days.items():
        body = gzip.compress("".join(f"{line}\n" for line in lines).encode())
        s3.put_object(Bucket=settings.bucket, Key=f"{places.BRONZE_DYNAMODB}date={day}/x.jsonl.gz", Body=body)
    catalog.tables(settings)
    athena = Athena(settings)
    table = f"{settings.database_prefix}bronze.order_lines_dynamodb"
    image = "json_extract_scalar(dynamodb, '$.NewImage.{}')"
    found = athena.ask(
        f"SELECT eventname, cast({image.format('price.N')} AS double), {image.format('note.S')}, "
        f"json_extract_scalar(dynamodb, '$.SequenceNumber'), cast(arrived_date AS varchar), eventsourcearn "
        f"FROM {table} ORDER BY 4 DESC"
    )
    before, today = days
    note = put["note"]["S"]
    assert list(found.rows) == [
        ("REMOVE", None, None, "8", today, STREAM),
        ("INSERT", "999.5", note, "7", before, STREAM),
        ("READ", "999.5", note, "0", today, STREAM),
    ]
    counted = athena.ask(f"SELECT count(*) FROM {table} WHERE arrived_date = current_date")
    assert list(counted.rows) == [("2",)]


def test_check_prints_what_differs_and_is_1(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert main(["catalog", "sync", "--check"]) == 1
    assert f"not created database {settings.database_prefix}gold" in capsys.readouterr().out
    assert main(["catalog", "sync"]) == 0
    assert main(["catalog", "sync", "--check"]) == 0
    assert capsys.readouterr().out.endswith("the catalogue: up to date\n")


def test_named_queries_are_made_once(settings: Settings) -> None:
    athena = client(settings, "athena")
    done = catalog.named_queries(settings)
    assert len(done) == len(named.queries())
    assert catalog.named_queries(settings) == []
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup="primary")
    ids = [name for page in pages for name in page["NamedQueryIds"]]
    mine = next(
        entry
        for name in ids
        if (entry := athena.get_named_query(NamedQueryId=name)["NamedQuery"])["Name"] == "top_products"
    )
    assert mine["Database"] == f"{settings.database_prefix}gold"
    assert mine["Description"].startswith("The 20 products")


def test_a_catalogue_that_a_killed_gateway_forgot_is_back_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(make_settings(tmp_path), "gateway") as settings:
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)
        assert main(["restart", "gateway"]) == 0
        glue, daemon = client(settings, "glue"), Daemon(settings.data_path)
        assert glue.get_table(DatabaseName="gold", Name="daily_sales")["Table"]["Name"] == "daily_sales"
        os.kill(daemon.states()["gateway"]["pid"], signal.SIGKILL)
        assert main(["restart", "gateway"]) == 0
        assert glue.get_table(DatabaseName="gold", Name="daily_sales")["Table"]["Name"] == "daily_sales"


def test_a_gateway_that_is_down_is_one_line_and_no_end_of_up(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    down = dataclasses.replace(settings, aws_endpoint_url="http://127.0.0.1:1")
    catalog.refresh(down)
    err = capsys.readouterr().err
    assert "the catalogue is not up to date" in err
    with pytest.raises(Exception, match="run `make up`"):
        catalog.sync(down, argparse.Namespace(prefix=None, check=False))
