"""Glue as boto3's client shows it, in dictionaries: databases, tables and partitions."""

# ruff: noqa: N803 (the parameters of boto3's clients)

import copy
import datetime
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

Entry = dict[str, Any]
AT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


class EntityNotFoundException(ClientError):  # noqa: N818 (Glue's name)
    """What boto3's client raises for what is not there."""


class MemoryGlue:
    """A catalogue; every change is counted in `changes`."""

    class exceptions:  # noqa: N801 (boto3's name)
        EntityNotFoundException = EntityNotFoundException

    def __init__(self) -> None:
        self.databases: dict[str, Entry] = {}
        self.tables: dict[tuple[str, str], Entry] = {}
        self.partitions: dict[tuple[str, str], list[Entry]] = {}
        self.changes: list[str] = []

    def create_database(self, *, DatabaseInput: Entry) -> None:
        if DatabaseInput["Name"] in self.databases:
            raise _fault("AlreadyExistsException", "CreateDatabase")
        self.changes.append("create_database")
        self.databases[DatabaseInput["Name"]] = {"CreateTime": AT, **copy.deepcopy(DatabaseInput)}

    def update_database(self, *, Name: str, DatabaseInput: Entry) -> None:
        self.get_database(Name=Name)
        self.changes.append("update_database")
        self.databases[Name] = {"CreateTime": AT, **copy.deepcopy(DatabaseInput)}

    def get_database(self, *, Name: str) -> Entry:
        if Name not in self.databases:
            raise _absent("GetDatabase")
        return {"Database": copy.deepcopy(self.databases[Name])}

    def delete_database(self, *, Name: str) -> None:
        self.get_database(Name=Name)
        del self.databases[Name]
        for place in [place for place in self.tables if place[0] == Name]:
            self.delete_table(DatabaseName=place[0], Name=place[1])

    def create_table(self, *, DatabaseName: str, TableInput: Entry) -> None:
        self.get_database(Name=DatabaseName)
        if (DatabaseName, TableInput["Name"]) in self.tables:
            raise _fault("AlreadyExistsException", "CreateTable")
        self.changes.append("create_table")
        self._store(DatabaseName, TableInput)

    def update_table(self, *, DatabaseName: str, TableInput: Entry) -> None:
        self.get_table(DatabaseName=DatabaseName, Name=TableInput["Name"])
        self.changes.append("update_table")
        self._store(DatabaseName, TableInput)

    def get_table(self, *, DatabaseName: str, Name: str) -> Entry:
        if (DatabaseName, Name) not in self.tables:
            raise _absent("GetTable")
        return {"Table": copy.deepcopy(self.tables[DatabaseName, Name])}

    def delete_table(self, *, DatabaseName: str, Name: str) -> None:
        self.get_table(DatabaseName=DatabaseName, Name=Name)
        del self.tables[DatabaseName, Name]
        self.partitions.pop((DatabaseName, Name), None)

    def get_partition(self, *, DatabaseName: str, TableName: str, PartitionValues: list[str]) -> Entry:
        for part in self.partitions.get((DatabaseName, TableName), []):
            if part["Values"] == PartitionValues:
                return {"Partition": copy.deepcopy(part)}
        raise _absent("GetPartition")

    def batch_create_partition(self, *, DatabaseName: str, TableName: str, PartitionInputList: list[Entry]) -> Entry:
        assert 0 < len(PartitionInputList) <= 100
        known, errors = self.partitions.setdefault((DatabaseName, TableName), []), []
        for part in PartitionInputList:
            if any(old["Values"] == part["Values"] for old in known):
                detail = {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "there"}
                errors.append({"PartitionValues": part["Values"], "ErrorDetail": detail})
            else:
                self.changes.append("create_partition")
                place = {"DatabaseName": DatabaseName, "TableName": TableName, "CreationTime": AT}
                known.append({**copy.deepcopy(part), **place})
        return {"Errors": errors}

    def batch_update_partition(self, *, DatabaseName: str, TableName: str, Entries: list[Entry]) -> Entry:
        for entry in Entries:
            for part in self.partitions[DatabaseName, TableName]:
                if part["Values"] == entry["PartitionValueList"]:
                    part.update(copy.deepcopy(entry["PartitionInput"]))
        return {"Errors": []}

    def delete_partition(self, *, DatabaseName: str, TableName: str, PartitionValues: list[str]) -> None:
        known = self.partitions[DatabaseName, TableName]
        known[:] = [part for part in known if part["Values"] != PartitionValues]

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(self, operation)

    def _store(self, database: str, entry: Entry) -> None:
        self.tables[database, entry["Name"]] = {
            "DatabaseName": database,
            "CreateTime": AT,
            "VersionId": "1",
            **copy.deepcopy(entry),
        }


class Pages:
    """Lists one entry a page, so that a reader of the first page alone is found out."""

    def __init__(self, glue: MemoryGlue, operation: str) -> None:
        self._glue, self._operation = glue, operation

    def paginate(self, DatabaseName: str = "", TableName: str = "") -> Iterator[Entry]:
        if self._operation == "get_databases":
            member, found = "DatabaseList", list(self._glue.databases.values())
        elif self._operation == "get_tables":
            member = "TableList"
            found = [entry for place, entry in self._glue.tables.items() if place[0] == DatabaseName]
        else:
            member, found = "Partitions", self._glue.partitions.get((DatabaseName, TableName), [])
        yield from ({member: [copy.deepcopy(entry)]} for entry in found)


def _fault(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def _absent(operation: str) -> ClientError:
    error = {"Error": {"Code": "EntityNotFoundException", "Message": "Entity Not Found"}}
    return EntityNotFoundException(error, operation)
