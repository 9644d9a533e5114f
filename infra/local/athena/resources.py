"""Athena's resources as CloudFormation makes them: by calls of the service, as AWS's own handlers do.

The emulator makes workgroups in its own Athena, which nobody asks, and does not know the other types. Properties have
the names of the API's members; what is text in a template is made what the member is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecasting.service import model

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, str]]
# An operation's name and members; its answer, or a ValueError with the words of the refusal.
Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
_PREFIXES = {"AmazonAthena": "athena"}
_RESULTS = "ResultConfiguration"


@dataclass(frozen=True)
class Resource:
    """How a type is made, changed and deleted by the service.

    Args:
        create: From the properties to what Ref and GetAtt are.
        update: From the physical id and the properties before and now to the same.
        delete: Of a physical id with its properties.
        replacing: Properties whose change makes a new resource.
    """

    create: Callable[[Ask, Properties], Made]
    update: Callable[[Ask, str, Properties, Properties], Made]
    delete: Callable[[Ask, str, Properties], Any]
    replacing: tuple[str, ...]


def handlers(resource: Resource, ask: Ask) -> dict[str, Callable[..., Any]]:
    """The handlers of a type as the emulator's CloudFormation calls them."""
    return {
        "create": lambda _logical_id, given, _stack: resource.create(ask, given),
        "update": lambda physical_id, before, now, _stack: resource.update(ask, physical_id, before, now),
        "delete": lambda physical_id, given: _deleted(resource, ask, physical_id, given),
    }


def _deleted(resource: Resource, ask: Ask, physical_id: str, given: Properties) -> None:
    """Delete; what is gone already is deleted, as at AWS."""
    try:
        resource.delete(ask, physical_id, given)
    except ValueError as refusal:
        if "not found" not in str(refusal).lower():
            raise


def _call(ask: Ask, operation: str, **given: Any) -> dict[str, Any]:
    found = model.operation(f"AmazonAthena.{operation}", _PREFIXES)
    assert found is not None  # noqa: S101 (the operations of this module)
    return ask(operation, _fitted(found.input_shape, {name: one for name, one in given.items() if one is not None}))


def _fitted(shape: Any, value: Any) -> Any:
    """A property as the member of the API, whose numbers and booleans are text in many a template."""
    if shape.type_name == "structure":
        return {
            name: _fitted(shape.members[name], one) if name in shape.members else one for name, one in value.items()
        }
    if shape.type_name == "list":
        return [_fitted(shape.member, one) for one in value]
    if shape.type_name == "map":
        return {name: _fitted(shape.value, one) for name, one in value.items()}
    if isinstance(value, str) and shape.type_name in ("integer", "long"):
        return int(value)
    if isinstance(value, str) and shape.type_name == "boolean":
        return value.lower() == "true"
    return value


# --- workgroups


def _create_workgroup(ask: Ask, given: Properties) -> Made:
    name = given["Name"]
    configuration = given.get("WorkGroupConfiguration")
    told = {"Description": given.get("Description"), "Tags": given.get("Tags")}
    _call(ask, "CreateWorkGroup", Name=name, Configuration=configuration, **told)
    if given.get("State", "ENABLED") != "ENABLED":
        _call(ask, "UpdateWorkGroup", WorkGroup=name, State=given["State"])
    return _workgroup(ask, name)


def _update_workgroup(ask: Ask, name: str, before: Properties, now: Properties) -> Made:
    updates = _updates(before.get("WorkGroupConfiguration") or {}, now.get("WorkGroupConfiguration") or {})
    told = {"Description": now.get("Description", ""), "State": now.get("State", "ENABLED")}
    _call(ask, "UpdateWorkGroup", WorkGroup=name, ConfigurationUpdates=updates, **told)
    return _workgroup(ask, name)


def _updates(before: Properties, now: Properties) -> dict[str, Any]:
    """Members of ConfigurationUpdates that make a configuration what it is now."""
    found = {name: value for name, value in now.items() if name != _RESULTS}
    gone = set(before) - set(now)
    if "BytesScannedCutoffPerQuery" in gone:
        found["RemoveBytesScannedCutoffPerQuery"] = True
    flags = ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "RequesterPaysEnabled")
    found |= {name: False for name in flags if name in gone}
    old, new = before.get(_RESULTS) or {}, now.get(_RESULTS) or {}
    found[f"{_RESULTS}Updates"] = {**new, **{f"Remove{name}": True for name in old if name not in new}}
    return found


def _workgroup(ask: Ask, name: str) -> Made:
    found = _call(ask, "GetWorkGroup", WorkGroup=name)["WorkGroup"]
    effective = found["Configuration"]["EngineVersion"]["EffectiveEngineVersion"]
    attributes = {
        "CreationTime": str(found["CreationTime"]),
        "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion": effective,
    }
    return name, attributes


def _delete_workgroup(ask: Ask, name: str, given: Properties) -> None:
    _call(ask, "DeleteWorkGroup", WorkGroup=name, RecursiveDeleteOption=given.get("RecursiveDeleteOption"))


# --- named queries, prepared statements, catalogues


def _create_named(ask: Ask, given: Properties) -> Made:
    members = ("Name", "Database", "QueryString", "Description", "WorkGroup")
    made = _call(ask, "CreateNamedQuery", **{member: given.get(member) for member in members})["NamedQueryId"]
    return made, {"NamedQueryId": made}


def _named_stays(_ask: Ask, physical_id: str, _before: Properties, _now: Properties) -> Made:
    return physical_id, {"NamedQueryId": physical_id}


def _keep_prepared(ask: Ask, operation: str, given: Properties) -> Made:
    members = ("StatementName", "WorkGroup", "QueryStatement", "Description")
    _call(ask, operation, **{member: given.get(member) for member in members})
    return given["StatementName"], {}


def _create_catalog(ask: Ask, given: Properties) -> Made:
    members = ("Name", "Type", "Description", "Parameters", "Tags")
    _call(ask, "CreateDataCatalog", **{member: given.get(member) for member in members})
    return given["Name"], {}


def _update_catalog(ask: Ask, name: str, _before: Properties, now: Properties) -> Made:
    members = ("Type", "Description", "Parameters")
    _call(ask, "UpdateDataCatalog", Name=name, **{member: now.get(member) for member in members})
    return name, {}


RESOURCES: Mapping[str, Resource] = {
    "AWS::Athena::WorkGroup": Resource(_create_workgroup, _update_workgroup, _delete_workgroup, ("Name",)),
    "AWS::Athena::NamedQuery": Resource(
        _create_named,
        _named_stays,
        lambda ask, physical_id, _: _call(ask, "DeleteNamedQuery", NamedQueryId=physical_id),
        ("Name", "Database", "QueryString", "Description", "WorkGroup"),
    ),
    "AWS::Athena::PreparedStatement": Resource(
        lambda ask, given: _keep_prepared(ask, "CreatePreparedStatement", given),
        lambda ask, _name, _before, now: _keep_prepared(ask, "UpdatePreparedStatement", now),
        lambda ask, name, given: _call(
            ask, "DeletePreparedStatement", StatementName=name, WorkGroup=given["WorkGroup"]
        ),
        ("StatementName", "WorkGroup"),
    ),
    "AWS::Athena::DataCatalog": Resource(
        _create_catalog,
        _update_catalog,
        lambda ask, name, _: _call(ask, "DeleteDataCatalog", Name=name),
        ("Name",),
    ),
}
