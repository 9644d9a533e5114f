"""What becomes of each line of a batch: its outcome against the batch and against silver, and the rows that follow."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.lags import DELAY_CLASS, DELAY_OFFSET

KEY = ("source", "order_id", "line_no")
OLDER = "older_than_expired_delete"


def with_outcome(lines: DataFrame, current: DataFrame | None, expired_sequence: str | None) -> DataFrame:
    """Give every line its outcome, by the precedence rejected, tombstone, duplicate, superseded, stale, applied.

    Args:
        lines: Read lines of one source: object, line and the columns of session.READ_COLUMNS, and source.
        current: source, order_id, line_no, current_sequence, current_date: silver's rows of these keys (others do no
            harm), before the batch; None if silver is empty.
        expired_sequence: The highest sequence of an expired tombstone of this source; None if none has expired.

    Returns:
        One row per line: the columns of `lines` with `reason` completed, outcome, is_known (silver has the key) and
        current_date (the sales_date of silver's row).
    """
    if current is None:
        none = F.lit(None)
        known = lines.withColumns({"current_sequence": none.cast("string"), "current_date": none.cast("date")})
    else:
        known = lines.join(current, on=list(KEY), how="left")
    is_change = F.col("reason").isNull() & ~F.col("is_tombstone")
    newest_first = Window.partitionBy("order_id", "line_no").orderBy(F.desc("cdc_sequence"), "offset", "line")
    older_than_expired = (
        is_change & F.col("current_sequence").isNull() & (F.col("cdc_sequence") <= F.lit(expired_sequence))
        if expired_sequence is not None
        else F.lit(False)
    )
    is_repeated = F.col("cdc_sequence") == F.lag("cdc_sequence").over(newest_first)
    is_newest = F.row_number().over(newest_first) == 1
    outcome = (
        F.when(F.col("reason").isNotNull() | older_than_expired, "rejected")
        .when(F.col("is_tombstone"), "tombstone")
        .when(is_repeated | (F.col("cdc_sequence") == F.col("current_sequence")), "duplicate")
        .when(~is_newest, "superseded")
        .when(F.col("cdc_sequence") < F.col("current_sequence"), "stale")
        .otherwise("applied")
    )
    return known.select(
        *[name for name in lines.columns if name != "reason"],
        F.when(older_than_expired, OLDER).otherwise(F.col("reason")).alias("reason"),
        outcome.alias("outcome"),
        F.col("current_sequence").isNotNull().alias("is_known"),
        "current_date",
    )


def order_lines(applied: DataFrame, batch_id: int, business_timezone: str) -> DataFrame:
    """The rows of silver.order_lines that a batch's applied changes become.

    Args:
        applied: Lines with outcome applied, one per key.
        batch_id: The batch.
        business_timezone: The zone in which a sale has its date.

    Returns:
        One row per source, order_id, line_no; a delete has its key and the cdc columns only.
    """
    return applied.select(*order_line(business_timezone), F.lit(batch_id).cast("bigint").alias("batch_id"))


def order_line(business_timezone: str) -> list[str | Column]:
    """The columns of silver.order_lines but batch_id, of a line with its outcome; see `order_lines`."""
    return [
        "source",
        "order_id",
        "line_no",
        "product_id",
        "description",
        "quantity",
        "unit_price",
        "customer_id",
        "country",
        "ordered_at",
        F.to_date(F.from_utc_timestamp("ordered_at", business_timezone)).alias("sales_date"),
        "extra",
        "cdc_op",
        "cdc_sequence",
        "cdc_at",
        (F.col("cdc_op") == "d").alias("is_deleted"),
    ]


def rejected(lines: DataFrame, batch_id: int, planned_at: float) -> DataFrame:
    """The rows of silver.rejected of a batch.

    Args:
        lines: Lines with their outcome; position is the line's place in its object.
        batch_id: The batch.
        planned_at: Seconds since 1970.

    Returns:
        One row per line whose outcome is rejected.
    """
    return lines.where(F.col("outcome") == "rejected").select(
        "raw",
        "reason",
        "object",
        F.col("position").cast("bigint").alias("position"),
        F.lit(batch_id).cast("bigint").alias("batch_id"),
        F.timestamp_micros(F.lit(round(planned_at * 1e6))).alias("rejected_at"),
    )


def count_by_object(lines: DataFrame) -> DataFrame:
    """Rows of each object by outcome, with all that a batch's writes need to know beforehand.

    Args:
        lines: Lines with their outcome; landed_at is S3's time of the object.

    Returns:
        One row per object, outcome, is_known and, of the applied ones, class of delay from the source to bronze: rows,
        first and last offset, low and high order_id, landed_at, oldest_at and newest_at (seconds since 1970),
        first_line, has_extra (some row has a field that the contract does not know).
    """
    return lines.groupBy("object", "outcome", "is_known", delay_class()).agg(
        F.count(F.lit(1)).alias("rows"),
        F.min("offset").alias("first"),
        F.max("offset").alias("last"),
        F.min("order_id").alias("low"),
        F.max("order_id").alias("high"),
        F.max("landed_at").cast("double").alias("landed_at"),
        F.min("cdc_at").cast("double").alias("oldest_at"),
        F.max("cdc_at").cast("double").alias("newest_at"),
        F.min("line").alias("first_line"),
        F.bool_or(F.col("extra").isNotNull()).alias("has_extra"),
    )


def delay_class() -> Column:
    """`delay`: of an applied change, in which class its delay from the source to bronze is, see `spark_jobs.lags`."""
    delay = F.col("landed_at").cast("double") - F.col("cdc_at").cast("double") + DELAY_OFFSET
    # 0.5 and less is ahead of the clock: the class below 0
    found = F.floor(F.log(F.greatest(delay, F.lit(0.5))) / DELAY_CLASS)
    return F.when(F.col("outcome") == "applied", found).alias("delay")
