"""Amazon Athena as a program meets it: boto3 against the running gateway, on tables as the product writes them.

A gateway of its own over gold.daily_sales of 73,040 rows and silver.order_lines of 10,000,000 in 100 files. Naive is
DuckDB in the benchmark's process on the same Parquet files, with neither catalogue, Delta log nor service. The
program asks every 10 ms whether a query has ended; CPU seconds and memory are those of the gateway and its workers.
"""

import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks import shop
from benchmarks.alone import gateway_alone
from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.querying import CLIENTS, Direct, Program, digest
from benchmarks.workbench import Took, middle
from infra.commands import catalog
from lakehouse.errors import ContractError

SMALL_QUERIES, SCANS, RESULTS = 200, 11, 5
QUERIES = 500
RESULT_FILES = 10
ASKED_SERVER, ASKED_CLIENT = 60.0, 120.0
ASKED_SCAN, ASKED_RESULT = 1.5, 2.0
SILVER = "silver.order_lines"
SCANNED = {
    "counted and summed by country": """
        SELECT country, count(*) AS lines, sum(quantity) AS units, sum(quantity * unit_price) AS revenue
        FROM {table} WHERE NOT is_deleted GROUP BY country ORDER BY country
    """,
    "orders and customers counted by country and month": """
        SELECT country, year(sales_date) * 100 + month(sales_date) AS month, count(DISTINCT order_id) AS orders,
            count(DISTINCT customer_id) AS customers
        FROM {table} WHERE NOT is_deleted AND quantity > 0 GROUP BY 1, 2 ORDER BY 1, 2
    """,
}
LINES = """
    SELECT order_id, line_no, product_id, description, quantity, unit_price, customer_id, country, sales_date
    FROM {table} WHERE order_id < '{end}'
"""
OF_A_MONTH = """
    SELECT country, sum(orders) AS orders, sum(net_revenue) AS net_revenue
    FROM gold.daily_sales
    WHERE sales_date BETWEEN DATE '{first}' AND DATE '{last}'
    GROUP BY country
    ORDER BY net_revenue DESC
"""
OF_A_COUNTRY = """
    SELECT date_format(sales_date, '%Y-%m') AS month, sum(orders) AS orders, sum(net_revenue) AS revenue,
        max(sales_date) AS last_day
    FROM gold.daily_sales
    WHERE country = '{country}' AND sales_date BETWEEN DATE '{first}' AND DATE '{last}'
    GROUP BY 1
    ORDER BY 1
"""


def run(options: Options) -> Iterator[Figure]:
    """Measure: a small query, scans, a large result, many clients."""
    with _program() as program, tempfile.TemporaryDirectory(prefix="saleslake-bench-") as folder:
        for number in range(4):  # workers start with the first query, and open the tables
            program.ask(_of_a_month(number))
        yield from small(program)
        direct = Direct(program, Path(folder))
        for what, query in SCANNED.items():
            yield scan(program, direct, options.rounds or SCANS, what, query)
        yield from result(program, direct, Path(folder))
        yield from crowd(program)


def small(program: Program) -> Iterator[Figure]:
    """A query of gold, one after the other; no two that follow have the same text."""
    server, client = [], []

    def ask() -> None:
        for number in range(SMALL_QUERIES):
            start = time.perf_counter()
            answer = program.ask(_of_a_month(number))
            client.append(1000 * (time.perf_counter() - start))
            server.append(answer.server_milliseconds)

    took = program.timed(ask)
    what = "revenue by country in a month of gold.daily_sales, the median"
    shared = {"memory_mib": took.memory_mib, "cpu_seconds": took.cpu_seconds / SMALL_QUERIES, "rounds": SMALL_QUERIES}
    note = "TotalExecutionTimeInMillis, from StartQueryExecution to SUCCEEDED"
    yield _figure(f"{what}: server", "ms", median(server), asked=ASKED_SERVER, note=note, **shared)
    note = "from StartQueryExecution to the rows of GetQueryResults"
    yield _figure(f"{what}: client", "ms", median(client), asked=ASKED_CLIENT, note=note, **shared)


def scan(program: Program, direct: Direct, rounds: int, what: str, query: str) -> Figure:
    """A query of all of silver, by turns with DuckDB."""
    ours, naive = [], []
    found: list[list[list[str | None]]] = []

    def ask() -> None:
        found.append(program.ask(query.format(table=SILVER)).rows)

    for number in range(rounds + 1):  # the first one warms up both
        took, expected = direct.timed(query.format(table=direct.table))
        asked = program.timed(ask)
        _require(found[-1], expected[: len(found[-1])], what)
        if number:
            naive.append(took)
            ours.append(asked)
    beside = _beside(middle(ours), middle(naive), ASKED_SCAN)
    note = "from StartQueryExecution to the rows; asked is 1.5 times naive"
    return _figure(f"10,000,000 rows of {SILVER}, {what}", "s", rounds=rounds, note=note, **beside)


