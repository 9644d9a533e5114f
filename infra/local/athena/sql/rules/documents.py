"""Functions of JSON documents; those of the SQL standard are in `sqljson`, the casts in `json_casts`.

Source: https://trino.io/docs/current/functions/json.html#other-json-functions
"""

import re

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.functions import define
from infra.local.athena.sql.scalars import documents as _documents  # noqa: F401 - registers what is called here
from infra.local.athena.sql.value import string

_STEP = re.compile(r'\.([\w:]+)|\[(\w+)\]|\["((?:[^"\\]|\\["\\])*)"\]')

define("json_parse(varchar) -> json", "CAST(py_json_canonical({0}) AS JSON)")
define("json_format(json) -> varchar", "CAST({0} AS VARCHAR)")

for _type in ("varchar", "json"):
    define(f"is_json_scalar({_type}) -> boolean", "tr_is_json_scalar({0})")
    define(f"json_array_length({_type}) -> bigint", "tr_json_array_length({0})")
    define(f"json_array_get({_type}, bigint) -> json", "tr_json_array_get({0}, {1})")
    for _wanted in ("boolean", "bigint", "double", "varchar"):
        define(f"json_array_contains({_type}, {_wanted}) -> boolean", f"tr_json_contains_{_wanted}({{0}}, {{1}})")

    @define(f"json_extract({_type}, varchar) -> json")
    def json_extract(call: Call, document: str, path: str) -> str:
        return f"tr_json_extract({document}, {_pointer(call)})"

    @define(f"json_extract_scalar({_type}, varchar) -> varchar")
    def json_extract_scalar(call: Call, document: str, path: str) -> str:
        pointer = _pointer(call)
        number = f"py_json_number(CAST({document} AS VARCHAR), {pointer})"
        return f"tr_json_extract_scalar({document}, {pointer}, {number})"

    @define(f"json_size({_type}, varchar) -> bigint")
    def json_size(call: Call, document: str, path: str) -> str:
        return f"tr_json_size({document}, {_pointer(call)})"


def _pointer(call: Call) -> str:
    """The path, a literal, as a JSON pointer in a literal of DuckDB's."""
    path = call.constant(1)
    if not isinstance(path, str):
        raise call.fault("NOT_SUPPORTED", f"{call.name} needs a literal for its path", call.arguments[1])
    steps, position = [], 1
    while position < len(path) and (found := _STEP.match(path, position)):
        step = found[1] or found[2] or re.sub(r"\\(.)", r"\1", found[3] or "")
        steps.append("/" + step.replace("~", "~0").replace("/", "~1"))
        position = found.end()
    if not path.startswith("$") or position != len(path):
        raise call.fault("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{path}'", call.arguments[1])
    return string("".join(steps))
