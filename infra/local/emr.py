"""EMR Serverless of the gateway: applications, and job runs that are real processes of spark-submit on this machine.

Owns the API; the life of a run stands in emr_lives.py, what it is made of and how it is started in emr_run.py. Runs
of an application wait for each other as MaxConcurrentRuns says; one that a killed gateway left is begun again.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.local import rest
from infra.local.emr_lives import ENDED, Lives
from infra.local.kept import Kept, Record
from infra.local.plugin import Answer, Query
from infra.local.rest import ApiError, Request, route
from lakehouse.settings import Settings

_RUN = "/applications/{app}/jobruns/{run}"
_TOLD_OF_RUN = (
    "applicationId", "jobRunId", "arn", "createdBy", "createdAt", "updatedAt", "executionRole", "state", "stateDetails",
    "releaseLabel", "name", "mode", "attempt",
)  # fmt: skip


class EmrServerless:
    """EMR Serverless as a plug-in of the gateway.

    Args:
        settings: Of the stack.
        folder: Where applications and runs are kept, with the files and logs of runs.
    """

    name = "emr-serverless"
    pattern: Mapping[str, Sequence[str]] = {"host_patterns": [r"^emr-serverless\."]}
    sdk: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._kept = Kept(folder / "resources.json")
        self._threads = ThreadPoolExecutor(4, "emr")
        self._lives = Lives(settings, folder, self._kept)
        self._routes = (
            route("POST", "/applications", self._create),
            route(
                "GET",
                "/applications",
                lambda _: {"applications": [_told(one) for one in self._kept.all("application")]},
            ),
            route("GET", "/applications/{app}", lambda asked: {"application": _told(self._application(asked))}),
            route("PATCH", "/applications/{app}", self._update),
            route("DELETE", "/applications/{app}", self._delete),
            route("POST", "/applications/{app}/start", lambda asked: self._turn(asked, "STARTED")),
            route("POST", "/applications/{app}/stop", lambda asked: self._turn(asked, "STOPPED")),
            route("POST", "/applications/{app}/jobruns", self._start_run),
            route("GET", "/applications/{app}/jobruns", self._list_runs),
            route("GET", _RUN, lambda asked: {"jobRun": {k: v for k, v in self._run(asked).items() if k != "account"}}),
            route("DELETE", _RUN, self._cancel),
        )

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        # Imported here: the emulator reads its environment when it is imported.
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

        place = {"account": get_account_id(), "region": get_region()}
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: rest.answered(self._routes, method, path, body, query, **place)
        )

    async def start(self) -> None:
        """Begin again what a gateway that was killed or stopped has left."""
        self._lives.loop = asyncio.get_running_loop()
        for one in self._kept.all("run"):
            if one["state"] not in ENDED:
                self._lives.begin(one["jobRunId"])

    async def stop(self) -> None:
        self._lives.stop()
        self._threads.shutdown(wait=False)

    # --- applications

    def _create(self, asked: Request) -> Record:
        for name in ("releaseLabel", "type"):
            if not asked.body.get(name):
                raise ApiError("ValidationException", f"{name} is missing")
        number = uuid.uuid4().hex[:16]
        now = time.time()
        record = {
            **{name: value for name, value in asked.body.items() if name != "clientToken"},
            "applicationId": number,
            "arn": f"arn:aws:emr-serverless:{asked.region}:{asked.account}:/applications/{number}",
            "state": "CREATED",
            "createdAt": now,
            "updatedAt": now,
        }
        self._kept.put("application", number, record)
        return {"applicationId": number, "name": record.get("name", ""), "arn": record["arn"]}

    def _update(self, asked: Request) -> Record:
        record = self._resting(asked, "updated")
        given = {name: value for name, value in asked.body.items() if name != "clientToken"}
        self._kept.change("application", record["applicationId"], **given, updatedAt=time.time())
        return {"application": _told(self._application(asked))}

    def _delete(self, asked: Request) -> Record:
        self._kept.drop("application", self._resting(asked, "deleted")["applicationId"])
        return {}

    def _resting(self, asked: Request, what: str) -> Record:
        """The application, which must not be started for what is to be done with it."""
        record = self._application(asked)
        if record["state"] not in ("CREATED", "STOPPED"):
            said = f"an application must be CREATED or STOPPED to be {what}; it is {record['state']}"
            raise ApiError("ValidationException", said)
        return record

    def _turn(self, asked: Request, state: str) -> Record:
        record = self._application(asked)
        if state == "STOPPED" and self._lives.active(record["applicationId"]):
            raise ApiError("ConflictException", "the application has runs under way", 409)
        self._kept.change("application", record["applicationId"], state=state, updatedAt=time.time())
        return {}

    def _application(self, asked: Request) -> Record:
        found = self._kept.get("application", asked.names["app"])
        if found is None:
            raise ApiError("ResourceNotFoundException", f"there is no application {asked.names['app']}", 404)
        return found

    # --- runs

    def _start_run(self, asked: Request) -> Record:
        application = self._application(asked)
        token, number = asked.body.get("clientToken"), application["applicationId"]
        same = [one for one in self._kept.all("run") if (one["applicationId"], one["clientToken"]) == (number, token)]
        record = same[0] if same else self._new_run(asked, application)
        return {name: record[name] for name in ("applicationId", "jobRunId", "arn")}

    def _new_run(self, asked: Request, application: Record) -> Record:
        submit = asked.body.get("jobDriver", {}).get("sparkSubmit")
        if not submit or not submit.get("entryPoint") or not asked.body.get("executionRoleArn"):
            raise ApiError("ValidationException", "jobDriver.sparkSubmit.entryPoint and executionRoleArn are needed")
        number = uuid.uuid4().hex[:16]
        now = time.time()
        record = {
            **{
                name: asked.body[name]
                for name in ("jobDriver", "configurationOverrides", "retryPolicy")
                if name in asked.body
            },
            "account": asked.account,
            "applicationId": application["applicationId"],
            "arn": f"{application['arn']}/jobruns/{number}",
            "attempt": 0,
            "clientToken": asked.body.get("clientToken") or number,
            "createdAt": now,
            "createdBy": f"arn:aws:iam::{asked.account}:root",
            "executionRole": asked.body["executionRoleArn"],
            "jobRunId": number,
            "mode": asked.body.get("mode", "BATCH"),
            "name": asked.body.get("name", ""),
            "releaseLabel": application["releaseLabel"],
            "state": "SUBMITTED",
            "stateDetails": "",
            "tags": asked.body.get("tags", {}),
            "updatedAt": now,
        }
        self._kept.put("run", number, record)
        self._kept.change("application", application["applicationId"], state="STARTED")
        self._lives.begin(number)
        return record

    def _list_runs(self, asked: Request) -> Record:
        wanted = set(asked.query.get("states") or ())
        application = self._application(asked)["applicationId"]
        found = [
            {name: one[name] for name in _TOLD_OF_RUN} | {"id": one["jobRunId"], "type": "SPARK"}
            for one in self._kept.all("run")
            if one["applicationId"] == application and (not wanted or one["state"] in wanted)
        ]
        return {"jobRuns": sorted(found, key=lambda one: -float(one["createdAt"]))}

    def _run(self, asked: Request) -> Record:
        found = self._kept.get("run", asked.names["run"])
        if found is None or found["applicationId"] != asked.names["app"]:
            raise ApiError("ResourceNotFoundException", f"there is no job run {asked.names['run']}", 404)
        return found

    def _cancel(self, asked: Request) -> Record:
        record = self._run(asked)
        self._lives.end(record)
        return {"applicationId": record["applicationId"], "jobRunId": record["jobRunId"]}


def _told(record: Record) -> Record:
    return dict(record)
