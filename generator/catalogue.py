"""What a made-up shop sells, to whom and when: products, prices, promotions, customers, and demand over the year.

Pure and seeded; orders are generator/shop.py's.
"""

import math
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from faker import Faker

PRODUCTS: Final = 300
CUSTOMERS: Final = 2_000
TREND_PER_YEAR: Final = 0.08
INFLATION_PER_YEAR: Final = 0.03
TREND_FROM: Final = date(2020, 1, 1)
WEEK: Final = (1.0, 1.05, 1.1, 1.25, 1.15, 0.7, 0.6)
"""Demand from Monday to Sunday."""
PROMOTED_PRODUCTS: Final = 12
LOOKS: Final = ("vintage", "retro", "floral", "striped", "small", "large", "hanging", "set of 6", "party", "garden")
GOODS: Final = (
    "mug",
    "lunch bag",
    "cake tin",
    "candle",
    "wall clock",
    "t-light holder",
    "cushion",
    "doormat",
    "bunting",
)


@dataclass(frozen=True)
class Product:
    """A product: price in pounds, weight in the demand, and the day of the year around which it sells best."""

    product_id: str
    description: str
    price: float
    weight: float
    peak_day: int
    season: float


@dataclass(frozen=True)
class Customer:
    """A customer; an id of None stands for those who did not say who they are."""

    customer_id: str | None
    country: str


def demand(day: date) -> float:
    """Demand on a day as a multiple of the mean: trend, day of the week, time of the year.

    Example:
        >>> round(demand(date(2024, 11, 28)) / demand(date(2024, 2, 4)), 1)
        3.7
    """
    turn = 2 * math.pi * day.timetuple().tm_yday / 365.25
    year = 1 + 0.15 * math.cos(turn) + 0.75 * math.exp(-(((day.timetuple().tm_yday - 335) / 22) ** 2))
    return (1 + TREND_PER_YEAR) ** years(day) * WEEK[day.weekday()] * year


def products(seed: int) -> list[Product]:
    """The shop's products, the best sellers first."""
    rng, fake = Random(f"{seed}/products"), _fake(seed)
    found = []
    for number in range(1, PRODUCTS + 1):
        name = (
            f"{fake.color_name()} {fake.word()} {rng.choice(('MUG', 'LAMP', 'BAG', 'TIN', 'CANDLE', 'CLOCK'))}".upper()
        )
        found.append(
            Product(
                product_id=f"{10_000 + number}",
                description=name,
                price=round(rng.lognormvariate(1.1, 0.8), 2) + 0.1,
                weight=1 / (number + 8),
                peak_day=rng.randint(1, 365),
                season=rng.choice((0.0, 0.3, 0.9)),
            )
        )
    return found


def customers(seed: int) -> list[Customer]:
    """The shop's customers, one in eight from abroad."""
    rng, fake = Random(f"{seed}/customers"), _fake(seed)
    abroad = [fake.unique.country() for _ in range(15)]
    return [
        Customer(f"{20_000 + number}", rng.choice(abroad) if rng.random() < 0.125 else "United Kingdom")
        for number in range(CUSTOMERS)
    ]


def promotions(seed: int, day: date, goods: list[Product]) -> dict[str, float]:
    """Discounts by product_id in the week of a day, as shares of the price."""
    year, week, _ = day.isocalendar()
    rng = Random(f"{seed}/promotions/{year}-{week}")
    return {product.product_id: rng.choice((0.1, 0.2, 0.4)) for product in rng.sample(goods, PROMOTED_PRODUCTS)}


def _fake(seed: int) -> Faker:
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    return fake


def seasonal(product: Product, day: date) -> float:
    away = 2 * math.pi * (day.timetuple().tm_yday - product.peak_day) / 365.25
    return 1 + product.season * math.cos(away)


def years(day: date) -> float:
    return (day - TREND_FROM).days / 365.25
