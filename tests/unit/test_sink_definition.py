"""The connector's definition: filled from the settings, free of secrets."""

import dataclasses
import json

import pytest

from connect.__main__ import main
from connect.definition import definition
from infra.local import broker, jvm
from lakehouse.errors import ConfigError, ContractError
from lakehouse.places import KafkaObject
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

ID = "g61aDfb6QuCRSAfbbC9_rA"


def test_definition_is_filled_from_the_settings() -> None:
    given = dataclasses.replace(Settings(), bucket="b", sink_chunk_rows=7, aws_endpoint_url="")
    config = definition(given, ID, tasks=3)["config"]
    assert config["s3.bucket"] == "b"
    assert config["s3.endpoint"] == ""
    assert config["chunk.rows"] == "7"
    assert config["tasks.max"] == "3"
    assert config["consumer.override.group.id"].endswith(ID)
    assert all(isinstance(value, str) and "$" not in value for value in config.values())


def test_definition_leads_to_the_agreed_keys() -> None:
    config = definition(Settings(), ID)["config"]
    key = f"{config['s3.prefix']}{config['topics']}/{ID}/partition=2/{7:020d}.jsonl.gz"
    assert KafkaObject.parse(key).topic_id == ID


def test_definition_holds_no_secret() -> None:
    given = dataclasses.replace(Settings(), aws_access_key_id="AKIAKEY", aws_secret_access_key="hush")
    text = json.dumps(definition(given, ID))
    assert "AKIAKEY" not in text and "hush" not in text


@pytest.mark.parametrize("wrong", ["", "short", ID + "x", ID[:-1] + '"'])
def test_what_is_no_topic_id_is_refused(wrong: str) -> None:
    with pytest.raises(ContractError, match="topic id"):
        definition(Settings(), wrong)


def test_command_without_a_worker_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONNECT_URL", "http://127.0.0.1:9")
    assert main(["status"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("status: no Connect worker at http://127.0.0.1:9")
    assert error.count("\n") == 1


def test_private_file_is_its_owners_alone(tmp_path) -> None:
    path = tmp_path / "new" / "file"
    jvm.write_private(path, "text")
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600


def test_bootstrap_servers_must_be_an_address() -> None:
    with pytest.raises(ConfigError, match="KAFKA_BOOTSTRAP_SERVERS"):
        broker.address(dataclasses.replace(Settings(), kafka_bootstrap_servers="nohost"))
