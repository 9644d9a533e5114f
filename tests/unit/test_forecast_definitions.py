"""forecasts.yaml: what it may say, and every mistake with its line and what is valid."""

import json
from pathlib import Path

import pytest

from forecasting.definitions import reading
from forecasting.definitions.definition import Definition, Predictor
from forecasting.definitions.document import DefinitionError
from lakehouse.errors import ConfigError

pytestmark = pytest.mark.unit

RIGHT = """\
tea:
  table: gold.daily_product_sales
  item: product_id
  time: sales_date
  target: units_sold
  horizon: 14
"""
FULL = """\
tea:
  table: gold.daily_sales
  query: SELECT sales_date, country, region, net_revenue FROM gold.daily_sales;
  item: country
  dimensions: [region]
  time: sales_date
  target: net_revenue
  frequency: D
  horizon: 28
  quantiles: ["0.05", "0.5", "0.95", mean]
  predictors:
    - auto
    - {algorithm: NPTS, hyperparameters: {kernel_type: uniform, use_seasonal_model: true}, windows: 3}
    - ETS
  related: {table: gold.daily_sales, columns: [orders]}
  metadata: {table: gold.daily_product_sales, item: product_id, columns: [description]}
  holidays: NO
  filling: {aggregation: avg, middlefill: nan}
  log: true
  metric: AverageWeightedQuantileLoss
  retention: {runs: 5, days: 30}
  schedule: cron(0 2 * * ? *)
  retrain_days: 7
  approval: true
"""


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as found:
        reading.read(text, "f.yaml")
    return found.value.mistakes


def test_those_that_come_with_it_are_right() -> None:
    found = reading.load()
    assert {name: (one.table, one.target, one.item, one.horizon) for name, one in found.items()} == {
        "revenue_by_country": ("gold.daily_sales", "net_revenue", "country", 14),
        "units_of_top_products": ("gold.daily_product_sales", "units_sold", "product_id", 14),
    }
    assert found["revenue_by_country"].holidays == "UK"
    assert found["units_of_top_products"].top == 20


def test_what_is_left_out_has_a_default() -> None:
    found = reading.read(RIGHT)["tea"]
    assert found == Definition(
        name="tea",
        table="gold.daily_product_sales",
        query="",
        item="product_id",
        dimensions=(),
        time="sales_date",
        target="units_sold",
        frequency="D",
        horizon=14,
        quantiles=("0.1", "0.5", "0.9"),
        predictors=(Predictor("auto"),),
    )