def result(program: Program, direct: Direct, folder: Path) -> Iterator[Figure]:
    """A million rows, by each of their ways."""
    end = shop.order_id(RESULT_FILES * shop.FILE_LINES // shop.ORDER_LINES)
    own, theirs = folder / "ours.csv", folder / "theirs.csv"
    copy = f"COPY ({LINES.format(table=direct.table, end=end)}) TO '{theirs}' (FORCE_QUOTE *)"
    executions: list[dict[str, Any]] = []

    def through_csv() -> None:
        executions.append(program.run(LINES.format(table=SILVER, end=end)))
        program.download(executions[-1], own)

    def through_pages() -> None:
        _require(program.pages(executions[-1]), 1_001, "the number of pages")

    def through_boto3() -> None:
        _require(program.rows(executions[-1]), 1_000_001, "the number of rows")

    csv: list[Took] = []
    pages: list[Took] = []
    naive: list[Took] = []
    for number in range(RESULTS + 1):
        all_three = direct.timed(copy)[0], program.timed(through_csv), program.timed(through_pages)
        _require(digest(own), digest(theirs), "the CSV")
        if number:
            for rounds, one in zip((naive, csv, pages), all_three, strict=True):
                rounds.append(one)
    them = middle(naive)
    note = "from StartQueryExecution to the file on disk; asked is twice naive, which writes the same file"
    beside = _beside(middle(csv), them, ASKED_RESULT)
    yield _figure("1,000,000 rows of nine columns through the CSV", "s", rounds=RESULTS, note=note, **beside)
    note = "the service's side: taken over HTTP one after the other and not read; 1,000 rows are the API's most"
    beside = _beside(middle(pages), them, ASKED_RESULT)
    yield _figure("the same rows through 1,001 pages of GetQueryResults", "s", rounds=RESULTS, note=note, **beside)
    took_boto3 = program.timed(through_boto3)
    note = "beyond the line above it is boto3's reading of JSON, in the program's own process"
    yield _figure(
        "the same pages through boto3", "s", took_boto3.seconds, cpu_seconds=took_boto3.cpu_seconds, note=note
    )


def crowd(program: Program) -> Iterator[Figure]:
    """20 clients, each with a share of 500 queries whose answers are known."""
    sales = shop.daily_sales()
    faults: list[str] = []
    wrong: list[str] = []

    def ask(number: int) -> None:
        sql, expected = _of_a_country(sales, number)
        try:
            if program.ask(sql).rows != expected:
                wrong.append(sql)
        except Exception as fault:  # whatever it is, it is counted
            faults.append(repr(fault))

    def all_at_once() -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(ask, range(QUERIES)))

    took = program.timed(all_at_once)
    what = f"{QUERIES} queries of {CLIENTS} clients at once"
    yield _figure(f"{what}: errors", "", len(faults), asked=0.0, rounds=QUERIES, note="; ".join(faults[:2]))
    note = "each is compared with what it must be"
    yield _figure(f"{what}: answers with a wrong row", "", len(wrong), asked=0.0, rounds=QUERIES, note=note)
    note = "no two have the same text; the clients are threads of one process on the same cores"
    yield _figure(what, "s", took.seconds, cpu_seconds=took.cpu_seconds, memory_mib=took.memory_mib, note=note)


def _of_a_month(number: int) -> str:
    first = dt.date(2021 + number // 12 % 5, number % 12 + 1, 1)
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return OF_A_MONTH.format(first=first, last=last)


def _of_a_country(sales: Any, number: int) -> tuple[str, list[list[str]]]:
    """A query that no other is, and its rows."""
    rng = Random(number)
    place, start, days = rng.randrange(len(shop.COUNTRIES)), rng.randrange(shop.DAYS - 100), rng.randrange(5, 100)
    places = [(start + day) * len(shop.COUNTRIES) + place for day in range(days)]
    months: dict[str, list[Any]] = {}
    for row in sales.take(places).to_pylist():
        months.setdefault(f"{row['sales_date']:%Y-%m}", []).append(row)
    first = shop.FIRST + dt.timedelta(days=start)
    last = first + dt.timedelta(days=days - 1)
    return OF_A_COUNTRY.format(country=shop.COUNTRIES[place], first=first, last=last), [
        [
            month,
            *(str(sum(row[name] for row in rows)) for name in ("orders", "net_revenue")),
            str(rows[-1]["sales_date"]),
        ]
        for month, rows in months.items()
    ]


def _require(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise ContractError(f"{what}: the answer is wrong", "that of DuckDB", "mend the service")


def _beside(us: Took, them: Took, times: float) -> dict[str, Any]:
    return {
        "ours": us.seconds,
        "naive": them.seconds,
        "asked": times * them.seconds,
        "cpu_seconds": us.cpu_seconds,
        "naive_cpu_seconds": them.cpu_seconds,
        "memory_mib": us.memory_mib,
        "naive_memory_mib": them.memory_mib,
    }


def _figure(what: str, unit: str, ours: float, **others: Any) -> Figure:
    return Figure("athena", what, unit, ours, **others)


@contextlib.contextmanager
def _program() -> Iterator[Program]:
    """A gateway with the shop's tables in the catalogue, up within the block."""
    with gateway_alone() as settings:
        shop.write(settings)
        catalog.tables(settings)
        yield Program(settings)
