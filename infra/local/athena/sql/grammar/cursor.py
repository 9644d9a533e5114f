"""A place in the tokens of a query: look ahead, take, or raise the error of what was expected."""

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.datatype import Type
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.tokens import RESERVED, Token, tokenize, whole

T = TypeVar("T")


class Cursor:
    """Reads the tokens of one text."""

    def __init__(self, text: str, parameters: Sequence[nodes.Node] = ()) -> None:
        self.tokens = tokenize(text)
        self.position = 0
        self.parameters = parameters
        self.used = 0

    # what the parsers of parts need of the whole one, which is made of them
    def query(self) -> nodes.Query:
        raise NotImplementedError

    def expression(self) -> nodes.Node:
        raise NotImplementedError

    def value_expression(self) -> nodes.Node:
        raise NotImplementedError

    def type_name(self) -> Type:
        raise NotImplementedError

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def place(self) -> tuple[int, int]:
        return self.token.place

    def ahead(self, count: int = 1) -> Token:
        """A token further on; the end where there is none."""
        return self.tokens[min(self.position + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.position += 1
        return token

    def is_next(self, first: str, *others: str) -> bool:
        """Whether the next tokens are these words and operators."""
        # Asked a dozen times for each token of a text that may have 100,000.
        if self.tokens[self.position].low != first:
            return False
        return not others or all(self.ahead(i).low == text for i, text in enumerate(others, 1))

    def accept(self, *texts: str) -> bool:
        """Take these words and operators if they come next."""
        if self.tokens[self.position].low != texts[0] or not self.is_next(*texts):
            return False
        self.position += len(texts)
        return True

    def accept_any(self, *texts: str) -> str:
        """Take one of these words if one comes next; "" otherwise."""
        return self.take().low if self.token.low in texts and self.token.low else ""

    def expect(self, *texts: str) -> None:
        for text in texts:
            if not self.accept(text):
                self.mismatch(f"'{text.upper()}'")

    def mismatch(self, *expected: str) -> NoReturn:
        """Raise Athena's error of a token that cannot stand here."""
        message = f"mismatched input '{self.token.written}'. Expecting: {', '.join(expected)}"
        raise QueryError("SYNTAX_ERROR", message, *self.place)

    def is_name(self, token: Token) -> bool:
        return token.kind == "quoted" or (token.kind == "word" and token.low not in RESERVED)

    def name(self) -> str:
        """An identifier, in small letters: Athena's do not tell them apart, quoted or not."""
        if not self.is_name(self.token):
            self.mismatch("<identifier>")
        return self.take().text.lower()

    def names(self) -> tuple[str, ...]:
        """`(a, b)`."""
        self.expect("(")
        return self.listed(self.name, ")")

    def listed(self, item: Callable[[], T], end: str) -> tuple[T, ...]:
        """At least one item, then the end."""
        items = [item()]
        while self.accept(","):
            items.append(item())
        if not self.accept(end):
            self.mismatch(f"'{end}'", "','")
        return tuple(items)

    def string(self) -> str:
        if self.token.kind != "string":
            self.mismatch("<string>")
        return self.take().text

    def integer(self) -> int:
        if self.token.kind != "integer":
            self.mismatch("<integer>")
        return whole(self.take())

    def parameter(self) -> nodes.Node:
        """The value of the next `?`."""
        place = self.place
        self.take()
        self.used += 1
        if self.used > len(self.parameters):
            wanted = sum(token.low == "?" for token in self.tokens)
            message = f"Incorrect number of parameters: expected {wanted} but found {len(self.parameters)}"
            raise QueryError("INVALID_PARAMETER_USAGE", message, *place)
        return self.parameters[self.used - 1]
