"""SQLAlchemy's dialect of PyAthena: what there is, its columns, a query of expressions."""

import json
import sys
from urllib.parse import quote_plus

from sqlalchemy import MetaData, Table, create_engine, func, inspect, select

STAGING, DATABASE = sys.argv[1:]


def main() -> dict[str, object]:
    engine = create_engine(
        f"awsathena+rest://:@athena.eu-west-1.amazonaws.com:443/{DATABASE}?s3_staging_dir={quote_plus(STAGING)}"
    )
    inspector = inspect(engine)
    sales = Table("sales", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        query = select(sales.c.country, func.sum(sales.c.orders).label("orders")).group_by(sales.c.country)
        rows = [list(row) for row in connection.execute(query.order_by(sales.c.country))]
    return {
        "schemas": DATABASE in inspector.get_schema_names(),
        "tables": sorted(inspector.get_table_names(schema=DATABASE)),
        "columns": [[column["name"], str(column["type"])] for column in inspector.get_columns("sales", DATABASE)],
        "rows": rows,
    }


print(json.dumps(main()))
