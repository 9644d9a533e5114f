"""The tree of a query: what the parser makes and the translator takes. It says what was written, nothing of meaning."""

from dataclasses import dataclass, field
from typing import Any

from infra.local.athena.sql.datatype import Type


@dataclass(eq=False, slots=True)
class Node:
    """Something that was written.

    Args:
        place: Line and column of the client's text, from 1.
    """

    place: tuple[int, int]


# expressions


@dataclass(eq=False, slots=True)
class Name(Node):
    """A column, an alias, a lambda's parameter; `text` in small letters."""

    text: str


@dataclass(eq=False, slots=True)
class Field(Node):
    """`base.text`: a table's column or a row's field."""

    base: Node
    text: str


@dataclass(eq=False, slots=True)
class Star(Node):
    """`*`, `base.*`, with the aliases of `base.* AS (a, b)`."""

    base: Node | None = None
    aliases: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Literal(Node):
    """A constant.

    Args:
        kind: integer, decimal, double, string, boolean, null, binary.
        value: int, the text of a decimal or double, str, bool, None, bytes.
    """

    kind: str
    value: Any


@dataclass(eq=False, slots=True)
class TypedLiteral(Node):
    """`DATE '2024-01-01'`."""

    type: Type
    text: str


@dataclass(eq=False, slots=True)
class Interval(Node):
    """`INTERVAL -'2' DAY`, `INTERVAL '1-2' YEAR TO MONTH`; units in small letters."""

    text: str
    sign: int
    start: str
    end: str | None = None


@dataclass(eq=False, slots=True)
class Unary(Node):
    """`-x`, `+x`, `not x`."""

    operator: str
    operand: Node


@dataclass(eq=False, slots=True)
class Binary(Node):
    """Arithmetic, `||`, comparisons, `and`, `or`; the place is the operator's."""

    operator: str
    left: Node
    right: Node


@dataclass(eq=False, slots=True)
class Quantified(Node):
    """`left operator ALL|ANY (query)`."""

    operator: str
    left: Node
    quantifier: str
    query: "Query"


@dataclass(eq=False, slots=True)
class Between(Node):
    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(eq=False, slots=True)
class In(Node):
    """Either `items` or a `query`."""

    operand: Node
    items: tuple[Node, ...]
    query: "Query | None"
    negated: bool


@dataclass(eq=False, slots=True)
class Like(Node):
    operand: Node
    pattern: Node
    escape: Node | None
    negated: bool


@dataclass(eq=False, slots=True)
class IsNull(Node):
    operand: Node
    negated: bool


@dataclass(eq=False, slots=True)
class IsDistinct(Node):
    """`left IS [NOT] DISTINCT FROM right`."""

    left: Node
    right: Node
    negated: bool


@dataclass(eq=False, slots=True)
class Exists(Node):
    query: "Query"


@dataclass(eq=False, slots=True)
class Subquery(Node):
    query: "Query"


@dataclass(eq=False, slots=True)
class Case(Node):
    operand: Node | None
    whens: tuple[tuple[Node, Node], ...]
    default: Node | None


@dataclass(eq=False, slots=True)
class Cast(Node):
    operand: Node
    type: Type
    safe: bool


@dataclass(eq=False, slots=True)
class Extract(Node):
    unit: str
    operand: Node


@dataclass(eq=False, slots=True)
class AtTimeZone(Node):
    operand: Node
    zone: Node


@dataclass(eq=False, slots=True)
class Subscript(Node):
    base: Node
    index: Node


@dataclass(eq=False, slots=True)
class RowItems(Node):
    """`ROW(a, b)` and `(a, b)`."""

    items: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class ArrayItems(Node):
    """`ARRAY[a, b]`."""

    items: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class Lambda(Node):
    """`(x, y) -> body`."""

    parameters: tuple[str, ...]
    body: Node


@dataclass(eq=False, slots=True)
class SortItem(Node):
    expression: Node
    descending: bool = False
    nulls_first: bool = False


