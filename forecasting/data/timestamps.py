"""Timestamp formats in Joda's letters: a format becomes one regular expression, which reads a whole column.

Nothing else is known here: no file, no clock, and no time zone but the offset that a format asks for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.errors import ContractError

DEFAULT_FORMATS = ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd")
"""What is tried, in this order, when an import names no format."""

_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_TOKEN = re.compile(r"(?P<run>([A-SU-Za-z])\2*)|'(?P<quoted>(?:[^']|'')*)'|(?P<literal>[^'])", re.DOTALL)
_SAME = {"Y": "y", "u": "y", "X": "Z"}
_NUMBERS = {"y": 4, "M": 2, "d": 2, "D": 3, "H": 2, "k": 2, "h": 2, "K": 2, "m": 2, "s": 2, "S": 9}
"""The letters of numbers and their most digits."""
_PIVOT = 50  # two digits mean 1950 to 2049, as Joda's own default has it
_RANGE = (np.datetime64("0001-01-01", "s"), np.datetime64("9999-12-31T23:59:59", "s"))


@dataclass(frozen=True)
class TimestampFormat:
    """A compiled format; `of` makes one.

    Args:
        text: As it was given.
        regex: For a whole value, with a group per letter.
        letters: Those of the groups.
    """

    text: str
    regex: str
    letters: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "TimestampFormat":
        """Compile a format.

        Raises:
            ContractError: It has a letter that is not read here, one twice, an open quote, or no year.
        """
        parts: list[str] = []
        letters: set[str] = set()
        tokens = list(_tokens(text))
        for number, (letter, part) in enumerate(tokens):
            if not letter:
                parts.append(_literal(part))
                continue
            if letter in letters or (letter not in _NUMBERS and letter not in "aEZ"):
                raise _unknown(text, f"the letter {part[0]}" + (" twice" if letter in letters else ""))
            letters.add(letter)
            beside = {tokens[other][0] for other in (number - 1, number + 1) if 0 <= other < len(tokens)}
            parts.append(f"(?P<{letter}>{_pattern(letter, len(part), bool(beside & _NUMBERS.keys()))})")
        if "y" not in letters:
            raise _unknown(text, "no year")
        return cls(text, f"^(?:{''.join(parts)})$", frozenset(letters))

    def parse(self, texts: pa.Array) -> NDArray[np.datetime64]:
        """The moments that texts name, to the second.

        Args:
            texts: Strings `(n,)`.

        Returns:
            Datetimes `(n,)`; NaT where a text does not have the format or names a moment that is none.
        """
        times = np.full(len(texts), np.datetime64("NaT"), "datetime64[s]")
        found = pc.extract_regex(pc.ascii_trim_whitespace(texts), pattern=self.regex)
        rows = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        if len(rows):
            found = found.take(pa.array(rows))
            times[rows] = _moments({letter: found.field(letter) for letter in self.letters})
        return times


def compiled(text: str | None) -> tuple[TimestampFormat, ...]:
    """The formats to try, one after the other, for what an import names."""
    return tuple(TimestampFormat.of(one) for one in ([text] if text else DEFAULT_FORMATS))


def parse(texts: pa.Array, formats: Sequence[TimestampFormat]) -> NDArray[np.datetime64]:
    """The moments of a column whose texts may each have any of the formats; NaT where none fits.

    Example:
        >>> parse(pa.array(["2019-02-28", "2019-02-29", "1.3.2019"]), compiled(None)).astype(str).tolist()
        ['2019-02-28T00:00:00', 'NaT', 'NaT']
    """
    encoded = texts.dictionary_encode()  # a time comes again with every item
    different = encoded.dictionary
    times = formats[0].parse(different)
    for other in formats[1:]:
        rows = np.flatnonzero(np.isnat(times))
        if len(rows):
            times[rows] = other.parse(different.take(pa.array(rows)))
    every: NDArray[np.datetime64] = times[encoded.indices.to_numpy()]
    return every


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Letters with their runs, and "" with texts to be found as they are; a bare T is one, though not to Joda."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _unknown(text, "a quote that is not closed")
        position = found.end()
        if run := found["run"]:
            yield _SAME.get(run[0], run[0]), run
        elif found["quoted"] is not None:
            yield "", found["quoted"].replace("''", "'") or "'"
        else:
            yield "", found["literal"]


def _unknown(text: str, what: str) -> ContractError:
    return ContractError(
        f"the timestamp format {text[:80]!r} with {what}",
        f"one of the letters {' '.join(_NUMBERS)} a E Z, each once and a year among them",
        "name the format of the files, such as yyyy-MM-dd HH:mm:ss",
    )


def _literal(text: str) -> str:
    return "".join(one if one.isalnum() or not one.isascii() else f"\\x{ord(one):02x}" for one in text)


def _pattern(letter: str, count: int, beside_a_number: bool) -> str:
    if letter == "E" or (letter == "M" and count > 2):
        names = _DAYS if letter == "E" else _MONTHS
        return f"(?i:{'|'.join(f'{name}|{name[:3]}' for name in names)})"
    if letter == "a":
        return "(?i:am|pm)"
    if letter == "Z":
        return "Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?"
    if letter == "y":
        return "[0-9]{2}" if count == 2 else "[0-9]{4}"
    return f"[0-9]{{{count}}}" if beside_a_number else f"[0-9]{{1,{_NUMBERS[letter]}}}"


def _moments(found: Mapping[str, pa.Array]) -> NDArray[np.datetime64]:
    number = {letter: _numbers(letter, texts) for letter, texts in found.items() if letter not in "aEZ"}
    year = number["y"]
    one, none = np.ones_like(year), np.zeros_like(year)
    if pc.binary_length(found["y"][0]).as_py() == 2:
        year = year + np.where(year < _PIVOT, 2000, 1900)
    right = year >= 1
    if "D" in number and "M" not in number:
        start, day = (year - 1970).astype("datetime64[Y]"), number["D"]
    else:
        month = number.get("M", one)
        right &= (month >= 1) & (month <= 12)
        start, day = ((year - 1970) * 12 + month - 1).astype("datetime64[M]"), number.get("d", one)
    first, after = (period.astype("datetime64[D]").astype(np.int64) for period in (start, start + 1))
    hour, fits = _hours(found, number, none)
    minute, second = number.get("m", none), number.get("s", none)
    right &= (day >= 1) & (day <= after - first) & fits & (hour < 24) & (minute < 60) & (second < 60)
    seconds = (first + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second
    times = (seconds - _offsets(found["Z"]) if "Z" in found else seconds).astype("datetime64[s]")
    times[~right | (times < _RANGE[0]) | (times > _RANGE[1])] = np.datetime64("NaT")
    return times


def _numbers(letter: str, texts: pa.Array) -> NDArray[np.int64]:
    if letter == "M" and not texts[0].as_py()[0].isdigit():
        names = pa.array([name[:3] for name in _MONTHS])
        texts = pc.add(pc.index_in(pc.utf8_slice_codeunits(pc.utf8_lower(texts), 0, 3), names), 1)
    numbers: NDArray[np.int64] = pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _hours(
    found: Mapping[str, pa.Array], number: Mapping[str, NDArray[np.int64]], none: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The hour of the day and whether it is one.

    Without `a` the hours of half a day count to 23: the service itself read such files as hours of the whole day
    (aws-samples/amazon-forecast-samples, Tutorial 1: format hh, 7,295 different hours from 01:00 to 23:00).
    """
    letter = next((one for one in "HkhK" if one in number), "")
    hour = number.get(letter, none)
    if letter == "k":
        return hour % 24, (hour >= 1) & (hour <= 24)
    if letter not in ("h", "K") or "a" not in found:
        return hour, hour < 24
    low, high = (1, 12) if letter == "h" else (0, 11)
    late = pc.equal(pc.utf8_lower(found["a"]), "pm").to_numpy(zero_copy_only=False)
    return hour % 12 + np.where(late, 12, 0), (hour >= low) & (hour <= high)


def _offsets(texts: pa.Array) -> NDArray[np.int64]:
    """Seconds east of UTC."""
    encoded = texts.dictionary_encode()  # few different ones
    east = []
    for text in encoded.dictionary.to_pylist():
        digits = text[1:].replace(":", "").ljust(4, "0")
        east.append(0 if text == "Z" else int(f"{text[0]}1") * (int(digits[:2]) * 3_600 + int(digits[2:]) * 60))
    seconds: NDArray[np.int64] = np.array(east, np.int64)[encoded.indices.to_numpy()]
    return seconds
