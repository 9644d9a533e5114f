"""What may befall a request to S3, and which requests it befalls: rules are data, and know nothing of sockets."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Request:
    """A request as the rules see it.

    Args:
        method: GET, PUT, …
        key: The object's key; empty for a request to the bucket.
        query: What follows the question mark.
    """

    method: str
    key: str
    query: str = ""


@dataclass(frozen=True)
class Answer:
    """Answer in the gateway's place: the request is not forwarded."""

    status: int
    code: str


@dataclass(frozen=True)
class Reset:
    """Cut the connection: the request is not forwarded, or, with `forwarded`, is done and its response is lost."""

    forwarded: bool


@dataclass(frozen=True)
class Delay:
    """Let the client wait; with `then_cut` its request is never answered, as after a time-out on the way."""

    seconds: float
    then_cut: bool = False


@dataclass(frozen=True)
class Call:
    """Call back in the request's place, or after it was done and before the response is given; then cut."""

    what: Callable[[], None]
    after: bool


Action = Answer | Reset | Delay | Call

ERROR_500: Final = Answer(500, "InternalError")
SLOW_DOWN: Final = Answer(503, "SlowDown")


@dataclass
class Rule:
    """An action and the requests that it befalls.

    Args:
        action: What happens.
        methods: The requests' methods; empty for all.
        key: A regular expression to be found in the key.
        nth: The first matching request that it befalls, from 1.
        times: How many it befalls.
        share: Of the matching ones, as `draw` decides.
        draw: Gives numbers from 0 to 1.

    Attributes:
        met: Set when it has befallen a request.
        done: How many it has befallen.
    """

    action: Action
    methods: tuple[str, ...] = ()
    key: str = ""
    nth: int = 1
    times: int = 1
    share: float = 1.0
    draw: Callable[[], float] = lambda: 0.0
    met: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    _seen: int = 0

    def applies(self, request: Request) -> bool:
        """Whether it befalls this request, which is counted."""
        if self.methods and request.method not in self.methods:
            return False
        if self.done >= self.times or not re.search(self.key, request.key) or self.draw() >= self.share:
            return False
        self._seen += 1
        if self._seen < self.nth:
            return False
        self.done += 1
        self.met.set()
        return True
