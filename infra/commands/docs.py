"""docs: write what is made from the code: docs/tables.md, docs/metrics.md, .env.example and the state machine."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.aws import machine
from infra.commands import terminal
from infra.local.daemon import ROOT
from infra.local.lake import Lake
from lakehouse import settings as settings_module
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, TABLES, Column, Table, View, views

_INTRODUCTION = """\
# Tables

Made from `lakehouse/tables.py` by `make docs`; change that file, not this one.

All are Delta tables at `s3://<bucket>/<layer>/<table>`. Types are Spark SQL's. Times are UTC; a date is the sale's
day in `BUSINESS_TIMEZONE`.
"""

_METRICS = """\
# Metrics

Made from `spark_jobs/measures.py` and `spark_jobs/cloudwatch.py` by `make docs`; change those files, not this one.

The Spark driver keeps these figures in memory from its start. `make status` and `make top` show them; the two systems
below can collect them. Lags are those of applied changes: the time at the source is `cdc_at`, bronze's time is S3's
`LastModified` of the object, silver's and gold's are their commits. A change made after it landed (by more than 1 s) or
a day before is counted apart, in no lag.

## Prometheus

At `http://127.0.0.1:9108/metrics`, or METRICS_PORT; 0 switches it off. For example, what 95 % of the changes of the
last five minutes did not exceed on their way to gold:

```promql
histogram_quantile(0.95, sum by (le) (rate(saleslake_lag_seconds_bucket{{layer="gold"}}[5m])))
```

| name | kind | labels | meaning |
|---|---|---|---|
{prometheus}
## CloudWatch

Once a minute and at the driver's end, in the namespace that CLOUDWATCH_NAMESPACE names; empty, as by default, switches
it off. One call carries all of them. `Lag` is sent as values with their counts, so that percentiles can be asked of it.

| name | unit | dimensions | meaning |
|---|---|---|---|
{to_aws}"""


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("docs", help="write docs/tables.md, docs/metrics.md and .env.example from the code")
    command.add_argument(
        "--lake", action="store_true", help="print the page on tables with the columns this lake has gained"
    )
    command.set_defaults(run=docs)


def docs(settings: Settings, given: argparse.Namespace) -> int:
    """Write every page that is out of date; or print the page on tables as this lake has them."""
    if given.lake:
        sys.stdout.write(tables(Lake(settings).unknown_columns()))
        return 0
    for name, text in pages().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            terminal.say(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def pages() -> dict[str, str]:
    """By path from the project's folder, the text of each page that is made."""
    return {
        "docs/tables.md": tables(),
        "docs/metrics.md": metrics(),
        ".env.example": settings_module.example(),
        "infra/aws/forecast.asl.json": machine.document(),
    }


def tables(unknown: Sequence[Column] = ()) -> str:
    """The page on tables and views; `unknown` are the columns of silver.order_lines beyond the contract."""
    shown = [
        dataclasses.replace(table, columns=(*table.columns, *unknown)) if table is SILVER_ORDER_LINES else table
        for table in TABLES
    ]
    return _INTRODUCTION + "".join(map(_table, shown)) + "".join(map(_view, views(column.name for column in unknown)))


def _view(view: View) -> str:
    return f"\n## {view.full_name}\n\nView. {view.meaning}\n\n```sql\n{view.body}\n```\n"


def metrics() -> str:
    """The page on the figures for Prometheus and CloudWatch."""
    from spark_jobs import cloudwatch, measures  # noqa: PLC0415 (with pyspark: 0.3 s that no other command needs)

    prometheus = "".join(
        f"| `{measure.name}` | {measure.kind} | {', '.join(measure.labels)} | {_cell(measure.meaning)} |\n"
        for measure in (*measures.MEASURES, measures.UP)
    )
    to_aws = "".join(
        f"| `{name}` | {unit} | {', '.join(('Bucket', *dimensions))} | {_cell(meaning)} |\n"
        for name, (unit, dimensions, meaning) in cloudwatch.MEASURES.items()
    )
    return _METRICS.format(prometheus=prometheus, to_aws=to_aws)


def _table(table: Table) -> str:
    rows = "".join(
        f"| `{column.name}` | {column.type} | {'yes' if column.nullable else 'no'} | {_cell(column.meaning)} |\n"
        for column in table.columns
    )
    key = ", ".join(f"`{name}`" for name in table.key)
    head = "| column | type | null | meaning |\n|---|---|---|---|\n"
    return f"\n## {table.full_name}\n\n{table.meaning} {table.grain.capitalize()}; key {key}.\n\n{head}{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
