"""Deleting: a resource alone once nothing depends on it, or with all that was made of it.

Here a resource is only marked; the manager removes it and its artefacts, children first.
"""

from forecasting.service import faults, states
from forecasting.service.kinds import KINDS
from forecasting.service.store import INPUT, PARENT, Json, Resource
from forecasting.service.view import View


def delete(name: str, request: Json, view: View) -> Json:
    """Any Delete operation of one resource.

    What is being deleted already may be deleted again: AWS's samples ask until it is gone.

    Raises:
        ApiError: It is not there, or it is busy or has children (ResourceInUse).
    """
    kind = next(kind for kind in KINDS.values() if kind.noun == name.removeprefix("Delete"))
    found = view.get(kind.resource, request[kind.arn_member])
    if found.status in states.DELETING:
        return {}
    children = view.store.linked(found.arn, PARENT)
    if children:
        shown = ", ".join(child.arn for child in children[:3])
        raise faults.in_use(f"The {kind.words} {found.arn} has {len(children)} resource(s) made of it: {shown}")
    _check_deletable(found, view)
    _mark(found, view)
    return {}


def delete_tree(_: str, request: Json, view: View) -> Json:
    """DeleteResourceTree: the resource and everything made of it, or nothing if any of them is busy."""
    root = view.any(request["ResourceArn"])
    tree = [one for one in family(root, view) if one.status not in states.DELETING]
    among = {one.number for one in tree}
    for one in tree:
        _check_deletable(one, view, among)
    for one in tree:
        _mark(one, view)
    return {}


def family(root: Resource, view: View) -> list[Resource]:
    """A resource and all its descendants, each once."""
    found = {root.number: root}
    waiting = [root]
    while waiting:
        for child in view.store.linked(waiting.pop().arn, PARENT):
            if child.number not in found:
                found[child.number] = child
                waiting.append(child)
    return list(found.values())


def _check_deletable(resource: Resource, view: View, among: set[int] | None = None) -> None:
    words, status = KINDS[resource.kind].words, view.status(resource)
    if status not in states.DELETABLE:
        raise faults.in_use(f"The {words} {resource.arn} has the status {status} and cannot be deleted")
    readers = view.store.linked(resource.arn, INPUT, states.UNFINISHED)
    if any(one.number not in (among or ()) for one in readers):
        raise faults.in_use(f"The {words} {resource.arn} is being read by {readers[0].arn}")


def _mark(resource: Resource, view: View) -> None:
    view.store.change(resource.number, status=states.DELETE_PENDING, modified_at=view.now)
