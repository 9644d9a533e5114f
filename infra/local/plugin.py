"""The contract of a service that the gateway adds to the emulator or puts in the place of one of its own."""

from collections.abc import Mapping, Sequence
from typing import Protocol

Answer = tuple[int, dict[str, str], bytes]
Query = Mapping[str, list[str]]


class Plugin(Protocol):
    """One service of the AWS API.

    Attributes:
        name: The service's signing name (SigV4 credential scope), as boto3 knows it: `forecast`, `athena`.
        pattern: How unsigned requests are recognised: `target_prefixes` (of X-Amz-Target), `host_patterns` and
            `path_patterns` (regular expressions); leave out what does not apply.
        sdk: Entries of Step Functions' `aws-sdk` integrations by service name in the ARN, such as
            `{"forecast": {"target_prefix": "AmazonForecast", "protocol": "json"}}`.
    """

    name: str
    pattern: Mapping[str, Sequence[str]]
    sdk: Mapping[str, Mapping[str, str]]

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        """Answer one request; header names are in lower case. It must not block the event loop."""
        ...

    async def start(self) -> None:
        """Open what the service needs, before the first request."""
        ...

    async def stop(self) -> None:
        """Close it, within 2 seconds."""
        ...
