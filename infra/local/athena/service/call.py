"""One request and what its operation may use: the store, the catalogue, the workers, the moment, the caller."""

from collections.abc import Callable
from dataclasses import dataclass, field

from infra.local.athena.service.database import File
from infra.local.athena.service.executions import Executions, Owner
from infra.local.athena.service.outside import Outside
from infra.local.athena.service.records import Records
from infra.local.athena.service.runs import Runs

DEFAULT_ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Tools:
    """What all requests share.

    Attributes:
        file: For transactions over executions and records.
    """

    file: File
    executions: Executions
    records: Records
    runs: Runs
    outside: Outside


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        owner: Who asks.
        now: Epoch seconds.
        then: What is done once the transaction of the request stands.
    """

    tools: Tools
    owner: Owner
    now: float
    then: list[Callable[[], None]] = field(default_factory=list)

    @property
    def executions(self) -> Executions:
        """All executions."""
        return self.tools.executions

    @property
    def records(self) -> Records:
        """All records."""
        return self.tools.records

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a workgroup or a data catalogue."""
        return f"arn:aws:athena:{self.owner.region}:{self.owner.account}:{kind}/{name}"
