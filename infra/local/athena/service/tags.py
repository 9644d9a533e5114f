"""Tags of workgroups and data catalogues."""

from typing import Any

from infra.local.athena.service import faults
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json
from infra.local.athena.service.listing import page
from infra.local.athena.service.records import CATALOG, WORKGROUP, Record

MOST = 50
_KINDS = {"workgroup": WORKGROUP, "datacatalog": CATALOG}


def checked(before: dict[str, str], given: list[dict[str, Any]]) -> dict[str, str]:
    """The tags after some were set.

    Raises:
        ApiError: They are too many, or a key is AWS's own.
    """
    after = {**before, **{tag.get("Key", ""): tag.get("Value", "") for tag in given}}
    if any(key.lower().startswith("aws:") for key in after):
        raise faults.invalid("Tag keys must not begin with aws:")
    if "" in after:
        raise faults.invalid("A tag must have a key")
    if len(after) > MOST:
        raise faults.invalid(f"A resource can have {MOST} tags at most")
    return after


def tag(request: Json, call: Call) -> Json:
    """TagResource."""
    kind, found = _find(call, request["ResourceARN"])
    call.records.tag(call.owner, kind, found.name, checked(found.tags, request["Tags"]))
    return {}


def untag(request: Json, call: Call) -> Json:
    """UntagResource."""
    kind, found = _find(call, request["ResourceARN"])
    kept = {key: value for key, value in found.tags.items() if key not in request["TagKeys"]}
    call.records.tag(call.owner, kind, found.name, kept)
    return {}


def list_all(request: Json, call: Call) -> Json:
    """ListTagsForResource."""
    _, found = _find(call, request["ResourceARN"])
    shown = [{"Key": key, "Value": value} for key, value in sorted(found.tags.items())]
    tags, more = page(call, "ListTagsForResource", request, shown)
    return {"Tags": tags, **more}


def _find(call: Call, arn: str) -> tuple[str, Record]:
    noun, _, name = arn.rpartition(":")[2].partition("/")
    if noun not in _KINDS or not arn.startswith("arn:"):
        raise faults.invalid(f"{arn} is not the ARN of a workgroup or of a data catalog")
    found = call.records.get(call.owner, _KINDS[noun], name) if arn == call.arn(noun, name) else None
    if found is None:
        raise faults.not_found(f"{arn} was not found", arn)
    return _KINDS[noun], found
