"""Digests of bytes.

Source: https://trino.io/docs/current/functions/binary.html#hashing-functions
"""

from infra.local.athena.sql.functions import define
from infra.local.athena.sql.scalars import digests as _digests  # noqa: F401 - registers what is called here

define("md5(varbinary) -> varbinary", "unhex(md5({0}))")
define("sha1(varbinary) -> varbinary", "unhex(sha1({0}))")
define("sha256(varbinary) -> varbinary", "unhex(sha256({0}))")
define("sha512(varbinary) -> varbinary", "py_sha512({0})")
define("crc32(varbinary) -> bigint", "py_crc32({0})")
define("xxhash64(varbinary) -> varbinary", "py_xxhash64({0})")
define("murmur3(varbinary) -> varbinary", "py_murmur3({0})")
for _algorithm in ("md5", "sha1", "sha256", "sha512"):
    define(f"hmac_{_algorithm}(varbinary, varbinary) -> varbinary", f"py_hmac({{0}}, {{1}}, '{_algorithm}')")
