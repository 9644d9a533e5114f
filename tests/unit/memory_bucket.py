"""A bucket in memory, with the conditions of S3: for tests of what lies in it, not of S3."""

import hashlib
from collections.abc import Iterator, Sequence

from spark_jobs.storage import Bucket, Entry


class MemoryBucket(Bucket):
    """Objects in a dictionary; the listings it was asked for are remembered."""

    def __init__(self) -> None:
        self.name = "memory"
        self.objects: dict[str, bytes] = {}
        self.listed: list[tuple[str, str]] = []

    def get_with_etag(self, key: str) -> tuple[bytes, str] | None:
        body = self.objects.get(key)
        return None if body is None else (body, etag(body))

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def create(self, key: str, body: bytes) -> bool:
        if key in self.objects:
            return False
        self.objects[key] = body
        return True

    def replace(self, key: str, body: bytes, etag_: str) -> bool:
        if key not in self.objects or etag(self.objects[key]) != etag_:
            return False
        self.objects[key] = body
        return True

    def delete_keys(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def entries(self, prefix: str, after: str = "") -> Iterator[Entry]:
        self.listed.append((prefix, after))
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield Entry(key, etag(self.objects[key]), len(self.objects[key]))

    def folders(self, prefix: str) -> list[str]:
        below = {key.removeprefix(prefix) for key in self.objects if key.startswith(prefix)}
        return sorted({prefix + rest.split("/")[0] + "/" for rest in below if "/" in rest})


def etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
