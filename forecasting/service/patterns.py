r"""Regular expressions of the service model, written for Java, as Python reads them.

A value must match as a whole: `Name` is `^[a-zA-Z][a-zA-Z0-9_]*` in the model and refuses a dash at AWS. Java's classes
are ASCII, its dot stops at more line ends than Python's, and `\p{L}` is unknown to Python: such a class is asked of a
copy of the value in which every character beyond ASCII stands as one of its category.
"""

import functools
import re
import unicodedata

_LINE_ENDS = r"\n\r\u0085\u2028\u2029"
_CATEGORIES = {r"\p{L}": "a-zA-Z", r"\p{N}": "0-9", r"\p{Z}": " "}
_STANDS_FOR = {"L": "a", "N": "0", "Z": " "}
_FOREIGN = "\N{REPLACEMENT CHARACTER}"
# Java reads two escapes of surrogates as the one character beyond U+FFFF that they make.
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def matches(pattern: str, value: str) -> bool:
    """Whether a whole value matches a pattern of the model.

    Example:
        >>> matches("^CSV|PARQUET$", "PARQUET"), matches("^[a-z]*", "ab-c")
        (True, False)
    """
    compiled, by_category = _compiled(pattern)
    return compiled.fullmatch(_by_category(value) if by_category else value) is not None


def contains(pattern: str, value: str) -> bool:
    """Whether any part of a value matches."""
    return _compiled(pattern)[0].search(value) is not None


@functools.cache
def _compiled(pattern: str) -> tuple[re.Pattern[str], bool]:
    by_category = r"\p{" in pattern
    pattern = _SURROGATES.sub(_joined, pattern)
    for name, ascii_class in _CATEGORIES.items():
        pattern = pattern.replace(name, ascii_class)
    # Outside of a class a dot is any character but a line end; a backslash takes the next character with it.
    parts = re.findall(r"\\.|\[(?:\\.|[^\]\\])*\]|.", pattern)
    return re.compile("".join(f"[^{_LINE_ENDS}]" if part == "." else part for part in parts), re.ASCII), by_category


def _joined(pair: re.Match[str]) -> str:
    high, low = (int(half, 16) for half in pair.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + low - 0xDC00:08x}"


def _by_category(value: str) -> str:
    if value.isascii():
        return value
    return "".join(one if one.isascii() else _STANDS_FOR.get(unicodedata.category(one)[0], _FOREIGN) for one in value)
