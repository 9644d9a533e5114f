"""The checks after a replay: every change accounted for, and every table equal to the data set itself.

Compares what it is given or reads through the lake; it repairs nothing.
"""
# ruff: noqa: S608  (SQL made of our own names and numbers; neither can be a parameter)

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from generator.outcome import Summary
from infra.local.lake import Lake
from infra.report import truth
from lakehouse.places import KAFKA
from lakehouse.settings import Settings
from lakehouse.tables import OUTCOMES

Report = Callable[[str], None]


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Args:
        group: What it is about.
        name: What must hold.
        passed: Whether it does.
        found: What was found, in words.
        expected: What was expected instead; empty where it passed.
    """

    group: str
    name: str
    passed: bool
    found: str
    expected: str = ""


@dataclass(frozen=True)
class Sent:
    """What one run sent to the topic, or wrote into the table.

    Args:
        summary: The run's own count.
        starts: End offsets of the topic by partition before its first message.
        generation: The generation of batches that read it.
        began_at: When it began, seconds since 1970.
    """

    summary: Summary
    starts: dict[int, int]
    generation: int
    began_at: float = 0.0

    @property
    def messages(self) -> int:
        """Messages the topic took in since `starts`, whoever sent them; of a table, the changes of this run."""
        if self.summary.sink != KAFKA:
            return self.summary.messages
        return sum(self.summary.ends.values()) - sum(self.starts.values())

    @property
    def is_alone(self) -> bool:
        """Whether the run's own count is that of all these messages."""
        return not self.summary.resumed_at and self.messages == self.summary.messages

    @property
    def batches(self) -> str:
        """The condition, in SQL over ops.batches, for the batches that read these messages."""
        spans = " OR ".join(
            f'("partition" = {partition} AND first_offset >= {self.starts.get(partition, 0)} AND last_offset < {end})'
            for partition, end in self.summary.ends.items()
        )
        return f"generation = {self.generation} AND topic_id = '{self.summary.topic_id}' AND ({spans})"


def run(settings: Settings, sent: Sequence[Sent], report: Report = lambda _: None) -> list[Check]:
    """Make every check.

    Args:
        settings: The environment.
        sent: What was just replayed, to each sink.
        report: Told what is being compared.
    """
    lake = Lake(settings)
    report("accounting and offsets")
    found = list(accounting(lake, sent[0].generation))
    for one in sent:
        if one.summary.sink == KAFKA:
            found += [*messages(lake, one), *offsets(lake, one)]
        else:
            found += records(lake, one)
    lines = truth.replayed_lines(settings)
    connection = duckdb.connect()
    report(f"the data set itself: {max(lines.values()):,} order lines")
    truth.order_lines(connection, lines, settings.business_timezone)
    report("silver, row by row")
    silver = lake.query(f"SELECT source, {truth.COLUMNS}, sales_date FROM silver.current_order_lines").read_all()
    connection.register("live", silver)
    connection.execute(f"CREATE VIEW silver AS SELECT * FROM live WHERE NOT {truth.IS_SIMULATED}")
    for source in lines:
        found += [*sums(connection, source), order_lines(connection, source)]
    report("gold, cell by cell")
    # On the data set's days a simulated shop may have sold, too.
    days = "sales_date BETWEEN (SELECT min(sales_date) FROM truth) AND (SELECT max(sales_date) FROM truth)"
    connection.execute(
        f"CREATE TABLE expected AS SELECT * FROM truth UNION ALL BY NAME "
        f"SELECT * FROM live WHERE {truth.IS_SIMULATED} AND {days}"
    )
    for table, by in (("daily_sales", "country"), ("daily_product_sales", "product_id")):
        gold = lake.query(f"SELECT * FROM gold.{table}").read_all()
        connection.register("gold", gold)
        ours = connection.sql(f"SELECT * FROM gold WHERE {days} ORDER BY 1, 2").to_arrow_table()
        found.append(same(f"gold.{table}", ours, truth.daily(connection, "expected", by)))
    return found


def accounting(lake: Lake, generation: int) -> Iterator[Check]:
    """Rows read are the sum of the six outcomes, in every batch; and the rejected ones are kept."""
    total = " + ".join(OUTCOMES)
    group = "accounting"
    batches, wrong, rejected = _row(
        lake,
        f"SELECT count(DISTINCT batch_id), count(*) FILTER (rows_read <> {total}), sum(rejected) "
        f"FROM ops.batches WHERE generation = {generation}",
    )
    name = "rows read = the sum of the six outcomes"
    yield Check(group, name, not wrong, f"in {batches:,} batches", f"{wrong} rows of ops.batches do not add up")
    (quarantined,) = _row(lake, "SELECT count(*) FROM silver.rejected WHERE position >= 0")
    yield _equal(group, "rejected changes lie in silver.rejected", quarantined, rejected or 0)


def messages(lake: Lake, sent: Sent) -> Iterator[Check]:
    """What was sent to the topic is what was read."""
    group = "accounting"
    read, rejected, tombstones = _row(
        lake,
        "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rejected), 0), coalesce(sum(tombstone), 0) "
        f"FROM ops.batches WHERE {sent.batches}",
    )
    yield _equal(group, "messages sent in this run = rows read", read, sent.messages)
    if sent.is_alone:
        yield _equal(group, "malformed messages = rejected", rejected, sent.summary.malformed)
        yield _equal(group, "messages without a value = tombstones", tombstones, sent.summary.nulls)


