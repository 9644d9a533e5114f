"""Services that the gateway adds to the emulator or puts in the place of one of its own.

Owns the contract of a plug-in and how it is hooked in. To add a service: write it in a module of its own and list it
in `installed`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lakehouse.settings import Settings

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


def installed(settings: Settings, folder: Path) -> tuple[Plugin, ...]:
    """The plug-ins of the gateway, in the order in which they start.

    Args:
        settings: Of the stack.
        folder: The gateway's; each plug-in that keeps something has a folder of its own in it.
    """
    # Imported here: a plug-in imports the contract above.
    from infra.local.athena.plugin import Athena  # noqa: PLC0415
    from infra.local.emr import EmrServerless  # noqa: PLC0415
    from infra.local.forecast import Forecast  # noqa: PLC0415
    from infra.local.kafkaconnect import KafkaConnect  # noqa: PLC0415

    return (
        Forecast(settings, folder / Forecast.name),
        Athena(settings, folder / Athena.name),
        KafkaConnect(settings, folder / KafkaConnect.name),
        EmrServerless(settings, folder / EmrServerless.name),
    )


def install(plugins: Sequence[Plugin]) -> None:
    """Hook plug-ins into the emulator: its handlers, its router and Step Functions.

    A plug-in whose name is that of a service of the emulator takes its place.
    """
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415
    from ministack.core import router  # noqa: PLC0415
    from ministack.services import stepfunctions  # noqa: PLC0415

    for plugin in plugins:
        app.SERVICE_HANDLERS[plugin.name] = _handler(plugin)
        known = router.SERVICE_PATTERNS.get(plugin.name, {})
        router.SERVICE_PATTERNS[plugin.name] = {**known, **{key: list(value) for key, value in plugin.pattern.items()}}
        for service, entry in plugin.sdk.items():
            stepfunctions._AWS_SDK_SERVICE_MAP[service] = {"service_key": plugin.name, **entry}


def _handler(plugin: Plugin) -> Callable[..., Awaitable[Answer]]:
    async def handle(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> Answer:
        # Step Functions hands over text, the HTTP side bytes.
        return await plugin.handle(method, path, headers, body.encode() if isinstance(body, str) else body, query)

    return handle
