"""Reads a statement token by token: keywords, names, strings, lists of properties. Knows no statement.

Every fault is one that Athena's StartQueryExecution reports, with line and column.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from infra.local.athena.contract import CATALOG, QueryError
from infra.local.athena.statements import faults
from infra.local.athena.statements.tokens import NAME, NUMBER, STRING, SYMBOL, WORD, Token, place, scan

Item = TypeVar("Item")


class Reader:
    """The tokens of one statement.

    Args:
        text: The statement, without the semicolon.
        hive: Whether it is DDL as Hive has it.
    """

    def __init__(self, text: str, *, hive: bool = True) -> None:
        self.text = text
        self._tokens = scan(text, hive=hive)
        self._at = 0

    @property
    def next(self) -> Token | None:
        """The token to read; None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    @property
    def rest(self) -> str:
        """The text from the next token on."""
        return self.text[self.next.start :].strip() if self.next else ""

    def peek(self, *words: str) -> bool:
        """Whether these words or symbols come next."""
        following = self._tokens[self._at : self._at + len(words)]
        return len(following) == len(words) and all(
            token.text == word if token.kind == SYMBOL else token.word == word
            for token, word in zip(following, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Read these words or symbols if they come next."""
        if not self.peek(*words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words or symbols."""
        for word in words:
            if not self.accept(word):
                self.refuse(f"'{word}'")

    def one_of(self, *words: str) -> str:
        """Read one of these words."""
        for word in words:
            if self.accept(word):
                return word
        raise self.fault(", ".join(f"'{word}'" for word in words))

    def take(self) -> Token:
        """Read whatever comes next."""
        token = self.next
        if token is None:
            self.refuse("<anything>")
        self._at += 1
        return token

    def name(self) -> str:
        """Read a name, in small letters."""
        token = self.next
        if token is None or token.kind not in (WORD, NAME):
            # A number can begin a name only in quotes; a string is none.
            self.refuse("<identifier>")
        self._at += 1
        return token.value.lower()

    def full_name(self, database: str = "") -> tuple[str, str]:
        """Read `[[catalog.]database.]name`: database ("" where nothing names one) and name."""
        parts = self._parts()
        while self.accept("."):
            parts += self._parts()
        if len(parts) == 3 and parts[0] == CATALOG:
            parts = parts[1:]
        if len(parts) > 2:
            raise faults.at_start(f"Invalid table name {'.'.join(parts)}")
        return (parts[0], parts[1]) if len(parts) == 2 else (database, parts[0])

    def _parts(self) -> list[str]:
        """One name; Hive takes what SHOW CREATE TABLE writes, `database.table` within one pair of backticks, as two."""
        within_quotes = self.next is not None and self.next.kind == NAME and self.next.hive
        name = self.name()
        return name.split(".") if within_quotes else [name]

    def string(self) -> str:
        """Read a string."""
        token = self.next
        if token is None or token.kind != STRING:
            self.refuse("STRING")
        self._at += 1
        return token.value

    def number(self) -> int:
        """Read a whole number."""
        token = self.next
        if token is None or token.kind != NUMBER or not token.text.isdigit():
            self.refuse("INTEGER_VALUE")
        self._at += 1
        return int(token.text)

    def listed(self, item: Callable[[], Item]) -> list[Item]:
        """Read `(item, item, …)`."""
        self.expect("(")
        found = [item()]
        while self.accept(","):
            found.append(item())
        self.expect(")")
        return found

    def properties(self) -> dict[str, str]:
        """Read `('name' = 'value', …)`."""

        def one() -> tuple[str, str]:
            name = self.string()
            self.expect("=")
            return name, self.string()

        return dict(self.listed(one))

    def exists(self, *, negated: bool = False) -> bool:
        """Read `IF EXISTS`, or `IF NOT EXISTS`."""
        return self.accept("IF", "NOT", "EXISTS") if negated else self.accept("IF", "EXISTS")

    def end(self) -> None:
        """Nothing may follow."""
        if self.next is not None:
            self.refuse("<EOF>")

    def peek_second(self, *words: str) -> bool:
        """Whether one of these words or symbols comes after the next token."""
        token = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        return token is not None and (token.text if token.kind == SYMBOL else token.word) in words

    def expressions(self) -> list[str]:
        """Read expressions to the end, commas between them: their texts."""
        if self.next is None:
            self.refuse("<expression>")
        found, depth, start = [], 0, self.next.start
        while self.next:
            token = self.take()
            if token.kind == SYMBOL:
                depth += (token.text in "([") - (token.text in ")]")
                if token.text == "," and not depth:
                    found.append(self.text[start : token.start].strip())
                    start = token.end
        return [*found, self.text[start:].strip()]

    def last(self, count: int) -> list[Token]:
        """The last tokens of the statement, among those not read."""
        return self._tokens[max(self._at, len(self._tokens) - count) :]

    def skip_to_close(self) -> int:
        """Read up to the parenthesis that closes the one read last; returns its place."""
        depth = 1
        while True:
            token = self.take()
            if token.kind == SYMBOL:
                depth += (token.text == "(") - (token.text == ")")
            if not depth:
                return token.start

    def place(self, token: Token | None) -> tuple[int, int]:
        """Line and column of a token, from 1."""
        return place(self.text, token.start if token else len(self.text.rstrip()))

    def fault(self, expected: str, token: Token | None = None) -> QueryError:
        """The fault of a token, the next one by default, as ANTLR words it."""
        token = token or self.next
        line, column = self.place(token)
        found = token.text if token else "<EOF>"
        return faults.at_start(f"line {line}:{column}: mismatched input '{found}'. Expecting: {expected}")

    def refuse(self, expected: str) -> NoReturn:
        """Raise the fault of the next token.

        Raises:
            QueryError: At start.
        """
        raise self.fault(expected)
