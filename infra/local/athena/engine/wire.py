"""What the gateway's process and a worker say to each other: one JSON object a line; jobs and outcomes as JSON.

It imports nothing heavy. Lines to a worker: `job`, `cancel`, `linked`, `refused`; from it: `ready`, `began`, `link`,
`outcome`.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.athena.contract import Column, Job, Outcome


def line(**message: Any) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def job_to(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    return {**dataclasses.asdict(job), "folder": str(job.folder)}


def job_from(given: Mapping[str, Any]) -> Job:
    """The job of what `job_to` gave."""
    return Job(**{**given, "folder": Path(given["folder"]), "parameters": tuple(given["parameters"])})


def outcome_to(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON."""
    return {
        **dataclasses.asdict(outcome),
        "milliseconds": dict(outcome.milliseconds),
        "tables": list(outcome.tables),
    }


def outcome_from(given: Mapping[str, Any]) -> Outcome:
    """The outcome of what `outcome_to` gave."""
    columns = tuple(Column(**column) for column in given["columns"])
    return Outcome(**{**given, "columns": columns, "tables": tuple(given["tables"])})
