"""PyAthena's plain cursor: parameters, types, paging, DDL, a fault, and a query that is cancelled."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from pyathena import connect
from pyathena.error import OperationalError

STAGING, DATABASE = sys.argv[1:]


def main() -> dict[str, object]:
    connection = connect(s3_staging_dir=STAGING, schema_name=DATABASE)
    cursor = connection.cursor()
    cursor.execute(
        "SELECT country, sum(net_revenue) AS net, count(*) AS days FROM sales WHERE country <> %(other)s "
        "GROUP BY country ORDER BY country",
        {"other": "Norway"},
    )
    rows = [[country, str(net), days] for country, net, days in cursor.fetchall()]
    description = [[name, kind] for name, kind, *_ in cursor.description or []]
    cursor.execute(
        "SELECT sales_date, country FROM sales WHERE country = ? ORDER BY 1", ["'France'"], paramstyle="qmark"
    )
    dates = [f"{day:%Y-%m-%d}" for day, _ in cursor.fetchall()]
    many = len(cursor.execute("SELECT n FROM UNNEST(sequence(1, 2500)) AS t (n)").fetchall())
    cursor.execute("CREATE DATABASE IF NOT EXISTS cursor_made")
    cursor.execute("SHOW TABLES")
    tables = sorted(name for (name,) in cursor.fetchall())
    cursor.execute("DESCRIBE sales")
    described = [row[0].split("\t")[0].strip() if len(row) == 1 else row[0].strip() for row in cursor.fetchall()]
    try:
        cursor.execute("SELECT absent FROM sales")
        fault = ""
    except OperationalError as error:
        fault = str(error)
    return {
        "rows": rows,
        "description": description,
        "dates": dates,
        "many": many,
        "tables": tables,
        "described": described,
        "fault": fault,
        "cancelled": _cancelled(connection),
    }


def _cancelled(connection: object) -> str:
    """The fault of a query that was stopped while it ran."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            cursor.execute,
            "SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a (x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b (y) "
            "CROSS JOIN UNNEST(sequence(1, 10000)) AS c (z) WHERE (x * y * z) % 7 = 3",
        )
        while cursor.query_id is None:
            pass
        cursor.cancel()
        try:
            running.result(60)
        except OperationalError as error:
            return str(error)
    return ""


print(json.dumps(main()))
