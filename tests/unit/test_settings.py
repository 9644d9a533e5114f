"""Settings: defaults, .env, environment, and one clear line for what is wrong."""

import dataclasses
import re
from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from lakehouse.knobs import parse
from lakehouse.settings import COMPOSE, Settings, environment, example, load

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(dotenv: Path) -> None:
    dotenv.write_text("# a comment\n\nexport BUCKET='from file'\nSPARK_CORES = 3\nPOLL_MILLIS=20\n")
    found = load({"POLL_MILLIS": "30", "PATH": "ignored"}, dotenv)
    assert found == dataclasses.replace(Settings(), bucket="from file", spark_cores=3, poll_millis=30)
    assert load({}, dotenv.with_name("absent")) == Settings()


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("BUKET=x", (".env:2", "unknown setting BUKET", "BUCKET")),
        ("ENTIRELY_UNKNOWN_NAME=1", ("unknown setting", "a name listed in .env.example")),
        ("just words", (".env:2", "just words", "NAME=value")),
        ("SPARK_CORES=two", (".env:2", "SPARK_CORES=two", "a whole number")),
        ("SPARK_MEMORY_MB=1.5", ("SPARK_MEMORY_MB=1.5", "a whole number [MiB]")),
        ("SPARK_CORES=0", ("SPARK_CORES=0", "at least 1")),
        ("REJECTED_SHARE_ALARM=nan", ("REJECTED_SHARE_ALARM=nan", "at least 0")),
        ("UNKNOWN_COLUMNS=keep", ("UNKNOWN_COLUMNS=keep", "one of freeze, evolve, discard")),
        ("LOG_LEVEL=LOUD", ("LOG_LEVEL=LOUD", "one of DEBUG, INFO")),
        ("BUSINESS_TIMEZONE=Mars/Base", ("BUSINESS_TIMEZONE=Mars/Base", "Europe/London")),
        ("BUSINESS_TIMEZONE=", ("BUSINESS_TIMEZONE=", "IANA")),
        ("BUSINESS_TIMEZONE=../../etc/passwd", ("BUSINESS_TIMEZONE=", "IANA")),
    ],
)
def test_what_is_wrong_is_one_line(dotenv: Path, line: str, parts: tuple[str, ...]) -> None:
    dotenv.write_text(f"BUCKET=b\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load({}, dotenv)
    text = str(caught.value)
    assert "\n" not in text
    assert all(part in text for part in parts), text


def test_a_wrong_value_in_the_environment_is_said_to_be_there() -> None:
    with pytest.raises(ConfigError, match=r"environment: POLL_MILLIS=soon; expected a whole number \[milliseconds\]"):
        load({"POLL_MILLIS": "soon"}, None)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = next(field for field in dataclasses.fields(Settings) if field.metadata["secret"])
    monkeypatch.setattr(secret, "default", 1)  # as if it were a number
    with pytest.raises(ConfigError, match=r"environment: AWS_SECRET_ACCESS_KEY=\*\*\*; expected a whole number"):
        parse(secret, "hunter2", "environment")


def test_settings_go_through_the_environment_of_a_child() -> None:
    given = dataclasses.replace(Settings(), bucket="other", tombstone_retention_days=1.5, spark_cores=7)
    assert load(environment(given), None) == given


def test_the_example_lists_every_setting_with_its_default(dotenv: Path) -> None:
    text = example()
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == text
    settings = re.findall(r"^#([A-Z_]+=.*)$", text, re.MULTILINE)
    assert len(settings) == len(dataclasses.fields(Settings)) + len(COMPOSE)
    dotenv.write_text("\n".join(settings))
    assert load({}, dotenv) == Settings()
