"""A job as its worker sees it, and the files in which service and worker speak to each other.

Every file is written to a temporary name and renamed, so that a reader finds the old one, the new one or none.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

JOB, RESULT, PROGRESS = "job.json", "result.json", "progress.json"
ACTIVE, FAILED, RETRY = "ACTIVE", "CREATE_FAILED", "RETRY"
_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass
class Job:
    """What a worker is to do.

    Attributes:
        kind: The kind of resource, as in ARNs.
        arn: Its ARN.
        name: Its name.
        created_at: When it was asked for, epoch seconds.
        request: The Create request as it is to be carried out.
        inputs: Bodies and folders of what it reads.
        folder: Its artefact folder, which holds nothing else than job.json when it begins.
    """

    kind: str
    arn: str
    name: str
    created_at: float
    request: dict[str, Any]
    inputs: dict[str, Any]
    folder: Path
    _reported_at: float = field(default=0.0, repr=False)

    def report(self, share: float) -> None:
        """Note how much of the job is done, 0 to 1; cheap enough for a tight loop."""
        now = time.monotonic()
        if now - self._reported_at >= _SECONDS_BETWEEN_REPORTS:
            self._reported_at = now
            write(self.folder / PROGRESS, {"share": min(max(float(share), 0.0), 1.0)})


@dataclass(frozen=True)
class Result:
    """What has become of a job.

    Attributes:
        status: ACTIVE, or CREATE_FAILED for what the user can put right.
        message: The resource's Message.
        body: Members for Describe: FieldStatistics, DataSize, PredictorEvaluationResults, …
        metrics: CloudWatch's metrics by name: DatasetSize (kilobytes), TimeSeriesForecastsGenerated.
    """

    status: str = ACTIVE
    message: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


Body = Callable[[Job], Result]
"""What does a job of a kind."""


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """A JSON file; None if it is not there or is not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def load(folder: Path) -> Job:
    """The job of an artefact folder."""
    return Job(**json.loads((folder / JOB).read_text(encoding="utf-8")), folder=folder)


def finish(folder: Path, result: Result) -> None:
    """Leave the result for the service; the last thing that a worker writes."""
    write(folder / RESULT, asdict(result))
