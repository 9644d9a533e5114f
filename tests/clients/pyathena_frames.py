"""PyAthena's cursors for pandas and Arrow, from the CSV result and by UNLOAD.

Arrow's own S3 client, which ArrowCursor makes, reads no endpoint from the environment: it alone must be told.
"""

import functools
import json
import os
import sys

from pyarrow import fs
from pyathena import connect
from pyathena.arrow.cursor import ArrowCursor
from pyathena.pandas.cursor import PandasCursor

fs.S3FileSystem = functools.partial(
    fs.S3FileSystem, endpoint_override=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), scheme="http"
)

STAGING, DATABASE = sys.argv[1:]
SQL = "SELECT sales_date, country, orders, net_revenue FROM sales ORDER BY sales_date, country"


def main() -> dict[str, object]:
    found: dict[str, object] = {}
    for name, kind in (("pandas", PandasCursor), ("arrow", ArrowCursor)):
        for way in ("csv", "unload"):
            connection = connect(
                s3_staging_dir=STAGING,
                schema_name=DATABASE,
                cursor_class=kind,
                cursor_kwargs={"unload": way == "unload"},
            )
            cursor = connection.cursor().execute(SQL)
            frame = cursor.as_pandas() if kind is PandasCursor else cursor.as_arrow().to_pandas()
            frame = frame.sort_values(["sales_date", "country"])
            found[f"{name} {way}"] = [
                [str(day)[:10], country, int(orders), f"{float(net):.3f}"]
                for day, country, orders, net in frame.itertuples(index=False)
            ]
    return found


print(json.dumps(main()))
