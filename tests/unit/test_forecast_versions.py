"""What tells a table's content to a forecast's plan: its last change of rows, not its last compaction."""

import io
import json
from typing import Any

import pytest

from infra.aws.handlers import calls

pytestmark = pytest.mark.unit

LOG = "gold/daily_sales/_delta_log/"


class S3:
    """Commits of a log, by their actions."""

    def __init__(self, *commits: list[dict[str, Any]]) -> None:
        lines = ["\n".join(json.dumps(action) for action in commit).encode() for commit in commits]
        self.objects = {f"{LOG}{number:020}.json": body for number, body in enumerate(lines)}

    def get_paginator(self, name: str) -> "S3":
        assert name == "list_objects_v2"
        return self

    def paginate(self, **given: str) -> list[dict[str, Any]]:
        assert given["Prefix"] == LOG
        found = [{"Key": key, "ETag": f'"{len(body)}"'} for key, body in self.objects.items()]
        return [{"Contents": [*found, {"Key": f"{LOG}_last_checkpoint", "ETag": ""}]}]

    def get_object(self, **given: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[given["Key"]])}


def add(is_change: bool) -> dict[str, Any]:
    return {"add": {"path": "a.parquet", "dataChange": is_change}}


def version(monkeypatch: pytest.MonkeyPatch, *commits: list[dict[str, Any]]) -> str:
    s3 = S3(*commits)
    monkeypatch.setattr(calls, "client", lambda name: s3)
    return calls.version("bucket", "gold.daily_sales")


def test_a_compaction_changes_no_version_and_a_change_does(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = [[{"metaData": {}}], [add(is_change=True)]]
    first = version(monkeypatch, *loaded)
    assert first.startswith(f"{1:020} ")
    compacted = [*loaded, [add(is_change=False), {"commitInfo": {"operation": "OPTIMIZE"}}]]
    assert version(monkeypatch, *compacted) == first
    removed = [{"remove": {"path": "a.parquet", "dataChange": True}}]
    assert version(monkeypatch, *compacted, removed).startswith(f"{3:020} ")


def test_a_table_without_rows_or_commits_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version(monkeypatch, [{"metaData": {}}]).startswith(f"{0:020} ")
    assert version(monkeypatch) == ""
