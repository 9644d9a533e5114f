"""Tells a Connect worker what to run, over its REST API: register, status, restart, delete.

MSK Connect has no such API; it is given the same definition by its own.
"""

import http.client
import json
import urllib.error
import urllib.request
import warnings
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote
from uuid import UUID

from connect.definition import definition
from lakehouse import places
from lakehouse.errors import ConfigError, ContractError, SourceError
from lakehouse.settings import Settings

TIMEOUT_SECONDS = 10.0


def register(settings: Settings, topic_id: str | None = None) -> dict[str, Any]:
    """Make the connector, or give it the present definition; the same again changes nothing.

    Args:
        settings: The worker's address and what the definition is filled from.
        topic_id: The topic's id; asked of the broker if not given.

    Returns:
        The connector as the worker now has it.

    Raises:
        SourceError: Worker or broker do not answer, or the worker is rebalancing.
        ConfigError: The worker refuses the definition, or the topic does not exist.
    """
    wanted = definition(settings, topic_id or topic_id_of(settings))
    answer = _call(settings, "PUT", f"{_path(wanted['name'])}/config", wanted["config"])
    return answer if isinstance(answer, dict) else {}


def status(settings: Settings, name: str = places.CONNECTOR) -> dict[str, Any]:
    """The worker's words on the connector: `{"name", "connector": {"state"}, "tasks": [{"id", "state", "trace"}]}`.

    Raises:
        SourceError: The worker does not answer.
        ConfigError: It has no such connector.
    """
    answer: dict[str, Any] = _call(settings, "GET", f"{_path(name)}/status")
    return answer


def faults(settings: Settings, name: str = places.CONNECTOR) -> list[str]:
    """What is wrong with the connector, a line each: parts that do not run, a topic that is not the registered one."""
    told = status(settings, name)
    parts = [("connector", told["connector"]), *((f"task {task['id']}", task) for task in told["tasks"])]
    found = [
        f"{part} is {state['state']}: {(state.get('trace') or 'no reason given').splitlines()[0]}"
        for part, state in parts
        if state["state"] != "RUNNING"
    ]
    if not told["tasks"]:
        found.append("no task is running yet")
    config = _call(settings, "GET", f"{_path(name)}/config")
    now = topic_id_of(settings, config["topics"])
    if config.get("topic.id") != now:
        found.append(f"topic {config['topics']} was recreated: it is {now}, registered is {config.get('topic.id')}")
    return found


def topic_id(settings: Settings, name: str = places.CONNECTOR) -> str:
    """The topic's id that the connector is registered with, as text of 22 characters.

    Raises:
        SourceError: The worker does not answer.
        ConfigError: It has no such connector.
    """
    config = _call(settings, "GET", f"{_path(name)}/config")
    return str(config["topic.id"])


def restart(settings: Settings, name: str = places.CONNECTOR) -> None:
    """Restart the connector and its tasks where they have failed; what runs goes on.

    Raises:
        SourceError: The worker does not answer.
        ConfigError: It has no such connector.
    """
    _call(settings, "POST", f"{_path(name)}/restart?includeTasks=true&onlyFailed=true")


def delete(settings: Settings, name: str = places.CONNECTOR) -> bool:
    """Remove the connector; what it landed stays. Returns whether there was one."""
    try:
        _call(settings, "DELETE", _path(name))
    except ConfigError:
        return False
    return True


def topic_id_of(settings: Settings, topic: str = places.TOPIC) -> str:
    """The broker's id of a topic, as text of 22 characters.

    Raises:
        SourceError: The broker does not answer.
        ConfigError: There is no such topic.
    """
    with warnings.catch_warnings():  # kafka-python 3.0.12 reads its schemas through importlib.resources.read_text
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka.admin import KafkaAdminClient  # noqa: PLC0415 (the import is what warns)
        from kafka.errors import KafkaError  # noqa: PLC0415
    try:
        client = KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap_servers, bootstrap_timeout_ms=5000, **settings.kafka_arguments
        )
        try:
            found = client.describe_topics([topic])
        finally:
            client.close()
    except (KafkaError, OSError) as fault:
        raise SourceError(
            f"no broker at {settings.kafka_bootstrap_servers} ({type(fault).__name__})",
            action="run `make up`, or correct KAFKA_BOOTSTRAP_SERVERS",
        ) from fault
    known = next((entry for entry in found if not entry.get("error_code")), None)
    if known is None:
        raise ConfigError(f"topic {topic} does not exist", action="run `make up`, which makes it")
    return urlsafe_b64encode(UUID(str(known["topic_id"])).bytes).decode().rstrip("=")


def _path(name: str) -> str:
    return f"/connectors/{quote(name, safe='')}"


def _call(settings: Settings, method: str, path: str, body: object = None) -> Any:
    if not settings.connect_url:
        raise ConfigError("CONNECT_URL is empty", "the address of a Connect worker", "MSK Connect has none")
    request = urllib.request.Request(  # noqa: S310 (the address is a setting)
        settings.connect_url.rstrip("/") + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as fault:
        raise _refusal(settings, fault) from fault
    except (OSError, http.client.HTTPException, ValueError) as fault:
        reason = getattr(fault, "reason", fault)
        raise SourceError(
            f"no Connect worker at {settings.connect_url} ({reason})", action="run `make up`, or correct CONNECT_URL"
        ) from fault
    try:
        return json.loads(text) if text else None
    except ValueError as fault:
        raise ContractError(
            f"{settings.connect_url} answered with something else than JSON", "a Connect worker", "correct CONNECT_URL"
        ) from fault


def _refusal(settings: Settings, fault: urllib.error.HTTPError) -> ConfigError | SourceError:
    try:
        message = str(json.load(fault).get("message", ""))
    except (ValueError, AttributeError):
        message = ""
    said = " ".join(message.split()) or "no reason given"
    if message and fault.code in (400, 404, 422):  # a worker that is starting answers 404 without a message
        return ConfigError(f"Connect at {settings.connect_url} refuses: {said}", action="correct the settings")
    return SourceError(f"Connect at {settings.connect_url} answers {fault.code}: {said}", action="try again")
