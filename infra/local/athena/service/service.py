"""The service as a whole: one call in, one answer out, and the workers behind it.

`answer` blocks and may be called from any number of threads.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from forecasting.service import model, protocol
from forecasting.service.faults import ApiError, internal, unknown_operation
from forecasting.service.output import project
from forecasting.service.validation import Manner, check
from infra.local.athena.service import (
    catalogs,
    faults,
    inquiry,
    metadata,
    results,
    saved,
    starting,
    tags,
    workgroups,
)
from infra.local.athena.service.call import DEFAULT_ACCOUNT, Call, Tools
from infra.local.athena.service.database import File
from infra.local.athena.service.executions import Executions, Json, Owner
from infra.local.athena.service.notices import Notices
from infra.local.athena.service.outside import Outside
from infra.local.athena.service.records import Records
from infra.local.athena.service.runs import Runs
from lakehouse import logs
from lakehouse.errors import LakehouseError

PREFIXES = {"AmazonAthena": "athena"}
MANNER = Manner(
    "InvalidRequestException",
    members={"AthenaErrorCode": "INVALID_INPUT", "ErrorCode": "INVALID_INPUT"},
    shows_values=False,
    # Asked after the execution was found, in other words; see `results`.
    lenient={("GetQueryResultsInput", "MaxResults"): "Member must have value less"},
)
Handler = Callable[[Json, Call], Json]
HANDLERS: Mapping[str, Handler] = {
    "BatchGetNamedQuery": saved.batch_named,
    "BatchGetPreparedStatement": saved.batch_prepared,
    "BatchGetQueryExecution": inquiry.batch,
    "CreateDataCatalog": catalogs.create,
    "CreateNamedQuery": saved.create_named,
    "CreatePreparedStatement": saved.create_prepared,
    "CreateWorkGroup": workgroups.create,
    "DeleteDataCatalog": catalogs.delete,
    "DeleteNamedQuery": saved.delete_named,
    "DeletePreparedStatement": saved.delete_prepared,
    "DeleteWorkGroup": workgroups.delete,
    "GetDataCatalog": catalogs.get,
    "GetDatabase": metadata.get_database,
    "GetNamedQuery": saved.get_named,
    "GetPreparedStatement": saved.get_prepared,
    "GetQueryExecution": inquiry.get,
    "GetQueryResults": results.get,
    "GetQueryRuntimeStatistics": inquiry.runtime,
    "GetTableMetadata": metadata.get_table,
    "GetWorkGroup": workgroups.get,
    "ListDataCatalogs": catalogs.list_all,
    "ListDatabases": metadata.list_databases,
    "ListEngineVersions": workgroups.engine_versions,
    "ListNamedQueries": saved.list_named,
    "ListPreparedStatements": saved.list_prepared,
    "ListQueryExecutions": inquiry.list_all,
    "ListTableMetadata": metadata.list_tables,
    "ListTagsForResource": tags.list_all,
    "ListWorkGroups": workgroups.list_all,
    "StartQueryExecution": starting.start,
    "StopQueryExecution": inquiry.stop,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "UpdateDataCatalog": catalogs.update,
    "UpdateNamedQuery": saved.update_named,
    "UpdatePreparedStatement": saved.update_prepared,
    "UpdateWorkGroup": workgroups.update,
}
# These read records before they write them, and must be one step.
_ONE_STEP = ("Create", "Delete", "Tag", "Untag", "Update")


class AthenaService:
    """Amazon Athena over a folder.

    Args:
        folder: Where executions, results and workgroups are kept.
        outside: Workers, results, catalogue and what else is not the service's own.
        notices: Tells EventBridge and CloudWatch.
        clock: Epoch seconds.

    Raises:
        ConfigError: Another service runs on the folder.
    """

    def __init__(
        self, folder: Path, outside: Outside, *, notices: Notices, clock: Callable[[], float] = time.time
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock, self._notices = clock, notices
        self._file = File(folder / "athena.sqlite")
        executions = Executions(self._file)
        self._runs = Runs(executions, outside.pool, folder / "jobs", notices=notices, clock=clock)
        self._tools = Tools(self._file, executions, Records(self._file), self._runs, outside)

    def start(self, ready: Callable[[], bool] = lambda: True) -> None:
        """Begin to work; executions that a killed service left behind go on or have failed.

        Args:
            ready: Whether the AWS API that the workers use answers yet.
        """
        self._notices.start()
        self._runs.forget_old()
        self._runs.resume(ready)

    def stop(self) -> None:
        """End within 2 seconds; queries at work run again after the next start."""
        self._runs.stop()
        self._notices.stop()
        self._file.close()

    def answer(self, target: str, body: bytes, *, account: str = DEFAULT_ACCOUNT, region: str) -> protocol.Answer:
        """Answer one request.

        Args:
            target: X-Amz-Target.
            body: The request's body.
            account: Whose resources are meant.
            region: Where.

        Returns:
            Status, headers and body.
        """
        try:
            operation = model.operation(target, PREFIXES)
            if operation is None:
                raise unknown_operation(target)
            request = check(protocol.parse(body), operation.input_shape, MANNER)
            call = Call(self._tools, Owner(account, region), self._clock())
            members = self._carried_out(operation.name, request, call)
            if operation.name == results.OPERATION:
                # Its members are those of the shape as they stand; cutting a thousand rows takes 15 ms.
                return protocol.answer(results.encoded(members))
            return protocol.answer(dict(project(members, operation.output_shape)))
        except ApiError as fault:
            return protocol.error(fault)
        except LakehouseError as fault:
            logs.event("athena request failed", logging.ERROR, target=target, fault=f"{fault}")
            return protocol.error(internal())
        except Exception:
            logs.event("athena request failed", logging.ERROR, exc_info=True, target=target)
            return protocol.error(internal())

    def _carried_out(self, name: str, request: Json, call: Call) -> Json:
        handler = HANDLERS.get(name)
        if handler is None:
            raise faults.not_offered(name)
        if not name.startswith(_ONE_STEP):
            return handler(request, call)
        with self._file.transaction():
            members = handler(request, call)
        for step in call.then:
            step()
        return members
