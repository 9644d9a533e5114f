"""Functions of URLs; the macros are in `macros/url.sql`.

Source: https://trino.io/docs/current/functions/url.html
"""

from infra.local.athena.sql.functions import define

for _part in ("protocol", "host", "path", "query", "fragment"):
    define(f"url_extract_{_part}(varchar) -> varchar", f"tr_url_extract_{_part}({{0}})")
define("url_extract_port(varchar) -> bigint", "tr_url_extract_port({0})")
define("url_extract_parameter(varchar, varchar) -> varchar", "tr_url_extract_parameter({0}, {1})")
define("url_encode(varchar) -> varchar", "tr_url_encode({0})")
define("url_decode(varchar) -> varchar", "tr_url_decode({0})")
