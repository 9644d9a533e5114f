"""MSK Connect of the gateway: a connector runs on the local Connect worker, whose plug-in is the same.

Owns plugins, worker configurations and connectors as its API knows them. What a worker configuration says has no
effect: the local worker has its own (infra/local/worker.py).
"""

import asyncio
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from infra.local import rest
from infra.local.kept import Kept, Record
from infra.local.plugin import Answer, Query
from infra.local.rest import ApiError, Request, route
from lakehouse.settings import Settings

START_SECONDS = 30.0
_KINDS = {
    "connector": "connectorArn",
    "custom-plugin": "customPluginArn",
    "worker-configuration": "workerConfigurationArn",
}


class KafkaConnect:
    """MSK Connect as a plug-in of the gateway.

    Args:
        settings: Where the worker answers.
        folder: Where the resources are kept.
    """

    name = "kafkaconnect"
    pattern: Mapping[str, Sequence[str]] = {"host_patterns": [r"^kafkaconnect\."]}
    sdk: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._kept = settings, Kept(folder / "resources.json")
        self._threads = ThreadPoolExecutor(4, "kafkaconnect")
        self._routes = (
            route("POST", "/v1/connectors", self._create_connector),
            route(
                "GET",
                "/v1/connectors",
                lambda asked: {"connectors": self._list("connector", asked, "connectorNamePrefix")},
            ),
            route("GET", "/v1/connectors/{arn+}", self._describe_connector),
            route("PUT", "/v1/connectors/{arn+}", self._update_connector),
            route("DELETE", "/v1/connectors/{arn+}", self._delete_connector),
            route("POST", "/v1/custom-plugins", self._create_plugin),
            route(
                "GET",
                "/v1/custom-plugins",
                lambda asked: {"customPlugins": self._list("custom-plugin", asked, "namePrefix")},
            ),
            route("GET", "/v1/custom-plugins/{arn+}", lambda asked: self._of("custom-plugin", asked)),
            route(
                "DELETE",
                "/v1/custom-plugins/{arn+}",
                lambda asked: self._drop("custom-plugin", asked, "customPluginState"),
            ),
            route("POST", "/v1/worker-configurations", self._create_worker_configuration),
            route(
                "GET",
                "/v1/worker-configurations",
                lambda asked: {"workerConfigurations": self._list("worker-configuration", asked, "namePrefix")},
            ),
            route("GET", "/v1/worker-configurations/{arn+}", lambda asked: self._of("worker-configuration", asked)),
            route(
                "DELETE",
                "/v1/worker-configurations/{arn+}",
                lambda asked: self._drop("worker-configuration", asked, "workerConfigurationState"),
            ),
            route("GET", "/v1/tags/{arn+}", lambda asked: {"tags": self._tagged(asked).get("tags", {})}),
        )

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        # Imported here: the emulator reads its environment when it is imported.
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

        place = {"account": get_account_id(), "region": get_region()}
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: rest.answered(self._routes, method, path, body, query, **place)
        )

    async def start(self) -> None:
        """Nothing to open: the worker is asked when there is something to ask."""

    async def stop(self) -> None:
        self._threads.shutdown(wait=False)

    def _create_connector(self, asked: Request) -> Record:
        record = self._made("connector", asked, "connectorName", {"connectorState": "RUNNING", "currentVersion": "1"})
        plugins = {one["customPlugin"]["customPluginArn"] for one in record.get("plugins", [])}
        for arn in plugins:
            if self._kept.get("custom-plugin", arn) is None:
                raise ApiError("BadRequestException", f"there is no custom plugin {arn}")
        self._run(record["connectorName"], record["connectorConfiguration"])
        self._kept.put("connector", record["connectorArn"], record)
        return _some(record, "connectorArn", "connectorName", "connectorState")

    def _describe_connector(self, asked: Request) -> Record:
        record = self._of("connector", asked)
        told = self._status(record["connectorName"])
        if told is None:
            # A worker that was started anew has forgotten all but its own.
            self._run(record["connectorName"], record["connectorConfiguration"])
        return record | {"connectorState": "FAILED" if told and _fault(told) else "RUNNING"}

    def _update_connector(self, asked: Request) -> Record:
        record = self._of("connector", asked)
        if asked.asked("currentVersion") != record["currentVersion"]:
            raise ApiError("BadRequestException", f"the current version is {record['currentVersion']}")
        changed: dict[str, Any] = {"currentVersion": str(int(record["currentVersion"]) + 1)}
        if "connectorConfiguration" in asked.body:
            self._run(record["connectorName"], asked.body["connectorConfiguration"])
        changed |= {name: asked.body[name] for name in ("capacity", "connectorConfiguration") if name in asked.body}
        self._kept.change("connector", record["connectorArn"], **changed)
        return _some(record, "connectorArn", "connectorState")

    def _delete_connector(self, asked: Request) -> Record:
        record = self._of("connector", asked)
        try:
            self._call("DELETE", f"/connectors/{quote(record['connectorName'], safe='')}")
        except ApiError as fault:
            # Without a worker nothing runs, and what is not there need not be deleted.
            if fault.status not in (404, 503):
                raise
        self._kept.drop("connector", record["connectorArn"])
        return _some(record, "connectorArn") | {"connectorState": "DELETING"}

    def _create_plugin(self, asked: Request) -> Record:
        place = asked.body.get("location", {}).get("s3Location", {})
        if not place.get("bucketArn") or not place.get("fileKey"):
            raise ApiError("BadRequestException", "location.s3Location needs bucketArn and fileKey")
        record = self._made("custom-plugin", asked, "name", {"customPluginState": "ACTIVE"})
        revision = {"revision": 1, "location": asked.body["location"], "contentType": asked.body.get("contentType")}
        self._kept.put("custom-plugin", record["customPluginArn"], record | {"latestRevision": revision})
        return _some(record, "customPluginArn", "name", "customPluginState") | {"revision": 1}

    def _create_worker_configuration(self, asked: Request) -> Record:
        record = self._made("worker-configuration", asked, "name", {"workerConfigurationState": "ACTIVE"})
        revision = {"revision": 1, "propertiesFileContent": asked.body.get("propertiesFileContent", "")}
        self._kept.put("worker-configuration", record["workerConfigurationArn"], record | {"latestRevision": revision})
        return _some(record, "workerConfigurationArn", "name", "workerConfigurationState") | {
            "latestRevision": {"revision": 1}
        }

    def _made(self, kind: str, asked: Request, named: str, members: Mapping[str, Any]) -> Record:
        name = asked.body.get(named)
        if not name:
            raise ApiError("BadRequestException", f"{named} is missing")
        if any(one[named] == name for one in self._kept.all(kind)):
            raise ApiError("ConflictException", f"a {kind} of the name {name} exists already", 409)
        arn = f"arn:aws:kafkaconnect:{asked.region}:{asked.account}:{kind}/{name}/{uuid.uuid4()}"
        return {**asked.body, _KINDS[kind]: arn, "creationTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **members}

    def _of(self, kind: str, asked: Request) -> Record:
        found = self._kept.get(kind, asked.names["arn"])
        if found is None:
            raise ApiError("NotFoundException", f"there is no {kind} {asked.names['arn']}", 404)
        return found

    def _drop(self, kind: str, asked: Request, state: str) -> Record:
        record = self._of(kind, asked)
        self._kept.drop(kind, record[_KINDS[kind]])
        return {_KINDS[kind]: record[_KINDS[kind]], state: "DELETING"}

    def _list(self, kind: str, asked: Request, prefix: str) -> list[Record]:
        named = "connectorName" if kind == "connector" else "name"
        return [one for one in self._kept.all(kind) if one[named].startswith(asked.asked(prefix))]

    def _tagged(self, asked: Request) -> Record:
        found = next((one for kind in _KINDS if (one := self._kept.get(kind, asked.names["arn"]))), None)
        if found is None:
            raise ApiError("NotFoundException", f"there is no {asked.names['arn']}", 404)
        return found

    # --- the worker

    def _run(self, name: str, configuration: Mapping[str, str]) -> None:
        """Give the worker a connector and wait until its tasks run."""
        self._call("PUT", f"/connectors/{quote(name, safe='')}/config", {**configuration, "name": name})
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            told = self._status(name)
            if told and (fault := _fault(told)):
                raise ApiError("BadRequestException", f"connector {name} failed: {fault}")
            if told and told["tasks"] and all(task["state"] == "RUNNING" for task in told["tasks"]):
                return
            time.sleep(0.1)
        raise ApiError("InternalServerErrorException", f"{name} does not run after {START_SECONDS:.0f} s", 500)

    def _status(self, name: str) -> Record | None:
        try:
            found: Record = self._call("GET", f"/connectors/{quote(name, safe='')}/status")
        except ApiError as fault:
            if fault.status == 404:
                return None
            raise
        return found

    def _call(self, method: str, path: str, body: object = None) -> Any:
        url = self._settings.connect_url
        request = urllib.request.Request(  # noqa: S310 (an http address from the settings)
            url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as fault:
            said = " ".join(fault.read().decode(errors="replace").split())[:500]
            raise ApiError("BadRequestException", f"the worker refuses: {said}", fault.code) from fault
        except (OSError, ValueError) as fault:
            reason = getattr(fault, "reason", fault)
            raise ApiError(
                "ServiceUnavailableException", f"no Connect worker at {url} ({reason}); run `make up`", 503
            ) from fault


def _fault(told: Record) -> str:
    failed = [one for one in (told["connector"], *told["tasks"]) if one["state"] == "FAILED"]
    return (failed[0].get("trace") or "no reason given").splitlines()[0] if failed else ""


def _some(record: Record, *names: str) -> Record:
    return {name: record[name] for name in names}
