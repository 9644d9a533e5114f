"""The local Amazon Athena as a plug-in of the gateway, in the place of the emulator's own.

Owns the way between them: requests go to threads, since the service blocks; the catalogue and S3 are asked on the
emulator's loop. The service is opened with the first request, or at the start if it has been used before: a gateway
that nobody asks carries none of it, and no gateway imports DuckDB or pyarrow for it.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local import events
from infra.local.plugins import Answer, Query
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from infra.local.athena.service.outside import Pool, Rows
    from infra.local.athena.service.service import AthenaService

_THREADS = 8
# The settings and the plug-in's folder, to the workers and what reads their results.
Workers = Callable[[Settings, Path], "tuple[Pool, Rows]"]


def _engine(settings: Settings, folder: Path) -> "tuple[Pool, Rows]":
    # Imported here: see the module's docstring.
    from infra.local.athena.workers import crews  # noqa: PLC0415

    return crews(settings, folder)


def _grammar(text: str) -> None:
    """Refuse what is no statement, with what of `statements` is light."""
    from infra.local.athena.statements import check  # noqa: PLC0415

    check(text)


class Athena:
    """Amazon Athena.

    Args:
        settings: Of the stack.
        folder: Where the service keeps its state.
        workers: Makes the workers, when the service is opened; the engine's by default.
        check: Refuses text that is no statement, by a QueryError; what it imports the gateway's process carries.
    """

    name = "athena"
    pattern: Mapping[str, Sequence[str]] = {"target_prefixes": ["AmazonAthena"], "host_patterns": [r"^athena\."]}
    sdk: Mapping[str, Mapping[str, str]] = {"athena": {"target_prefix": "AmazonAthena", "protocol": "json"}}

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        workers: Workers = _engine,
        *,
        check: Callable[[str], None] = _grammar,
    ) -> None:
        self._settings, self._folder, self._workers, self._check = settings, folder, workers, check
        self._opening = threading.Lock()
        self._service: AthenaService | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "athena")

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        # Imported here: the emulator reads its environment when it is imported.
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

        arguments = (headers.get("x-amz-target", ""), body, get_account_id(), get_region())
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, *arguments)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._folder.exists():
            # Executions that a killed gateway left behind go on without being asked for.
            await self._loop.run_in_executor(self._threads, self._opened)

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._close)

    def _answer(self, target: str, body: bytes, account: str, region: str) -> Answer:
        return self._opened().answer(target, body, account=account, region=region)

    def _opened(self) -> "AthenaService":
        with self._opening:
            if self._service is None:
                self._service = self._made()
                from infra.local.inward import is_reached  # noqa: PLC0415

                self._service.start(functools.partial(is_reached, self._settings))
            return self._service

    def _made(self) -> "AthenaService":
        # Imported here: see the module's docstring.
        from forecasting.service.outbox import aws_metrics  # noqa: PLC0415
        from infra.local.athena.service.notices import NAMESPACE, Notices  # noqa: PLC0415
        from infra.local.athena.service.outside import Outside  # noqa: PLC0415
        from infra.local.athena.service.service import AthenaService  # noqa: PLC0415
        from infra.local.inward import Inward  # noqa: PLC0415

        if self._loop is None:
            raise RuntimeError("the gateway has not started")
        inward = Inward(self._loop)
        pool, rows = self._workers(self._settings, self._folder)
        outside = Outside(
            pool,
            rows,
            glue=functools.partial(_glue, inward.json),
            exists=functools.partial(_exists, inward.has_object),
            check=self._check,
        )
        notices = Notices(self._put_events, aws_metrics(self._settings, NAMESPACE))
        return AthenaService(self._folder, outside, notices=notices)

    def _close(self) -> None:
        with self._opening:
            if self._service is not None:
                self._service.stop()
        self._threads.shutdown(wait=False)

    def _put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        events.put(self._loop, account, region, entries)


def _glue(
    ask: Callable[..., tuple[int, Any]], account: str, region: str, operation: str, members: dict[str, Any]
) -> dict[str, Any]:
    """Ask the emulator's Glue."""
    from infra.local.athena.service.outside import CatalogError  # noqa: PLC0415

    status, found = ask("glue", f"AWSGlue.{operation}", members, (account, region))
    if status != 200:
        code = str(found.get("__type", "InternalServiceException")).rpartition("#")[2]
        raise CatalogError(code, str(found.get("message") or found.get("Message") or code))
    return dict(found)


def _exists(ask: Callable[..., bool], account: str, region: str, location: str) -> bool:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return ask(bucket, key, (account, region))
