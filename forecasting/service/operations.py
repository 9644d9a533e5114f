"""What the operations on resources have in common: create, describe, update, stop, tags, accuracy.

Each function takes the checked request and the view and returns the answer's members; it runs within a transaction of
the store. Listing and deleting have modules of their own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from forecasting.service import arns, faults, states
from forecasting.service.creation.datasets import check_members
from forecasting.service.creation.draft import Draft
from forecasting.service.creation.table import CREATIONS
from forecasting.service.kinds import KINDS, Kind
from forecasting.service.rules import tags
from forecasting.service.store import Json, Resource
from forecasting.service.view import View


def create(name: str, request: Json, view: View) -> Json:
    """Any Create operation: a name that is free, the kind's own rules, the quotas, then the row."""
    resource_kind, prepare = CREATIONS[name]
    kind = KINDS[resource_kind]
    given_tags = tags.merged({}, request.get("Tags", []), view.quotas["tags"])
    asked = {member: value for member, value in request.items() if member != "Tags"}
    _check_name(kind, asked, view)
    draft = prepare(asked, view)
    lane = (draft.lane or kind.at_once) if kind.is_job else ""
    view.check_quotas(kind, lane)
    made = _resource(kind, asked, draft, view)
    links = set(_arns_in(draft.inputs)) - set(draft.parents)
    view.store.add(replace(made, lane=lane, tags=given_tags), draft.parents, links)
    return {kind.arn_member: made.arn}


def _check_name(kind: Kind, request: Json, view: View) -> None:
    name = request[kind.name_member]
    found = view.store.at(_arn(kind, request, view))
    if not kind.in_arn:
        found = view.store.named(view.caller.account, view.caller.region, kind.resource, name)
    if found is not None:
        raise faults.exists(kind.words, found.arn)


def _arn(kind: Kind, request: Json, view: View) -> str:
    parts = [kind.resource, request[kind.name_member]]
    if kind.in_arn:
        # Of its parent the name alone, without the ULID of an AutoPredictor.
        parent = view.store.at(request[kind.parents])
        parts.insert(1, parent.name if parent else arns.names(request[kind.parents])[-1])
    return arns.arn(view.caller.region, view.caller.account, *parts)


def _resource(kind: Kind, asked: Json, draft: Draft, view: View) -> Resource:
    arn = _arn(kind, asked, view)
    return Resource(
        id=arns.ulid(),
        arn=f"{arn}_{arns.ulid()}" if draft.has_ulid else arn,
        account=view.caller.account,
        region=view.caller.region,
        kind=kind.resource,
        name=asked[kind.name_member],
        status=states.PENDING if kind.is_job else states.ACTIVE,
        created_at=view.now,
        modified_at=view.now,
        request=asked if draft.request is None else draft.request,
        body=draft.body,
        inputs=draft.inputs,
    )


def _arns_in(inputs: Any) -> Iterator[str]:
    if isinstance(inputs, str):
        yield inputs
    elif inputs:
        for item in inputs.values() if isinstance(inputs, dict) else inputs:
            yield from _arns_in(item)


def describe(name: str, request: Json, view: View) -> Json:
    """Any Describe operation."""
    noun = name.removeprefix("Describe").replace("AutoPredictor", "Predictor")
    kind = next(kind for kind in KINDS.values() if kind.noun == noun)
    found = view.get(kind.resource, request[kind.arn_member])
    if kind.resource == "predictor" and found.body["IsAutoPredictor"] != (name == "DescribeAutoPredictor"):
        right = "DescribeAutoPredictor" if found.body["IsAutoPredictor"] else "DescribePredictor"
        raise faults.invalid(f"{name} does not describe the predictor {found.arn}; use {right}")
    members = view.members(found)
    if kind.resource == "predictor":
        members.setdefault("PredictorExecutionDetails", _executions(found))
    return members


def _executions(predictor: Resource) -> Json | None:
    """PredictorExecutionDetails from what was evaluated, where the job has given none."""
    results = predictor.body.get("PredictorEvaluationResults", [])
    if not results:
        return None
    windows = [
        {
            "AlgorithmArn": one.get("AlgorithmArn"),
            "TestWindows": [
                {"TestWindowStart": w["TestWindowStart"], "TestWindowEnd": w["TestWindowEnd"], "Status": states.ACTIVE}
                for w in one["TestWindows"]
                if w["EvaluationType"] == "COMPUTED"
            ],
        }
        for one in results
    ]
    return {"PredictorExecutions": windows}


def accuracy(_: str, request: Json, view: View) -> Json:
    """GetAccuracyMetrics."""
    found = view.ready("predictor", request["PredictorArn"])
    return {**found.request, **found.body}


def update_group(_: str, request: Json, view: View) -> Json:
    """UpdateDatasetGroup replaces the list; the group is in UPDATE_* until the manager has seen it."""
    found = view.get("dataset-group", request["DatasetGroupArn"])
    check_members(request["DatasetArns"], found.request["Domain"], view)
    if found.status not in (states.ACTIVE, *states.UPDATING):
        raise faults.in_use(f"The dataset group {found.arn} is not ACTIVE; its status is {found.status}")
    body = {**found.body, "DatasetArns": request["DatasetArns"]}
    view.store.change(found.number, body=body, status=states.UPDATE_PENDING, modified_at=view.now)
    return {}


def stop(_: str, request: Json, view: View) -> Json:
    """StopResource: a job that is at work ends, one that waits never begins; asked twice it does nothing."""
    found = view.any(request["ResourceArn"])
    kind = KINDS[found.kind]
    if not kind.is_stoppable:
        able = ", ".join(one.plural_words for one in KINDS.values() if one.is_stoppable)
        raise faults.invalid(f"A {kind.words} cannot be stopped; {able} can")
    if found.status in states.AT_REST:
        return {}
    if found.status not in states.UNFINISHED:
        raise faults.invalid(f"The {kind.words} {found.arn} has the status {found.status} and cannot be stopped")
    where = (view.caller.account, view.caller.region)
    most = view.quotas["stops_at_once"]
    if view.store.count(*where, kind=found.kind, status=states.STOPPING) >= most:
        raise faults.over_limit(f"Cannot stop more than {most} {kind.plural_words} concurrently")
    view.store.change(found.number, status=states.STOPPING, modified_at=view.now)
    return {}


def tag(_: str, request: Json, view: View) -> Json:
    """TagResource."""
    found = view.any(request["ResourceArn"])
    view.store.change(found.number, tags=tags.merged(found.tags, request["Tags"], view.quotas["tags"]))
    return {}


def untag(_: str, request: Json, view: View) -> Json:
    """UntagResource; a key that is not there is no fault."""
    found = view.any(request["ResourceArn"])
    tags.check_keys(request["TagKeys"])
    kept = {key: value for key, value in found.tags.items() if key not in request["TagKeys"]}
    view.store.change(found.number, tags=kept)
    return {}


def list_tags(_: str, request: Json, view: View) -> Json:
    """ListTagsForResource."""
    found = view.any(request["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


def not_offered(name: str, _: Json, __: View) -> Json:
    """An operation of explainability or of monitors."""
    raise faults.invalid(f"The local service does not offer {name} yet")
