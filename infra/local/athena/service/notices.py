"""Word of executions to EventBridge and CloudWatch: which state and which figure is told, and how.

Source: https://docs.aws.amazon.com/athena/latest/ug/athena-events.html and query-metrics-viewing.html there.
"""

import json
from typing import Any

from forecasting.service.outbox import Outbox, Put
from infra.local.athena.service import errors, figures
from infra.local.athena.service.executions import CANCELLED, FAILED, Execution

NAMESPACE = "AWS/Athena"
_SEQUENCE = {"QUEUED": "1", "RUNNING": "2"}
_METRICS = {
    "EngineExecutionTime": ("EngineExecutionTimeInMillis", "Milliseconds"),
    "QueryPlanningTime": ("QueryPlanningTimeInMillis", "Milliseconds"),
    "QueryQueueTime": ("QueryQueueTimeInMillis", "Milliseconds"),
    "ServiceProcessingTime": ("ServiceProcessingTimeInMillis", "Milliseconds"),
    "TotalExecutionTime": ("TotalExecutionTimeInMillis", "Milliseconds"),
    "ProcessedBytes": ("DataScannedInBytes", "Bytes"),
}


class Notices(Outbox):
    """Notices of the Athena service.

    Args:
        put_events: Sends entries of EventBridge's PutEvents.
        put_metrics: Sends data of CloudWatch's PutMetricData, in NAMESPACE.
    """

    def __init__(self, put_events: Put, put_metrics: Put) -> None:
        super().__init__("athena-notices", event=put_events, metric=put_metrics)

    def state(self, execution: Execution, previous: str) -> None:
        """Tell of a state; `previous` is "" for the first."""
        detail: dict[str, Any] = {
            "versionId": "0",
            "currentState": execution.state,
            "statementType": execution.statement,
            "queryExecutionId": execution.id,
            "workgroupName": execution.workgroup,
            "sequenceNumber": _SEQUENCE.get(execution.state, "3"),
        }
        if previous:
            detail["previousState"] = previous
        if execution.state == FAILED:
            told = errors.athena_error(execution.error_code, execution.reason)
            detail["athenaError"] = {name[0].lower() + name[1:]: value for name, value in told.items()}
        entry = {
            "Source": "aws.athena",
            "DetailType": "Athena Query State Change",
            "Detail": json.dumps(detail),
            "Resources": [],
        }
        self.put("event", execution.owner.account, execution.owner.region, [entry])

    def ended(self, execution: Execution, previous: str) -> None:
        """Tell of the end, with its figures if the workgroup publishes them."""
        self.state(execution, previous)
        if not execution.request["metrics"]:
            return
        told = figures.statistics(execution, execution.completed_at or execution.submitted_at)
        state = "CANCELED" if execution.state == CANCELLED else execution.state
        named = {"QueryState": state, "QueryType": execution.statement, "WorkGroup": execution.workgroup}
        dimensions = [{"Name": name, "Value": value} for name, value in named.items()]
        data = [
            {"MetricName": name, "Value": float(told[member]), "Unit": unit, "Dimensions": dimensions}
            for name, (member, unit) in _METRICS.items()
            if member in told
        ]
        self.put("metric", execution.owner.account, execution.owner.region, data)
