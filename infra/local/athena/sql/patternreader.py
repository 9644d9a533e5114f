r"""Reads Java's regular expressions and writes them for RE2 and for Python, side by side.

What neither can say is refused: `&&` and sets in sets, `\G`, unknown escapes.
"""

import re

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


class PatternReader:
    """Reads one pattern; afterwards `re2`, `python` and `bare` (without anchors) hold the parts of its translations."""

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
