"""How numbers, money, dates and durations read in the report and on the terminal. Pure."""
# ruff: noqa: RUF001, RUF002  (a minus sign is meant)

from datetime import date
from decimal import Decimal

Number = int | float | Decimal


def short(number: Number) -> str:
    """A number in at most three digits, for an axis or a label.

    Example:
        >>> [short(n) for n in (0, 950, 1_000, 12_345, 9_747_747.934, -168_469.6)]
        ['0', '950', '1k', '12.3k', '9.75M', '−168k']
    """
    value, sign = abs(float(number)), "−" if number < 0 else ""
    for limit, letter in ((999_500, "M"), (999.5, "k"), (0, "")):
        if value >= limit:
            scaled = value / {"M": 1e6, "k": 1e3, "": 1}[letter]
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            text = f"{scaled:.{digits}f}"
            return sign + (text.rstrip("0").rstrip(".") if "." in text else text) + letter
    return "0"


def money(number: Number) -> str:
    """Pounds, short.

    Example:
        >>> money(Decimal("-77183.6"))
        '−£77.2k'
    """
    text = short(number)
    return f"−£{text[1:]}" if text.startswith("−") else f"£{text}"


def share(part: Number, whole: Number) -> str:
    """A part in per cent.

    Example:
        >>> share(1, 3), share(1, 9999), share(0, 3), share(1, 0)
        ('33.3 %', '< 0.1 %', '0 %', '–')
    """
    if not whole:
        return "–"
    percent = 100 * float(part) / float(whole)
    if 0 < percent < 0.05:
        return "< 0.1 %"
    return f"{percent:.1f} %" if percent else "0 %"


def day(moment: date) -> str:
    """A date as people write it.

    Example:
        >>> day(date(2010, 12, 1))
        '1 December 2010'
    """
    return f"{moment.day} {moment:%B %Y}"


def duration(seconds: float) -> str:
    """A span of time.

    Example:
        >>> duration(0.42), duration(9.96), duration(75), duration(3700)
        ('0.4 s', '10.0 s', '1 min 15 s', '1 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
