"""Names and ARNs of a run's resources: valid for the API, and the same for the same input."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from lakehouse.errors import ContractError

LONGEST = 63
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def digest(value: Any, length: int) -> str:
    """A value of JSON in so many letters and digits, 5 bits each.

    Example:
        >>> digest({"a": 1}, 4) == digest({"a": 1}, 9)[:4]
        True
    """
    number = int.from_bytes(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest(), "big")
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(length))


def resource(*parts: str) -> str:
    """A name of the API: letters, digits and _, at most 63.

    Example:
        >>> resource("revenue_by_country", "ab12")
        'revenue_by_country_ab12'

    Raises:
        ContractError: It would be too long.
    """
    name = "_".join(part for part in parts if part)
    if len(name) > LONGEST:
        raise ContractError(f"name {name}", f"at most {LONGEST} letters", "shorten the forecast's name")
    return name


def folder(execution: str) -> str:
    """An execution's name as a folder's: Step Functions allows what a key of ours may not have.

    Example:
        >>> folder("daily-7f"), len(folder("täglich um 7"))
        ('daily-7f', 20)
    """
    return execution if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", execution) else digest(execution, 20)


@dataclass(frozen=True)
class Place:
    """Whose resources: region and account."""

    region: str
    account: str

    def arn(self, *parts: str) -> str:
        """The ARN of a resource whose name decides it."""
        return f"arn:aws:forecast:{self.region}:{self.account}:{'/'.join(parts)}"
