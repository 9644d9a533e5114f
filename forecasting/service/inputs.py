"""The inputs of a job: from ARNs, as the store keeps them, to bodies and folders, as job.json has them."""

from typing import Any

from forecasting.service.sources import ROLES
from forecasting.service.store import Json
from forecasting.service.view import View

_PLAIN = ("dataset", "group")  # a body; the others have a folder, too


def resolved(inputs: Json, view: View) -> Json:
    """What a worker is told of the resources it reads.

    Args:
        inputs: ARNs by role, as `creation` chose them.
        view: Of the job's own account and region.
    """
    return {role: _resolved(role, value, view) for role, value in inputs.items()}


def _resolved(role: str, value: Any, view: View) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_resolved(role, arn, view) for arn in value]
    if role == "data":
        return {"group": _resolved("group", value["group"], view)} | {
            name: _dataset(value[name], view) for name in ROLES
        }
    resource = view.any(value)
    members = view.members(resource)
    if role in _PLAIN:
        return members
    if role == "previous":
        return str(view.artefacts(resource))
    return {"body": members, "folder": str(view.artefacts(resource))}


def _dataset(pair: Json | None, view: View) -> Json | None:
    if pair is None:
        return None
    return {
        "dataset": view.members(view.any(pair["dataset"])),
        "import": view.members(view.any(pair["import"])),
        "folder": str(view.artefacts(view.any(pair["import"]))),
    }
