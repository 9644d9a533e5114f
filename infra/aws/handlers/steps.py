"""The function that the state machine calls for what its language cannot do; STEPS lists it.

A mistake of a person is an answer (`status: REFUSED`), not an exception: the execution ends with its one line.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecasting.definitions.definition import Definition
from forecasting.pipeline import accuracy, names, plan, retention, sql, starting
from infra.aws.handlers import calls
from lakehouse import runs
from lakehouse.errors import LakehouseError

Event = Mapping[str, Any]

DEFINITIONS = Path(__file__).parents[3] / "definitions.json"


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Do the step that the event names."""
    found = STEPS[event["step"]](event, context)
    # The emulator waits 50 ms for a function's output where there is none.
    print(json.dumps({"step": event["step"], "status": found.get("status", "")}))  # noqa: T201  (the function's log)
    return found


def make_plan(event: Event, context: Any) -> dict[str, Any]:
    """The plan of a run, or why there is none."""
    bucket, poll_seconds = event["bucket"], int(event["poll_seconds"])
    try:
        order = starting.order(event["input"], sorted(definitions()))
        definition = order.wishes.apply(definitions()[order.forecast])
        versions = {table: calls.version(bucket, table) for table in definition.tables}
        starting.require_data(versions, upload=order.upload)
        arn, attempt = context.invoked_function_arn.split(":"), names.folder(event["execution"])
        site = plan.Site(bucket, event["role"], names.Place(arn[3], arn[4]), event["prefix"], attempt)
        run_id = plan.run_id(definition, versions, order.tag)
        serving = _serving(definition)
        made = plan.plan(definition, run_id, site, upload=order.upload, trained_by=serving)
    except LakehouseError as fault:
        return {"status": "REFUSED", "reason": str(fault)}
    if not calls.hold(bucket, starting.lock_key(definition.name), event["execution_arn"]):
        try:
            starting.require_turn(definition.name, _seconds_since(event["since"]))
        except LakehouseError as fault:
            return {"status": "REFUSED", "reason": str(fault)}
        return {"status": "BUSY", "poll_seconds": poll_seconds}
    is_done = calls.text(bucket, runs.run_key(definition.name, run_id)) is not None
    for one in (*made["datasets"], *made["predictors"]):
        one["poll_seconds"] = poll_seconds
    made["forecast_request"] = made.pop("forecast")
    return made | {
        "status": "DONE" if is_done else "NEW",
        "forecast": definition.name,
        "run_id": run_id,
        "definition": definition.to_dict(),
        "poll_seconds": poll_seconds,
        "is_loaded_by_driver": int(event["load_seconds"]) > 0,
        "is_deleted_at_end": order.is_deleted_at_end,
        "is_upload": bool(order.upload),
        "trained_by": serving or run_id,
        "needs_approval": definition.needs_approval and not serving,
    }


def _serving(definition: Definition) -> str:
    if not definition.retrain_days:
        return ""
    pages = calls.client("forecast").get_paginator("list_predictors").paginate()
    found = [
        retention.Resource(one["PredictorArn"], retention.owner(one["PredictorArn"])[1], one["CreationTime"])
        for page in pages
        for one in page["Predictors"]
        if one["Status"] == "ACTIVE" and retention.owner(one["PredictorArn"])[0] == definition.name
    ]
    return retention.serving(found, definition, plan.definition_id(definition), datetime.now(UTC))


def check(event: Event, _: Any) -> dict[str, Any]:
    """Whether there are rows, and the history is long enough for the horizon."""
    definition = Definition.from_dict(event["plan"]["definition"])
    try:
        if "rows" in event:
            count, first, last = (cell.get("VarCharValue", "") for cell in event["rows"][1]["Data"])
            starting.require_rows(definition, int(count))
        else:
            first, last = _span(event["imported"])
        starting.require_history(definition, first, last)
    except LakehouseError as fault:
        return {"status": "REFUSED", "reason": str(fault)}
    return {"status": "ENOUGH"}


