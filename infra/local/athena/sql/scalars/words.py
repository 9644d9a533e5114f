"""Functions of words and numbers as text: normal forms, sounds, check digits."""

import unicodedata

from infra.local.athena.sql.scalars import fault, scalar

_SOUNDS = {letter: str(digit) for digit, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
           for letter in letters}  # fmt: skip


@scalar("py_normalize(VARCHAR, VARCHAR) -> VARCHAR")
def normalize(text: str, form: str) -> str:
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


@scalar("py_luhn_check(VARCHAR) -> BOOLEAN")
def luhn_check(text: str) -> bool:
    if not (text.isascii() and text.isdigit()):
        raise fault("Input string should only contain digits")
    total = 0
    for place, digit in enumerate(reversed(text)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


@scalar("py_soundex(VARCHAR) -> VARCHAR")
def soundex(text: str) -> str:
    letters = [letter for letter in text.upper() if letter.isalpha()]
    if not letters:
        return ""
    code, last = letters[0], _SOUNDS.get(letters[0], "")
    for letter in letters[1:]:
        sound = _SOUNDS.get(letter, "")
        if sound and sound != last:
            code += sound
        if letter not in "HW":
            last = sound
    return code[:4].ljust(4, "0")


@scalar("py_levenshtein(VARCHAR, VARCHAR) -> BIGINT")
def levenshtein(first: str, second: str) -> int:
    before = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        now = [row]
        for place, other in enumerate(second, 1):
            now.append(min(before[place] + 1, now[-1] + 1, before[place - 1] + (letter != other)))
        before = now
    return before[-1]
