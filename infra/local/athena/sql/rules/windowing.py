"""Functions that need OVER.

Source: https://trino.io/docs/current/functions/window.html
"""

from infra.local.athena.sql.functions import window

for _name in ("row_number", "rank", "dense_rank"):
    window(f"{_name}() -> bigint", f"{_name}(){{tail}}")
for _name in ("percent_rank", "cume_dist"):
    window(f"{_name}() -> double", f"{_name}(){{tail}}")
window("ntile(bigint) -> bigint", "ntile({0}){tail}")
for _name in ("lag", "lead"):
    window(f"{_name}(T) -> T", f"{_name}({{0}}{{nulls}}){{tail}}")
    window(f"{_name}(T, bigint) -> T", f"{_name}({{0}}, {{1}}{{nulls}}){{tail}}")
    window(f"{_name}(T, bigint, T) -> T", f"{_name}({{0}}, {{1}}, {{2}}{{nulls}}){{tail}}")
for _name in ("first_value", "last_value"):
    window(f"{_name}(T) -> T", f"{_name}({{0}}{{nulls}}){{tail}}")
window("nth_value(T, bigint) -> T", "nth_value({0}, {1}{nulls}){tail}")
