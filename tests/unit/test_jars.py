"""Artefact lists and the cache: checksums decide, and an interrupted fetch goes on."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import artifacts, jars
from infra.local.artifacts import Jar
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

CONTENTS = {"g:a:1": b"first", "g:b:2:linux": b"second"}
FILES = {"a-1.jar": b"first", "b-2-linux.jar": b"second"}


class Source:
    """Delivers jars like Maven does, and counts what it is asked for."""

    def __init__(self, contents: dict[str, bytes], stop_after: int = 99) -> None:
        self.contents, self.asked, self.stop_after = contents, list[str](), stop_after

    def __call__(self, _: Settings, wanted: list[Jar], target: Path, report: Callable[[str], None]) -> None:
        for number, jar in enumerate(wanted):
            self.asked.append(jar.coordinates)
            if number < self.stop_after and jar.coordinates in self.contents:
                (target / jar.file).write_bytes(self.contents[jar.coordinates])


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    lines = [f"{name}  {hashlib.sha256(content).hexdigest()}" for name, content in CONTENTS.items()]
    listed = tmp_path / "artifacts.txt"
    listed.write_text("# about\n\n[other]\ng:z:9  " + "0" * 64 + "\n[mine]\n# why\n+ g:a:1\n- g:c\n" + "\n".join(lines))
    monkeypatch.setitem(artifacts.LISTS, "mine", listed)
    return dataclasses.replace(Settings(), cache_dir=str(tmp_path / "cache"))


def test_fetch_brings_all_and_the_next_asks_for_nothing(settings: Settings) -> None:
    source = Source(CONTENTS)
    home = jars.fetch(settings, "mine", print, source)
    assert {path.name: path.read_bytes() for path in home.glob("*.jar")} == FILES
    assert source.asked == list(CONTENTS)
    jars.fetch(settings, "mine", print, source)
    assert source.asked == list(CONTENTS)
    assert jars.folder(settings, "mine") == home


def test_interrupted_fetch_goes_on_with_what_is_missing(settings: Settings) -> None:
    with pytest.raises(SourceError, match="g:b:2:linux"):
        jars.fetch(settings, "mine", print, Source(CONTENTS, stop_after=1))
    with pytest.raises(ConfigError, match="make install"):
        jars.folder(settings, "mine")
    source = Source(CONTENTS)
    jars.fetch(settings, "mine", print, source)
    assert source.asked == ["g:b:2:linux"]


def test_jar_with_another_checksum_is_refused_and_removed(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"a-1\.jar has another checksum"):
        jars.fetch(settings, "mine", print, Source({**CONTENTS, "g:a:1": b"evil"}))
    assert not list(settings.cache_path.rglob("a-1.jar"))
    with pytest.raises(ConfigError):
        jars.folder(settings, "mine")


def test_jar_that_was_removed_or_cut_later_is_fetched_again(settings: Settings) -> None:
    home = jars.fetch(settings, "mine", print, Source(CONTENTS))
    (home / "a-1.jar").write_bytes(b"fir")
    with pytest.raises(ConfigError):
        jars.folder(settings, "mine")
    source = Source(CONTENTS)
    jars.fetch(settings, "mine", print, source)
    assert source.asked == ["g:a:1"]


def test_changed_list_has_a_folder_of_its_own(settings: Settings) -> None:
    before = jars.place(settings, "mine")
    listed = artifacts.LISTS["mine"]
    listed.write_text(listed.read_text().replace("g:a:1 ", "g:a:3 "))
    assert jars.place(settings, "mine") != before


@pytest.mark.parametrize("line", ["g:a:1", "g:a:1  xyz", "g a 1", "g:a  " + "0" * 64])
def test_wrong_line_in_a_list_is_named(settings: Settings, line: str) -> None:
    listed = artifacts.LISTS["mine"]
    listed.write_text(f"[mine]\n{line}\n")
    with pytest.raises(ConfigError, match="group:artifact:version"):
        artifacts.jars("mine")


@pytest.mark.parametrize("name", sorted(artifacts.LISTS))
def test_lists_of_the_product_are_whole(name: str) -> None:
    listed = artifacts.jars(name)
    assert len({jar.file for jar in listed}) == len(listed) > 0
    asked = [line[1:].split()[0] for line in artifacts.section(name) if line.startswith("+")]
    assert set(asked) <= {jar.coordinates for jar in listed}


def test_plugin_brings_nothing_of_connects_own() -> None:
    names = [jar.coordinates for jar in artifacts.jars("sink")]
    assert not [name for name in names if name.startswith(("org.apache.kafka:", "org.slf4j:"))]
