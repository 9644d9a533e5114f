"""Reads the text of a JSON path. What it does not know is refused: datetime(), decimal() and like_regex().

Source: https://trino.io/docs/current/functions/json.html#json-path-language
"""

import json
import re
from decimal import Decimal
from functools import lru_cache

from infra.local.athena.sql.jsonpath.tree import (
    Arithmetic,
    Comparison,
    Elements,
    Exists,
    Filter,
    Literal,
    Logic,
    Member,
    Method,
    Path,
    PathSyntaxError,
    Predicate,
    Program,
    Variable,
)

METHODS = ("abs", "ceiling", "double", "floor", "keyvalue", "size", "type")
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<variable>\$[A-Za-z_]\w*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<mark>\.\.|&&|\|\||==|<>|!=|<=|>=|[$@.\[\](),*?!<>+\-/%]))""",
    re.VERBOSE,
)


@lru_cache(maxsize=256)
def parse(text: str) -> Program:
    """Read a path.

    Raises:
        PathSyntaxError: For what is no path, or uses what is not known here.
    """
    try:
        return _Parser(text).program()
    except RecursionError as error:
        raise PathSyntaxError("the path is nested too deeply") from error


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found or found.lastgroup is None:
                raise PathSyntaxError(f"unexpected {text[position : position + 1]!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self.position = 0

    @property
    def token(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "<EOF>")

    def take(self) -> tuple[str, str]:
        token = self.token
        self.position += 1
        return token

    def accept(self, *texts: str) -> bool:
        ahead = self.tokens[self.position : self.position + len(texts)]
        if tuple(t for _, t in ahead) != texts or any(k == "text" for k, _ in ahead):
            return False
        self.position += len(texts)
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise PathSyntaxError(f"unexpected {self.token[1]!r}, expecting {text!r}")

    def program(self) -> Program:
        mode = self.take()
        if mode not in (("word", "lax"), ("word", "strict")):
            raise PathSyntaxError(f"unexpected {mode[1]!r}, expecting 'lax' or 'strict'")
        path = self.sum()
        if self.token[0] != "end":
            raise PathSyntaxError(f"unexpected {self.token[1]!r}")
        return Program(mode[1] == "strict", path)

    def sum(self) -> Path:
        left = self.product()
        while self.token in (("mark", "+"), ("mark", "-")):
            left = Arithmetic(self.take()[1], left, self.product())
        return left

    def product(self) -> Path:
        left = self.signed()
        while self.token in (("mark", "*"), ("mark", "/"), ("mark", "%")):
            left = Arithmetic(self.take()[1], left, self.signed())
        return left

    def signed(self) -> Path:
        if self.token in (("mark", "+"), ("mark", "-")):
            return Arithmetic(self.take()[1], None, self.signed())
        return self.accessors(self.primary())

    def primary(self) -> Path:
        kind, text = self.take()
        if kind == "number":
            return Literal(int(text) if text.isdigit() else float(text) if "e" in text.lower() else Decimal(text))
        if kind == "text":
            return Literal(json.loads(text))
        if kind == "variable":
            return Variable(text[1:])
        if text in ("$", "@", "last"):
            return Variable(text)
        if text in ("true", "false", "null"):
            return Literal({"true": True, "false": False, "null": None}[text])
        if text == "(":
            path = self.sum()
            self.expect(")")
            return path
        raise PathSyntaxError(f"unexpected {text!r}")

    def accessors(self, base: Path) -> Path:
        while True:
            if self.accept(".", "*"):
                base = Member(base, None)
            elif self.accept(".."):
                base = Member(base, self.key(), deep=True)
            elif self.accept("."):
                base = self.named(base)
            elif self.accept("[", "*", "]"):
                base = Elements(base)
            elif self.accept("["):
                base = Elements(base, self.places())
            elif self.accept("?"):
                self.expect("(")
                base = Filter(base, self.either())
                self.expect(")")
            else:
                return base

    def key(self) -> str:
        kind, text = self.take()
        if kind == "text":
            return str(json.loads(text))
        if kind != "word":
            raise PathSyntaxError(f"unexpected {text!r}, expecting a key")
        return text

    def named(self, base: Path) -> Path:
        quoted = self.token[0] == "text"
        key = self.key()
        if quoted or not self.accept("("):
            return Member(base, key)
        if key not in METHODS or not self.accept(")"):
            raise PathSyntaxError(f"the method {key}() is not supported")
        return Method(base, key)

    def places(self) -> tuple[tuple[Path, Path | None], ...]:
        places: list[tuple[Path, Path | None]] = []
        while not places or self.accept(","):
            start = self.sum()
            places.append((start, self.sum() if self.accept("to") else None))
        self.expect("]")
        return tuple(places)

    def either(self) -> Predicate:
        left = self.both()
        while self.accept("||"):
            left = Logic("||", (left, self.both()))
        return left

    def both(self) -> Predicate:
        left = self.predicate()
        while self.accept("&&"):
            left = Logic("&&", (left, self.predicate()))
        return left

    def predicate(self) -> Predicate:
        if self.accept("!"):
            return Logic("!", (self.enclosed(),))
        if self.accept("exists", "("):
            path = self.sum()
            self.expect(")")
            return Exists(path)
        start = self.position
        if self.token == ("mark", "("):
            try:
                inner = self.enclosed()
                if self.accept("is", "unknown"):
                    return Logic("unknown", (inner,))
                if self.token[1] in ("&&", "||", ")"):
                    return inner
            except PathSyntaxError:
                pass
            self.position = start
        return self.comparison()

    def enclosed(self) -> Predicate:
        if self.token == ("word", "exists"):
            return self.predicate()
        self.expect("(")
        inner = self.either()
        self.expect(")")
        return inner

    def comparison(self) -> Predicate:
        left = self.sum()
        if self.accept("starts", "with"):
            return Comparison("starts with", left, self.sum())
        operator = self.take()[1]
        if operator not in ("==", "<>", "!=", "<", "<=", ">", ">="):
            raise PathSyntaxError(f"unexpected {operator!r}, expecting a comparison")
        return Comparison("<>" if operator == "!=" else operator, left, self.sum())
