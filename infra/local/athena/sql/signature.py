"""Signatures of functions: `name(types) -> type` with type variables, lambdas and a repeated last parameter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.coercion import can_become, common_type
from infra.local.athena.sql.datatype import (
    NUMBERS,
    UNDEFINED,
    UNKNOWN,
    Type,
    parse_type,
)
from infra.local.athena.sql.value import Function, Value

_SIGNATURE = re.compile(r"(\w+)\((.*)\) -> (.+)", re.DOTALL)
_UNSIZED = ("varchar", "char", "decimal", "timestamp", "time", "timestamp with time zone")


@dataclass(frozen=True)
class Pattern:
    """A type with variables: a variable has a capital letter for a name, a lambda is a `function`."""

    name: str
    parts: tuple["Pattern", ...] = ()
    type: Type | None = None

    def __str__(self) -> str:
        return self.name + (f"({', '.join(map(str, self.parts))})" if self.parts else "")


@dataclass(frozen=True)
class Signature:
    name: str
    parameters: tuple[Pattern, ...]
    repeats: bool
    result: Pattern

    @property
    def counts(self) -> tuple[int, int | None]:
        """Arguments at least and at most."""
        return len(self.parameters) - self.repeats, None if self.repeats else len(self.parameters)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})"

    def of(self, count: int) -> tuple[Pattern, ...] | None:
        """The parameters of a call with so many arguments."""
        least, most = self.counts
        if count < least or (most is not None and count > most):
            return None
        if not self.repeats:
            return self.parameters
        return self.parameters[:least] + (self.parameters[-1],) * (count - least)


@dataclass(frozen=True)
class Bound:
    """A signature that fits a call: its arguments, their types after casts, the result's type, the casts' number."""

    arguments: tuple[Value | Function, ...]
    parameters: tuple[Type, ...]
    result: Type
    cost: int


def parse_signature(text: str) -> Signature:
    """Read a signature; a fault in it is the programmer's."""
    found = _SIGNATURE.fullmatch(text)
    if not found:
        raise ValueError(f"no signature: {text}")
    parameters = _split(found[2])
    repeats = bool(parameters) and parameters[-1].endswith("...")
    patterns = tuple(_pattern(p.removesuffix("...")) for p in parameters)
    return Signature(found[1], patterns, repeats, _pattern(found[3]))


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()] if text.strip() else []


def _pattern(text: str) -> Pattern:
    if len(text) == 1 and text.isupper():
        return Pattern(text)
    head, _, inner = text.partition("(")
    if head in ("array", "map", "function", "row"):
        return Pattern(head, tuple(map(_pattern, _split(inner.removesuffix(")")))))
    return Pattern(text, (), parse_type(text))


def bind(signature: Signature, call: Call) -> Bound | None:
    """Fit a signature to a call; None where it does not."""
    patterns = signature.of(len(call.arguments))
    if patterns is None:
        return None
    variables: dict[str, Type] = {}
    plain = [i for i, p in enumerate(patterns) if p.name != "function"]
    if any(call.is_lambda(i) for i in plain) or not all(
        call.is_lambda(i) for i, p in enumerate(patterns) if p.name == "function"
    ):
        return None
    for i in plain:
        if not _match(patterns[i], call.value(i).type, variables):
            return None
    parameters: list[Type] = [_fill(p, variables) for p in patterns]
    if not all(can_become(call.value(i).type, parameters[i]) for i in plain):
        return None
    arguments: list[Value | Function] = [call.value(i) if i in plain else _lambda(call, i, patterns[i], variables)
                                         for i in range(len(patterns))]  # fmt: skip
    cost = sum(_cost(call.value(i).type, parameters[i]) for i in plain)
    return Bound(tuple(arguments), tuple(parameters), _fill(signature.result, variables), cost)


def _lambda(call: Call, index: int, pattern: Pattern, variables: dict[str, Type]) -> Function:
    function = call.function(index, *(_fill(p, variables) for p in pattern.parts[:-1]))
    if not _match(pattern.parts[-1], function.body.type, variables):
        raise call.fault("TYPE_MISMATCH", f"Unexpected type of a lambda: {function.body.type}", call.arguments[index])
    return function


def _match(pattern: Pattern, kind: Type, variables: dict[str, Type]) -> bool:
    """Whether a type can fit; what its parts say of variables is noted."""
    if pattern.type is not None:
        return kind.name == pattern.type.name or can_become(kind, pattern.type)
    if len(pattern.name) == 1:
        return _note(pattern.name, kind, variables)
    if kind in (UNDEFINED, UNKNOWN):
        return all(_match(p, kind, variables) for p in pattern.parts)
    if kind.name != pattern.name or len(kind.parts) != len(pattern.parts):
        return False
    return all(_match(p, k, variables) for p, k in zip(pattern.parts, kind.parts, strict=True))


def _note(variable: str, kind: Type, variables: dict[str, Type]) -> bool:
    if variable == "N" and kind.name not in (*NUMBERS, "", "unknown"):
        return False
    known = variables.get(variable)
    common = kind if known is None else common_type(known, kind)
    if common is None:
        return False
    variables[variable] = common
    return True


def _fill(pattern: Pattern, variables: dict[str, Type]) -> Type:
    if pattern.type is not None:
        return Type(pattern.name) if pattern.name in _UNSIZED else pattern.type
    if len(pattern.name) == 1:
        return variables.get(pattern.name, UNDEFINED)
    return Type(pattern.name, (), tuple(_fill(p, variables) for p in pattern.parts))


def _cost(source: Type, target: Type) -> int:
    if source == target or source.name == target.name:
        return 0
    if source == UNKNOWN and target.parts:
        return 2
    order: Sequence[str] = (*NUMBERS, "date", "timestamp", "timestamp with time zone")
    if source.name in order and target.name in order:
        return 1 + abs(order.index(target.name) - order.index(source.name))
    return 1
