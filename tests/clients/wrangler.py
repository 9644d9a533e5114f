"""awswrangler: queries read from the CSV, by CTAS and by UNLOAD; the catalogue; parameters; a fault."""

import json
import sys

import awswrangler as wr

STAGING, DATABASE = sys.argv[1:]
SQL = "SELECT sales_date, country, orders, net_revenue FROM sales"


def main() -> dict[str, object]:
    ways = {
        "csv": {"ctas_approach": False},
        "ctas": {"ctas_approach": True},
        "unload": {"ctas_approach": False, "unload_approach": True},
    }
    found: dict[str, object] = {}
    for name, way in ways.items():
        place = f"{STAGING}wrangler/{name}/"  # UNLOAD wants it empty
        frame = wr.athena.read_sql_query(SQL, database=DATABASE, s3_output=place, **way)
        frame = frame.sort_values(["sales_date", "country"])
        found[name] = [
            [str(day)[:10], country, int(orders), f"{float(net):.3f}"]
            for day, country, orders, net in frame.itertuples(index=False)
        ]
    given = {"database": DATABASE, "s3_output": STAGING, "ctas_approach": False}
    frame = wr.athena.read_sql_query(
        "SELECT count(*) AS n FROM sales WHERE country = :country", params={"country": "France"}, **given
    )
    found["parameters"] = int(frame["n"][0])
    found["chunks"] = sum(len(part) for part in wr.athena.read_sql_query(SQL, chunksize=2, **given))
    found["tables"] = sorted(wr.catalog.tables(database=DATABASE)["Table"])
    found["types"] = wr.catalog.get_table_types(database=DATABASE, table="sales")
    try:
        wr.athena.read_sql_query("SELECT absent FROM sales", **given)
    except wr.exceptions.QueryFailed as error:
        found["fault"] = str(error)
    return found


print(json.dumps(main()))