def records(lake: Lake, sent: Sent) -> Iterator[Check]:
    """Every record of the table that was read since the run began keeps the contract, and none is a tombstone.

    How many records there should be nobody can say: delivery is at least once, and a write that changes nothing has
    none. Whether one is lost show the rows.
    """
    since = f"source = 'dynamodb' AND generation = {sent.generation} AND planned_at >= to_timestamp({sent.began_at})"
    read, rejected, tombstones = _row(
        lake,
        "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rejected), 0), coalesce(sum(tombstone), 0) "
        f"FROM ops.batches WHERE {since}",
    )
    name = f"of {read:,} records of DynamoDB rejected"
    yield _equal("accounting", name, rejected, 0)
    yield _equal("accounting", "of them without a value", tombstones, 0)


def offsets(lake: Lake, sent: Sent) -> Iterator[Check]:
    """Every offset of the topic was read."""
    gaps, overlaps = _row(
        lake,
        'SELECT coalesce(sum(gaps), 0), coalesce(sum("overlaps"), 0) FROM ops.batches '
        f"WHERE generation = {sent.generation}",
    )
    yield Check(
        "offsets",
        "no Kafka offset skipped",
        not gaps,
        f"{gaps:,} skipped, {overlaps:,} read more than once",
        "none skipped",
    )
    read = lake.query(
        'SELECT "partition", max(last_offset) + 1 FROM ops.batches '
        f"WHERE generation = {sent.generation} AND topic_id = '{sent.summary.topic_id}' GROUP BY 1 ORDER BY 1"
    ).read_all()
    reached = dict(zip(*(column.to_pylist() for column in read.columns), strict=True))
    ends = {partition: end for partition, end in sent.summary.ends.items() if end}
    short = {partition: end for partition, end in ends.items() if reached.get(partition, 0) < end}
    text = ", ".join(f"partition {partition} to {reached.get(partition, 0):,}" for partition in sorted(short))
    wanted = ", ".join(f"to {end:,}" for _, end in sorted(short.items()))
    found = text or f"{sum(ends.values()):,} messages in {len(ends)} partitions"
    yield Check("offsets", "read to the end of every partition", not short, found, wanted)


def sums(connection: duckdb.DuckDBPyConnection, source: str) -> Iterator[Check]:
    """The sums the data set is known by, over silver's live rows of a source."""
    wanted, found = truth.sums(connection, "truth", source), truth.sums(connection, "silver", source)
    for name, expected in wanted.items():
        yield _equal("sums", name + _of(source), found[name], expected)


def order_lines(connection: duckdb.DuckDBPyConnection, source: str) -> Check:
    """Silver's live rows of a source are the data set's, column by column."""
    rows_of = f"SELECT {truth.COLUMNS}, sales_date FROM {{}} WHERE source = '{source}'"
    counts = {
        word: connection.execute(
            f"SELECT count(*) FROM ({rows_of.format(left)} EXCEPT ALL {rows_of.format(right)})"
        ).fetchone()
        for word, left, right in (("missing or other", "truth", "silver"), ("too many or other", "silver", "truth"))
    }
    rows = connection.execute("SELECT count(*) FROM silver WHERE source = ?", [source]).fetchone()
    wrong = {word: count[0] for word, count in counts.items() if count and count[0]}
    found = f"{rows[0] if rows else 0:,} rows equal" if not wrong else f"{wrong}"
    return Check("tables", "silver.order_lines" + _of(source), not wrong, found, "the data set's rows")


def _of(source: str) -> str:
    return "" if source == KAFKA else f", from {source}"


def same(name: str, ours: pa.Table, wanted: pa.Table) -> Check:
    """Two tables in the same order are equal: types, rows and cells."""
    types = [f"{field.name} {field.type}" for field in ours.schema]
    expected_types = [f"{field.name} {field.type}" for field in wanted.schema]
    if types != expected_types:
        odd = next(pair for pair in zip([*types, ""], [*expected_types, ""], strict=False) if pair[0] != pair[1])
        return Check("tables", name, False, f"column {odd[0]}", f"column {odd[1]}")
    if ours.equals(wanted):
        return Check("tables", name, True, f"{ours.num_rows:,} rows equal")
    if ours.num_rows != wanted.num_rows:
        return Check("tables", name, False, f"{ours.num_rows:,} rows", f"{wanted.num_rows:,} rows")
    rows = zip(ours.to_pylist(), wanted.to_pylist(), strict=True)
    first, second = next(pair for pair in rows if pair[0] != pair[1])
    differing = [column for column in first if first[column] != second[column]]
    place = ", ".join(str(value) for value in list(first.values())[:2])
    return Check(
        "tables",
        name,
        False,
        f"{place}: " + ", ".join(f"{column} {first[column]}" for column in differing),
        ", ".join(f"{column} {second[column]}" for column in differing),
    )


def _equal(group: str, name: str, found: object, expected: object) -> Check:
    passed = found == expected
    return Check(group, name, passed, f"{found:,}", "" if passed else f"{expected:,}")


def _row(lake: Lake, sql: str) -> tuple[object, ...]:
    return tuple(column[0].as_py() for column in lake.query(sql).read_all().columns)
