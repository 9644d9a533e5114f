r"""Java's regular expressions, as Athena takes them, in the two dialects at hand: RE2 (DuckDB's) and Python's.

RE2 is fast and knows neither look-around nor back-references; those go to Python. What neither can say is refused:
`&&` and sets in sets, `\G`, and properties (`\p{…}`) in a pattern that needs Python.

Source: https://trino.io/docs/current/functions/regexp.html
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

_LARGEST_REPEAT = 1000
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})([+?]?)")
_GROUP = re.compile(
    r"\((?:\?(?:(?P<mode>[a-zA-Z]*(?:-[a-zA-Z]+)?)(?P<end>[:)])|<(?P<name>[A-Za-z]\w*)>|(?P<look><?[=!]|>)))?"
)
_CLASS_ESCAPES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\x0b\f\r"}
_LINE_BREAK = r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])"
_BLANK = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"


class PatternError(ValueError):
    """A pattern that is none, or that neither dialect can say."""


@dataclass
class Pattern:
    """A translated pattern.

    Args:
        re2: None where RE2 cannot say it.
        python: None where Python cannot.
        groups: How many there are.
        names: Of groups, to their numbers.
        is_empty_possible: Whether it can match an empty text.
    """

    re2: str | None
    python: str | None
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict)
    is_empty_possible: bool = False

    @property
    def compiled(self) -> "re.Pattern[str]":
        """Python's pattern.

        Raises:
            PatternError: Where Python cannot say it.
        """
        if self.python is None:
            raise PatternError("this regular expression is not supported")
        return re.compile(self.python)


@lru_cache(maxsize=256)
def translate(text: str) -> Pattern:
    """Translate a Java pattern.

    Raises:
        PatternError: For no pattern, or one that neither dialect can say.
    """
    reader = _Reader(text)
    reader.read()
    python = None if reader.only_re2 else "".join(reader.python)
    re2 = None if reader.only_python else "".join(reader.re2)
    if python is None and re2 is None:
        raise PatternError("this regular expression is not supported")
    pattern = Pattern(re2, python, reader.groups, reader.names)
    if python is None:
        pattern.is_empty_possible = False
        return pattern
    try:
        re.compile(python)
        pattern.is_empty_possible = re.fullmatch("".join(reader.bare), "") is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from error
    return pattern


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.re2: list[str] = []
        self.python: list[str] = []
        self.bare: list[str] = []
        self.only_python = self.only_re2 = False
        self.groups = 0
        self.names: dict[str, int] = {}

    def add(self, re2: str, python: str | None = None, *, anchor: bool = False) -> None:
        self.re2.append(re2)
        self.python.append(re2 if python is None else python)
        self.bare.append("(?:)" if anchor else self.python[-1])

    def read(self) -> None:
        while self.position < len(self.text):
            letter = self.text[self.position]
            if letter == "\\":
                self.escape()
            elif letter == "[":
                self.set()
            elif letter == "(":
                self.group()
            elif letter in "*+?{" and (found := _QUANTIFIER.match(self.text, self.position)):
                self.quantifier(found)
            else:
                self.add(letter, r"\{" if letter == "{" else None, anchor=letter in "^$")
                self.position += 1

    def quantifier(self, found: "re.Match[str]") -> None:
        self.position = found.end()
        self.add(found[0])
        if found[1] == "+" or any(int(n) > _LARGEST_REPEAT for n in re.findall(r"\d+", found[0])):
            self.only_python = True

    def group(self) -> None:
        found = _GROUP.match(self.text, self.position)
        if found is None or self.text[found.end() - 1 : found.end() + 1] == "(?":
            raise PatternError("undefined group option")
        self.position = found.end()
        if found["look"]:
            self.only_python = True
            self.add(found[0])
        elif found["name"]:
            self.groups += 1
            self.names[found["name"]] = self.groups
            self.add(f"(?P<{found['name']}>")
        elif found["mode"] is not None:
            self.mode(found)
        else:
            self.groups += 1
            self.add("(")

    def mode(self, found: "re.Match[str]") -> None:
        letters = set(found["mode"]) - {"-"}
        if letters - set("imsx"):
            raise PatternError(f"the flags {found['mode']} are not supported")
        if "x" in letters:
            self.only_python = True
        if found["end"] == ")" and self.python:
            self.only_re2 = True
        self.add(found[0])

    def escape(self) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if not following:
            raise PatternError("end pattern at escape")
        self.position += 2
        if following.isdigit():
            self.back_reference(following)
        elif following == "k":
            self.named_reference()
        elif following == "Q":
            end = self.text.find(r"\E", self.position)
            literal = self.text[self.position : end if end >= 0 else None]
            self.position = len(self.text) if end < 0 else end + 2
            self.add(re.escape(literal))
        elif following in "pP":
            self.only_re2 = True
            self.add("\\" + following + self.property())
        elif following in "xu":
            letter = re.escape(self.code(following))
            self.add(letter)
        else:
            self.letter(following)

    def letter(self, following: str) -> None:
        if following in "dws":
            self.add("\\" + following, f"[{_CLASS_ESCAPES[following]}]")
        elif following in "DWS":
            self.add("\\" + following, f"[^{_CLASS_ESCAPES[following.lower()]}]")
        elif following in "bB":
            self.add("\\" + following, anchor=True)
        elif following in "Az":
            self.add("\\" + following, r"\A" if following == "A" else r"\Z", anchor=True)
        elif following == "Z":
            self.only_python = True
            self.add("", r"(?=\n?\Z)", anchor=True)
        elif following in "Rh":
            self.only_python = True
            self.add("", _LINE_BREAK if following == "R" else f"[{_BLANK}]")
        elif following in "tnrfa" or not following.isalnum():
            self.add("\\" + following)
        elif following == "e":
            self.add(r"\x1b")
        else:
            raise PatternError(f"invalid escape \\{following}")

    def back_reference(self, digit: str) -> None:
        if digit == "0":
            raise PatternError("octal escapes are not supported")
        self.only_python = True
        self.add("", f"(?:\\{digit})")

    def named_reference(self) -> None:
        found = re.compile(r"<(\w+)>").match(self.text, self.position)
        if found is None:
            raise PatternError("invalid back reference")
        self.position = found.end()
        self.only_python = True
        self.add("", f"(?P={found[1]})")

    def property(self) -> str:
        found = re.compile(r"\{\^?\w+\}|\w").match(self.text, self.position)
        if found is None:
            raise PatternError("invalid character property name")
        self.position = found.end()
        return found[0]

    def code(self, kind: str) -> str:
        found = re.compile(rf"\{{([0-9A-Fa-f]{{1,6}})\}}|([0-9A-Fa-f]{{{2 if kind == 'x' else 4}}})").match(
            self.text, self.position
        )
        if found is None or int(found[1] or found[2], 16) > 0x10FFFF:
            raise PatternError("too short escape sequence")
        self.position = found.end()
        return chr(int(found[1] or found[2], 16))

    def set(self) -> None:
        """A set in brackets."""
        self.position += 1
        re2, python = ["["], ["["]
        if self.text[self.position : self.position + 1] == "^":
            self.position += 1
            re2.append("^")
            python.append("^")
        first = True
        while True:
            letter = self.text[self.position : self.position + 1]
            if not letter:
                raise PatternError("premature end of char-class")
            if letter == "]" and not first:
                break
            for part, into in zip(self.member(letter), (re2, python), strict=True):
                into.append(part)
            first = False
        self.position += 1
        self.add("".join([*re2, "]"]), "".join([*python, "]"]))

    def member(self, letter: str) -> tuple[str, str]:
        if letter == "[":
            found = re.compile(r"\[:\^?\w+:\]").match(self.text, self.position)
            if found is None:
                raise PatternError("sets in sets are not supported")
            self.position = found.end()
            self.only_re2 = True
            return found[0], ""
        if self.text.startswith("&&", self.position):
            raise PatternError("intersections of sets are not supported")
        if letter != "\\":
            self.position += 1
            escaped = "\\" + letter if letter in "]&~|" else letter
            return ("\\]" if letter == "]" else letter), escaped
        return self.set_escape()

    def set_escape(self) -> tuple[str, str]:
        following = self.text[self.position + 1 : self.position + 2]
        self.position += 2
        if following in ("x", "u"):
            literal = self.code(following)
            text = "\\" + literal if literal in "\\]^-" else literal
            return text, text
        if following in ("p", "P"):
            self.only_re2 = True
            return "\\" + following + self.property(), ""
        if following in ("d", "w", "s"):
            return "\\" + following, _CLASS_ESCAPES[following]
        if following == "h":
            return _BLANK, _BLANK
        if following in ("D", "W", "S") or following in "tnrfa" or (following and not following.isalnum()):
            return "\\" + following, "\\" + following
        raise PatternError(f"invalid escape \\{following}")


Replacement = tuple[str | int, ...]


def replacement(text: str, pattern: Pattern) -> Replacement:
    r"""Read a replacement: texts and numbers of groups.

    Raises:
        PatternError: For a group that is not there, and for a `$` or `\` with nothing behind it.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter not in "$\\":
            parts.append(letter)
            continue
        if position == len(text):
            raise PatternError(f"Illegal replacement sequence: {text}")
        if letter == "\\":
            parts.append(text[position])
            position += 1
        else:
            group, position = _group(text, position, pattern)
            parts.append(group)
    return tuple(parts)


def _group(text: str, position: int, pattern: Pattern) -> tuple[int, int]:
    if text[position] == "{":
        name, _, rest = text[position + 1 :].partition("}")
        if name not in pattern.names:
            raise PatternError(f"Illegal replacement sequence: unknown group {{ {name} }}")
        return pattern.names[name], len(text) - len(rest)
    if text[position] not in "0123456789":
        raise PatternError(f"Illegal replacement sequence: {text}")
    group = int(text[position])
    if group > pattern.groups:
        raise PatternError(f"Illegal replacement sequence: unknown group {group}")
    position += 1
    while (
        position < len(text) and text[position] in "0123456789" and group * 10 + int(text[position]) <= pattern.groups
    ):
        group = group * 10 + int(text[position])
        position += 1
    return group, position
