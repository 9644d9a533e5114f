"""The tree of a JSON path: what the parser makes and the evaluation takes."""

from dataclasses import dataclass


class PathSyntaxError(ValueError):
    """A text that is no JSON path."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true, false or null (None)."""

    value: object


@dataclass(frozen=True, slots=True)
class Variable:
    """`$`, `@`, `last`, or a passed value's name."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base.key`, `base.*` (None), `base..key` (deep)."""

    base: "Path"
    key: str | None
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Elements:
    """`base[…]`; each place is a start and an end (None for a single one); no places stand for `[*]`."""

    base: "Path"
    places: tuple[tuple["Path", "Path | None"], ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    base: "Path"
    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    base: "Path"
    predicate: "Predicate"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Left is None for a sign."""

    operator: str
    left: "Path | None"
    right: "Path"


@dataclass(frozen=True, slots=True)
class Logic:
    """`&&`, `||`, `!` (with one operand), `unknown` (is unknown, with one)."""

    operator: str
    operands: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Exists:
    path: "Path"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`==`, `<>`, `<`, `<=`, `>`, `>=`, `starts with`."""

    operator: str
    left: "Path"
    right: "Path"


Path = Literal | Variable | Member | Elements | Method | Filter | Arithmetic
Predicate = Logic | Exists | Comparison


@dataclass(frozen=True, slots=True)
class Program:
    """A whole path with its mode."""

    strict: bool
    path: Path