def test_all_of_it_is_read_and_survives_json() -> None:
    found = reading.read(FULL)["tea"]
    assert found.query == "SELECT sales_date, country, region, net_revenue FROM gold.daily_sales"
    assert found.predictors == (
        Predictor("auto"),
        Predictor("NPTS", {"kernel_type": "uniform", "use_seasonal_model": "true"}, 3),
        Predictor("ETS", windows=2),  # of several, the older window chooses
    )
    assert found.holidays == "NO"
    assert found.related is not None
    assert (found.related.item, found.related.time, found.related.columns) == ("country", "sales_date", ("orders",))
    assert found.metadata is not None
    assert (found.metadata.item, found.metadata.time) == ("product_id", "")
    assert (found.is_log, found.keep_runs, found.keep_days, found.retrain_days, found.needs_approval) == (
        True,
        5,
        30,
        7,
        True,
    )
    assert found.tables == ("gold.daily_sales", "gold.daily_product_sales")
    assert Definition.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    ("old", "new", "line", "received", "expected"),
    [
        ("gold.daily_product_sales", "gold.daily_product_sale", 2, "table is gold.daily_product_sale",
         "gold.daily_product_sales, or another of"),
        ("item: product_id", "item: product", 3, "item is product", "product_id, or another of"),
        ("target: units_sold", "target: sold", 5, "target is sold", "units_sold"),
        ("target: units_sold", "traget: units_sold", 5, "tea has no traget", "target, or another of"),
        ("  target: units_sold\n", "", 2, "tea has no target", "one of orders, customers, units_sold"),
        ("horizon: 14", "horizon: 0", 6, "horizon is 0", "a whole number from 1 to 500"),
        ("horizon: 14", "horizon: 14.5", 6, "horizon is 14.5", "a whole number"),
        ("horizon: 14", "horizon: two weeks", 6, "horizon is two weeks", "a whole number"),
        ("horizon: 14", "horizon: [14]", 6, "horizon is a list", "a whole number"),
        ("horizon: 14", "horizon: 14\n  horizon: 7", 7, "tea has horizon twice", "it once"),
        ("horizon: 14", "horizon: 14\n  frequency: daily", 7, "frequency is daily", "one of Y, M, W, D"),
        ("horizon: 14", "horizon: 14\n  quantiles: [0.1, 1.5]", 7, "quantiles has 1.5", "0.01 to 0.99 or mean"),
        ("horizon: 14", "horizon: 14\n  quantiles: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]", 7, "6 quantiles", "at most 5"),
        ("horizon: 14", "horizon: 14\n  holidays: England", 7, "holidays is England", "one of AE"),
        ("horizon: 14", "horizon: 14\n  frequency: W\n  holidays: UK", 8, "holidays with frequency W", "a day or less"),
        ("horizon: 14", "horizon: 14\n  predictors: [auto,\n    NTPS]", 8, "predictors has NTPS", "one of auto"),
        ("horizon: 14", "horizon: 14\n  predictors:\n    - algorithm: NPTS\n      hyperparameters: {kernel: x}", 9,
         "Invalid Training parameter: kernel", "a hyperparameter of NPTS"),
        ("horizon: 14", "horizon: 14\n  predictors:\n    - {algorithm: ETS, windows: 6}", 8, "windows is 6", "1 to 5"),
        ("horizon: 14", "horizon: 14\n  predictors:\n    - {algorithm: auto, windows: 2}", 8, "auto has windows",
         "none"),
        ("horizon: 14", "horizon: 14\n  predictors:\n    - NPTS\n    - {algorithm: ETS, windows: 1}", 9,
         "windows is 1", "from 2 to 5"),
        ("horizon: 14", "horizon: 14\n  filling: {backfill: always}", 7, "backfill is always", "one of zero"),
        ("horizon: 14", "horizon: 14\n  log: perhaps", 7, "log is perhaps", "true or false"),
        ("horizon: 14", "horizon: 14\n  metric: R2", 7, "metric is R2", "one of WAPE"),
        ("horizon: 14", "horizon: 14\n  schedule: daily", 7, "schedule is daily", "rate(1 day) or cron"),
        ("horizon: 14", "horizon: 14\n  retention: {runs: 0}", 7, "runs is 0", "1 to 50"),
        ("horizon: 14", "horizon: 14\n  items: {top: 5}", 7, "items has no by", "one of orders, customers, units_sold"),
        ("horizon: 14", "horizon: 14\n  query: DROP TABLE x", 7, "query is DROP TABLE x", "a SELECT"),
        ("horizon: 14", "horizon: 14\n  dimensions: product_id", 7, "share a column", "different columns"),
        ("horizon: 14", "horizon: 14\n  related: {table: gold.daily_sales, item: country}", 7, "related has no columns",
         "some of sales_date"),
        ("target: units_sold", "target: description", 5, "target is description", "one of orders, customers"),
        ("time: sales_date", "time: product_id", 4, "time is product_id", "sales_date"),
        ("horizon: 14", "horizon: 14\n  frequency: H", 7, "frequency H of sales_date, which holds days", "one of D"),
        ("horizon: 14", "horizon: 14\n  items: {top: 5, by: description}", 7, "by is description", "one of orders"),
        ("horizon: 14", "horizon: 14\n  quantiles: [0.1, 0.10]", 7, "quantiles has one twice", "each once"),
        ("gold.daily_product_sales", "gold.sales_forecast", 2, "table is gold.sales_forecast", "gold.daily_sales"),
        ("horizon: 14", "horizon: 14\n  related: {table: gold.daily_product_sales, columns: [description]}", 7,
         "columns has description", "one of orders"),
        ("item: product_id", "item: Product\n  query: SELECT 1", 3, "item is Product", "small letters, digits and _"),
        ("horizon: 14", "horizon: 14\n  query: SELECT 1\n  dimensions: [date]", 8,
         "dimensions has date, a name of Amazon Forecast's own", "another"),
        ("horizon: 14", f"horizon: 14\n  query: SELECT 1\n  dimensions: [{', '.join('abcdefghijk')}]", 8,
         "dimensions has 11 columns", "at most 10"),
        ("tea:", "Tea time:", 1, "a forecast is named Tea time", "small letters"),
        ("tea:", f"{'t' * 41}:", 1, "a forecast is named ttt", "at most 40"),
        ("tea:", "tea: [", 3, "", "YAML"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_what_is_valid(old: str, new: str, line: int, received: str, expected: str) -> None:
    assert old in RIGHT
    found = mistakes(RIGHT.replace(old, new, 1))
    assert any(
        one.startswith(f"f.yaml:{line}: ") and received in one and expected in one.partition("; expected ")[2]
        for one in found
    ), found


@pytest.mark.parametrize(
    ("old", "new", "source"),
    [
        ("tea", "tea", "gold.daily_product_sales"),
        ("horizon: 14", "horizon: 14\n  query: SELECT * FROM daily_product_sales", ""),
        ("horizon: 14", "horizon: 14\n  filling: {aggregation: max}", ""),
        ("horizon: 14", "horizon: 14\n  filling: {aggregation: sum}", "gold.daily_product_sales"),
        ("gold.daily_product_sales\n  item: product_id\n  time: sales_date\n  target: units_sold",
         "silver.order_lines\n  item: country\n  time: ordered_at\n  target: quantity\n  frequency: H", ""),
    ],
)  # fmt: skip
def test_a_table_of_gold_tells_what_came_unless_a_query_or_no_sum_is_forecast(old: str, new: str, source: str) -> None:
    assert reading.read(RIGHT.replace(old, new, 1))["tea"].source == source


def test_all_mistakes_are_told_at_once_in_order() -> None:
    text = RIGHT.replace("14", "0").replace("units_sold", "units")
    assert [one.split(":")[1] for one in mistakes(text + text.replace("tea", "cake").replace("0", "-1"))] == [
        "5",
        "6",
        "11",
        "12",
    ]


def test_an_empty_file_defines_nothing_and_a_list_is_refused() -> None:
    assert reading.read("") == {}
    assert mistakes("- a\n") == (
        "f.yaml:1: the file is no mapping; expected names of forecasts, each with a definition",
    )


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a file of forecasts"):
        reading.load(tmp_path / "none.yaml")
