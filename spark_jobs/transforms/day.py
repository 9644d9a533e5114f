"""The sales of one day, kept and moved on by the lines that change: what `gold_few` computes from all of the lines.

All of it is counts and sums of whole numbers, so a line that goes takes away exactly what it brought.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import Table
from spark_jobs.transforms import gold_few, newest
from spark_jobs.transforms.newest import Line, Newest
from spark_jobs.transforms.pairs import Codes, Pairs

Read = Callable[[], pa.RecordBatchReader]
"""The day's lines, others among them, with gold_few.COLUMNS; as often as it is called."""

# what must be known of a line that did not change, beside one of its order that did
UNCHANGED = ("source", "order_id", "line_no", "product_id", "country", "quantity", "sales_date", "is_deleted")
_NEWEST = "max({made: epoch_us(ordered_at), source: source, id: order_id, no: line_no, text: description}, $keep)"
_WHOLE = f"""
SELECT
    grouping(country) = 0 AS is_by_country, country, product_id, {gold_few.SUMS},
    {_NEWEST} FILTER (description IS NOT NULL) AS newest
FROM (SELECT *, {gold_few.MILLS} FROM order_lines)
WHERE NOT is_deleted AND sales_date = $day
GROUP BY GROUPING SETS (country, product_id)
"""  # noqa: S608
_SUMS = ("lines", "orders", "units_sold", "units_returned", "gross", "returned")
_KEPT = ["is_by_country", "country", "product_id", *_SUMS]
# an order's other lines stand on both sides: whether it sold something in a group depends on all of them
_MOVED = f"""
WITH changed AS (
    SELECT -1 AS side, * FROM gone UNION ALL BY NAME SELECT 1 AS side, * FROM come
    UNION ALL BY NAME SELECT unnest([-1, 1]) AS side, * FROM others
), change AS (
    SELECT side, grouping(country) = 0 AS is_by_country, country, product_id, {gold_few.SUMS}
    FROM (SELECT *, {gold_few.MILLS} FROM changed)
    GROUP BY GROUPING SETS ((side, country), (side, product_id))
)
SELECT
    is_by_country, country, product_id,
    {", ".join(f"sum(side * {name}::HUGEINT)::DECIMAL(38,0) AS {name}" for name in _SUMS)}
FROM (SELECT 1 AS side, * FROM sums UNION ALL BY NAME SELECT * FROM change)
GROUP BY is_by_country, country, product_id
HAVING sum(side * lines) <> 0
"""  # noqa: S608
_FILL = f"""
SELECT product_id, {_NEWEST} AS newest FROM order_lines
WHERE NOT is_deleted AND sales_date = $day AND description IS NOT NULL AND list_contains($products, product_id)
GROUP BY product_id
"""  # noqa: S608
_SALES = """
CREATE OR REPLACE TEMP TABLE sales AS
SELECT $day AS sales_date, * REPLACE (
    orders::BIGINT AS orders, units_sold::HUGEINT AS units_sold, units_returned::HUGEINT AS units_returned,
    gross::HUGEINT AS gross, returned::HUGEINT AS returned
) FROM kept
"""


