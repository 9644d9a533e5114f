"""The runs of forecasts as the bucket and Step Functions show them: which is the newest, is it in gold, what failed.

Lists and reads; asks no driver, so it is true of one that hangs.
"""

from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import executions
from infra.aws.deployment import NAME
from lakehouse.errors import ContractError
from lakehouse.runs import LOADED, RUNS, Loaded
from lakehouse.settings import Settings
from lakehouse.tables import GOLD_SALES_FORECAST


@dataclass(frozen=True)
class Runs:
    """The runs of a forecast.

    Args:
        name: Of the forecast.
        run_id: Of the newest run; "" if there is none.
        made_at: When its exports were complete, seconds since 1970 like every `_at`.
        state: What became of it: loaded, refused, or waiting for the driver; "" if there is none.
        rows: Rows of it in gold.sales_forecast.
        fault: Why it was refused, in a line.
        began_at: When the execution began that is at work; None if none is.
        failed_at: When an execution failed, if none has come to its end since; else None.
        cause: Why it failed, in a line.
    """

    name: str
    run_id: str = ""
    made_at: float = 0.0
    state: str = ""
    rows: int = 0
    fault: str = ""
    began_at: float | None = None
    failed_at: float | None = None
    cause: str = ""


class Register:
    """Looks at the runs again and again; answers of the driver, which never change, are read once.

    Args:
        settings: Which environment.
        s3: A client.
        states: A client of Step Functions.
    """

    def __init__(self, settings: Settings, s3: Any, states: Any) -> None:
        self._bucket, self._s3, self._states = settings.bucket, s3, states
        self._answers: dict[tuple[str, str], Loaded] = {}

    def look(self) -> list[Runs]:
        """Every forecast that has a run or an execution, by name.

        Raises:
            ClientError, BotoCoreError: The bucket does not answer.
        """
        answers = {key: etag for key, _, etag in self._list(LOADED)}
        newest: dict[str, tuple[float, str]] = {}
        for key, at, _ in self._list(RUNS):
            name, _, run_id = key.removeprefix(RUNS).removesuffix(".json").partition("/")
            newest[name] = max(newest.get(name, (0.0, "")), (at, run_id))
        found = {name: self._run(name, run_id, at, answers) for name, (at, run_id) in newest.items()}
        for name, execution in self._executions("RUNNING").items():
            found[name] = replace(found.get(name, Runs(name)), began_at=execution["startDate"].timestamp())
        succeeded = {name: one["stopDate"].timestamp() for name, one in self._executions("SUCCEEDED").items()}
        for name, execution in self._executions("FAILED").items():
            one, ended = found.get(name, Runs(name)), execution["stopDate"].timestamp()
            if ended > max(one.made_at, succeeded.get(name, 0.0)):
                found[name] = replace(one, failed_at=ended, cause=self._cause(execution["executionArn"]))
        return [found[name] for name in sorted(found)]

    def _run(self, name: str, run_id: str, at: float, answers: dict[str, str]) -> Runs:
        key = f"{LOADED}{name}/{run_id}.json"
        if key not in answers:
            return Runs(name, run_id, at, "waiting")
        place = key, answers[key]
        if place not in self._answers:
            text = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
            try:
                self._answers[place] = Loaded.from_json(text)
            except ContractError as fault:
                self._answers[place] = Loaded({}, str(fault), "")
        answer = self._answers[place]
        state = "refused" if answer.fault else "loaded"
        return Runs(name, run_id, at, state, answer.rows.get(GOLD_SALES_FORECAST.full_name, 0), answer.fault)

    def _list(self, prefix: str) -> list[tuple[str, float, str]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        entries = [entry for page in pages for entry in page.get("Contents", [])]
        return [(one["Key"], one["LastModified"].timestamp(), one["ETag"]) for one in entries]

    def _executions(self, status: str) -> dict[str, dict[str, Any]]:
        """By forecast, its newest execution of a status; none where nobody answers."""
        try:
            return executions.newest(self._states, NAME, status)
        except (ClientError, BotoCoreError):
            return {}

    def _cause(self, arn: str) -> str:
        try:
            found = self._states.describe_execution(executionArn=arn)
        except (ClientError, BotoCoreError):
            return ""
        return executions.cause(found.get("cause") or found.get("error") or "unknown")
