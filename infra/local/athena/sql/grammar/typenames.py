"""Reads a data type where the grammar wants one."""

from infra.local.athena.contract import QueryError
from infra.local.athena.sql.datatype import Type, make_type
from infra.local.athena.sql.grammar.cursor import Cursor

_OF_DDL = ("string", "binary", "struct")
_UNITS = {"day": "second", "year": "month"}


class TypeNames(Cursor):
    """A parser of data types."""

    def type_name(self) -> Type:
        place = self.place
        try:
            kind = self._type()
        except ValueError as error:
            raise QueryError("TYPE_NOT_FOUND", str(error), *place) from error
        while self.accept("array"):
            kind = make_type("array", [(None, kind)])
        return kind

    def _type(self) -> Type:
        if self.is_next("interval"):
            return self._interval()
        if self.accept("double", "precision"):
            return make_type("double")
        if not self.is_name(self.token):
            self.mismatch("<type>")
        name = self.take().text
        if name.lower() in _OF_DDL:
            raise ValueError(f"Unknown type: {name}")
        inner: list[tuple[str | None, Type | int]] = []
        if self.token.low in ("(", "<"):
            end = ")" if self.take().low == "(" else ">"
            is_row = name.lower() == "row"
            inner = list(self.listed(self._field if is_row else self._member, end))
        zone = self.accept_any("with", "without") if self.ahead().low == "time" else ""
        if zone:
            self.expect("time", "zone")
        return make_type(f"{name} with time zone" if zone == "with" else name, inner)

    def _member(self) -> tuple[str | None, Type | int]:
        return None, self.integer() if self.token.kind == "integer" else self.type_name()

    def _field(self) -> tuple[str | None, Type | int]:
        following = self.ahead()
        names_field = (
            self.is_name(following) and following.low not in ("array", "with")
        ) or following.low == "interval"
        if self.is_next("double", "precision") or self.is_next("interval"):
            names_field = False
        label = self.name() if names_field or (following.low == "array" and self.ahead(2).low == "(") else None
        return label, self.type_name()

    def _interval(self) -> Type:
        self.expect("interval")
        start = self.name()
        self.expect("to")
        end = self.name()
        if _UNITS.get(start) != end:
            raise ValueError(f"Unknown type: interval {start} to {end}")
        return Type(f"interval {start} to {end}")
