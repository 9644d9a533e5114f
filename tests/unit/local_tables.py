"""Delta tables in a folder, and a bucket over the same folder: for tests of what is written, not of S3."""

from pathlib import Path

from lakehouse.settings import Settings
from lakehouse.tables import Table
from spark_jobs.storage import Bucket
from spark_jobs.stored import Stored


class LocalTables(Stored):
    """Tables in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Settings())
        self._folder = folder

    def url(self, table: Table) -> str:
        return str(self._folder / table.name)

    def create(self, table: Table) -> None:
        (self._folder / table.name).mkdir(exist_ok=True)
        super().create(table)


class FolderBucket(Bucket):
    """Objects as files; a key is a path. What a commit needs, and no more."""

    def __init__(self) -> None:
        self.name = "folder"

    def get_with_etag(self, key: str) -> tuple[bytes, str] | None:
        path = Path(key)
        return (path.read_bytes(), "") if path.exists() else None

    def put(self, key: str, body: bytes) -> None:
        Path(key).parent.mkdir(parents=True, exist_ok=True)
        Path(key).write_bytes(body)

    def create(self, key: str, body: bytes) -> bool:
        try:
            with Path(key).open("xb") as file:
                file.write(body)
        except FileExistsError:
            return False
        return True