def _span(imported: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The first and the last moment of the target that was imported; "" where the service does not tell."""
    target = next(one["import"] for one in imported if one["kind"] == "target")
    found = target.get("FieldStatistics", {}).get(sql.TIMESTAMP, {})
    return found.get("Min", ""), found.get("Max", "")


def choose(event: Event, _: Any) -> dict[str, Any]:
    """The predictor that is to serve, with its figures and those of the others."""
    found = [accuracy.accuracy(one["results"]) for one in event["trained"]]
    judgement = accuracy.judge(found, event["plan"]["definition"]["metric"])
    trained = [
        {**{name: one[name] for name in ("name", "label", "arn")}, "metrics": figures.summary}
        for one, figures in zip(event["trained"], found, strict=True)
    ]
    return {
        **trained[judgement.place],
        "metrics": judgement.figures,
        "reported_from": judgement.reported_from,
        "is_optimistic": judgement.is_optimistic,
        "others": trained,
        "needs_approval": event["plan"]["needs_approval"],
    }


def record(event: Event, _: Any) -> dict[str, Any]:
    """Write the run's object; a run that is recorded already stays as it is."""
    made, bucket = event["plan"], event["bucket"]
    definition, best, exported = Definition.from_dict(made["definition"]), event["best"], event["exported"]
    root = f"s3://{bucket}/"
    run = runs.Run(
        forecast_name=definition.name,
        run_id=made["run_id"],
        source_table="" if made["is_upload"] else definition.source,
        item_column=definition.item,
        dimensions=definition.dimensions,
        time_column=definition.time,
        target_column=definition.target,
        frequency=definition.frequency,
        quantiles=definition.quantiles,
        is_log=definition.is_log,
        predictor=best["label"],
        metrics=best["metrics"],
        made_at=exported["forecast"]["made_at"],
        exports=exported["forecast"]["path"].removeprefix(root),
        backtests=exported["backtest"]["path"].removeprefix(root),
        reported_from=best["reported_from"],
        is_optimistic=best["is_optimistic"],
    )
    key = runs.run_key(run.forecast_name, run.run_id)
    calls.create(bucket, key, run.to_json())
    return {"key": key}


def loaded(event: Event, _: Any) -> dict[str, Any]:
    """Whether the driver has loaded the run."""
    made = event["plan"]
    text = calls.text(event["bucket"], runs.loaded_key(made["forecast"], made["run_id"]))
    return starting.loading(text, _seconds_since(event["since"]), int(event["load_seconds"]))


def _seconds_since(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def clean(event: Event, _: Any) -> dict[str, Any]:
    """Delete what retention does not keep of this forecast; what is busy is left for the next time."""
    made, forecast = event["plan"], calls.client("forecast")
    definition = Definition.from_dict(made["definition"])
    deleted = []
    for old in retention.surplus(
        _resources(definition.name),
        definition,
        now=datetime.now(UTC),
        newest=(made["run_id"], made["trained_by"]),
        unwanted=made["run_id"] if made["is_deleted_at_end"] else "",
    ):
        try:
            forecast.delete_resource_tree(ResourceArn=old)
            deleted.append(old)
        except (forecast.exceptions.ResourceInUseException, forecast.exceptions.ResourceNotFoundException):
            continue
    return {"deleted": deleted}


def _resources(name: str) -> list[retention.Resource]:
    found = []
    for operation, members, arn in retention.LISTS:
        for page in calls.client("forecast").get_paginator(operation).paginate():
            for one in page[members]:
                forecast, run = retention.owner(one[arn])
                if forecast == name:
                    found.append(retention.Resource(one[arn], run, one["CreationTime"]))
    return found


def approve(event: Event, _: Any) -> dict[str, Any]:
    """Keep the token of a run that waits for a person, and tell of it."""
    made, best = event["plan"], event["best"]
    body = {"token": event["token"], "predictor": best["label"], "metrics": best["metrics"], "run_id": made["run_id"]}
    key = starting.approval_key(made["forecast"])
    calls.client("s3").put_object(Bucket=event["bucket"], Key=key, Body=json.dumps(body).encode())
    name = made["forecast"]
    calls.client("sns").publish(
        TopicArn=event["topic"],
        Subject="Forecast asks for approval",
        Message=f"{name}: {best['label']} is to serve; `python -m infra forecast-approve {name}`",
    )
    return {}


def definitions() -> dict[str, Definition]:
    """Those that were deployed with the function, as wished by the file at that time."""
    return {name: Definition.from_dict(one) for name, one in calls.documents(str(DEFINITIONS)).items()}


STEPS: Mapping[str, Callable[[Event, Any], dict[str, Any]]] = {
    "plan": make_plan,
    "check": check,
    "choose": choose,
    "record": record,
    "loaded": loaded,
    "clean": clean,
    "approve": approve,
}
