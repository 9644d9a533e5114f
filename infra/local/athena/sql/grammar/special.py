"""Functions with a syntax of their own: their words land in the call's `clauses`."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.grammar.cursor import Cursor

_JSON = ("json_value", "json_query", "json_exists")


class Special(Cursor):
    """A parser of special calls.

    Clauses: TRIM has `side` (both, leading, trailing), with the letters as the second argument if they are given;
    NORMALIZE has `form`; LISTAGG has `overflow` (error or truncate); JSON_VALUE, JSON_QUERY and JSON_EXISTS have
    `path` (a string), `passing` ((node, name), …), `returning` (a Type), `empty` and `error` (null, error, default,
    empty array, empty object, true, false, unknown), `empty_default` and `error_default` (a node), `wrapper`
    (without, conditional, unconditional), `quotes` (keep, omit); JSON_OBJECT has `pairs` ((key, value), …) and
    JSON_ARRAY its arguments, both `nulls` (null, absent), `unique` (a bool) and `returning`.
    """

    def special(self) -> nodes.Node | None:
        """A call that starts here; None where there is none."""
        place, word = self.place, self.token.low
        if self.ahead().low != "(":
            return None
        reader = {
            "trim": self._trim,
            "position": self._position,
            "normalize": self._normalize,
            "listagg": self._listagg,
            "json_object": self._json_object,
            "json_array": self._json_array,
            **dict.fromkeys(_JSON, self._json),
        }.get(word)
        if word == "substring":
            return self._substring(place)
        if reader is None:
            return None
        self.position += 2
        return reader(place, word)

    def _trim(self, place: tuple[int, int], word: str) -> nodes.Call:
        side = self.accept_any("both", "leading", "trailing")
        arguments = [self.expression()] if not side or not self.is_next("from") else []
        if self.accept("from"):
            arguments.insert(0, self.expression())
        elif not side and self.accept(","):
            arguments.append(self.expression())
        self.expect(")")
        return nodes.Call(place, word, tuple(arguments), clauses={"side": side or "both"})

    def _position(self, place: tuple[int, int], word: str) -> nodes.Call:
        part = self.value_expression()
        self.expect("in")
        text = self.value_expression()
        self.expect(")")
        return nodes.Call(place, "strpos", (text, part))

    def _substring(self, place: tuple[int, int]) -> nodes.Node | None:
        start = self.position
        self.position += 2
        arguments = [self.expression()]
        if not self.accept("from"):
            self.position = start
            return None
        arguments.append(self.expression())
        if self.accept("for"):
            arguments.append(self.expression())
        self.expect(")")
        return nodes.Call(place, "substring", tuple(arguments))

    def _normalize(self, place: tuple[int, int], word: str) -> nodes.Call:
        text = self.expression()
        form = "nfc"
        if self.accept(","):
            form = self.accept_any("nfc", "nfd", "nfkc", "nfkd") or self.mismatch("'NFC'", "'NFD'", "'NFKC'", "'NFKD'")
        self.expect(")")
        return nodes.Call(place, word, (text,), clauses={"form": form})

    def _listagg(self, place: tuple[int, int], word: str) -> nodes.Call:
        distinct = self.accept_any("distinct", "all") == "distinct"
        arguments = [self.expression()]
        if self.accept(","):
            arguments.append(self.expression())
        overflow = "error"
        if self.accept("on", "overflow"):
            overflow = self.accept_any("error", "truncate") or self.mismatch("'ERROR'", "'TRUNCATE'")
            if overflow == "truncate" and self.token.kind == "string":
                self.take()
            if self.accept_any("with", "without"):
                self.expect("count")
        self.expect(")")
        return nodes.Call(place, word, tuple(arguments), distinct=distinct, clauses={"overflow": overflow})

    def _json(self, place: tuple[int, int], word: str) -> nodes.Call:
        value = self.expression()
        self._format()
        self.expect(",")
        clauses: dict[str, object] = {"path": self.string(), "passing": ()}
        if self.accept("passing"):
            passing: list[tuple[nodes.Node, str]] = []
            while not passing or self.accept(","):
                node = self._json_item()
                self.expect("as")
                passing.append((node, self.name()))
            clauses["passing"] = tuple(passing)
        if self.accept("returning"):
            clauses["returning"] = self.type_name()
            self._format()
        self._json_tail(clauses)
        self.expect(")")
        return nodes.Call(place, word, (value,), clauses=clauses)

    def _json_tail(self, clauses: dict[str, object]) -> None:
        while not self.is_next(")"):
            if wrapper := self.accept_any("without", "with"):
                kind = self.accept_any("conditional", "unconditional")
                self.accept("array")
                self.expect("wrapper")
                clauses["wrapper"] = "without" if wrapper == "without" else kind or "unconditional"
            elif quotes := self.accept_any("keep", "omit"):
                self.expect("quotes")
                if self.accept("on", "scalar"):
                    self.expect("string")
                clauses["quotes"] = quotes
            else:
                self._json_behaviour(clauses)

    def _json_behaviour(self, clauses: dict[str, object]) -> None:
        behaviour = self.accept_any("null", "error", "default", "empty", "true", "false", "unknown")
        if not behaviour:
            self.mismatch("')'")
        default = None
        if behaviour == "default":
            default = self.expression()
        elif behaviour == "empty":
            behaviour = f"empty {self.accept_any('array', 'object') or self.mismatch(chr(39) + 'ARRAY' + chr(39))}"
        self.expect("on")
        event = self.accept_any("empty", "error") or self.mismatch("'EMPTY'", "'ERROR'")
        clauses[event], clauses[f"{event}_default"] = behaviour, default

    def _json_item(self) -> nodes.Node:
        """A value; what is FORMAT JSON is read as a document."""
        node = self.expression()
        if not self.is_next("format"):
            return node
        place = self.place
        self._format()
        clauses = {"path": "strict $", "passing": (), "error": "error", "error_default": None}
        return nodes.Call(place, "json_query", (node,), clauses=clauses)

    def _format(self) -> None:
        if self.accept("format"):
            self.expect("json")
            place = self.place
            if self.accept("encoding") and self.name() != "utf8":
                raise QueryError("NOT_SUPPORTED", "Only JSON in UTF8 is supported", *place)

    def _json_object(self, place: tuple[int, int], word: str) -> nodes.Call:
        pairs: list[tuple[nodes.Node, nodes.Node]] = []
        while not self.is_next(")") and self.token.low not in ("null", "absent", "with", "without", "returning"):
            if pairs:
                self.expect(",")
            if self.accept("key"):
                key = self.expression()
                self.expect("value")
            else:
                key = self.expression()
                if not self.accept("value"):
                    self.expect(":")
            pairs.append((key, self._json_item()))
        return nodes.Call(place, word, (), clauses={"pairs": tuple(pairs), **self._json_constructor("null")})

    def _json_array(self, place: tuple[int, int], word: str) -> nodes.Call:
        items: list[nodes.Node] = []
        while not self.is_next(")") and not self.is_next("absent", "on") and not self.is_next("returning"):
            if self.is_next("null", "on"):
                break
            if items:
                self.expect(",")
            items.append(self._json_item())
        return nodes.Call(place, word, tuple(items), clauses=self._json_constructor("absent"))

    def _json_constructor(self, nulls: str) -> dict[str, object]:
        clauses: dict[str, object] = {"nulls": nulls, "unique": False}
        if self.token.low in ("null", "absent"):
            clauses["nulls"] = self.take().low
            self.expect("on", "null")
        if mode := self.accept_any("with", "without"):
            self.expect("unique")
            self.accept("keys")
            clauses["unique"] = mode == "with"
        if self.accept("returning"):
            clauses["returning"] = self.type_name()
            self._format()
        self.expect(")")
        return clauses
