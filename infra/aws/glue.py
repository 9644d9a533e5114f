"""The lake's databases, tables and views as Glue keeps them, made of lakehouse/tables.py. Calls nothing.

Delta tables are registered as Athena reads them natively: `table_type=DELTA` with the columns that their log has
(https://docs.aws.amazon.com/athena/latest/ug/delta-lake-tables-getting-started.html).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.athena.contract import Column as AthenaColumn
from infra.local.athena.statements.views import view_entry
from infra.local.athena.tables import types
from lakehouse import places
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, Column, Table, View, views

Entry = dict[str, Any]

LAYERS = {
    "bronze": "Changes as they came, as objects of JSON lines.",
    "silver": "The shop's rows as they are now.",
    "gold": "Sales by day.",
    "ops": "What the pipeline did.",
}
BRONZE, BRONZE_DYNAMODB = "order_lines", "order_lines_dynamodb"
_BRONZE_MEANING = (
    "Changes of order lines as Kafka delivered them, one message a line; value is the message's untouched text."
)
_BRONZE_COLUMNS = (
    Column("topic", "string", "Kafka topic"),
    Column("offset", "bigint", "Kafka offset"),
    Column("timestamp", "bigint", "Kafka's timestamp of the message, milliseconds since 1970"),
    Column("key", "string", "the message's key; null where it is not UTF-8"),
    Column("headers", "array<array<string>>", "the message's headers, each a name and a value"),
    Column("value", "string", "the message's value; null for a tombstone or where it is not UTF-8"),
    Column("key_b64", "string", "the key in base64 where it is not UTF-8"),
    Column("value_b64", "string", "the value in base64 where it is not UTF-8"),
)
_BRONZE_KEYS = (
    Column("topic_id", "string", "Kafka's id of the topic; a topic that is made again has another"),
    Column("partition", "int", "Kafka partition"),
)

_RECORD_MEANING = (
    "Changes of order lines as the stream of the DynamoDB table told them, one record a line; read images with "
    "json_extract_scalar(dynamodb, '$.NewImage.price.N')."
)
_RECORD_COLUMNS = (
    Column("eventid", "string", "the record's id; the same one may come twice"),
    Column("eventname", "string", "INSERT, MODIFY, REMOVE, or READ for a row that a resync found"),
    Column("eventversion", "string", "version of the record's form"),
    Column("eventsource", "string", "aws:dynamodb"),
    Column("eventsourcearn", "string", "the table's stream; a stream that is enabled again has another"),
    Column("awsregion", "string", "region of the table"),
    Column("dynamodb", "string", "JSON of Keys, NewImage, OldImage, SequenceNumber and ApproximateCreationDateTime"),
)
_RECORD_KEYS = (Column("arrived_date", "date", "day in UTC on which Firehose had the record"),)
# Athena's own example of a range that begins before there is anything.
_ALWAYS = "NOW-3YEARS"


@dataclass(frozen=True)
class Lake:
    """What the catalogue depends on besides the contract.

    Args:
        bucket: Of the environment.
        prefix: Put before the names of the databases.
        unknown: Columns that silver.order_lines has beyond the contract.
        topic_ids: Kafka's ids of the topic under which bronze has objects, or will.
        partitions: Kafka partitions of the topic.
        first_date: The oldest day, yyyy-MM-dd, of which bronze has stream records; "" where it has none.
    """

    bucket: str
    prefix: str = ""
    unknown: Sequence[Column] = ()
    topic_ids: Sequence[str] = ()
    partitions: int = 1
    first_date: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Databases by name, tables and views by database and name; all as Glue's calls take them."""

    databases: Mapping[str, Entry]
    tables: Mapping[tuple[str, str], Entry] = field(default_factory=dict)


