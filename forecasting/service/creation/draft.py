"""A resource about to be made, as the functions beside this return it."""

from dataclasses import dataclass, field

from forecasting.service.store import Json


@dataclass(frozen=True)
class Draft:
    """A resource about to be made.

    Attributes:
        request: What is carried out, if it differs from what was asked.
        body: Members beside the request's.
        parents: ARNs of what it belongs to.
        inputs: ARNs of what its job reads, in the form of job.json.
        lane: The quota on parallel work, if it is not the kind's.
        has_ulid: Whether its ARN ends in a ULID.
    """

    request: Json | None = None
    body: Json = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    inputs: Json = field(default_factory=dict)
    lane: str = ""
    has_ulid: bool = False
