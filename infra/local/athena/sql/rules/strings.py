"""Functions of text.

Source: https://trino.io/docs/current/functions/string.html
"""

from infra.local.athena.sql.functions import define

define("lower(varchar) -> varchar", "lower({0})")
define("upper(varchar) -> varchar", "upper({0})")
define("reverse(varchar) -> varchar", "reverse({0})")
define("length(varchar) -> bigint", "length({0})")
define("strpos(varchar, varchar) -> bigint", "strpos({0}, {1})")
define("strpos(varchar, varchar, bigint) -> bigint", "tr_strpos({0}, {1}, {2})")
define("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})")
define("chr(bigint) -> varchar", "chr(CAST({0} AS INTEGER))")
