"""The pipeline of the tutorials, to measure ours against: Spark's file stream, MERGE in arrival order, gold built anew.

It is right for inserts alone, each delivered once: it knows no deletes, no order, no bad input and no restart.
"""

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

LINE = "partition INT, offset BIGINT, value STRING"
ENVELOPE = (
    "op STRING, after STRUCT<order_id: STRING, line_no: INT, product_id: STRING, description: STRING, quantity: INT, "
    "unit_price: STRING, customer_id: STRING, country: STRING, ordered_at: TIMESTAMP>"
)


def run(spark: SparkSession, root: str, bronze: str) -> None:
    """Bring all of bronze to silver and gold.

    Args:
        spark: The session.
        root: The folder of the tables, `s3://…`; nothing of them exists yet.
        bronze: The folder of the objects.
    """
    lines = spark.readStream.schema(LINE).option("recursiveFileLookup", "true").json(bronze)
    rows = lines.select(F.from_json("value", ENVELOPE).alias("change")).select("change.after.*")
    rows = rows.withColumn("unit_price", F.col("unit_price").cast("decimal(12,3)"))
    rows = rows.withColumn("sales_date", F.to_date("ordered_at"))
    stream = rows.writeStream.foreachBatch(lambda batch, _: _merge(batch, f"{root}/silver")).trigger(availableNow=True)
    stream.option("checkpointLocation", f"{root}/checkpoint").start().awaitTermination()
    _gold(spark, root)


def _merge(batch: DataFrame, silver: str) -> None:
    spark = batch.sparkSession
    DeltaTable.createIfNotExists(spark).location(silver).addColumns(batch.schema).execute()
    table = DeltaTable.forPath(spark, silver).alias("old")
    same_key = "old.order_id = new.order_id AND old.line_no = new.line_no"
    table.merge(batch.alias("new"), same_key).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()


def _gold(spark: SparkSession, root: str) -> None:
    silver = spark.read.format("delta").load(f"{root}/silver")
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
    daily = silver.groupBy("sales_date", "country").agg(*measures)
    daily.write.format("delta").mode("overwrite").save(f"{root}/daily_sales")
    description = F.max_by("description", "ordered_at").alias("description")
    products = silver.groupBy("sales_date", "product_id").agg(*measures, description)
    products.write.format("delta").mode("overwrite").save(f"{root}/daily_product_sales")
