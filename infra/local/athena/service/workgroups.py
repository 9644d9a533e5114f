"""Workgroups: kept, changed, deleted, and what they say of an execution: its place, its limits, whether it may run.

`primary` is always there; an owner's is made when it is first asked for.
"""

from typing import Any

from infra.local.athena.service import faults, locations, tags
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json
from infra.local.athena.service.listing import page
from infra.local.athena.service.records import NAMED, PREPARED, WORKGROUP, Record

PRIMARY = "primary"
ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
ENGINES = ("AUTO", "Athena engine version 3")
# As a workgroup without a word shows itself, measured: https://github.com/aoyagikouhei/athena-local,
# docs/dev/measurements/work-groups.md
_DEFAULTS: Json = {
    "ResultConfiguration": {},
    "EnforceWorkGroupConfiguration": False,
    "PublishCloudWatchMetricsEnabled": False,
    "RequesterPaysEnabled": False,
    "EnableMinimumEncryptionConfiguration": False,
    "EngineVersion": ENGINE,
}
_NOT_OFFERED = ("ManagedQueryResultsConfiguration", "IdentityCenterConfiguration", "AdditionalConfiguration")


def find(call: Call, name: str) -> Record:
    """A workgroup.

    Raises:
        ApiError: There is none.
    """
    found = call.records.get(call.owner, WORKGROUP, name)
    if found is None and name == PRIMARY:
        found = _primary(call)
    if found is None:
        raise faults.invalid("WorkGroup is not found.")
    return found


def create(request: Json, call: Call) -> Json:
    """CreateWorkGroup."""
    name = request["Name"]
    if name == PRIMARY:
        raise faults.invalid("primary workGroup could not be created")
    if call.records.get(call.owner, WORKGROUP, name):
        raise faults.invalid("WorkGroup is already created")
    configuration = _checked({**_DEFAULTS, **request.get("Configuration", {})})
    kept = tags.checked({}, request.get("Tags", []))
    body = {"State": "ENABLED", "Description": request.get("Description", ""), "Configuration": configuration}
    call.records.put(call.owner, WORKGROUP, name, body, now=call.now)
    call.records.tag(call.owner, WORKGROUP, name, kept)
    return {}


def get(request: Json, call: Call) -> Json:
    """GetWorkGroup."""
    found = find(call, request["WorkGroup"])
    return {
        "WorkGroup": {
            "Name": found.name,
            "State": found.body["State"],
            "Configuration": found.body["Configuration"],
            "Description": found.body["Description"] or None,
            "CreationTime": found.created_at,
        }
    }


def list_all(request: Json, call: Call) -> Json:
    """ListWorkGroups, by name."""
    find(call, PRIMARY)
    found, more = page(call, "ListWorkGroups", request, call.records.of_kind(call.owner, WORKGROUP))
    summaries = [
        {
            "Name": one.name,
            "State": one.body["State"],
            "Description": one.body["Description"],
            "CreationTime": one.created_at,
            "EngineVersion": one.body["Configuration"]["EngineVersion"],
        }
        for one in found
    ]
    return {"WorkGroups": summaries, **more}


def update(request: Json, call: Call) -> Json:
    """UpdateWorkGroup: what is not named stays."""
    found = find(call, request["WorkGroup"])
    changes: Json = request.get("ConfigurationUpdates", {})
    configuration = {**found.body["Configuration"]}
    configuration["ResultConfiguration"] = _changed(
        configuration["ResultConfiguration"], changes.get("ResultConfigurationUpdates", {})
    )
    rest = {name: value for name, value in changes.items() if not name.startswith("ResultConfiguration")}
    if "ManagedQueryResultsConfigurationUpdates" in rest:
        rest["ManagedQueryResultsConfiguration"] = rest.pop("ManagedQueryResultsConfigurationUpdates")
    body = {
        "State": request.get("State", found.body["State"]),
        "Description": request.get("Description", found.body["Description"]),
        "Configuration": _checked(_changed(configuration, rest)),
    }
    call.records.put(call.owner, WORKGROUP, found.name, body, now=call.now)
    return {}


def delete(request: Json, call: Call) -> Json:
    """DeleteWorkGroup, with what is in it if that is asked for."""
    name = request["WorkGroup"]
    if name == PRIMARY:
        raise faults.invalid("primary workGroup could not be deleted")
    find(call, name)
    executions = call.executions.of_workgroup(call.owner, name)
    inside = [(kind, one) for kind in (NAMED, PREPARED) for one in call.records.of_kind(call.owner, kind, name)]
    if (executions or inside) and not request.get("RecursiveDeleteOption", False):
        raise faults.invalid(f"WorkGroup {name} is not empty")
    for kind, one in inside:
        call.records.remove(call.owner, kind, one.name, name)
    call.records.remove(call.owner, WORKGROUP, name)
    call.executions.forget(executions)
    call.then.append(lambda: call.tools.runs.drop(executions))
    return {}


def engine_versions(request: Json, call: Call) -> Json:
    """ListEngineVersions."""
    versions = [{**ENGINE, "SelectedEngineVersion": name} for name in ENGINES]
    found, more = page(call, "ListEngineVersions", request, versions)
    return {"EngineVersions": found, **more}


def _primary(call: Call) -> Record | None:
    """The workgroup that nobody makes, made; two who ask at once get the same."""
    with call.tools.file.transaction():
        found = call.records.get(call.owner, WORKGROUP, PRIMARY)
        if found is None:
            body = {"State": "ENABLED", "Description": "", "Configuration": _DEFAULTS}
            call.records.put(call.owner, WORKGROUP, PRIMARY, body, now=call.now)
            found = call.records.get(call.owner, WORKGROUP, PRIMARY)
        return found


def _changed(before: Json, changes: Json) -> Json:
    """Members with those that a `…Updates` structure sets, and without those that its Remove… names."""
    removed = {name.removeprefix("Remove") for name, value in changes.items() if name.startswith("Remove") and value}
    kept = {name: value for name, value in before.items() if name not in removed}
    return {**kept, **{name: value for name, value in changes.items() if not name.startswith("Remove")}}


def _checked(configuration: Json) -> Json:
    for name in _NOT_OFFERED:
        given: Any = configuration.get(name)
        if given and (not isinstance(given, dict) or any(value is True for value in given.values())):
            raise faults.invalid(f"{name} is not offered by the local Athena service; leave it out")
    location = configuration["ResultConfiguration"].get("OutputLocation")
    if location:
        locations.folder(location)
    wanted = configuration["EngineVersion"].get("SelectedEngineVersion", "AUTO")
    if wanted not in ENGINES:
        raise faults.invalid(f"The engine version {wanted} is not offered; expected {' or '.join(ENGINES)}")
    return {**configuration, "EngineVersion": {**ENGINE, "SelectedEngineVersion": wanted}}
