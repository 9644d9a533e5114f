"""What follows a page of a list: a token that holds the place to go on from and when it ends.

It knows neither a store's rows nor a secret; the seal keeps a token from being used for another list.
"""

import base64
import hashlib
import json
from typing import Any

SECONDS = 24 * 3600


class ExpiredError(ValueError):
    """A token that was good once."""


def make(place: int, scope: str, now: float) -> str:
    """A token for a place in a list.

    Args:
        place: From 0.
        scope: Everything that says which list it is: operation, owner, filters.
        now: Epoch seconds.
    """
    held: list[Any] = [place, int(now) + SECONDS]
    return base64.urlsafe_b64encode(json.dumps([*held, _seal(held, scope)]).encode()).decode()


def read(token: str, scope: str, now: float) -> int:
    """The place of a token.

    Raises:
        ValueError: It is none of this list.
        ExpiredError: It is older than SECONDS.
    """
    try:
        place, ends_at, seal = json.loads(base64.urlsafe_b64decode(token.encode()))
        if seal != _seal([place, ends_at], scope) or not 0 <= place < 2**62:
            raise ValueError(token)
        is_late = now > ends_at
    except (TypeError, RecursionError) as fault:
        raise ValueError(token) from fault
    if is_late:
        raise ExpiredError(token)
    return int(place)


def _seal(place: list[Any], scope: str) -> str:
    return hashlib.sha256(f"{json.dumps(place)} {scope}".encode()).hexdigest()[:20]
