"""A lake for tests of the Athena engine: a bucket and a catalogue in dictionaries, Delta tables in a folder."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.athena.contract import Column, Job, Range, Source, Translation
from infra.local.athena.engine.context import Selected
from infra.local.athena.engine.footers import Footers
from infra.local.athena.engine.limits import Limits
from infra.local.athena.engine.pages import index, page
from infra.local.athena.engine.running import Running, Tools
from infra.local.athena.engine.sandbox import Sandbox
from infra.local.athena.tables.catalog import Glue
from infra.local.athena.tables.delta import Deltas, Snapshot
from lakehouse.errors import SourceError
from lakehouse.settings import Settings
from tests.unit.memory_s3 import MemoryS3

HIVE = "org.apache.hadoop.hive"
PARQUET = f"{HIVE}.ql.io.parquet.serde.ParquetHiveSerDe"
JSON = "org.openx.data.jsonserde.JsonSerDe"
CSV = f"{HIVE}.serde2.OpenCSVSerde"
TEXT = f"{HIVE}.serde2.lazy.LazySimpleSerDe"


class MemoryGlue:
    """Glue as boto3's client shows it: tables of the one database `db`."""

    class exceptions:  # noqa: N801 (boto3's name)
        class EntityNotFoundException(Exception):  # noqa: N818 (boto3's name)
            """There is none."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, list[dict[str, Any]]] = {}

    def get_database(self, Name: str) -> dict[str, Any]:  # noqa: N803
        if Name != "db":
            raise self.exceptions.EntityNotFoundException(Name)
        return {"Database": {"Name": Name}}

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        if DatabaseName != "db" or Name not in self.tables:
            raise self.exceptions.EntityNotFoundException(Name)
        return {"Table": self.tables[Name]}

    def get_paginator(self, operation: str) -> Any:
        glue = self

        class Pages:
            def paginate(self, **given: str) -> list[dict[str, Any]]:
                if operation == "get_databases":
                    return [{"DatabaseList": [{"Name": "db"}]}]
                if operation == "get_tables":
                    return [{"TableList": list(glue.tables.values())}]
                found = glue.parts.get(given["TableName"], [])
                return [{"Partitions": [part]} for part in found]  # each on a page of its own

        return Pages()


def stamp(path: str) -> str | None:
    status = Path(path).stat() if Path(path).exists() else None
    return status and f"{status.st_ino} {status.st_mtime_ns}"


class LocalDeltas(Deltas):
    """Delta tables of a folder, under the URLs that they would have in the bucket `shop`."""

    def __init__(self, folder: Path) -> None:
        super().__init__({}, stamp)
        self._folder = folder

    def snapshot(self, location: str) -> Snapshot:
        return super().snapshot(str(self._folder / location.removeprefix("s3://shop/")))


class Lake:
    """The bucket `shop`, the database `db`, and queries of them.

    Args:
        folder: Of the test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.s3, self.glue = MemoryS3(), MemoryGlue()
        self.deltas = LocalDeltas(folder / "delta")
        self.sandbox, self.footers = Sandbox(512, 2), Footers()
        self.linked: list[str] = []
        self._numbers = itertools.count()

    def add(
        self,
        name: str,
        columns: Mapping[str, str],
        serde: str = "",
        *,
        keys: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a table at s3://shop/<name>/ with Hive's types."""
        self.glue.tables[name] = {
            "Name": name,
            "DatabaseName": "db",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": dict(parameters or {}),
            "PartitionKeys": described(keys or {}),
            "StorageDescriptor": {
                "Location": f"s3://shop/{name}/",
                "Columns": described(columns),
                "SerdeInfo": {"SerializationLibrary": serde, "Parameters": dict(options or {})},
            },
        }

    def add_partition(self, table: str, *values: str, location: str = "") -> None:
        self.glue.parts.setdefault(table, []).append(
            {"Values": list(values), "StorageDescriptor": {"Location": location} if location else {}}
        )

    def catalog(self) -> Glue:
        return Glue(self.glue, self.s3, self.deltas)

    def link(self, bucket: str, targets: Mapping[str, Path]) -> dict[str, int]:
        for key, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            self.linked.append(key)
            if bucket == "shop" and key in self.s3.objects:
                target.write_bytes(self.s3.objects[key])
            elif not bucket and Path(f"/{key}").is_file():
                target.hardlink_to(f"/{key}")
            else:
                raise SourceError(f"object s3://{bucket}/{key} is not there")
        return {key: target.stat().st_size for key, target in targets.items()}

    def running(self, *, seconds: float = 60, scanned_bytes: int | None = None) -> Running:
        """The context of a new job."""
        number = next(self._numbers)
        folder = self.folder / "jobs" / str(number)
        folder.mkdir(parents=True)
        job = Job(f"id{number}", "", "", (), "s3://shop/results/", folder, seconds, scanned_bytes)
        limits = Limits(seconds, 1 << 34)
        tools = Tools(self.sandbox, self.footers, self.link)
        return Running(job, Settings(), self.catalog(), (self.s3, self.glue), tools, limits)

    def query(
        self, sql: str, columns: str, *names: str, ranges: Mapping[str, Range] | None = None, **given: Any
    ) -> list[list[str | None]]:
        """Rows of a query in DuckDB's SQL; a table stands in it as itself and is read whole.

        Args:
            sql: One SELECT.
            columns: Types of its columns, with spaces between.
            names: Tables; after a `:` the only columns needed.
            ranges: Of the first table.
            given: Of the job.
        """
        return self.rows(self.selected(sql, columns, *names, ranges=ranges, **given))

    def selected(
        self, sql: str, columns: str, *names: str, ranges: Mapping[str, Range] | None = None, **given: Any
    ) -> Selected:
        """What `query` runs, as the engine answers."""
        running = self.running(**given)
        sources = {}
        for place, about in enumerate(names):
            name, _, needed = about.partition(":")
            relation = running.catalog.relation("db", name)
            wanted = tuple(needed.split(",")) if needed else tuple(column.name for column in relation.columns)
            sources[name] = Source(relation, wanted, (ranges or {}) if place == 0 else {})
        described = tuple(Column(f"c{place}", kind) for place, kind in enumerate(columns.split()))
        with running._limits:
            return running.select(Translation(sql, described, sources))

    def rows(self, selected: Selected) -> list[list[str | None]]:
        key = selected.location.removeprefix("s3://shop/")
        about = index(self.s3.objects[f"{key}.metadata"])
        return page(self.s3.objects[key], about, 0, about.rows)


def described(columns: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns.items()]
