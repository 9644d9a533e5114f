"""The gateway's plug-ins and how they are hooked into the emulator.

To add a service: write it in a module of its own, to the contract in `plugin.py`, and list it in `installed`.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local.athena.plugin import Athena
from infra.local.emr import EmrServerless
from infra.local.forecast import Forecast
from infra.local.kafkaconnect import KafkaConnect
from infra.local.plugin import Answer, Plugin, Query
from lakehouse.settings import Settings


def installed(settings: Settings, folder: Path) -> tuple[Plugin, ...]:
    """The plug-ins of the gateway, in the order in which they start.

    Args:
        settings: Of the stack.
        folder: The gateway's; each plug-in that keeps something has a folder of its own in it.
    """
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