def catalogue(lake: Lake) -> Catalogue:
    """The whole catalogue of an environment."""
    databases = {
        f"{lake.prefix}{layer}": {"Name": f"{lake.prefix}{layer}", "Description": meaning}
        for layer, meaning in LAYERS.items()
    }
    found = {
        (f"{lake.prefix}bronze", BRONZE): bronze(lake),
        (f"{lake.prefix}bronze", BRONZE_DYNAMODB): stream_records(lake),
    }
    for table in TABLES:
        columns = (*table.columns, *lake.unknown) if table is SILVER_ORDER_LINES else table.columns
        found[f"{lake.prefix}{table.layer}", table.name] = delta(lake.bucket, table, columns)
    for view in views(column.name for column in lake.unknown):
        found[f"{lake.prefix}{view.layer}", view.name] = _view(lake, view)
    return Catalogue(databases, found)


def delta(bucket: str, table: Table, columns: Iterable[Column]) -> Entry:
    """A native Delta table."""
    location = places.table_url(bucket, table.layer, table.name)
    return {
        "Name": table.name,
        "Description": table.meaning,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "table_type": "DELTA", "spark.sql.sources.provider": "delta"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Location": f"{location}/",
            "Columns": _columns(columns),
            "SerdeInfo": {"Parameters": {"serialization.format": "1", "path": f"{location}/"}},
        },
    }


def bronze(lake: Lake) -> Entry:
    """The objects from Kafka: partitions are projected, so that new objects need no call to be seen."""
    location = f"s3://{lake.bucket}/{places.BRONZE_KAFKA}{places.TOPIC}/"
    projection = {
        "topic_id.type": "enum",
        # An enum without a value is refused: until there is an object or a connector no folder is read.
        "topic_id.values": ",".join(sorted(lake.topic_ids)) or "none",
        "partition.type": "integer",
        "partition.range": f"0,{max(lake.partitions, 1) - 1}",
    }
    entry = _projected(location, "${topic_id}/partition=${partition}/", projection, _BRONZE_KEYS, _BRONZE_COLUMNS)
    return {"Name": BRONZE, "Description": _BRONZE_MEANING, **entry}


def stream_records(lake: Lake) -> Entry:
    """The objects of Firehose: a partition a day, from the first one that there is to the present one."""
    location = f"s3://{lake.bucket}/{places.BRONZE_DYNAMODB}"
    projection = {
        "arrived_date.type": "date",
        "arrived_date.format": "yyyy-MM-dd",
        "arrived_date.range": f"{lake.first_date or _ALWAYS},NOW",
    }
    entry = _projected(location, "date=${arrived_date}/", projection, _RECORD_KEYS, _RECORD_COLUMNS)
    return {"Name": BRONZE_DYNAMODB, "Description": _RECORD_MEANING, **entry}


def _projected(
    location: str, folder: str, projection: Mapping[str, str], keys: Iterable[Column], columns: Iterable[Column]
) -> Entry:
    """JSON lines in folders that are computed; `folder` is a partition's under the location."""
    return {
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "json",
            "projection.enabled": "true",
            **{f"projection.{name}": value for name, value in projection.items()},
            "storage.location.template": f"{location}{folder}",
        },
        "PartitionKeys": _columns(keys),
        "StorageDescriptor": {
            "Location": location,
            "Columns": _columns(columns),
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }


def prefixed(sql: str, prefix: str) -> str:
    """A query over the lake with the databases' prefix before their names."""
    return re.sub(rf"(?<![\w.\"'])({'|'.join(LAYERS)})\.(?=[a-z_])", rf"{prefix}\1.", sql) if prefix else sql


def _view(lake: Lake, view: View) -> Entry:
    columns = [AthenaColumn(column.name, types.from_hive(column.type)) for column in view.columns]
    entry = view_entry(view.name, prefixed(view.body, lake.prefix), columns, database=f"{lake.prefix}{view.layer}")
    return entry | {"Description": view.meaning}


def _columns(columns: Iterable[Column]) -> list[Entry]:
    return [{"Name": column.name, "Type": column.type, "Comment": column.meaning[:255]} for column in columns]