@dataclass(eq=False, slots=True)
class Frame(Node):
    """Bounds are `(kind, expression)`: unbounded preceding, preceding, current row, following, unbounded following."""

    unit: str
    start: tuple[str, Node | None]
    end: tuple[str, Node | None] | None


@dataclass(eq=False, slots=True)
class Window(Node):
    """`OVER name` has only the name."""

    name: str | None = None
    partition: tuple[Node, ...] = ()
    order: tuple[SortItem, ...] = ()
    frame: Frame | None = None


@dataclass(eq=False, slots=True)
class Call(Node):
    """A call of a function.

    Args:
        name: In small letters.
        arguments: `count(*)` has none and `star`.
        order: Of `array_agg(x ORDER BY y)` and of WITHIN GROUP.
        nulls: "ignore", "respect" or "".
        clauses: What the special syntax of JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY, LISTAGG,
            TRIM and NORMALIZE says, by word: see `grammar.special`.
    """

    name: str
    arguments: tuple[Node, ...] = ()
    star: bool = False
    distinct: bool = False
    order: tuple[SortItem, ...] = ()
    filter: Node | None = None
    over: Window | None = None
    nulls: str = ""
    clauses: dict[str, Any] = field(default_factory=dict)


# relations


@dataclass(eq=False, slots=True)
class TableName(Node):
    """One to three names; `version` is TIMESTAMP or VERSION and an expression."""

    parts: tuple[str, ...]
    version: tuple[str, Node] | None = None


@dataclass(eq=False, slots=True)
class Derived(Node):
    """A query, LATERAL or not, in FROM."""

    query: "Query"
    lateral: bool = False


@dataclass(eq=False, slots=True)
class Unnest(Node):
    arguments: tuple[Node, ...]
    ordinality: bool


@dataclass(eq=False, slots=True)
class Aliased(Node):
    relation: Node
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Sampled(Node):
    relation: Node
    method: str
    percent: Node


@dataclass(eq=False, slots=True)
class Join(Node):
    """Two relations side by side.

    Args:
        kind: cross, inner, left, right, full.
    """

    kind: str
    left: Node
    right: Node
    on: Node | None = None
    using: tuple[str, ...] = ()
    natural: bool = False


# queries


@dataclass(eq=False, slots=True)
class Item(Node):
    """One of a SELECT's columns."""

    expression: Node
    alias: str | None = None


@dataclass(eq=False, slots=True)
class Grouping(Node):
    """A member of GROUP BY.

    Args:
        kind: plain, rollup, cube, sets.
        items: Of plain one set; of the others their members, each a set of expressions.
    """

    kind: str
    items: tuple[tuple[Node, ...], ...]


@dataclass(eq=False, slots=True)
class Select(Node):
    items: tuple[Node, ...]
    distinct: bool = False
    source: Node | None = None
    where: Node | None = None
    grouping: tuple[Grouping, ...] = ()
    group_distinct: bool = False
    having: Node | None = None
    windows: tuple[tuple[str, Window], ...] = ()


@dataclass(eq=False, slots=True)
class Values(Node):
    rows: tuple[Node, ...]


@dataclass(eq=False, slots=True)
class SetOperation(Node):
    """Two queries, one upon the other.

    Args:
        operator: union, intersect, except.
    """

    operator: str
    distinct: bool
    left: Node
    right: Node


@dataclass(eq=False, slots=True)
class With(Node):
    name: str
    columns: tuple[str, ...]
    query: "Query"


@dataclass(eq=False, slots=True)
class Query(Node):
    """A query with what stands around its body.

    Args:
        body: Select, Values, TableName (of `TABLE t`), SetOperation or Query.
        limit: None for no limit and for LIMIT ALL.
    """

    body: Node
    withs: tuple[With, ...] = ()
    recursive: bool = False
    order: tuple[SortItem, ...] = ()
    offset: Node | None = None
    limit: Node | None = None
    ties: bool = False
