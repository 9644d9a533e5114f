"""Functions of bytes: encodings, and what texts have too.

Source: https://trino.io/docs/current/functions/binary.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.functions import define
from infra.local.athena.sql.scalars import encodings as _encodings  # noqa: F401 - registers what is called here

_LONGEST = 2**31 - 1
_DECODED = "coalesce(TRY(decode({0})), py_from_utf8({0}, chr(65533)))"

define("to_hex(varbinary) -> varchar", "hex({0})")
define("from_hex(varchar) -> varbinary", "tr_from_hex({0})")
define("from_hex(varbinary) -> varbinary", f"tr_from_hex({_DECODED})")
define("to_base64(varbinary) -> varchar", "to_base64({0})")
define("from_base64(varchar) -> varbinary", "py_from_base64({0}, false)")
define("from_base64(varbinary) -> varbinary", f"py_from_base64({_DECODED}, false)")
define("to_base64url(varbinary) -> varchar", "translate(to_base64({0}), '+/', '-_')")
define("from_base64url(varchar) -> varbinary", "py_from_base64({0}, true)")
define("from_base64url(varbinary) -> varbinary", f"py_from_base64({_DECODED}, true)")
define("to_base32(varbinary) -> varchar", "py_to_base32({0})")
define("from_base32(varchar) -> varbinary", "py_from_base32({0})")
define("to_utf8(varchar) -> varbinary", "encode({0})")
define("from_utf8(varbinary) -> varchar", _DECODED)
define("from_utf8(varbinary, varchar) -> varchar", "py_from_utf8({0}, {1})")
define("to_base(bigint, bigint) -> varchar", "py_to_base({0}, {1})")
define("from_base(varchar, bigint) -> bigint", "py_from_base({0}, {1})")
define("to_big_endian_64(bigint) -> varbinary", "unhex(lpad(hex({0}), 16, '0'))")
define("to_big_endian_32(integer) -> varbinary", "unhex(right(lpad(hex(CAST({0} AS BIGINT)), 16, '0'), 8))")
define("from_big_endian_64(varbinary) -> bigint", "py_to_integer({0}, 8)")
define("from_big_endian_32(varbinary) -> integer", "CAST(py_to_integer({0}, 4) AS INTEGER)")
define("to_ieee754_64(double) -> varbinary", "py_to_bytes({0}, false)")
define("to_ieee754_32(real) -> varbinary", "py_to_bytes({0}, true)")
define("from_ieee754_64(varbinary) -> double", "py_to_number({0}, 'd')")
define("from_ieee754_32(varbinary) -> real", "CAST(py_to_number({0}, 'f') AS FLOAT)")

define("length(varbinary) -> bigint", "octet_length({0})")
define("reverse(varbinary) -> varbinary", "tr_reverse_bytes({0})")
for _name in ("substr", "substring"):
    define(f"{_name}(varbinary, bigint) -> varbinary", f"tr_substr_bytes({{0}}, {{1}}, {_LONGEST})")
    define(f"{_name}(varbinary, bigint, bigint) -> varbinary", "tr_substr_bytes({0}, {1}, {2})")


@define("concat(varbinary, varbinary...) -> varbinary")
def concat(call: Call, *parts: str) -> str:
    return f"({' || '.join(parts)})"
