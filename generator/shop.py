"""A shop that never was: its orders, and what goes wrong with some of them.

Pure and seeded: the same arguments give the same steps, and a longer run begins with the steps of a shorter one.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from generator.catalogue import (
    INFLATION_PER_YEAR,
    Customer,
    customers,
    demand,
    products,
    promotions,
    seasonal,
    years,
)
from generator.noise import dumps
from generator.steps import Step

DAY_SECONDS: Final = 86_400
CANCELLED, CORRECTED, RETURNED = 0.03, 0.05, 0.06
"""Shares of orders that are deleted, of which a line is changed, and of which a line comes back."""


@dataclass
class _Order:
    rows: list[dict[str, Any]]
    at: float


@dataclass
class Shop:
    """The shop's people and goods, and its orders.

    Args:
        seed: Of everything.
        name: Begins every order id of this run; unique over runs.
        patience_seconds: Mean time between an order and what still happens to it.
    """

    seed: int
    name: str
    patience_seconds: float
    _orders: int = 0
    _ties: int = 0
    _owed: list[tuple[float, int, str, _Order]] = field(default_factory=list)
    _weights: tuple[date, list[float], dict[str, float]] | None = None

    def __post_init__(self) -> None:
        self._rng = Random(f"{self.seed}/orders")
        self._products, self._customers = products(self.seed), customers(self.seed)

    def live(self, start_millis: int, rate: float) -> Iterator[Step]:
        """Steps without end, step n at `start_millis + 1000 * n / rate`."""
        count = 0
        while True:
            now = start_millis / 1000 + count / rate
            steps = self._due(now) or self._order(now)
            count += len(steps)
            yield from steps

    def days(self, first: date, last: date, orders_per_day: float) -> Iterator[Step]:
        """The steps of whole days, `last` included; what happens after it to its orders is left out.

        Args:
            first: First day.
            last: Last day.
            orders_per_day: The mean before trend and season.
        """
        day = first
        while day <= last:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
            mean = orders_per_day * demand(day)
            count = max(0, round(self._rng.gauss(mean, math.sqrt(mean))))
            for now in sorted(midnight + self._hour() * 3600 for _ in range(count)):
                while steps := self._due(now):
                    yield from steps
                yield from self._order(now)
            while steps := self._due(midnight + DAY_SECONDS):
                yield from steps
            day += timedelta(days=1)

    def _hour(self) -> float:
        return min(max(self._rng.gauss(13, 3), 6.0), 21.99)

    def sell(self, now: float) -> list[dict[str, Any]]:
        """The lines of one more order, made at `now` (seconds since 1970)."""
        rng = self._rng
        at = datetime.fromtimestamp(now, UTC)
        cumulative, discounts = self._demand(at.date())
        customer = rng.choice(self._customers) if rng.random() < 0.8 else Customer(None, "United Kingdom")
        self._orders += 1
        count = min(40, 1 + int(rng.expovariate(0.25)))
        rows = []
        for number, product in enumerate(rng.choices(self._products, cum_weights=cumulative, k=count), start=1):
            price = product.price * (1 + INFLATION_PER_YEAR) ** years(at.date())
            rows.append(
                {
                    "order_id": f"{self.name}-{self._orders:07d}",
                    "line_no": number,
                    "product_id": product.product_id,
                    "description": product.description,
                    "quantity": max(1, round(rng.lognormvariate(1.2, 0.9))),
                    "unit_price": f"{price * (1 - discounts.get(product.product_id, 0.0)):.2f}0",
                    "customer_id": customer.customer_id,
                    "country": customer.country,
                    "ordered_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                }
            )
        return rows

    def _order(self, now: float) -> list[Step]:
        rows = self.sell(now)
        self._foresee(_Order(rows, now))
        return [inserted(row) for row in rows]

    def _foresee(self, order: _Order) -> None:
        """Decide what will still happen to an order."""
        for share, what in ((CORRECTED, "correct"), (RETURNED, "return"), (CANCELLED, "cancel")):
            if self._rng.random() < share:
                self._ties += 1
                due = order.at + self._rng.expovariate(1 / self.patience_seconds)
                heapq.heappush(self._owed, (due, self._ties, what, order))

    def _due(self, now: float) -> list[Step]:
        """The steps of the one thing that is due next, if any is."""
        if not self._owed or self._owed[0][0] > now:
            return []
        due, _, what, order = heapq.heappop(self._owed)
        if not order.rows:
            return self._due(now)
        if what == "cancel":
            gone, order.rows = order.rows, []
            return [Step("d", key(row), dumps(row), "null") for row in gone]
        row = self._rng.choice(order.rows)
        if what == "return":
            return [self._returned(row, due)]
        before = dumps(row)
        row["quantity"] += self._rng.choice((-1, 1, 2, 10)) if row["quantity"] > 1 else 1
        return [Step("u", key(row), before, dumps(row))]

    def _returned(self, row: dict[str, Any], due: float) -> Step:
        self._orders += 1
        at = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        quantity = -self._rng.randint(1, max(1, row["quantity"]))
        order_id = f"{self.name}-{self._orders:07d}"
        return inserted({**row, "order_id": order_id, "line_no": 1, "quantity": quantity, "ordered_at": at})

    def _demand(self, day: date) -> tuple[list[float], dict[str, float]]:
        """Cumulative weights of the products on a day, and the discounts by product_id."""
        if self._weights is None or self._weights[0] != day:
            discounts = promotions(self.seed, day, self._products)
            total, cumulative = 0.0, []
            for product in self._products:
                total += product.weight * seasonal(product, day) * (1 + 4 * discounts.get(product.product_id, 0.0))
                cumulative.append(total)
            self._weights = day, cumulative, discounts
        return self._weights[1], self._weights[2]


def key(row: dict[str, Any]) -> str:
    """A row's key as the JSON text that messages carry."""
    return dumps({"order_id": row["order_id"], "line_no": row["line_no"]})


def inserted(row: dict[str, Any]) -> Step:
    """The insert of a row."""
    return Step("c", key(row), "null", dumps(row))
