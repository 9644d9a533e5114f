"""The data of a dataset group: which import of which dataset a job reads.

They are chosen when a job is asked for and kept with it, so that a job that runs again reads the same.
"""

from dataclasses import dataclass
from typing import Any

from forecasting.service import faults
from forecasting.service.rules.domains import METADATA, RELATED, TARGET
from forecasting.service.rules.predictors import Schemas
from forecasting.service.store import Json, Resource
from forecasting.service.view import View

# How job.json calls the types of datasets.
ROLES = {"target": TARGET, "related": RELATED, "metadata": METADATA}


@dataclass(frozen=True)
class DataOf:
    """A group, the schemas of its datasets, and the ARNs of what a job reads of it."""

    group: Resource
    schemas: Schemas
    inputs: Json


def data_of(group_arn: str, view: View, chosen: Json | None = None) -> DataOf:
    """What a job reads of a group now, or what an earlier job has read.

    Args:
        group_arn: The group.
        view: Who asks.
        chosen: The `data` of an earlier job's inputs.

    Raises:
        ApiError: There is no target time series or a dataset has no data (InvalidInput), a dataset is gone
            (ResourceNotFound), or data are being imported (ResourceInUse).
    """
    group = view.ready("dataset-group", group_arn)
    inputs = chosen or _latest(group, view)
    datasets: dict[str, dict[str, Any] | None] = {}
    for role in ROLES:
        pair = inputs[role]
        if pair and view.store.at(pair["import"]) is None:
            raise faults.not_found(pair["import"])
        datasets[role] = view.get("dataset", pair["dataset"]).request if pair else None
    target = datasets["target"]
    if target is None:
        raise faults.invalid(f"The dataset group {group.arn} has no {TARGET} dataset")
    schemas = Schemas(group.request["Domain"], target, datasets["related"], datasets["metadata"])
    return DataOf(group, schemas, inputs)


def used_imports(inputs: Json) -> list[str]:
    """The ARNs of the imports that a job reads."""
    return [inputs[role]["import"] for role in ROLES if inputs[role]]


def _latest(group: Resource, view: View) -> Json:
    inputs: Json = {"group": group.arn, **dict.fromkeys(ROLES)}
    for arn in group.body["DatasetArns"]:
        found = view.ready("dataset", arn)
        latest = view.latest_import(arn)
        if latest is None:
            raise faults.invalid(f"The dataset {arn} of the group {group.arn} has no import job that is ACTIVE")
        role = next(role for role, kind in ROLES.items() if kind == found.request["DatasetType"])
        inputs[role] = {"dataset": arn, "import": latest.arn}
    return inputs
