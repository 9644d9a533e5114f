"""What a statement runs with, without an engine: Glue and S3 in dictionaries, translations and results as given."""

# ruff: noqa: N803 (the parameters of boto3's clients)

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena import statements
from infra.local.athena.contract import Column, Job, Outcome, Translation
from infra.local.athena.engine.context import Selected, Written
from infra.local.athena.statements import query
from infra.local.athena.tables.catalog import Glue
from lakehouse.settings import load
from tests.unit.memory_glue import MemoryGlue
from tests.unit.memory_s3 import MemoryS3

OUTPUT = "s3://shop/results/"


class Lake(MemoryS3):
    """S3 with folders, copies and deletes."""

    def get_paginator(self, operation: str) -> "Lake":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str) -> Iterator[dict[str, Any]]:
        self._check("ListObjectsV2", Bucket)
        below = [key[len(Prefix) :] for key in self.objects if key.startswith(Prefix)]
        folders = sorted({key.split(Delimiter)[0] for key in below if Delimiter in key})
        yield from ({"CommonPrefixes": [{"Prefix": f"{Prefix}{name}{Delimiter}"}]} for name in folders)

    def list_objects_v2(self, **given: Any) -> dict[str, Any]:
        answer = super().list_objects_v2(**given)
        return {key: value for key, value in answer.items() if value}

    def copy_object(self, *, Bucket: str, Key: str, CopySource: dict[str, str]) -> None:
        assert Bucket == CopySource["Bucket"]
        self.objects[Key] = self.objects[CopySource["Key"]]

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.objects.pop(Key, None)


class MemoryContext:
    """A context whose catalogue is real, over Glue in memory."""

    def __init__(self, job: Job, glue: MemoryGlue, s3: Lake) -> None:
        self.job, self.glue, self.s3 = job, glue, s3
        self.settings = load(environ={}, dotenv=None)
        self.catalog = Glue(glue, s3)
        self.written: list[tuple[Translation, str, dict[str, Any]]] = []
        self.next = Written((), 0)
        self.lines: list[str] = []

    def select(self, translation: Translation) -> Selected:
        key = f"results/{self.job.execution_id}.csv"
        self.s3.objects[key] = b"rows"
        return Selected(translation.columns, f"s3://shop/{key}", 3, 11, {"execution": 2.0})

    def write(self, translation: Translation, destination: str, **form: Any) -> Written:
        self.written.append((translation, destination, form))
        for url in self.next.files:
            self.s3.objects[url.removeprefix("s3://shop/")] = b"rows"
        return self.next

    def publish(self, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> Selected:
        self.lines = ["\t".join(value or "" for value in row) for row in rows]
        return Selected(tuple(columns), f"{OUTPUT}{self.job.execution_id}.txt", len(rows))


class Endpoint:
    """Runs statements one after another on one catalogue.

    Args:
        monkeypatch: Puts `columns`, by the text of a query, in the translator's place.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.glue, self.s3 = MemoryGlue(), Lake({"there/x": b""})
        self.columns: dict[str, tuple[Column, ...]] = {}
        self.translated: list[str] = []
        self.written: list[tuple[Translation, str, dict[str, Any]]] = []
        self.next = Written((), 0)
        self.lines: list[str] = []
        self.external_locations = True
        monkeypatch.setattr(query, "translate", self._translate)

    def run(self, sql: str, database: str = "shop") -> Outcome:
        statements.check(sql)
        job = Job("e1", sql, database, (), OUTPUT, Path(), 10.0, external_locations=self.external_locations)
        context = MemoryContext(job, self.glue, self.s3)
        context.next, context.written = self.next, self.written
        outcome = statements.run(job, context)  # type: ignore[arg-type]
        self.lines = context.lines
        return outcome

    def done(self, sql: str) -> list[str]:
        """Run what must succeed; returns its lines."""
        outcome = self.run(sql)
        assert outcome.state == "SUCCEEDED", outcome.reason
        return self.lines

    def reason(self, sql: str) -> str:
        """Run what must fail; returns why it did."""
        outcome = self.run(sql)
        assert outcome.state == "FAILED"
        return outcome.reason

    def _translate(self, context: Any, text: str, parameters: Sequence[str] | None = None) -> Translation:
        self.translated.append(text)
        key = text.strip()
        return Translation(f"translated {key}", self.columns.get(key, (Column("a", "integer"),)), {})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """An endpoint with the empty database `shop`."""
    found = Endpoint(monkeypatch)
    found.done("CREATE DATABASE shop")
    return found
