"""JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT and JSON_ARRAY, as the SQL standard has them.

A path is evaluated by `scalars.documents`; what its answers mean is said here.

Source: https://trino.io/docs/current/functions/json.html#json-value and after it
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import BOOLEAN, VARCHAR, Type, duckdb_type
from infra.local.athena.sql.functions import rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.jsonpath.parser import parse
from infra.local.athena.sql.jsonpath.tree import PathSyntaxError
from infra.local.athena.sql.rules.json_casts import json_text
from infra.local.athena.sql.structure import bound, parameter
from infra.local.athena.sql.value import Value, cast_sql, string

_RETURNED = ("varchar", "char", "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal",
             "date", "timestamp", "time")  # fmt: skip


def _asked(call: Call) -> tuple[str, str, str]:
    """The document, the path and the passed values, in SQL."""
    value = call.value(0)
    if value.type.name not in ("varchar", "char", "json", "varbinary", "unknown"):
        message = f"Cannot read input of type {value.type} as JSON using formatting JSON"
        raise call.fault("TYPE_MISMATCH", message, call.arguments[0])
    document = f"decode({value.sql})" if value.type.name == "varbinary" else f"CAST({value.sql} AS VARCHAR)"
    path = call.node.clauses["path"]
    try:
        parse(path)
    except PathSyntaxError as error:
        raise call.fault("INVALID_PATH", f"invalid JSON path: {error}") from error
    pairs = [(string_node(call, name), node) for node, name in call.node.clauses["passing"]]
    return document, string(path), _object(call, pairs, skip_null=False) if pairs else "'{}'"


def string_node(call: Call, text: str) -> nodes.Node:
    return nodes.Literal(call.node.place, "string", text)


def _failed(code: str, message: str, kind: Type) -> str:
    return f"CAST(tr_raise({string(code)}, {message}) AS {duckdb_type(kind)})"


def _behaviour(call: Call, event: str, kind: Type, message: str) -> str:
    """What becomes of an answer that is empty or an error."""
    said = call.node.clauses.get(event) or "null"
    if said == "default":
        default = call.node.clauses[f"{event}_default"]
        return cast_sql(call.translator.value(default), kind)
    if said == "error":
        code = {"json_value": "JSON_VALUE_RESULT_ERROR", "json_query": "JSON_QUERY_RESULT_ERROR"}.get(call.name)
        return _failed(code or "PATH_EVALUATION_ERROR", message, kind)
    empty = {"empty array": "'[]'", "empty object": "'{}'"}.get(said)
    return empty or f"CAST(NULL AS {duckdb_type(kind)})"


def _returned(call: Call, allowed: tuple[str, ...]) -> Type:
    kind: Type = call.node.clauses.get("returning") or VARCHAR
    if kind.name not in allowed:
        raise call.fault("NOT_SUPPORTED", f"{call.name} cannot return {kind}")
    return kind


@rule("json_value", 1, 1)
def json_value(call: Call) -> Value:
    document, path, passing = _asked(call)
    kind = _returned(call, _RETURNED)
    answer = f"py_json_value({document}, {path}, {passing}, {string(kind.name)})"
    name = parameter(answer)
    empty = _behaviour(call, "empty", kind, "'cannot extract SQL scalar from JSON: JSON path found no items'")
    error = _behaviour(call, "error", kind, f"'cannot extract SQL scalar from JSON: ' || substr({name}, 2)")
    text = f"substr({name}, 2)"
    if kind.name == "char":
        text = f"rpad({text}, {kind.sizes[0]}, ' ')"
    elif kind.name == "varchar" and kind.sizes:
        text = f"left({text}, {kind.sizes[0]})"
    converted = text if kind.name in ("varchar", "char") else f"TRY_CAST({text} AS {duckdb_type(kind)})"
    body = (
        f"CASE left({name}, 1) WHEN 'v' THEN coalesce({converted}, {error}) "
        f"WHEN 'e' THEN {empty} WHEN 'x' THEN {error} END"
    )
    return Value(bound(answer, name, body), kind)


@rule("json_query", 1, 1)
def json_query(call: Call) -> Value:
    document, path, passing = _asked(call)
    clauses = call.node.clauses
    wrapper, quotes = clauses.get("wrapper") or "without", clauses.get("quotes") or "keep"
    if quotes == "omit" and wrapper != "without":
        raise call.fault("INVALID_FUNCTION_ARGUMENT", "OMIT QUOTES behavior specified with WITH ARRAY WRAPPER")
    kind = _returned(call, ("varchar",))
    answer = (
        f"py_json_query({document}, {path}, {passing}, {string(wrapper)}, {'true' if quotes == 'omit' else 'false'})"
    )
    name = parameter(answer)
    empty = _behaviour(call, "empty", VARCHAR, "'cannot extract JSON: JSON path found no items'")
    error = _behaviour(call, "error", VARCHAR, f"'cannot extract JSON: ' || substr({name}, 2)")
    body = f"CASE left({name}, 1) WHEN 'v' THEN substr({name}, 2) WHEN 'e' THEN {empty} WHEN 'x' THEN {error} END"
    return Value(bound(answer, name, body), kind)


@rule("json_exists", 1, 1)
def json_exists(call: Call) -> Value:
    document, path, passing = _asked(call)
    answer = f"py_json_exists({document}, {path}, {passing})"
    name = parameter(answer)
    said = call.node.clauses.get("error") or "false"
    error = {"true": "true", "false": "false", "unknown": "CAST(NULL AS BOOLEAN)"}.get(said)
    if error is None:
        error = _failed("PATH_EVALUATION_ERROR", f"'path evaluation failed: ' || substr({name}, 2)", BOOLEAN)
    body = f"CASE left({name}, 1) WHEN 'v' THEN {name} = 'vtrue' WHEN 'x' THEN {error} END"
    return Value(bound(answer, name, body), BOOLEAN)


def _item(call: Call, node: nodes.Node) -> str:
    """A value as JSON text, NULL for NULL; what JSON-returning functions give is put in as it is."""
    value = call.translator.value(node)
    if isinstance(node, nodes.Call) and node.name in ("json_query", "json_object", "json_array"):
        return value.sql
    if value.type.name in ("array", "map", "row", "varbinary"):
        raise call.fault("NOT_SUPPORTED", f"{call.name} of a value of type {value.type} is not supported", node)
    text = json_text(value.sql, value.type)
    if text is None:
        raise call.fault("NOT_SUPPORTED", f"{call.name} of a value of type {value.type} is not supported", node)
    return text


def _object(call: Call, pairs: list[tuple[nodes.Node, nodes.Node]], *, skip_null: bool) -> str:
    members = []
    for key, node in pairs:
        item = _item(call, node)
        name = call.translator.value(key)
        if name.type.name not in ("varchar", "char"):
            raise call.fault("INVALID_FUNCTION_ARGUMENT", f"Invalid type of JSON object key: {name.type}", key)
        label = f"CAST(to_json(tr_json_key({name.sql})) AS VARCHAR) || ':'"
        text = f"{label} || {item}" if skip_null else f"{label} || coalesce({item}, 'null')"
        members.append(text)
    return f"('{{' || array_to_string(CAST([{', '.join(members)}] AS VARCHAR[]), ',') || '}}')"


@rule("json_object", 0, 0)
def json_object(call: Call) -> Value:
    clauses = call.node.clauses
    if clauses["unique"]:
        raise call.fault("NOT_SUPPORTED", "JSON_OBJECT WITH UNIQUE KEYS is not supported")
    _returned(call, ("varchar",))
    return Value(_object(call, list(clauses["pairs"]), skip_null=clauses["nulls"] == "absent"), VARCHAR)


@rule("json_array", 0, None)
def json_array(call: Call) -> Value:
    _returned(call, ("varchar",))
    items = [_item(call, node) for node in call.arguments]
    if call.node.clauses["nulls"] != "absent":
        items = [f"coalesce({item}, 'null')" for item in items]
    return Value(f"('[' || array_to_string(CAST([{', '.join(items)}] AS VARCHAR[]), ',') || ']')", VARCHAR)
