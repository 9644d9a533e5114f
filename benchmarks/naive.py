"""The pipeline of the tutorials, to measure ours against: Spark's file stream, MERGE in arrival order, gold built anew.

It takes the last change to arrive for the newest. It remembers no deletes, keeps no bad input and counts nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

LINE = "partition INT, offset BIGINT, value STRING"
ENVELOPE = (
    "op STRING, before STRUCT<order_id: STRING, line_no: INT>, after STRUCT<order_id: STRING, line_no: INT, "
    "product_id: STRING, description: STRING, quantity: INT, unit_price: STRING, customer_id: STRING, "
    "country: STRING, ordered_at: TIMESTAMP>"
)
KEY = ("order_id", "line_no")


class Naive:
    """The pipeline over one bronze folder.

    Args:
        spark: The session.
        root: The folder of its tables, `s3://…`.
        bronze: The folder of the objects.
    """

    def __init__(self, spark: SparkSession, root: str, bronze: str) -> None:
        self._spark, self._root, self._bronze = spark, root, bronze

    def run(self) -> None:
        """Bring what lies in bronze to silver and gold, in one batch."""
        self._stream().trigger(availableNow=True).start().awaitTermination()

    @contextmanager
    def running(self) -> Iterator[StreamingQuery]:
        """The stream as a query that runs and has nothing left to do; `processAllAvailable` waits for what comes."""
        query = self._stream().start()
        try:
            query.processAllAvailable()
            yield query
        finally:
            query.stop()

    def _stream(self) -> DataStreamWriter:
        lines = self._spark.readStream.schema(LINE).option("recursiveFileLookup", "true").json(self._bronze)
        writer = lines.writeStream.foreachBatch(self._step)
        return writer.option("checkpointLocation", f"{self._root}/checkpoint")

    def _step(self, lines: DataFrame, _batch_id: int) -> None:
        merge(changes(lines), f"{self._root}/silver")
        build_gold(self._spark, f"{self._root}/silver", self._root)


def changes(lines: DataFrame) -> DataFrame:
    """The last change of each key to arrive; MERGE takes no more than one."""
    change = lines.select("offset", F.from_json("value", ENVELOPE).alias("change"))
    read = change.select(
        "offset",
        "change.op",
        *(F.coalesce(f"change.after.{name}", f"change.before.{name}").alias(name) for name in KEY),
        *(f"change.after.{name}" for name in ("product_id", "description", "quantity")),
        F.col("change.after.unit_price").try_cast("decimal(12,3)").alias("unit_price"),
        *(f"change.after.{name}" for name in ("customer_id", "country", "ordered_at")),
        F.to_date("change.after.ordered_at").alias("sales_date"),
    )
    known = read.where(F.col("op").isNotNull() & F.col("order_id").isNotNull() & F.col("line_no").isNotNull())
    last = Window.partitionBy(*KEY).orderBy(F.desc("offset"))
    return known.withColumn("number", F.row_number().over(last)).where("number = 1").drop("number", "offset")


def merge(rows: DataFrame, silver: str) -> None:
    """Insert, update or delete by key."""
    spark = rows.sparkSession
    DeltaTable.createIfNotExists(spark).location(silver).addColumns(rows.schema).execute()
    same_key = " AND ".join(f"old.{name} = new.{name}" for name in KEY)
    merging = DeltaTable.forPath(spark, silver).alias("old").merge(rows.alias("new"), same_key)
    merging = merging.whenMatchedDelete("new.op = 'd'").whenMatchedUpdateAll()
    merging.whenNotMatchedInsertAll("new.op <> 'd'").execute()


def build_gold(spark: SparkSession, silver: str, root: str) -> None:
    """Write both gold tables anew from all of silver."""
    rows = spark.read.format("delta").load(silver)
    amount = F.col("quantity") * F.col("unit_price")
    sold, returned = F.col("quantity") > 0, F.col("quantity") < 0
    measures = [
        F.countDistinct(F.when(sold, F.col("order_id"))).alias("orders"),
        F.countDistinct("customer_id").alias("customers"),
        F.sum(F.when(sold, F.col("quantity")).otherwise(0)).alias("units_sold"),
        F.sum(F.when(returned, -F.col("quantity")).otherwise(0)).alias("units_returned"),
        F.sum(F.when(sold, amount).otherwise(0)).alias("gross_revenue"),
        F.sum(F.when(returned, -amount).otherwise(0)).alias("returned_revenue"),
        F.sum(amount).alias("net_revenue"),
    ]
    daily = rows.groupBy("sales_date", "country").agg(*measures)
    daily.write.format("delta").mode("overwrite").save(f"{root}/daily_sales")
    description = F.max_by("description", "ordered_at").alias("description")
    products = rows.groupBy("sales_date", "product_id").agg(*measures, description)
    products.write.format("delta").mode("overwrite").save(f"{root}/daily_product_sales")
