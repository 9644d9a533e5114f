"""The registry of functions: Athena's name to what becomes of a call. A name that is not here is refused.

How a rule is added, in a module of `sql/rules/` (all of them are imported by `sql/rules/__init__.py`):

    define("strpos(varchar, varchar) -> bigint", "strpos({0}, {1})")           # a template of DuckDB's SQL
    define("array_max(array(E)) -> E", "tr_array_max({0})")                     # a type variable: one capital letter
    define("transform(array(T), function(T, U)) -> array(U)", "list_transform({0}, {1})")   # a lambda
    define("concat(varchar, varchar...) -> varchar", "concat({*})")             # any number of the last parameter

    @define("split(varchar, varchar, bigint) -> array(varchar)")                # or a function that makes the SQL
    def split(call: Call, text: str, delimiter: str, limit: str) -> str: ...

    aggregate("bool_and(boolean) -> boolean", "bool_and({distinct}{0}{order}){tail}")
    @rule("row_number", 0, 0)                                                   # or everything by hand
    def anything(call: Call) -> Value: ...

Several signatures of a name are overloads: the one that needs the fewest casts is taken, the first among equals.
Arguments reach the template already cast to the parameters' types. The variable N stands for a number type, and all
N of a signature are the same one. `{distinct}`, `{order}`, `{nulls}` (IGNORE NULLS) and `{tail}` (FILTER and OVER)
stand where DuckDB wants them. Templates are `str.format` texts: a literal brace is doubled. A macro `tr_*` that a
template calls is defined in a file of `sql/macros/`, a function in Python, `py_*`, in a module of `sql/scalars/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.signature import Bound, Signature, bind, parse_signature
from infra.local.athena.sql.structure import bound as computed_once
from infra.local.athena.sql.structure import is_heavy, parameter
from infra.local.athena.sql.value import Function, Value, cast_sql

Handler = Callable[..., str]


@dataclass(frozen=True)
class Rule:
    """What becomes of the calls of one name.

    Args:
        handler: Makes the value.
        minimum: Arguments at least.
        maximum: At most; None without a limit.
        kind: scalar, aggregate or window (which needs OVER).
    """

    name: str
    handler: Callable[[Call], Value]
    minimum: int
    maximum: int | None
    kind: str = "scalar"


@dataclass(frozen=True)
class Overload:
    signature: Signature
    sql: str | Handler


RULES: dict[str, Rule] = {}
PYTHON_FUNCTIONS: dict[str, Callable[[Any], None]] = {}
_OVERLOADS: dict[str, list[Overload]] = {}


def rule(
    name: str, minimum: int, maximum: int | None, *, kind: str = "scalar"
) -> Callable[[Callable[[Call], Value]], Callable[[Call], Value]]:
    """Register a handler that does everything by hand: it takes the call and gives its value."""

    def register(handler: Callable[[Call], Value]) -> Callable[[Call], Value]:
        RULES[name] = Rule(name, handler, minimum, maximum, kind)
        return handler

    return register


def define(signature: str, sql: str | None = None, *, kind: str = "scalar") -> Callable[[Handler], Handler]:
    """Register an overload: its SQL as a template, or, as a decorator, a function of the call and the arguments' SQL.

    Args:
        signature: `name(types) -> type`, see the module.
        sql: The template; None to decorate a function.
        kind: scalar, aggregate or window.
    """
    parsed = parse_signature(signature)

    def register(handler: str | Handler) -> None:
        overloads = _OVERLOADS.setdefault(parsed.name, [])
        overloads.append(Overload(parsed, handler))
        RULES[parsed.name] = Rule(parsed.name, _resolve, *_counts(overloads), kind)

    def decorate(handler: Handler) -> Handler:
        register(handler)
        return handler

    if sql is not None:
        register(sql)
    return decorate


def aggregate(signature: str, sql: str | None = None) -> Callable[[Handler], Handler]:
    """Register an overload of an aggregate; its template has `{distinct}`, `{order}` and `{tail}`."""
    return define(signature, sql, kind="aggregate")


def window(signature: str, sql: str | None = None) -> Callable[[Handler], Handler]:
    """Register an overload of a function that needs OVER; its template has `{tail}`."""
    return define(signature, sql, kind="window")


def alias(name: str, of: str) -> None:
    """Let a name mean what another one does."""
    RULES[name] = RULES[of]


def python_function(name: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register what installs a function in Python into a connection; only translations that call it pay for it.

    Args:
        name: As it stands in the SQL, `py_…`, unlike any other text there.
    """

    def register(install: Callable[[Any], None]) -> Callable[[Any], None]:
        PYTHON_FUNCTIONS[name] = install
        return install

    return register


def _counts(overloads: Sequence[Overload]) -> tuple[int, int | None]:
    counts = [o.signature.counts for o in overloads]
    most = [m for _, m in counts]
    return min(least for least, _ in counts), None if None in most else max(m for m in most if m is not None)


def _resolve(call: Call) -> Value:
    overloads = _OVERLOADS[RULES[call.name].name]
    found = [(b, o) for o in overloads if (b := bind(o.signature, call)) is not None]
    if not found:
        raise unexpected(call, overloads)
    bound, overload = min(found, key=lambda pair: pair[0].cost)
    return _apply(call, bound, overload)


def _apply(call: Call, bound: Bound, overload: Overload) -> Value:
    call.result = bound.result
    texts = [_argument(value, kind) for value, kind in zip(bound.arguments, bound.parameters, strict=True)]
    is_value = [isinstance(value, Value) for value in bound.arguments]
    heavy = [i for i, text in enumerate(texts) if is_value[i] and is_heavy(text)]
    if not heavy or RULES[call.name].kind != "scalar":
        return Value(_filled(call, overload, texts), call.result)
    name = parameter(*texts)
    sql = _filled(call, overload, [f"{name}.a{i}" if i in heavy else text for i, text in enumerate(texts)])
    if "tr_" not in sql.replace(name, ""):
        return Value(_filled(call, overload, texts), call.result)
    once = ", ".join(f"a{i} := {texts[i]}" for i in heavy)
    return Value(computed_once(f"struct_pack({once})", name, sql), call.result)


def _filled(call: Call, overload: Overload, texts: Sequence[str]) -> str:
    """The SQL of a call with these arguments."""
    if callable(overload.sql):
        return overload.sql(call, *texts)
    template = overload.sql.replace("{*}", ", ".join(f"{{{i}}}" for i in range(len(texts))))
    return template.format(*texts, distinct=call.distinct, order=call.order, tail=call.tail, nulls=call.nulls)


def _argument(value: Value | Function, kind: Type) -> str:
    return value.sql if isinstance(value, Function) else cast_sql(value, kind)


def unexpected(call: Call, overloads: Sequence[Overload]) -> QueryError:
    """Athena's error for arguments that no overload takes."""
    given = ", ".join(call.type_texts())
    expected = ", ".join(str(o.signature) for o in overloads)
    message = f"Unexpected parameters ({given}) for function {call.name}. Expected: {expected}"
    return call.fault("FUNCTION_NOT_FOUND", message)
