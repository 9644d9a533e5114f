"""The local Amazon Athena as a plug-in of the gateway, in the place of the emulator's own.

Owns the way between them: the catalogue and S3 are asked on the emulator's loop, and its CloudFormation makes what
stacks name of Athena here. No gateway imports DuckDB or pyarrow for it.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.athena.resources import RESOURCES, handlers
from infra.local.plugin import Answer
from infra.local.threaded import Threaded
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from infra.local.athena.service.outside import Pool, Rows
    from infra.local.athena.service.service import AthenaService

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


class Athena(Threaded["AthenaService"]):
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
        super().__init__(settings, folder)
        self._workers, self._check = workers, check

    def open(self) -> "AthenaService":
        # Imported here: see the module's docstring.
        from forecasting.service.outbox import aws_metrics  # noqa: PLC0415
        from infra.local.athena.service.notices import NAMESPACE, Notices  # noqa: PLC0415
        from infra.local.athena.service.outside import Outside  # noqa: PLC0415
        from infra.local.athena.service.service import AthenaService  # noqa: PLC0415
        from infra.local.inward import Inward, is_reached  # noqa: PLC0415

        inward = Inward(self.loop)
        pool, rows = self._workers(self._settings, self._folder)
        outside = Outside(
            pool,
            rows,
            glue=functools.partial(_glue, inward.json),
            exists=functools.partial(_exists, inward.has_object),
            check=self._check,
        )
        notices = Notices(self.put_events, aws_metrics(self._settings, NAMESPACE))
        service = AthenaService(self._folder, outside, notices=notices)
        service.start(functools.partial(is_reached, self._settings))
        return service

    async def start(self) -> None:
        # Imported here: the emulator reads its environment when it is imported.
        from ministack import app  # noqa: PLC0415

        # Its CloudFormation imports DuckDB, so it is changed when the first stack comes, not before.
        emulators = app.SERVICE_HANDLERS["cloudformation"]

        async def handle(*request: Any) -> Answer:
            self._register()
            answer: Answer = await emulators(*request)
            return answer

        app.SERVICE_HANDLERS["cloudformation"] = handle
        await super().start()

    @functools.cache  # noqa: B019 (there is one plug-in in a process)
    def _register(self) -> None:
        """Have stacks make what they name of Athena here."""
        from ministack.services.cloudformation import provisioners  # noqa: PLC0415

        for name, resource in RESOURCES.items():
            provisioners._RESOURCE_HANDLERS[name] = handlers(resource, self._asked)
            provisioners._REPLACING_PROPERTIES[name] = resource.replacing

    def _asked(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415  (see above)

        target, body = f"AmazonAthena.{operation}", json.dumps(members).encode()
        status, _, answer = self.answered(target, body, get_account_id(), get_region())
        found: dict[str, Any] = json.loads(answer or b"{}")
        if status != 200:
            raise ValueError(str(found.get("message") or found.get("Message") or found))
        return found


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
