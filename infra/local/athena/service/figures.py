"""What an execution took and read: the members of QueryExecutionStatistics, from what was measured."""

from infra.local.athena.service.executions import SUCCEEDED, Execution, Json


def statistics(execution: Execution, now: float) -> Json:
    """The statistics of an execution, whatever its state.

    Args:
        execution: It.
        now: Epoch seconds; the end of the interval while it is unfinished.
    """
    ended = execution.completed_at or now
    phases: dict[str, float] = execution.outcome.get("milliseconds", {})
    started = execution.started_at
    if started is None:
        # A job may end before the pool has said that it began.
        started = max(execution.submitted_at, ended - sum(phases.values()) / 1000)
    total, queued = _milliseconds(ended - execution.submitted_at), _milliseconds(started - execution.submitted_at)
    planning, publishing = phases.get("planning", 0.0), phases.get("publishing", 0.0)
    # Athena counts the planning to the engine's time; while nothing was measured the whole of it is the engine's.
    engine = planning + phases.get("execution", 0.0) if phases else max(0.0, total - queued)
    found: Json = {
        "EngineExecutionTimeInMillis": round(engine),
        "DataScannedInBytes": execution.outcome.get("scanned_bytes", 0),
        "TotalExecutionTimeInMillis": total,
        "QueryQueueTimeInMillis": queued,
        "ServiceProcessingTimeInMillis": round(publishing),
        "ResultReuseInformation": {"ReusedPreviousResult": bool(execution.reused)},
    }
    if phases:
        rest = total - queued - engine - publishing
        found |= {
            "QueryPlanningTimeInMillis": round(planning),
            "ServicePreProcessingTimeInMillis": max(0, round(rest)),
        }
    if execution.outcome.get("manifest"):
        found["DataManifestLocation"] = execution.outcome["manifest"]
    return found


def runtime(execution: Execution, now: float) -> Json:
    """QueryRuntimeStatistics: the timeline, and rows and bytes of what has succeeded."""
    timeline = {name: value for name, value in statistics(execution, now).items() if name.endswith("InMillis")}
    found: Json = {"Timeline": timeline}
    if execution.state == SUCCEEDED and execution.statement == "DML":
        outcome = execution.outcome
        rows = outcome["rows"] if outcome["updated"] is None else outcome["updated"]
        found["Rows"] = {"InputBytes": outcome["scanned_bytes"], "OutputRows": rows}
    return found


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
