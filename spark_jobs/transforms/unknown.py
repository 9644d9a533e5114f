"""Fields the contract does not know, on their way into silver: the names a batch brings, and each into its column."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.evolution import NAME
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.session import SPLIT_EXTRA


def new_names(changes: DataFrame, columns: Sequence[str], limit: int) -> DataFrame:
    """The unknown fields that may become columns and have none.

    Args:
        changes: Rows with `extra`.
        columns: The columns for unknown fields that there are.
        limit: How many to return at most.

    Returns:
        One row per name, the first of them in the order of the alphabet.
    """
    names = changes.where(F.col("extra").isNotNull()).select(F.explode(_split(columns)["names"]).alias("name"))
    name = F.col("name")
    # \z, for $ would also stand before a line break at the end
    can_be_column = name.rlike(rf"\A{NAME}\z") & ~name.isin(list(SILVER_ORDER_LINES.names))
    return names.where(can_be_column).distinct().orderBy("name").limit(limit)


def spread(order_lines: DataFrame, columns: Sequence[str], *, keep: bool) -> DataFrame:
    """Bring unknown fields from `extra` into their columns, as JSON text.

    Args:
        order_lines: Rows of silver.order_lines as the contract has them.
        columns: The table's columns for unknown fields.
        keep: Whether fields without a column stay in `extra`; else they are dropped.

    Returns:
        The same rows with these columns; null where a row does not have the field.
    """
    names = [name for name in order_lines.columns if name != "extra"]
    split = order_lines.select(*names, _split(columns).alias("split"))
    extra = F.col("split.others") if keep else F.lit(None).cast("string")
    texts = [F.col("split.columns")[name].alias(name) for name in columns]
    return split.select(*names, extra.alias("extra"), *texts)


def without_fields(order_lines: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The same as `spread` for rows of which none has an unknown field."""
    return order_lines.select("*", *[F.lit(None).cast("string").alias(name) for name in columns])


def _split(columns: Sequence[str]) -> Column:
    return F.call_udf(SPLIT_EXTRA, "extra", F.lit(",".join(columns)))
