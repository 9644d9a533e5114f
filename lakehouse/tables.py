"""The tables: columns, types, keys and meanings, the one source for schemas, catalogue and docs/tables.md.

Types are Spark SQL's names, which Athena and DuckDB share for these tables but for maps: DuckDB writes `MAP(…, …)`.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column: its name, its type, whether it may be null and what it means."""

    name: str
    type: str
    meaning: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """A Delta table of one layer."""

    layer: str
    name: str
    meaning: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    pruned: tuple[str, ...]  # columns that files keep statistics of, for merges and queries to skip files by

    @property
    def full_name(self) -> str:
        """Layer and name, as in SQL: `gold.daily_sales`."""
        return f"{self.layer}.{self.name}"

    @property
    def ddl(self) -> str:
        """The columns as Spark reads a schema: `sales_date DATE NOT NULL, …`."""
        return ", ".join(
            f"{column.name} {column.type.upper()}{'' if column.nullable else ' NOT NULL'}" for column in self.columns
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class View:
    """A view over tables: `body` is a SELECT of `columns` that Spark, DuckDB and Athena all understand."""

    layer: str
    name: str
    meaning: str
    body: str
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """Layer and name, as in SQL."""
        return f"{self.layer}.{self.name}"


ORDER_LINE = (
    Column("order_id", "string", "order (invoice) number; the shop's simulated ones start with S", nullable=False),
    Column("line_no", "int", "position within the order, from 1", nullable=False),
    Column("product_id", "string", "product (stock code)"),
    Column("description", "string", "the product's name on this line"),
    Column("quantity", "int", "units; negative for a return or a cancellation"),
    Column("unit_price", "decimal(12,3)", "price of one unit"),
    Column("customer_id", "string", "customer; null where the shop does not know"),
    Column("country", "string", "the customer's country"),
    Column("ordered_at", "timestamp", "when it was ordered, UTC"),
)

SILVER_ORDER_LINES = Table(
    "silver",
    "order_lines",
    "The shop's order lines as they are now; deleted ones remain as tombstones.",
    "one row per source, order_id, line_no",
    ("source", "order_id", "line_no"),
    (
        Column("source", "string", "way in: kafka or dynamodb", nullable=False),
        *ORDER_LINE,
        Column("sales_date", "date", "ordered_at's date in BUSINESS_TIMEZONE"),
        Column("extra", "string", "fields the contract does not know, as a JSON object; null if none"),
        Column("cdc_op", "string", "last change: c create, u update, d delete, r read in a snapshot", nullable=False),
        Column("cdc_sequence", "string", "the source's order of changes; the greatest wins", nullable=False),
        Column("cdc_at", "timestamp", "when the source made the change, UTC"),
        Column(
            "is_deleted",
            "boolean",
            "true for a tombstone: all columns of the order line but its key are null",
            nullable=False,
        ),
        Column("batch_id", "bigint", "the batch that wrote the row", nullable=False),
    ),
    pruned=("order_id", "sales_date"),
)

SILVER_REJECTED = Table(
    "silver",
    "rejected",
    "Changes that break the contract, each with its raw text and the reason.",
    "one row per rejected line of bronze",
    ("object", "position", "batch_id"),
    (
        Column("raw", "string", "the message's value, or the stream record, as it came; base64 where it is not UTF-8"),
        Column("reason", "string", "what is wrong: a word, then the field", nullable=False),
        Column("object", "string", "key of the bronze object", nullable=False),
        Column(
            "position", "bigint", "the line's place in the object, from 0; -1 for the object as a whole", nullable=False
        ),
        Column("batch_id", "bigint", "the batch that read it", nullable=False),
        Column("rejected_at", "timestamp", "when that batch was planned, UTC", nullable=False),
    ),
    pruned=("batch_id",),
)

_MEASURES = (
    Column("orders", "bigint", "distinct orders with a line of positive quantity"),
    Column("customers", "bigint", "distinct known customers"),
    Column("units_sold", "bigint", "sum of positive quantities"),
    Column("units_returned", "bigint", "sum of negative quantities, as a positive number"),
    Column("gross_revenue", "decimal(18,3)", "sum of quantity times unit_price where quantity is positive"),
    Column("returned_revenue", "decimal(18,3)", "the same where quantity is negative, as a positive number"),
    Column("net_revenue", "decimal(18,3)", "gross_revenue less returned_revenue"),
)

GOLD_DAILY_SALES = Table(
    "gold",
    "daily_sales",
    "Sales by day and country.",
    "one row per sales_date, country",
    ("sales_date", "country"),
    (Column("sales_date", "date", "the day in BUSINESS_TIMEZONE"), Column("country", "string", "country"), *_MEASURES),
    pruned=("sales_date", "country"),
)

GOLD_DAILY_PRODUCT_SALES = Table(
    "gold",
    "daily_product_sales",
    "Sales by day and product.",
    "one row per sales_date, product_id",
    ("sales_date", "product_id"),
    (
        Column("sales_date", "date", "the day in BUSINESS_TIMEZONE"),
        Column("product_id", "string", "product"),
        *_MEASURES,
        Column("description", "string", "the name on the day's last line that has one"),
    ),
    pruned=("sales_date", "product_id"),
)

LAYERS = ("bronze", "silver", "gold")
OUTCOMES = ("applied", "superseded", "stale", "duplicate", "tombstone", "rejected")

OPS_BATCHES = Table(
    "ops",
    "batches",
    "What every batch read and what became of it: rows_read is the sum of the six outcomes.",
    "one row per batch_id, topic_id, partition; one per batch_id for DynamoDB",
    ("generation", "batch_id", "topic_id", "partition"),
    (
        Column("generation", "bigint", "0, and one more after every rebuild", nullable=False),
        Column("batch_id", "bigint", "number of the batch within its generation", nullable=False),
        Column("source", "string", "kafka or dynamodb", nullable=False),
        Column("topic_id", "string", "Kafka's id of the topic; null for DynamoDB, as are partition and offsets"),
        Column("partition", "int", "Kafka partition"),
        Column("rows_read", "bigint", "lines read from bronze, blank ones left out"),
        Column("applied", "bigint", "changes that silver took over"),
        Column("superseded", "bigint", "changes older than another of the same key in the batch"),
        Column("stale", "bigint", "changes older than silver's row"),
        Column("duplicate", "bigint", "changes delivered before"),
        Column("tombstone", "bigint", "Kafka messages with a null value"),
        Column("rejected", "bigint", "changes that break the contract"),
        Column("first_offset", "bigint", "first offset read"),
        Column("last_offset", "bigint", "last offset read"),
        Column("gaps", "bigint", "offsets skipped since the batch before and within"),
        Column("overlaps", "bigint", "offsets read more than once"),
        Column("planned_at", "timestamp", "when the batch was planned, UTC"),
        Column("committed_at", "timestamp", "when silver was written, UTC"),
        Column("silver_version", "bigint", "silver.order_lines' version after the batch"),
        Column("gold_version", "bigint", "gold.daily_sales' version that first shows the batch"),
        Column("bronze_lag_seconds", "double", "from the source to bronze: median of the applied changes"),
        Column("silver_lag_seconds", "double", "from the source to silver: median"),
        Column("gold_lag_seconds", "double", "from the source to gold: median"),
        *(
            Column(f"{layer}_lag_{name}_seconds", "double", f"from the source to {layer}: {meaning}")
            for layer in LAYERS
            for name, meaning in (("p95", "what 95 % do not exceed"), ("max", "greatest"))
        ),
        Column(
            "ahead", "bigint", "applied changes made after they landed, by the source's clock; they count in no lag"
        ),
        Column("history", "bigint", "applied changes a day old when they landed; they count in no lag"),
    ),
    pruned=("batch_id",),
)

OPS_BRONZE_OBJECTS = Table(
    "ops",
    "bronze_objects",
    "Every bronze object read, and every one of what Firehose gave up.",
    "one row per object, etag, batch_id",
    ("object", "etag", "batch_id"),
    (
        Column("object", "string", "its key", nullable=False),
        Column("etag", "string", "its ETag", nullable=False),
        Column("rows", "bigint", "lines read"),
        Column("generation", "bigint", "generation of the batch", nullable=False),
        Column("batch_id", "bigint", "the batch that read it", nullable=False),
        Column("status", "string", "read, corrupt (readable lines used) or missing", nullable=False),
    ),
    pruned=("batch_id",),
)

_SERIES = (
    Column("forecast_name", "string", "the forecast's name in forecasts.yaml", nullable=False),
    Column("run_id", "string", "the run: a digest of what it was made from", nullable=False),
    Column("item_id", "string", "the item: a value of the source's item_column", nullable=False),
    Column(
        "dimensions",
        "map<string,string>",
        "further columns of the source that make the series, by name; empty if none",
        nullable=False,
    ),
)
_FORECAST_AT = (
    Column("forecast_at", "timestamp", "first moment of the period that is forecast, UTC", nullable=False),
    Column("forecast_date", "date", "its day", nullable=False),
)
_VALUES = (
    Column("mean", "double", "the mean; null where it was not asked for"),
    Column("p10", "double", "10 % quantile; null where it was not asked for"),
    Column("p50", "double", "the median, likewise"),
    Column("p90", "double", "90 % quantile, likewise"),
    Column("quantiles", "map<string,double>", "all quantiles asked for, by level: 0.1", nullable=False),
)
_MADE = (
    Column("predictor", "string", "what made it: AutoPredictor, NPTS", nullable=False),
    Column("made_at", "timestamp", "when the forecast was made, UTC", nullable=False),
)
_SOURCE = (
    Column(
        "source_table",
        "string",
        "the table that says what came: gold.daily_sales; empty where none does, as of a query or a file",
        nullable=False,
    ),
    Column("item_column", "string", "the column with the item, of the table or query", nullable=False),
    Column("target_column", "string", "the column that is forecast", nullable=False),
    Column("frequency", "string", "length of a period: D, W, 2W, M, Y, H, 15min", nullable=False),
)

GOLD_SALES_FORECAST = Table(
    "gold",
    "sales_forecast",
    "Forecasts as Amazon Forecast exported them, a log transform undone.",
    "one row per forecast_name, run_id, item_id, dimensions, forecast_at",
    ("forecast_name", "run_id", "item_id", "dimensions", "forecast_at"),
    (*_SERIES, *_FORECAST_AT, *_VALUES, *_MADE, *_SOURCE),
    pruned=("forecast_date", "forecast_name", "source_table"),
)

GOLD_FORECAST_BACKTEST = Table(
    "gold",
    "forecast_backtest",
    "What the predictor of a forecast said of the past in its backtest, beside what it was trained to meet.",
    "one row per forecast_name, run_id, item_id, dimensions, window_start_at, forecast_at",
    ("forecast_name", "run_id", "item_id", "dimensions", "window_start_at", "forecast_at"),
    (
        *_SERIES,
        Column("window_start_at", "timestamp", "first period of the backtest's window, UTC", nullable=False),
        Column("window_end_at", "timestamp", "its last period, UTC", nullable=False),
        *_FORECAST_AT,
        Column("actual", "double", "the target's value then, as it was imported; null where it was missing"),
        *_VALUES,
        *_MADE,
    ),
    pruned=("forecast_date", "forecast_name"),
)

GOLD_FORECAST_ACCURACY = Table(
    "gold",
    "forecast_accuracy",
    "Each row of gold.sales_forecast with a source table, beside what that says now of its period. A period counts "
    "once the table has its last day or a later one; a series that was forecast and has no row then sold 0.",
    "one row per forecast_name, run_id, item_id, dimensions, forecast_at",
    GOLD_SALES_FORECAST.key,
    (
        *_SERIES,
        *_FORECAST_AT,
        Column("through_date", "date", "last day of the period; null for periods of less than a day"),
        Column("made_at", "timestamp", "when the forecast was made, UTC", nullable=False),
        Column("source_table", "string", "the table that actual comes from", nullable=False),
        Column("forecast", "double", "the median; the mean where no median was asked for; else null"),
        Column("actual", "double", "sum of the target over the period; null until the table has come that far"),
        Column("absolute_error", "double", "|actual - forecast|"),
        Column(
            "p10_loss", "double", "pinball loss of p10: 0.1 (actual - p10), or 0.9 (p10 - actual) where p10 is above"
        ),
        Column("p50_loss", "double", "pinball loss of p50"),
        Column("p90_loss", "double", "pinball loss of p90"),
        Column("losses", "map<string,double>", "pinball loss of each quantile, by level; null without an actual"),
    ),
    pruned=("forecast_date", "forecast_name", "source_table"),
)

# Tables that tell what came of a forecast, by the day of SALES_DATE.
FORECAST_SOURCES = (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)
SALES_DATE = "sales_date"
FORECAST_TABLES = (GOLD_SALES_FORECAST, GOLD_FORECAST_BACKTEST, GOLD_FORECAST_ACCURACY)
TABLES = (
    SILVER_ORDER_LINES,
    SILVER_REJECTED,
    GOLD_DAILY_SALES,
    GOLD_DAILY_PRODUCT_SALES,
    *FORECAST_TABLES,
    OPS_BATCHES,
    OPS_BRONZE_OBJECTS,
)


def views(unknown: Iterable[str] = ()) -> tuple[View, ...]:
    """The views.

    Args:
        unknown: The columns that silver.order_lines has beyond the contract. They are quoted, for such a name may be a
            word of SQL's own; Spark reads double quotes so with `spark.sql.ansi.doubleQuotedIdentifiers` alone.
    """
    beyond = tuple(Column(name, "string", "a field that the contract does not know") for name in unknown)
    known = tuple(column for column in SILVER_ORDER_LINES.columns if column.name != "is_deleted")
    names = [column.name for column in known] + [f'"{column.name}"' for column in beyond]
    return (
        View(
            "silver",
            "current_order_lines",
            "The shop's order lines as they are now, without tombstones.",
            f"SELECT {', '.join(names)} FROM silver.order_lines WHERE NOT is_deleted",  # noqa: S608 (names of our own)
            (*known, *beyond),
        ),
        _newest("current_forecast", "Of each forecast's period, what the newest run says.", GOLD_SALES_FORECAST),
        _newest(
            "current_forecast_accuracy",
            "Of each forecast's period, what the newest run said and what came.",
            GOLD_FORECAST_ACCURACY,
        ),
    )


def _newest(name: str, meaning: str, table: Table) -> View:
    """All rows of the newest run for each forecast_at: no key with a map in it, which Spark does not compare."""
    names = ", ".join(table.names)
    body = (
        f"SELECT {names} FROM (SELECT {names}, rank() OVER (PARTITION BY forecast_name, forecast_at "  # noqa: S608
        f"ORDER BY made_at DESC, run_id DESC) AS age FROM {table.full_name}) AS runs WHERE age = 1"
    )
    return View(table.layer, name, meaning, body, table.columns)


VIEWS = views()
