"""Datasets, their groups, and imports into them."""

from forecasting.service import faults, states
from forecasting.service.creation.draft import Draft
from forecasting.service.rules import places
from forecasting.service.rules.domains import METADATA, attributes, check_dataset
from forecasting.service.store import Json, Resource
from forecasting.service.view import View


def dataset(request: Json, _: View) -> Draft:
    check_dataset(request)
    places.check_encryption(request)
    return Draft(body={"EncryptionConfig": request.get("EncryptionConfig", {})})


def dataset_group(request: Json, view: View) -> Draft:
    arns = request.get("DatasetArns", [])
    check_members(arns, request["Domain"], view)
    return Draft(body={"DatasetArns": arns})


def check_members(arns: list[str], domain: str, view: View) -> None:
    """The datasets of a group: they exist, are of its domain, and no two of one type."""
    missing = [arn for arn in arns if (one := view.store.at(arn)) is None or one.kind != "dataset"]
    if missing:
        raise faults.ApiError("ResourceNotFoundException", f"Dataset arns: [{', '.join(missing)}] are not found")
    found = [view.get("dataset", arn) for arn in arns]
    foreign = [one.arn for one in found if one.request["Domain"] != domain]
    if foreign:
        raise faults.invalid(f"The domain of the dataset(s) [{', '.join(foreign)}] is not {domain}")
    types = [one.request["DatasetType"] for one in found]
    if len(set(types)) != len(types):
        raise faults.invalid("A dataset group holds at most one dataset of each type")
    busy = [one.arn for one in found if one.status in states.DELETING]
    if busy:
        raise faults.in_use(f"The dataset {busy[0]} is being deleted")


def dataset_import_job(request: Json, view: View) -> Draft:
    found = view.get("dataset", request["DatasetArn"])
    frequency = found.request.get("DataFrequency")
    if found.request["DatasetType"] != METADATA:
        places.check_timestamp_format(request.get("TimestampFormat"), frequency)
    places.check_place(request["DataSource"]["S3Config"], is_source=True)
    places.check_locations(request, set(attributes(found.request["Schema"]).values()))
    previous = view.latest_import(found.arn)
    if request.get("ImportMode") == "INCREMENTAL":
        _check_increment(request, previous)
    view.ready("dataset", found.arn)
    effective = {"Format": "CSV", "ImportMode": "FULL", "UseGeolocationForTimeZone": False, **request}
    is_increment = effective["ImportMode"] == "INCREMENTAL"
    inputs = {"dataset": found.arn, "previous": previous.arn if previous and is_increment else None}
    return Draft(effective, parents=(found.arn,), inputs=inputs)


def _check_increment(request: Json, previous: Resource | None) -> None:
    if previous is None:
        raise faults.invalid("An INCREMENTAL import needs an earlier import into the dataset that is ACTIVE")
    for member, default in (("TimestampFormat", None), ("Format", "CSV"), ("GeolocationFormat", None)):
        before, now = previous.request.get(member, default), request.get(member, default)
        if before != now:
            raise faults.invalid(f"An INCREMENTAL import must keep the {member} {before} of the one before, not {now}")
