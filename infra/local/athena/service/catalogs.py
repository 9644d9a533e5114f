"""Data catalogues: AwsDataCatalog, which is always there, and other names for the account's own Glue catalogue."""

from infra.local.athena.contract import CATALOG as AWS_NAME
from infra.local.athena.service import faults, tags
from infra.local.athena.service.call import Call
from infra.local.athena.service.executions import Json
from infra.local.athena.service.listing import page
from infra.local.athena.service.records import CATALOG, Record

DEFAULT: Json = {"Name": "AwsDataCatalog", "Type": "GLUE", "Status": "CREATE_COMPLETE"}


def is_known(call: Call, name: str) -> bool:
    """Whether a name means the account's Glue catalogue; the case of AwsDataCatalog does not matter."""
    return name.lower() == AWS_NAME or call.records.get(call.owner, CATALOG, name) is not None


def create(request: Json, call: Call) -> Json:
    """CreateDataCatalog; of the type GLUE alone."""
    name = request["Name"]
    if is_known(call, name):
        raise faults.invalid(f"DataCatalog {name} already exists")
    _check(request, call)
    kept = tags.checked({}, request.get("Tags", []))
    body = _body(request)
    call.records.put(call.owner, CATALOG, name, body, now=call.now)
    call.records.tag(call.owner, CATALOG, name, kept)
    return {"DataCatalog": _shown(_find(call, name))}


def get(request: Json, call: Call) -> Json:
    """GetDataCatalog."""
    if request["Name"].lower() == AWS_NAME:
        return {"DataCatalog": DEFAULT}
    return {"DataCatalog": _shown(_find(call, request["Name"]))}


def list_all(request: Json, call: Call) -> Json:
    """ListDataCatalogs, AwsDataCatalog first."""
    known = [DEFAULT, *(_shown(one) for one in call.records.of_kind(call.owner, CATALOG))]
    found, more = page(call, "ListDataCatalogs", request, known)
    shown = [{"CatalogName": one["Name"], "Type": one["Type"], "Status": one["Status"]} for one in found]
    return {"DataCatalogsSummary": shown, **more}


def update(request: Json, call: Call) -> Json:
    """UpdateDataCatalog."""
    found = _find(call, request["Name"])
    _check(request, call)
    body = _body(request)
    call.records.put(call.owner, CATALOG, found.name, {**found.body, **body}, now=call.now)
    return {}


def delete(request: Json, call: Call) -> Json:
    """DeleteDataCatalog."""
    found = _find(call, request["Name"])
    call.records.remove(call.owner, CATALOG, found.name)
    return {"DataCatalog": {**_shown(found), "Status": "DELETE_COMPLETE"}}


def _find(call: Call, name: str) -> Record:
    if name.lower() == AWS_NAME:
        raise faults.invalid("AwsDataCatalog can be neither changed nor deleted")
    found = call.records.get(call.owner, CATALOG, name)
    if found is None:
        raise faults.invalid(f"DataCatalog {name} was not found")
    return found


def _check(request: Json, call: Call) -> None:
    kind = request["Type"]
    if kind != "GLUE":
        raise faults.invalid(f"Data catalogs of type {kind} are not offered by the local Athena service; GLUE is")
    catalog_id = request.get("Parameters", {}).get("catalog-id", "")
    if catalog_id != call.owner.account:
        raise faults.invalid(f"catalog-id: received '{catalog_id}', expected {call.owner.account}, the account's own")


def _shown(found: Record) -> Json:
    return {**found.body, "Name": found.name, "Status": "CREATE_COMPLETE"}


def _body(request: Json) -> Json:
    return {name: value for name, value in request.items() if name in ("Type", "Description", "Parameters")}
