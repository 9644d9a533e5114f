"""Reading and writing the Delta tables by Spark: the only module that touches them from it.

Every write names its application and a version (Delta's txn), so that the same write a second time does nothing, and
is checked afterwards: the transaction must be in the table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from delta.tables import DeltaTable as SparkDelta
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession

from lakehouse.settings import Settings
from lakehouse.tables import Table
from spark_jobs.stored import Stored

ROWS_PER_FILE = 100_000


class Lakehouse(Stored):
    """The Delta tables of one environment, with a Spark session to work on them.

    Args:
        spark: The session.
        settings: Bucket and retention.
        staged: The generation that is being rebuilt, whose tables lie apart; None for the tables in force.
    """

    def __init__(self, spark: SparkSession, settings: Settings, staged: int | None = None) -> None:
        super().__init__(settings, staged)
        self.spark = spark

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table's rows, at a version or the newest."""
        reader = self.spark.read.format("delta")
        if version is not None and version != self.version(table):
            reader = reader.option("versionAsOf", version)
        return reader.load(self.url(table))

    def append(self, rows: DataFrame, table: Table, app: str, version: int, note: str) -> None:
        """Add rows, once per app and version; `note` goes into the commit."""
        self._writer(rows, "append", app, version, note).save(self.url(table))
        self._check(table, app, version)

    def overwrite(self, rows: DataFrame, table: Table, app: str, version: int, note: str) -> None:
        """Put rows in the place of all rows, once per app and version."""
        self._writer(rows, "overwrite", app, version, note).save(self.url(table))
        self._check(table, app, version)

    def replace(self, rows: DataFrame, table: Table, app: str, version: int, note: str) -> None:
        """Put rows in the place of all rows and their columns in the place of all columns, once per app and version."""
        self._writer(rows, "overwrite", app, version, note).option("overwriteSchema", "true").save(self.url(table))
        self._check(table, app, version)

    def merge(
        self, rows: DataFrame, table: Table, *, condition: Column, newer: Column, app: str, version: int, note: str
    ) -> None:
        """Update matching rows where `newer` holds, insert the others, once per app and version.

        Args:
            rows: The source, aliased `new` by this method; the table is `old`.
            table: The target.
            condition: When rows match.
            newer: When a matching row is replaced.
            app: The transaction's application.
            version: The transaction's version.
            note: Text for the commit.
        """
        target = SparkDelta.forPath(self.spark, self.url(table)).alias("old")
        statement = target.merge(rows.alias("new"), condition).whenMatchedUpdateAll(newer).whenNotMatchedInsertAll()
        with self._transaction_settings(app, version, note):
            statement.execute()
        self._check(table, app, version)

    def _writer(self, rows: DataFrame, mode: str, app: str, version: int, note: str) -> DataFrameWriter:
        # rows that come sorted by the key leave files that each hold a range of it, without a shuffle to make ranges
        options: dict[str, Any] = {
            "userMetadata": note,
            "txnAppId": app,
            "txnVersion": version,
            "maxRecordsPerFile": ROWS_PER_FILE,
        }
        return rows.write.format("delta").mode(mode).options(**options)

    @contextmanager
    def _transaction_settings(self, app: str, version: int, note: str) -> Iterator[None]:
        # session settings stay set and would silently skip the next statement: always taken back
        values = {
            "spark.databricks.delta.write.txnAppId": app,
            "spark.databricks.delta.write.txnVersion": str(version),
            "spark.databricks.delta.commitInfo.userMetadata": note,
        }
        try:
            for name, value in values.items():
                self.spark.conf.set(name, value)
            yield
        finally:
            for name in values:
                self.spark.conf.unset(name)
