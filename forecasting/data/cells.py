"""What a column of texts means by its type, and which of its cells mean nothing.

One definition for the fast reading of good files and for the naming of a fault: both come through `Reading.column`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecasting.data import timestamps
from forecasting.data.schema import Attribute, Schema
from forecasting.data.timestamps import TimestampFormat

Mask = NDArray[np.bool_]

_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$|^(?i:nan)$"
_INTEGER = "^[+-]?[0-9]+$"
_SHOWN = 60
_SURROGATE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Reading:
    """How the texts of a file become values.

    Args:
        schema: The columns.
        formats: Of the timestamps, in the order in which they are tried.
    """

    schema: Schema
    formats: Sequence[TimestampFormat]

    def column(self, attribute: Attribute, texts: pa.Array) -> tuple[pa.Array, Mask | None]:
        """The values of a column of texts.

        Empty cells are missing values, except in the key, where they are faults. Blanks around numbers and timestamps
        do not count; a string is kept as it is. NaN is a number here, infinity is a fault.

        Args:
            attribute: The column.
            texts: Strings `(n,)`, none null.

        Returns:
            Values `(n,)` of the attribute's type, and `(n,)` true where a cell does not fit; None where all do.
        """
        if attribute.kind == "timestamp":
            times = timestamps.parse(texts, self.formats)
            return pa.array(times), _any(np.isnat(times))
        if attribute.kind in ("integer", "float"):
            values, bad = _numbers(texts, attribute.kind)
        else:
            values, bad = _missing(texts), None
        return values, self.checked(attribute, values, bad)

    def checked(self, attribute: Attribute, values: pa.Array, bad: Mask | None = None) -> Mask | None:
        """Which values must not be in the column: none in the key, and infinite numbers; `bad` ones are added."""
        if attribute.name in self.schema.key and values.null_count:
            missing = pc.is_null(values).to_numpy(zero_copy_only=False)
            bad = missing if bad is None else bad | missing
        if attribute.kind == "float":
            infinite = _any(pc.fill_null(pc.is_inf(values), False).to_numpy(zero_copy_only=False))
            if infinite is not None:
                bad = infinite if bad is None else bad | infinite
        return bad

    def expected(self, attribute: Attribute) -> str:
        """What a cell of the column must be, in words."""
        words = {
            "timestamp": f"a timestamp in the format {' or '.join(one.text for one in self.formats)}",
            "integer": "an integer from -2^63 to 2^63-1",
            "float": "a finite number",
        }.get(attribute.kind, "a text")
        if attribute.kind == "timestamp":
            return words
        return words + (" that is not empty" if attribute.name in self.schema.key else " or nothing")


def shown(value: object) -> str:
    r"""A value for a message: quoted, escaped and shortened.

    Example:
        >>> print(shown("a\nb"), shown("x" * 1_000))
        'a\nb' 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... (1000 characters)
    """
    if not isinstance(value, str):
        return repr(value)
    start = value[:_SHOWN]
    told = repr(start.encode("utf-8", "surrogateescape"))[1:] if not_decoded(start) else repr(start)
    return told if len(value) <= _SHOWN else f"{told}... ({len(value)} characters)"


def not_decoded(text: str) -> bool:
    """Whether a text holds bytes that are not UTF-8, as `surrogateescape` leaves them."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _any(mask: Mask) -> Mask | None:
    return mask if mask.any() else None


def _missing(texts: pa.Array) -> pa.Array:
    empty = pc.equal(pc.binary_length(texts), 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts) if pc.any(empty).as_py() else texts


def _numbers(texts: pa.Array, kind: str) -> tuple[pa.Array, Mask | None]:
    """Arrow's own reading where it means the same; cell by cell where a column holds anything else."""
    number = pa.float64() if kind == "float" else pa.int64()
    try:
        values = pc.cast(_missing(texts), number)
        if kind == "float":
            odd = pc.fill_null(pc.invert(pc.is_finite(values)), False)
            is_plain = not pc.any(odd).as_py()
        else:
            is_plain = not pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py()  # to Arrow 0x10 is 16
        if is_plain:
            return values, None
    except pa.ArrowInvalid:
        pass
    texts = pc.ascii_trim_whitespace(texts)
    fits = pc.match_substring_regex(texts, _NUMBER if kind == "float" else _INTEGER)
    if kind == "integer":
        texts = pc.replace_substring_regex(texts, r"^\+?(-?)0*([0-9])", r"\1\2")
        fits = pc.and_(fits, _in_range(texts))
    empty = pc.equal(pc.binary_length(texts), 0)
    values = pc.cast(pc.if_else(fits, texts, pa.scalar(None, pa.string())), number)
    return values, _any(pc.invert(pc.or_(fits, empty)).to_numpy(zero_copy_only=False))


def _in_range(digits: pa.Array) -> pa.Array:
    """Whether integers without leading zeros are of 64 bits: compared as texts, since any size may come."""
    limit = pc.if_else(pc.starts_with(digits, "-"), str(-(2**63)), str(2**63 - 1))
    length, most = pc.binary_length(digits), pc.binary_length(limit)
    return pc.or_(pc.less(length, most), pc.and_(pc.equal(length, most), pc.less_equal(digits, limit)))
