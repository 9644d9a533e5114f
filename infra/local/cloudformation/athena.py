"""Athena's workgroups as stacks make them: the emulator would put them into its own Athena, which nobody asks."""

from typing import Any

from infra.local.cloudformation.kinds import Client, Kind, Made, Properties
from infra.local.cloudformation.services import fitted


def _create(client: Client, given: Properties) -> Made:
    athena = client("athena")
    wanted = {name: given[name] for name in ("Name", "Description", "Tags") if name in given}
    athena.create_work_group(**wanted, Configuration=_configuration(athena, given))
    return given["Name"], {}


def _update(client: Client, physical_id: str, _before: Properties, now: Properties) -> Made:
    athena = client("athena")
    changed = _configuration(athena, now)
    # An update names a member of the results' place by itself.
    if "ResultConfiguration" in changed:
        changed["ResultConfigurationUpdates"] = changed.pop("ResultConfiguration")
    athena.update_work_group(
        WorkGroup=physical_id, Description=now.get("Description", ""), ConfigurationUpdates=changed
    )
    return physical_id, {}


def _delete(client: Client, physical_id: str, given: Properties) -> None:
    is_recursive = str(given.get("RecursiveDeleteOption", "")).lower() == "true"
    client("athena").delete_work_group(WorkGroup=physical_id, RecursiveDeleteOption=is_recursive)


def _configuration(athena: Any, given: Properties) -> dict[str, Any]:
    shape = athena.meta.service_model.operation_model("CreateWorkGroup").input_shape.members["Configuration"]
    found: dict[str, Any] = fitted(shape, given.get("WorkGroupConfiguration", {}))
    return found


KIND = Kind("AWS::Athena::WorkGroup", _create, _update, _delete, ("Name",))
