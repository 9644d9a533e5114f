"""CASE, IF, COALESCE, NULLIF, TRY, GREATEST, LEAST.

Source: https://trino.io/docs/current/functions/conditional.html
"""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.analyzer import Analyzer, translates
from infra.local.athena.sql.call import Call
from infra.local.athena.sql.coercion import common_type
from infra.local.athena.sql.functions import rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.operators import comparable
from infra.local.athena.sql.rules.supertypes import single_type
from infra.local.athena.sql.value import Value, cast_sql


@translates(nodes.Case)
def case(analyzer: Analyzer, node: nodes.Case) -> Value:
    results = [result for _, result in node.whens] + ([node.default] if node.default is not None else [])
    if node.operand is None:
        conditions = [analyzer.truth(c, "CASE WHEN clause").sql for c, _ in node.whens]
    else:
        operand = analyzer.value(node.operand)
        conditions = []
        for written, _ in node.whens:
            wanted = analyzer.value(written)
            if common_type(operand.type, wanted.type) is None:
                message = "CASE operand type does not match WHEN clause operand type"
                raise QueryError("TYPE_MISMATCH", f"{message}: {operand.type} vs {wanted.type}", *written.place)
            a, b = comparable(nodes.Binary(written.place, "=", node.operand, written), operand, wanted)
            conditions.append(f"({a} = {b})")
    values = [analyzer.value(r) for r in results]
    kind = single_type(values, results, "All CASE results")
    texts = [cast_sql(v, kind) for v in values]
    whens = " ".join(f"WHEN {c} THEN {r}" for c, r in zip(conditions, texts, strict=False))
    default = f" ELSE {texts[-1]}" if node.default is not None else ""
    return Value(f"(CASE {whens}{default} END)", kind)


@rule("if", 2, 3)
def if_(call: Call) -> Value:
    when = ((call.arguments[0], call.arguments[1]),)
    default = call.arguments[2] if len(call.arguments) > 2 else None
    condition = call.value(0)
    if condition.type.name not in ("boolean", "unknown", ""):
        message = f"IF condition must evaluate to a boolean: actual type {condition.type}"
        raise call.fault("TYPE_MISMATCH", message, call.arguments[0])
    return call.translator.value(nodes.Case(call.node.place, None, when, default))


@rule("coalesce", 2, None)
def coalesce(call: Call) -> Value:
    kind = single_type(call.values, call.arguments, "All COALESCE operands")
    return Value(f"coalesce({', '.join(cast_sql(v, kind) for v in call.values)})", kind)


@rule("nullif", 2, 2)
def nullif(call: Call) -> Value:
    first, second = call.values
    comparison = nodes.Binary(call.node.place, "=", *call.arguments)
    a, b = comparable(comparison, first, second)
    return Value(f"(CASE WHEN ({a} = {b}) THEN NULL ELSE {first.sql} END)", first.type)


@rule("try", 1, 1)
def try_(call: Call) -> Value:
    return Value(f"TRY({call.value(0).sql})", call.value(0).type)


def _extreme(call: Call) -> Value:
    kind = single_type(call.values, call.arguments, f"All {call.name.upper()} operands")
    texts = [cast_sql(v, kind) for v in call.values]
    nulls = " OR ".join(f"{t} IS NULL" for t in texts)
    return Value(f"(CASE WHEN {nulls} THEN NULL ELSE {call.name}({', '.join(texts)}) END)", kind)


rule("greatest", 1, None)(_extreme)
rule("least", 1, None)(_extreme)
