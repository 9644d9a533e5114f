"""The formats of tables: SerDe, input and output format of each, as Athena writes them to Glue. Reads no file."""

from dataclasses import dataclass, field

_HIVE = "org.apache.hadoop.hive"
_TEXT_IN, _TEXT_OUT = "org.apache.hadoop.mapred.TextInputFormat", f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat"
LAZY = f"{_HIVE}.serde2.lazy.LazySimpleSerDe"


@dataclass(frozen=True)
class Format:
    """How the rows of a table lie in its files.

    Args:
        serde: Class of the SerDe.
        input: Class of the input format.
        output: Class of the output format.
        parameters: Of the SerDe.
    """

    serde: str
    input: str = _TEXT_IN
    output: str = _TEXT_OUT
    parameters: dict[str, str] = field(default_factory=lambda: {"serialization.format": "1"})


FORMATS = {
    "TEXTFILE": Format(LAZY),
    "PARQUET": Format(
        f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
        f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat",
        f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat",
    ),
    "ORC": Format(
        f"{_HIVE}.ql.io.orc.OrcSerde", f"{_HIVE}.ql.io.orc.OrcInputFormat", f"{_HIVE}.ql.io.orc.OrcOutputFormat"
    ),
    "AVRO": Format(
        f"{_HIVE}.serde2.avro.AvroSerDe",
        f"{_HIVE}.ql.io.avro.AvroContainerInputFormat",
        f"{_HIVE}.ql.io.avro.AvroContainerOutputFormat",
    ),
    "SEQUENCEFILE": Format(
        LAZY, "org.apache.hadoop.mapred.SequenceFileInputFormat", f"{_HIVE}.ql.io.HiveSequenceFileOutputFormat"
    ),
    "RCFILE": Format(
        f"{_HIVE}.serde2.columnar.LazyBinaryColumnarSerDe",
        f"{_HIVE}.ql.io.RCFileInputFormat",
        f"{_HIVE}.ql.io.RCFileOutputFormat",
    ),
    "JSON": Format("org.openx.data.jsonserde.JsonSerDe"),
    "JSONFILE": Format("org.apache.hive.hcatalog.data.JsonSerDe"),
}


def format_of(serde: str) -> str:
    """The format that CTAS, INSERT and UNLOAD call a table's SerDe; "" for one that they do not write.

    Example:
        >>> format_of("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
        'PARQUET'
    """
    word = serde.rpartition(".")[2].lower()
    for part, name in (("parquet", "PARQUET"), ("json", "JSON"), ("orc", "ORC"), ("avro", "AVRO")):
        if part in word:
            return name
    return "TEXTFILE" if word in ("lazysimpleserde", "opencsvserde") else ""
