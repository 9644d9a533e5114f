"""MSK of the gateway: every cluster is the local broker, and the API's second version is answered besides the first.

The emulator keeps the clusters. Its brokers are names without a broker behind them; the local one speaks to clients
without sign-in, so that is what GetBootstrapBrokers tells.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from infra.local.glue import Handler
from infra.local.plugin import Answer, Query
from lakehouse.settings import Settings

_BOOTSTRAP = re.compile(r"/v1/clusters/(.+)/bootstrap-brokers")
_CLUSTERS = "/api/v2/clusters"


def install(settings: Settings) -> None:
    """Put the answers before those of the emulator's MSK."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415
    from ministack.services import msk  # noqa: PLC0415

    app.SERVICE_HANDLERS["kafka"] = extended(app.SERVICE_HANDLERS["kafka"], msk._clusters, settings)


def extended(inner: Handler, clusters: Any, settings: Settings) -> Handler:
    """A handler of MSK with what another one lacks."""

    async def handle(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> Answer:
        plain = unquote(path)
        found = _BOOTSTRAP.fullmatch(plain)
        if method == "GET" and found and found[1] in clusters:
            return _json({"bootstrapBrokerString": settings.kafka_bootstrap_servers})
        if plain.startswith(_CLUSTERS):
            return await _second(inner, clusters, (method, plain, headers, body, query))
        return await inner(method, path, headers, body, query)

    return handle


async def _second(inner: Handler, clusters: Any, request: tuple[str, str, dict[str, str], Any, Query]) -> Answer:
    method, path, headers, body, query = request
    arn = path.removeprefix(_CLUSTERS).lstrip("/")
    if method == "POST" and not arn:
        given = json.loads(body or b"{}")
        members = {
            **(given.get("provisioned") or {}),
            "clusterName": given.get("clusterName"),
            "tags": given.get("tags") or {},
        }
        status, found, answer = await inner("POST", "/v1/clusters", headers, json.dumps(members).encode(), query)
        if status == 200 and given.get("serverless"):
            made = json.loads(answer)
            # Through its key, as the emulator's store notices no change within a record.
            key = made["clusterArn"]
            clusters[key] = {**clusters[key], "Serverless": given["serverless"]}
        return status, found, answer
    if method == "GET" and arn:
        if arn in clusters:
            return _json({"clusterInfo": _info(clusters[arn])})
        return await inner("GET", f"/v1/clusters/{arn}", headers, body, query)
    if method == "GET":
        wanted = (query.get("clusterNameFilter") or [""])[0]
        kind = (query.get("clusterTypeFilter") or [""])[0]
        told = [_info(one) for one in clusters.values() if one["ClusterName"].startswith(wanted)]
        return _json({"clusterInfoList": [one for one in told if not kind or one["clusterType"] == kind]})
    return await inner(method, path, headers, body, query)


def _info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "clusterArn": cluster["ClusterArn"],
        "clusterName": cluster["ClusterName"],
        "state": cluster["State"],
        "creationTime": cluster["CreationTime"],
        "currentVersion": cluster["CurrentVersion"],
        "tags": cluster["Tags"],
    }
    if "Serverless" in cluster:
        return told | {"clusterType": "SERVERLESS", "serverless": cluster["Serverless"]}
    names = ("brokerNodeGroupInfo", "clientAuthentication", "encryptionInfo", "loggingInfo", "numberOfBrokerNodes")
    kept = {name: cluster[name[0].upper() + name[1:]] for name in names}
    version = {"kafkaVersion": cluster["CurrentBrokerSoftwareInfo"]["KafkaVersion"]}
    return told | {"clusterType": "PROVISIONED", "provisioned": {**kept, "currentBrokerSoftwareInfo": version}}


def _json(told: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()