class Day:
    """A day's sales.

    Args:
        day: Which.
        read: Its lines.
    """

    def __init__(self, day: datetime.date, read: Read) -> None:
        self._day = day
        self._database = gold_few.connected()  # to open one takes as long as to move
        found = self._asked(_WHOLE, {"order_lines": read()}, keep=newest.KEEP, day=day)
        self._sums = found.select(_KEPT)
        by_product = found.filter(pc.invert(found["is_by_country"]))
        self._newest = Newest(_lines_by_product(by_product))
        customers = Codes()
        self._customers = {"country": Pairs(customers), "product_id": Pairs(customers)}
        for batch in read():
            self._count(self._own(pa.Table.from_batches([batch])), 1)

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return int(pc.sum(self._sums.filter(self._sums["is_by_country"])["lines"]).as_py() or 0)

    def __len__(self) -> int:
        """Pairs of a customer with a country or a product: what takes most of the memory."""
        return sum(map(len, self._customers.values()))

    def move(self, gone: pa.Table, come: pa.Table, others: pa.Table, read: Read) -> bool:
        """Follow changes of lines; what is of another day, or a tombstone, is left out.

        Args:
            gone: Lines as they were, with gold_few.COLUMNS.
            come: Lines as they are.
            others: The lines of the same orders that did not change, with UNCHANGED.
            read: The day's lines from now on.

        Returns:
            Whether that can be: False if a line went that never came. Then the day is of no more use.
        """
        gone, come, others = self._own(gone), self._own(come), self._own(others)
        self._sums = self._asked(_MOVED, {"sums": self._sums, "gone": gone, "come": come, "others": others})
        self._newest.remove(_described(gone))
        self._newest.add(_described(come))
        if unknown := self._newest.unknown():
            self._newest.fill(self._look_up(unknown, read))
        are_counts = [self._count(come, 1), self._count(gone, -1)]
        least = [pc.min(self._sums[name]).as_py() or 0 for name in ("lines", "orders")]
        return all(are_counts) and min(least) >= 0

    def tables(self) -> dict[Table, pa.Table]:
        """The day's rows of gold.daily_sales and gold.daily_product_sales."""
        members = {group: pairs.members() for group, pairs in self._customers.items()}
        descriptions = self._newest.descriptions()
        customers, described = [], []
        for row in self._sums.select(_KEPT[:3]).to_pylist():
            group = "country" if row["is_by_country"] else "product_id"
            customers.append(members[group].get(row[group], 0))
            described.append(None if row["is_by_country"] else descriptions.get(row["product_id"]))
        kept = self._sums.append_column("customers", pa.array(customers, pa.int64()))
        kept = kept.append_column("description", pa.array(described, pa.string()))
        self._database.register("kept", kept)
        self._database.execute(_SALES, {"day": self._day})
        self._database.unregister("kept")
        return gold_few.tables(self._database)

    def _own(self, lines: pa.Table) -> pa.Table:
        return lines.filter(pc.and_(pc.invert(lines["is_deleted"]), pc.equal(lines["sales_date"], self._day)))

    def _count(self, lines: pa.Table, one: int) -> bool:
        """Count lines' customers; whether the counts are possible ones."""
        known = lines.filter(pc.is_valid(lines["customer_id"])).combine_chunks()
        if not len(known):
            return True
        # no source has a `/` in its name
        customers = pc.binary_join_element_wise(known["source"], known["customer_id"], "/").combine_chunks()
        counted = [pairs.add(known[group].combine_chunks(), customers, one) for group, pairs in self._customers.items()]
        return all(counted)

    def _look_up(self, products: list[str], read: Read) -> dict[str, list[Line]]:
        found = self._asked(_FILL, {"order_lines": read()}, day=self._day, products=products, keep=newest.KEEP)
        return {product: [] for product in products} | _lines_by_product(found)

    def _asked(self, query: str, rows: Mapping[str, pa.Table | pa.RecordBatchReader], **values: Any) -> pa.Table:
        """The answer to a query over rows, each under its name."""
        try:
            for name, given in rows.items():
                self._database.register(name, given)
            return self._database.sql(query, params=values).to_arrow_table()
        finally:
            for name in rows:
                self._database.unregister(name)


def _lines_by_product(found: pa.Table) -> dict[str, list[Line]]:
    return {
        row["product_id"]: [
            (line["made"], line["source"], line["id"], line["no"], line["text"]) for line in found_lines
        ]
        for row in found.select(["product_id", "newest"]).to_pylist()
        if (found_lines := row["newest"])
    }


def _described(lines: pa.Table) -> Iterator[tuple[str, Line]]:
    lines = lines.filter(pc.is_valid(lines["description"]))
    at = lines["ordered_at"].cast(pa.int64()).to_pylist()
    rest = (lines[name].to_pylist() for name in ("source", "order_id", "line_no", "description"))
    return zip(lines["product_id"].to_pylist(), zip(at, *rest, strict=True), strict=True)
