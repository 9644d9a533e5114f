"""Resources as one caller sees them at one moment: look-ups that fail as the API does, states, members for answers.

It reads and never writes; a request makes one and asks it everything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecasting.service import arns, faults, job, states
from forecasting.service.kinds import KINDS, Kind
from forecasting.service.store import PARENT, Json, Resource, Store

# Shown until the first job of a kind has said how long such a job takes.
TYPICAL_SECONDS = 60.0


@dataclass(frozen=True)
class Caller:
    """Who asks: resources belong to one account and one region."""

    account: str
    region: str


@dataclass(frozen=True)
class View:
    """What a request needs to know.

    Attributes:
        store: All resources.
        caller: Whose they must be.
        now: The moment of the request, epoch seconds.
        folder: Where the artefact folders are.
        quotas: By name.
    """

    store: Store
    caller: Caller
    now: float
    folder: Path
    quotas: dict[str, int]

    def get(self, kind: str, arn: str) -> Resource:
        """A resource of a kind.

        Raises:
            ApiError: There is none (ResourceNotFound).
        """
        found = self.store.at(arn)
        mine = found and (found.account, found.region) == (self.caller.account, self.caller.region)
        if not found or not mine or found.kind != kind:
            raise faults.not_found(arn)
        return found

    def any(self, arn: str) -> Resource:
        """A resource of whatever kind its ARN names."""
        return self.get((arns.names(arn) or ("",))[0], arn)

    def ready(self, kind: str, arn: str) -> Resource:
        """A resource that can be built upon.

        Raises:
            ApiError: There is none, it is busy (ResourceInUse), or it was never made (InvalidInput).
        """
        found = self.get(kind, arn)
        status = self.status(found)
        # A group is usable while its list is replaced: the new list stands already (docs/decisions/0073).
        if status == states.ACTIVE or (kind == "dataset-group" and status in states.UPDATING):
            return found
        if status in (states.FAILED, states.STOPPED):
            raise faults.invalid(f"The {KINDS[kind].words} {arn} has the status {status} and cannot be used")
        raise faults.in_use(f"The {KINDS[kind].words} {arn} is not ACTIVE; its status is {status}")

    def status(self, resource: Resource) -> str:
        """The state of a resource; a dataset's is that of the import into it, if one is under way."""
        if resource.kind == "dataset" and resource.status == states.ACTIVE:
            for child in self.store.linked(resource.arn, PARENT, states.UNFINISHED):
                return states.of_dataset(child.status)
        return resource.status

    def latest_import(self, dataset_arn: str) -> Resource | None:
        """The newest ACTIVE import into a dataset: its data."""
        return self.store.newest_linked(dataset_arn, PARENT, states.ACTIVE)

    def artefacts(self, resource: Resource) -> Path:
        """The folder of what a resource's job made."""
        return self.folder / resource.id

    def members(self, resource: Resource) -> Json:
        """Everything that Describe and List may show of a resource, and what a job is told of it."""
        kind = KINDS[resource.kind]
        status = self.status(resource)
        found = {
            **resource.request,
            **resource.body,
            kind.arn_member: resource.arn,
            kind.name_member: resource.name,
            "Status": status,
            "Message": resource.message or None,
            "CreationTime": resource.created_at,
            "LastModificationTime": states.last_modified(status, resource.modified_at, self.now),
        }
        if status in (states.PENDING, states.IN_PROGRESS):
            found["EstimatedTimeRemainingInMinutes"] = self._remaining(resource)
        if "ReferencePredictorArn" in resource.request:
            arn = resource.request["ReferencePredictorArn"]
            reference = self.store.at(arn)
            is_there = reference is not None and reference.number < resource.number
            found["ReferencePredictorSummary"] = {"Arn": arn, "State": "Active" if is_there else "Deleted"}
        return found

    def check_quotas(self, kind: Kind, lane: str) -> None:
        """Room for one more of a kind, and in its lane.

        Raises:
            ApiError: There is none (LimitExceeded); the words are those that clients look for.
        """
        where = (self.caller.account, self.caller.region)
        most = self.quotas[kind.total]
        if self.store.count(*where, kind=kind.resource) >= most:
            raise faults.over_limit(f"Quota limit of {most} {kind.plural_words} has been reached")
        if not lane:
            return
        running = sum(self.store.count(*where, lane=lane, status=status) for status in states.UNFINISHED)
        if running >= self.quotas[lane]:
            raise faults.over_limit(f"Cannot create more than {self.quotas[lane]} {kind.plural_words} concurrently")

    def _remaining(self, resource: Resource) -> int:
        elapsed = self.now - resource.started_at if resource.started_at else 0.0
        share: Any = (job.read(self.artefacts(resource) / job.PROGRESS) or {}).get("share", 0.0)
        return states.remaining_minutes(elapsed, share, self.store.typical_seconds(resource.kind) or TYPICAL_SECONDS)
