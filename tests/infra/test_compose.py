"""The compose file: what is reachable, what is pinned, what is waited for; by compose itself where there is one."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from connect.definition import definition
from infra.local import artifacts, stack, worker
from lakehouse import places
from lakehouse.settings import COMPOSE, load

pytestmark = pytest.mark.infra

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-+])([^}]*))?\}")


def _by_hand(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in, as far as it uses the format."""

    def value(found: re.Match[str]) -> str:
        given, otherwise = environment.get(found[1], ""), found[3] or ""
        return (given and otherwise) if found[2] == "+" else (given or otherwise)

    return dict(yaml.safe_load(_VARIABLE.sub(value, FILE.read_text(encoding="utf-8"))))


def _by_compose(folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            "docker",
            "compose",
            "--profile",
            "*",
            "--project-directory",
            str(folder),
            "-f",
            str(FILE),
            "config",
            "--format",
            "json",
        ],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "compose warns"
    return dict(json.loads(done.stdout))


def _has_compose() -> bool:
    docker = shutil.which("docker")
    return (
        bool(docker) and not subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode
    )


@pytest.fixture(scope="module", params=["by hand", "by compose", "by compose, every setting in .env"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project with default variables."""
    if request.param == "by hand":
        return _by_hand({})
    if not _has_compose():
        pytest.skip("there is no docker compose on this machine")
    folder = tmp_path_factory.mktemp("project")
    if ".env" in request.param:
        example = (ROOT / ".env.example").read_text(encoding="utf-8")
        (folder / ".env").write_text(re.sub(r"^#([A-Z_]+=)", r"\1", example, flags=re.MULTILINE), encoding="utf-8")
    return _by_compose(folder)


def _ports(service: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Host address and container port of each published port, in the short or the long form."""
    found = []
    for port in service.get("ports", []):
        if isinstance(port, str):
            host, _, target = port.split(":")
            found.append((host, int(target)))
        else:
            found.append((port.get("host_ip", "0.0.0.0"), port["target"]))
    return found


def test_containers_are_named_as_the_processes_they_stand_for(project: dict[str, Any]) -> None:
    assert set(stack.PROCESSES) <= set(project["services"])


def test_every_port_is_on_loopback_alone(project: dict[str, Any]) -> None:
    ports = [port for service in project["services"].values() for port in _ports(service)]
    assert sorted(port for _, port in ports) == [4566, 8083, 9092, 9108]
    assert {host for host, _ in ports} == {"127.0.0.1"}


def test_every_image_is_pinned(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        tag = service["image"].rpartition("/")[2].partition(":")[2]
        assert re.match(r"\d+\.\d+", tag), f"{name}: {service['image']}"


def test_every_lasting_service_has_a_health_check_and_an_init(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["init"] is True, name
        assert service["healthcheck"]["test"], name
        assert service["healthcheck"]["retries"] >= 30, name


def test_nothing_is_privileged_or_shares_the_hosts_network(project: dict[str, Any]) -> None:
    for service in project["services"].values():
        assert not {"privileged", "network_mode", "ulimits", "pid", "cap_add"} & set(service)
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_service_has_a_bound_of_memory_and_lasting_ones_come_back(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["mem_limit"], name
        assert service["restart"] == "unless-stopped", name
        if name != "broker":  # its image writes its settings into its own folder
            assert service["read_only"] is True, name


def test_what_is_written_lies_in_a_volume(project: dict[str, Any]) -> None:
    for name in ("broker", "gateway", "spark", "generator"):
        mounted = [str(one["source"] if isinstance(one, dict) else one) for one in project["services"][name]["volumes"]]
        assert len([one for one in mounted if one.partition(":")[0] == name]) == 1, name
    assert set(project["volumes"]) == {"broker", "gateway", "spark", "generator"}


def test_nothing_starts_before_what_it_needs_is_healthy(project: dict[str, Any]) -> None:
    def conditions(name: str) -> dict[str, str]:
        return {needed: about["condition"] for needed, about in project["services"][name]["depends_on"].items()}

    assert conditions("connect") == {"broker": "service_healthy"}
    assert conditions("spark") == {"gateway": "service_healthy"}
    assert conditions("generator") == {"connect": "service_healthy"}
    assert "depends_on" not in project["services"]["gateway"]  # which registers the connector once a worker answers


def test_the_worker_is_healthy_when_our_connector_runs(project: dict[str, Any]) -> None:
    assert f"GET /connectors/{places.CONNECTOR}/status" in " ".join(
        project["services"]["connect"]["healthcheck"]["test"]
    )


def test_logs_are_bounded(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name


def test_the_gateway_needs_no_secret(project: dict[str, Any]) -> None:
    for name in ("gateway", "connect", "spark", "generator"):
        environment = project["services"][name]["environment"]
        assert environment["AWS_SECRET_ACCESS_KEY"] == "test"


@pytest.mark.parametrize("name", ["gateway", "spark", "generator"])
def test_every_variable_of_ours_is_a_setting(project: dict[str, Any], name: str) -> None:
    given = {key: str(value) for key, value in project["services"][name]["environment"].items()}
    other = {"SPARK_LOCAL_DIRS", *(name for name, _, _ in COMPOSE)}
    environment = {key: value for key, value in given.items() if key not in other}
    settings = load(environ=environment, dotenv=None)
    for variable, value in environment.items():
        assert str(getattr(settings, variable.lower())) == value


def test_images_can_be_replaced() -> None:
    given = {"KAFKA_IMAGE": "local/kafka:1.0", "BASE_IMAGE": "local/base:1.0"}
    services = _by_hand(given)["services"]
    assert services["broker"]["image"] == "local/kafka:1.0"
    assert services["connect"]["build"]["args"] == {"KAFKA_IMAGE": "local/kafka:1.0", "BASE_IMAGE": "local/base:1.0"}
    assert services["gateway"]["build"]["args"] == {"BASE_IMAGE": "local/base:1.0"}


def test_files_that_settings_name_come_into_the_gateway() -> None:
    """A mapping and definitions lie on this machine; without them, no name is given."""
    bare, given = (_by_hand(one)["services"]["gateway"] for one in ({}, {"DYNAMODB_MAPPING": "/x.yaml"}))
    assert not bare["environment"]["DYNAMODB_MAPPING"]
    assert given["environment"]["DYNAMODB_MAPPING"] == "/settings/mapping.yaml"
    assert {"type": "bind", "source": "/x.yaml", "target": "/settings/mapping.yaml", "read_only": True} in given[
        "volumes"
    ]
    assert all((ROOT / one["source"]).is_file() for one in bare["volumes"] if isinstance(one, dict))


def test_the_broker_is_the_version_of_the_jars(project: dict[str, Any]) -> None:
    broker = project["services"]["broker"]["image"].rpartition(":")[2]
    jar = next(jar for jar in artifacts.jars("kafka") if "connect-runtime" in jar.coordinates)
    assert jar.coordinates.rpartition(":")[2] == broker


def test_the_worker_leaves_every_byte_as_it_is() -> None:
    """What standalone and distributed mode share is the same, and the connector may override its consumer."""
    lines = (ROOT / "connect" / "distributed.properties").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name in ("key.converter", "value.converter", "header.converter"):
        assert given[name] == worker.CONVERTER
    assert given["connector.client.config.override.policy"] == "All"
    overridden = definition(load({}, None), "A" * 22)["config"]
    assert any(name.startswith("consumer.override.") for name in overridden)


def test_the_gateway_has_one_port_inside_and_outside() -> None:
    """It refuses requests that name another port than its own."""
    gateway = _by_hand({"GATEWAY_PORT": "5000"})["services"]["gateway"]
    assert gateway["ports"] == ["127.0.0.1:5000:5000"]
    assert gateway["environment"]["AWS_ENDPOINT_URL"] == "http://gateway:5000"
