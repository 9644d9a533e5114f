"""From the settings to the processes, their ports, and the checks of the machine."""

import dataclasses
import socket
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from infra.local import doctor, gateway, stack
from infra.local.java import Java
from infra.local.trial import free_ports
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings, load

pytestmark = pytest.mark.unit


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return dataclasses.replace(load(environ={}, dotenv=None), data_dir=str(tmp_path / "data"))


def test_the_gateway_is_given_no_key(settings: Settings) -> None:
    described = gateway.process(dataclasses.replace(settings, aws_secret_access_key="hush"))
    assert "hush" not in str(described)
    assert not [name for name in described.environment if "KEY" in name]
    assert described.port == 4566


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4566", ("127.0.0.1", 4566)),
        ("http://localhost:9", ("localhost", 9)),
        ("http://[::1]:9", ("::1", 9)),
    ],
)
def test_an_address_of_this_machine_is_where_the_gateway_listens(
    settings: Settings, url: str, expected: tuple[str, int]
) -> None:
    assert gateway.address(dataclasses.replace(settings, aws_endpoint_url=url)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://10.0.0.1:4566",
        "https://127.0.0.1:4566",
        "http://example.com",
        "http://0.0.0.0:4566",
        "http://localhost:x",
    ],
)
def test_any_other_endpoint_is_not_served(settings: Settings, url: str) -> None:
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL"):
        gateway.address(dataclasses.replace(settings, aws_endpoint_url=url))


def test_a_name_brings_what_it_needs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(name: str, *after: str):  # type: ignore[no-untyped-def]
        described = dataclasses.replace(gateway.process(settings), name=name, after=after)
        return lambda _: described

    monkeypatch.setattr(
        stack, "PROCESSES", {"a": fake("a"), "b": fake("b"), "c": fake("c", "b"), "d": fake("d", "c", "a")}
    )
    assert [process.name for process in stack.processes(settings, ["c"])] == ["b", "c"]
    assert [process.name for process in stack.processes(settings, ["d"])] == ["a", "b", "c", "d"]
    assert [process.name for process in stack.processes(settings)] == ["a", "b", "c", "d"]
    with pytest.raises(ConfigError, match="process e; expected one of a, b, c, d"):
        stack.processes(settings, ["e"])


def test_spark_gets_all_settings_and_absolute_paths(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    java = Java(Path("/java"), 17, Path("/java/bin/java"), None, "")
    monkeypatch.setattr(stack, "find_java", lambda _: java)
    monkeypatch.setattr(stack.javac, "spark_class_path", lambda _: "/jars/*")
    described = stack.spark(dataclasses.replace(settings, data_dir="relative", spark_cores=7))
    assert described.environment["SPARK_CORES"] == "7"
    assert described.environment["JAVA_HOME"] == "/java"
    assert Path(described.environment["DATA_DIR"]).is_absolute()
    assert described.after == ("gateway",)


def test_spark_is_ready_when_the_driver_that_says_so_lives(settings: Settings) -> None:
    ready = settings.data_path / "spark.ready"
    assert stack.spark_unready(settings)
    ready.parent.mkdir()
    for text in ("", "x", "999999999\n", "1\n"):
        ready.write_text(text, encoding="utf-8")
        assert stack.spark_unready(settings)


def test_each_port_has_the_setting_that_moves_it(settings: Settings) -> None:
    found = {port.setting: port.number for port in stack.ports(settings)}
    assert found == {
        "AWS_ENDPOINT_URL": 4566,
        "KAFKA_BOOTSTRAP_SERVERS": 9092,
        "KAFKA_CONTROLLER_PORT": 9093,
        "CONNECT_URL": 8083,
    }
    assert [port.process for port in stack.ports(settings, ["gateway"])] == ["gateway"]


def test_too_little_disk_is_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 10**9))
    with pytest.raises(ConfigError, match=r"0\.9 GiB free for .*expected at least 2\.0 GiB; make room or set DATA_DIR"):
        doctor.disk(settings)


def test_too_little_memory_is_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = psutil.virtual_memory()
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: real._replace(available=10**9))
    with pytest.raises(ConfigError, match=r"0\.9 GiB of memory available; expected at least 3\.0 GiB"):
        doctor.memory(settings)


def test_a_system_without_openmp_is_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.forecasts(settings) == "LightGBM can be loaded"

    def load(_: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(doctor.ctypes, "CDLL", load)
    expected = (
        "LightGBM cannot be loaded: libgomp.so.1: .*; expected the OpenMP library .*; run `apt-get install libgomp1`"
    )
    with pytest.raises(ConfigError, match=expected):
        doctor.forecasts(settings)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"no package lightgbm; .*make install"):
        doctor.forecasts(settings)


def test_a_port_in_use_is_one_line(settings: Settings) -> None:
    # the other port is free even where the user's own stack is up
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        broker = f"127.0.0.1:{free_ports(1)[0]}"
        taken = dataclasses.replace(
            settings, kafka_bootstrap_servers=broker, kafka_controller_port=other.getsockname()[1]
        )
        with pytest.raises(ConfigError, match="KAFKA_CONTROLLER_PORT"):
            doctor.ports(taken, ["broker"])


def test_two_settings_with_one_port_are_refused(settings: Settings) -> None:
    clash = dataclasses.replace(settings, kafka_controller_port=4566)
    with pytest.raises(ConfigError, match="port 4566 is that of AWS_ENDPOINT_URL and of KAFKA_CONTROLLER_PORT"):
        doctor.ports(clash)


def test_every_check_is_made_even_when_one_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Settings) -> str:
        raise ConfigError("no")

    monkeypatch.setattr(doctor, "disk", fail)
    found = {subject: fault for subject, fault, _ in doctor.examine(settings, ["gateway"])}
    assert list(found) == ["disk", "memory", "ports"]
    assert str(found["disk"]) == "no"
