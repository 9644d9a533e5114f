"""The service as a whole: one call in, one answer out, and the threads behind it.

`answer` blocks and may be called from any number of threads.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from forecasting.service import deletion, faults, listing, model, operations, protocol, query, quotas
from forecasting.service.creation.table import CREATIONS
from forecasting.service.kinds import ALL
from forecasting.service.manager import Manager
from forecasting.service.notices import NAMESPACE, Notices
from forecasting.service.outbox import Put, aws_events, aws_metrics
from forecasting.service.output import project
from forecasting.service.processes import COMMAND
from forecasting.service.store import Json, Store
from forecasting.service.transitions import Transitions
from forecasting.service.validation import check
from forecasting.service.view import Caller, View
from lakehouse import logs
from lakehouse.settings import Settings

DEFAULT_ACCOUNT = "000000000000"
Handler = Callable[[str, Json, View], Json]


def _handlers() -> dict[str, Handler]:
    """What answers an operation; what is not here is not offered yet."""
    found: dict[str, Handler] = dict.fromkeys(CREATIONS, operations.create)
    for kind in ALL:
        found[f"Describe{kind.noun}"] = operations.describe
        found[f"Delete{kind.noun}"] = deletion.delete
        found[f"List{kind.plural}"] = listing.list_resources
    return found | {
        "DescribeAutoPredictor": operations.describe,
        "DeleteResourceTree": deletion.delete_tree,
        "GetAccuracyMetrics": operations.accuracy,
        "ListTagsForResource": operations.list_tags,
        "StopResource": operations.stop,
        "TagResource": operations.tag,
        "UntagResource": operations.untag,
        "UpdateDatasetGroup": operations.update_group,
    }


HANDLERS: Mapping[str, Handler] = _handlers()
# After one of these the manager may have something to do.
_WAKING = ("Create", "Delete", "Update", "Stop")


class ForecastService:
    """Amazon Forecast over a folder.

    Args:
        settings: Quotas, and how jobs and notices reach the AWS API.
        folder: Where resources and artefacts are kept.
        clock: Epoch seconds.
        worker: The command that runs a job.
        put_events: Sends to EventBridge; through boto3 by default.
        put_metrics: Sends to CloudWatch; through boto3 by default.
        ready: Whether the AWS API that the jobs read from answers yet.

    Raises:
        ConfigError: A quota is none, or another service runs on the folder.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        clock: Callable[[], float] = time.time,
        *,
        worker: Sequence[str] = COMMAND,
        put_events: Put | None = None,
        put_metrics: Put | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._quotas = quotas.parse(settings.forecast_quotas)
        self._folder = folder / "artefacts"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = Store(folder / "forecast.sqlite")
        self._notices = Notices(put_events or aws_events(settings), put_metrics or aws_metrics(settings, NAMESPACE))
        transitions = Transitions(self._store, clock, self._notices)
        self._manager = Manager(transitions, self._folder, settings=settings, command=worker, ready=ready)

    def start(self) -> None:
        """Begin to work; jobs that a killed service left behind go on."""
        self._notices.start()
        self._manager.start()

    def stop(self) -> None:
        """End within 2 seconds; jobs at work run again after the next start."""
        self._manager.stop()
        self._notices.stop()
        self._store.close()

    def answer(self, target: str, body: bytes, *, account: str = DEFAULT_ACCOUNT, region: str = "") -> protocol.Answer:
        """Answer one request.

        Args:
            target: X-Amz-Target.
            body: The request's body.
            account: Whose resources are meant.
            region: Where; the settings' region by default.

        Returns:
            Status, headers and body.
        """
        try:
            operation = model.operation(target)
            if operation is None:
                raise faults.unknown_operation(target)
            request = check(protocol.parse(body), operation.input_shape)
            caller = Caller(account, region or self._settings.aws_default_region)
            return protocol.answer(self._carried_out(operation, request, caller))
        except faults.ApiError as fault:
            return protocol.error(fault)
        except Exception:
            logs.event("forecast request failed", logging.ERROR, exc_info=True, target=target)
            return protocol.error(faults.internal())

    def _carried_out(self, operation: model.Operation, request: Json, caller: Caller) -> Json | None:
        name = operation.name
        view = View(self._store, caller, self._clock(), self._folder, self._quotas)
        if name.startswith("Query"):
            return query.ask(request, view.artefacts(query.find(name, request, view)))
        with self._store.transaction():
            members = HANDLERS.get(name, operations.not_offered)(name, request, view)
        if name.startswith(_WAKING):
            self._manager.wake()
        shape = operation.output_shape
        return None if shape is None else dict(project(members, shape))
