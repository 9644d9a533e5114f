"""A call of a function as its rule sees it: arguments translated on demand, constants, lambdas, parts of a window."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.datatype import UNDEFINED, Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.value import Function, Value


class Translator(Protocol):
    """What translates expressions where the call stands."""

    def value(self, node: nodes.Node) -> Value: ...

    def function(self, node: nodes.Lambda, types: Sequence[Type]) -> Function: ...


class Call:
    """A call under translation.

    Args:
        node: As it was written.
        translator: Of the place where it stands; for an aggregate, of what stands inside it.
        distinct: "DISTINCT " or "".
        order: " ORDER BY …" inside the parentheses, or "".
        tail: What follows the parentheses: " FILTER (…) OVER (…)", or "".
    """

    def __init__(
        self, node: nodes.Call, translator: Translator, *, distinct: str = "", order: str = "", tail: str = ""
    ) -> None:
        self.node, self.translator = node, translator
        self.distinct, self.order, self.tail = distinct, order, tail
        self.nulls = " IGNORE NULLS" if node.nulls == "ignore" else ""
        self.result: Type = UNDEFINED
        self._values: dict[int, Value] = {}

    @property
    def name(self) -> str:
        """In small letters."""
        return self.node.name

    @property
    def arguments(self) -> tuple[nodes.Node, ...]:
        """As they were written."""
        return self.node.arguments

    def value(self, index: int) -> Value:
        """An argument that is no lambda, translated; the same one at every call."""
        if index not in self._values:
            node = self.node.arguments[index]
            if isinstance(node, nodes.Lambda):
                raise self.fault("TYPE_MISMATCH", "Expected a value, not a lambda", node)
            self._values[index] = self.translator.value(node)
        return self._values[index]

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """All arguments; for a call without lambdas."""
        return tuple(self.value(i) for i in range(len(self.node.arguments)))

    def is_lambda(self, index: int) -> bool:
        return isinstance(self.node.arguments[index], nodes.Lambda)

    def function(self, index: int, *types: Type) -> Function:
        """An argument that is a lambda, translated for parameters of these types; anew at every call."""
        node = self.node.arguments[index]
        if not isinstance(node, nodes.Lambda) or len(node.parameters) != len(types):
            raise self.fault("TYPE_MISMATCH", f"Expected a lambda that takes {len(types)} argument(s)", node)
        return self.translator.function(node, types)

    def constant(self, index: int) -> Any:
        """The Python value of an argument that is a literal; None for NULL and for what is no literal."""
        node: nodes.Node = self.node.arguments[index]
        sign = 1
        while isinstance(node, nodes.Unary) and node.operator in "+-":
            sign, node = (-sign if node.operator == "-" else sign), node.operand
        if not isinstance(node, nodes.Literal):
            return None
        return sign * node.value if node.kind == "integer" else node.value

    def type_texts(self) -> list[str]:
        """Types of the arguments, as an error names them."""
        indexes = range(len(self.node.arguments))
        return ["<function>" if self.is_lambda(i) else str(self.value(i).type) for i in indexes]

    def fault(self, code: str, message: str, node: nodes.Node | None = None) -> QueryError:
        """An error at the call, or at a node in it."""
        return QueryError(code, message, *(node or self.node).place)
