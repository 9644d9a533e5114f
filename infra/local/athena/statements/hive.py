"""Hive's types as DDL has them, read into the text that Glue keeps. Knows no table."""

from infra.local.athena.statements.reader import Reader

_PLAIN = (
    "tinyint", "smallint", "int", "bigint", "boolean", "float", "double", "string", "binary", "date", "timestamp",
)  # fmt: skip
_ALSO = {"integer": "int"}


def read(reader: Reader) -> str:
    """Read a type from DDL.

    Returns:
        The type as Glue keeps it: `struct<a:int,b:array<string>>`.

    Raises:
        QueryError: At start, for what is no type.
    """
    first = reader.next
    name = reader.name()
    if name in ("array", "map", "struct", "uniontype") and reader.accept("<"):
        inner = _fields(reader) if name == "struct" else [read(reader)]
        while name != "struct" and reader.accept(","):
            inner.append(read(reader))
        reader.expect(">")
        return f"{name}<{','.join(inner)}>"
    if name in ("decimal", "numeric", "dec"):
        numbers = reader.listed(reader.number) if reader.peek("(") else [10]
        precision, scale = numbers[0], numbers[1] if len(numbers) > 1 else 0
        return f"decimal({precision},{scale})"
    if name in ("varchar", "char"):
        (length,) = reader.listed(reader.number) if reader.peek("(") else (0,)
        return f"{name}({length})" if length else "string"
    name = _ALSO.get(name, name)
    if name not in _PLAIN:
        raise reader.fault("a type", first)
    return name


def _fields(reader: Reader) -> list[str]:
    found = []
    while True:
        name = reader.name()
        reader.expect(":")
        found.append(f"{name}:{read(reader)}")
        if reader.accept("COMMENT"):
            reader.string()
        if not reader.accept(","):
            return found
