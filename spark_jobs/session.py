"""The one Spark session of a driver: versions, jars, and the settings that were measured to matter."""

import os
import sys

from pyspark.sql import SparkSession

from lakehouse.settings import SUBMITTED, Settings

READER = "io.saleslake.spark.ReadKafkaLine"
READ_KAFKA_LINE = "read_kafka_line"
DYNAMODB_READER = "io.saleslake.spark.ReadDynamodbLine"
READ_DYNAMODB_LINE = "read_dynamodb_line"
SPLITTER = "io.saleslake.spark.SplitExtra"
SPLIT_EXTRA = "split_extra"
SPLIT_PARTS = "others STRING, names ARRAY<STRING>, columns MAP<STRING, STRING>"
READ_COLUMNS = (
    "offset BIGINT, reason STRING, raw STRING, is_tombstone BOOLEAN, order_id STRING, line_no INT, "
    "product_id STRING, description STRING, quantity INT, unit_price DECIMAL(12,3), customer_id STRING, "
    "country STRING, ordered_at TIMESTAMP, extra STRING, cdc_op STRING, cdc_sequence STRING, cdc_at TIMESTAMP"
)


def build(settings: Settings, jars: list[str], java_options: str = "") -> SparkSession:
    """Start a session, or return the one that runs.

    Args:
        settings: Memory, cores, S3 endpoint and keys.
        jars: Class-path entries beyond pyspark's own; empty where the cluster's image has them.
        java_options: For the JVM, beyond its memory and compilers.
    """
    builder = SparkSession.builder.appName("saleslake")
    machine = {}
    if settings.spark_master != SUBMITTED:
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        builder = builder.master(settings.spark_master or f"local[{settings.spark_cores}]")
        machine = _machine(settings, jars, java_options)
    for name, value in {**machine, **_engine(settings), **_delta(), **_s3(settings)}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.udf.registerJavaFunction(READ_KAFKA_LINE, READER, READ_COLUMNS)
    spark.udf.registerJavaFunction(READ_DYNAMODB_LINE, DYNAMODB_READER, READ_COLUMNS)
    spark.udf.registerJavaFunction(SPLIT_EXTRA, SPLITTER, SPLIT_PARTS)
    return spark


def _machine(settings: Settings, jars: list[str], java_options: str) -> dict[str, str]:
    """What spark-submit says where it starts the driver."""
    return {
        "spark.driver.memory": f"{settings.spark_memory_mb}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": os.pathsep.join(jars),
        # two cores: the serial collector needs less memory, and gives it back after a full collection (at once, not
        # in steps over the next ones)
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:NewSize=160m "
        "-XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=30 -XX:-ShrinkHeapInSteps -Djava.net.preferIPv4Stack=true "
        # the JVM's second compiler waits until something ran ten times as often as by default: of a start and its
        # first two batches it took 4 of 19 CPU seconds, and a warm batch of 590,000 lines takes 10.4 s either way
        "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
        f"-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000 {java_options}".rstrip(),
    }


def _engine(settings: Settings) -> dict[str, str]:
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # what the UI would show is kept without it, too: by default the plans of the last thousand queries
        "spark.sql.ui.retainedExecutions": "10",
        "spark.ui.retainedJobs": "20",
        "spark.ui.retainedStages": "20",
        "spark.ui.retainedTasks": "200",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.spark_cores),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
        # a hundred gzip objects in four parts leave a core idle at the end of a pass: 4.9 s, in eight 3.6
        "spark.sql.files.minPartitionNum": str(4 * settings.spark_cores),
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        # Spark's own default, INT96, counts nanoseconds for others: no year after 2262
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        # a batch and gold's two tables take 112 generated classes; with Spark's 100 each round compiles half of them
        # anew, and the JIT starts over with them: 27 CPU seconds a round instead of 22
        "spark.sql.codegen.cache.maxEntries": "1000",
        # a batch is cached for seconds: compressing it costs more than the memory it saves
        "spark.sql.inMemoryColumnarStorage.compressed": "false",
        "spark.shuffle.compress": "false",  # a shuffle goes to this machine's page cache
        "spark.shuffle.spill.compress": "false",
        # sets of a group's orders and customers: sorting beyond 128 groups is faster than hashing them all
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "128",
        "spark.cleaner.periodicGC.interval": "10min",
    }


def _delta() -> dict[str, str]:
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.delta.logStore.s3.impl": "io.saleslake.spark.ConditionalLogStore",
    }


def _s3(settings: Settings) -> dict[str, str]:
    s3a = {
        "impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "a.endpoint.region": settings.aws_default_region,
        "a.change.detection.mode": "none",
        "a.connection.maximum": "32",
        "a.threads.max": "16",
        "a.experimental.input.fadvise": "random",
        "a.attempts.maximum": "5",
        "a.connection.establish.timeout": "5s",
    }
    if settings.aws_endpoint_url:
        s3a |= {
            "a.endpoint": settings.aws_endpoint_url,
            "a.path.style.access": "true",
            "a.connection.ssl.enabled": str(settings.aws_endpoint_url.startswith("https")).lower(),
        }
    if settings.aws_access_key_id:
        kind = "Temporary" if settings.aws_session_token else "Simple"
        s3a |= {
            "a.access.key": settings.aws_access_key_id,
            "a.secret.key": settings.aws_secret_access_key,
            "a.session.token": settings.aws_session_token,
            "a.aws.credentials.provider": f"org.apache.hadoop.fs.s3a.{kind}AWSCredentialsProvider",
        }
    return {f"spark.hadoop.fs.s3{name if name.startswith('a.') else '.' + name}": value for name, value in s3a.items()}
