"""The page's sections on the sales: revenue over time, products, countries and returns, all from gold."""

from collections.abc import Sequence
from html import escape

from infra.report import bars, markup, revenue
from infra.report.facts import TOP, Day, Facts, Named
from infra.report.words import money, share


def over_time(facts: Facts) -> str:
    legend = markup.legend(
        [("gross", "gross"), ("returned", "returned"), ("line", f"net, mean of {revenue.MEAN_DAYS} days")]
    )
    drawn = markup.both(lambda width, name: revenue.daily(facts.days, width, name), "daily", markup.WIDE)
    rows = [
        [f"{month.first:%B %Y}", f"{month.orders:,}", *(f"{value:,.2f}" for value in _money(month))]
        for month in facts.months
    ]
    table = markup.table(["month", "orders", "gross £", "returned £", "net £"], rows, numbers=4)
    return markup.section(
        "Revenue by day",
        "Pounds, from <code>gold.daily_sales</code>. Days far above the rest are cut off, the greatest labelled.",
        f"{legend}{drawn}<details><summary>The figures by month</summary>{table}</details>",
    )


def rankings(facts: Facts) -> str:
    products = [(row.name, float(row.net), money(row.net)) for row in facts.products]
    left = markup.section(
        "Top products",
        "Net revenue; postage and the like are products here, too.",
        markup.both(lambda width, name: bars.ranking(products, width, name, "Products by net revenue", kind="gross"),
              "products", markup.HALF),
    )  # fmt: skip
    about, shown = _countries(facts.countries)
    countries = [(row.name, float(row.net), money(row.net)) for row in shown]
    right = markup.section(
        "Countries",
        about,
        markup.both(lambda width, name: bars.ranking(countries, width, name, "Countries by net revenue", kind="gross"),
              "countries", markup.HALF),
    )  # fmt: skip
    return f'<div class="pair">{left}{right}</div>'


def _countries(countries: Sequence[Named]) -> tuple[str, Sequence[Named]]:
    """What is said above the chart, and what is in it: a country that dwarfs the others is only said."""
    total = sum(row.net for row in countries)
    if len(countries) > 1 and countries[0].net > 4 * countries[1].net:
        first = countries[0]
        return (
            f"Net revenue beside {escape(first.name)}, which has {share(first.net, total)} of it.",
            countries[1 : TOP + 1],
        )
    return f"Net revenue, {len(countries)} countries.", countries[:TOP]


def returns(facts: Facts) -> str:
    left = markup.section(
        "Returns by month",
        "Returned revenue in per cent of gross.",
        markup.both(lambda width, name: revenue.returned_share(facts.months, width, name), "returns", markup.HALF),
    )
    rows = [(row.name, float(row.units), f"{row.units:,}") for row in facts.returned_products if row.units][:8]
    right = markup.section(
        "Most returned products",
        "Units returned or cancelled.",
        markup.both(lambda width, name: bars.ranking(rows, width, name, "Products by units returned", kind="returned"),
              "returned", markup.HALF),
    )  # fmt: skip
    return f'<div class="pair">{left}{right}</div>'


def _money(found: Day) -> tuple[float, float, float]:
    return float(found.gross), float(found.returned), float(found.net)
