"""Damaged bronze costs itself: what can be read of it is used, it is named, and the batch goes on."""

import gzip
from random import Random
from typing import Any

import pytest

from lakehouse import settings as knobs
from lakehouse.places import KafkaObject
from lakehouse.tables import OPS_BRONZE_OBJECTS, SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs import __main__ as main
from spark_jobs import commands
from tests.spark.site import Site, balanced, bronze_line, change

pytestmark = pytest.mark.spark


def lines(partition: int, first: int, count: int) -> bytes:
    """Sound lines that do not compress to nothing."""
    rng = Random(partition)
    texts = [
        bronze_line(
            first + number,
            change("c", 1 + first + number, f"{partition}-{first + number}", description=rng.randbytes(40).hex()),
            partition,
        )
        for number in range(count)
    ]
    return "".join(f"{text}\n" for text in texts).encode()


def statuses(site: Site) -> dict[int, str]:
    found = {row["object"]: row["status"] for row in site.rows(OPS_BRONZE_OBJECTS)}
    return {KafkaObject.parse(key).partition: status for key, status in found.items()}


def test_every_kind_of_damage_costs_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(lines(1, 0, 500))
    flipped = bytearray(gzip.compress(lines(5, 0, 20)))
    flipped[-6] ^= 1  # within the CRC
    broken = bytearray(gzip.compress(lines(7, 0, 500)))
    middle = len(broken) // 2
    broken[middle : middle + 200] = b"\xff" * 200

    site.put(lines(0, 0, 3), 0)
    site.put(packed[: len(packed) * 2 // 3], 1, packed=True)
    site.put(b"this was never a gzip file", 2, packed=True)
    site.put(b"", 3, packed=True)
    site.put(b"", 4)
    site.put(bytes(flipped), 5, packed=True)
    gone = site.put(lines(6, 0, 3), 6)
    broken_key = site.put(bytes(broken), 7, packed=True)
    site.put(gzip.compress(lines(8, 0, 2)) + gzip.compress(lines(8, 2, 2)), 8, packed=True)
    site.put(gzip.compress(lines(9, 0, 2)) + b"junk after it", 9, packed=True)
    driver = site.driver()
    plan = driver._next_plan()
    assert plan and len(plan.objects) == 10
    site.bucket.delete(gone)
    while driver.step():
        pass
    driver.publish()

    sound, damaged = dict.fromkeys((0, 8), "read"), dict.fromkeys((1, 2, 3, 4, 5, 7, 9), "corrupt")
    assert statuses(site) == sound | damaged | {6: "missing"}
    balanced(list(driver.ledger.results.values()))
    rejected = site.rows(SILVER_REJECTED)
    # what zlib makes of the bytes after a damage may be no line: that, too, is named
    assert {row["object"] for row in rejected if row["position"] >= 0} <= {broken_key}
    rejected = [row for row in rejected if row["position"] < 0]
    assert len(rejected) == 8
    assert {row["reason"] for row in rejected} == {"corrupt_object", "missing_object"}
    assert sorted(driver.damaged) == sorted(row["object"] for row in rejected)
    read = dict.fromkeys(range(10), 0)
    for row in site.rows(SILVER_ORDER_LINES):
        read[int(row["order_id"].split("-")[0])] += 1
    assert (read[0], read[5], read[8], read[9]) == (3, 20, 4, 2)
    assert read[2] == read[3] == read[4] == read[6] == 0
    assert 200 < read[1] < 400 and 100 < read[7] < 500  # the lines before the damage
    assert site.differences() == []

    # the next batch is as good as any, and says nothing more of the old damage
    count = len(site.rows(SILVER_REJECTED))
    site.put(lines(0, 3, 2), 0, 3)
    again = site.run()
    assert len(site.rows(SILVER_REJECTED)) == count
    assert again.ledger.results[2].outcomes["applied"] == 2

    # backfill ends with an error when an object was damaged in it, and only then
    assert backfilled(site, monkeypatch) == 0
    site.put(b"junk", 0, 5, packed=True)
    assert backfilled(site, monkeypatch) == 2


def backfilled(site: Site, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `python -m spark_jobs backfill`."""
    return commanded(site, monkeypatch, "backfill")


def commanded(site: Site, monkeypatch: pytest.MonkeyPatch, command: str) -> int:
    """The exit code of `python -m spark_jobs COMMAND` within the session of the tests."""
    with monkeypatch.context() as patched:
        for name, value in knobs.environment(site.settings).items():
            patched.setenv(name, value)
        patched.setattr(commands.session, "build", lambda *_: Unstopped(site.spark))
        return main.main([command])


class Unstopped:
    """A session that its user cannot stop."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark

    def __getattr__(self, name: str) -> Any:
        return (lambda: None) if name == "stop" else getattr(self._spark, name)


def test_lines_that_are_no_record_cost_themselves(site: Site) -> None:
    texts = [
        "",
        "   ",
        bronze_line(0, change("c", 1, "a")),
        "no record",
        "",
        bronze_line(1, b"\xff\xfe junk \n"),
        '{"offset":2,"value":5}',
        bronze_line(3, change("c", 2, "b")) + "\r",
        "\t",
        bronze_line(4, None) + "\r" + bronze_line(5, b"{"),
        "[" * 5000,
        bronze_line(6, change("c", 3, "c", description="\u2028\x85\x0b")),
    ]
    key = site.put("\ufeff".encode() + "\n".join(texts).encode())
    result = site.run().ledger.results[1]

    assert result.outcomes == {
        "applied": 3, "superseded": 0, "stale": 0, "duplicate": 0, "tombstone": 1, "rejected": 6
    }  # fmt: skip
    balanced([result])
    rejected = {row["position"]: (row["reason"], row["raw"], row["object"]) for row in site.rows(SILVER_REJECTED)}
    assert {position: row[:2] for position, row in rejected.items()} == {
        1: ("bad_line", "no record"),
        3: ("not_utf8", "//4ganVuayAK"),
        4: ("bad_line", '{"offset":2,"value":5}'),
        6: ("bad_line", "\t"),
        8: ("bad_json", "{"),
        9: ("bad_line", "[" * 5000),
    }
    assert {row[2] for row in rejected.values()} == {key}
    assert site.differences() == []


def test_an_object_that_was_overwritten_is_read_again(site: Site) -> None:
    site.put(lines(0, 0, 2))
    site.run()
    site.put(lines(0, 0, 5))
    driver = site.run()
    assert [result.rows for result in driver.ledger.results.values()] == [2, 5]
    assert driver.ledger.results[2].outcomes["duplicate"] == 2
    assert len(site.rows(SILVER_ORDER_LINES)) == 5
    assert site.differences() == []


def test_a_plan_of_nothing_readable_ends(site: Site) -> None:
    site.put(b"junk", packed=True)
    driver = site.run()
    assert driver.ledger.results[1].outcomes == dict.fromkeys(driver.ledger.results[1].outcomes, 0)
    assert site.rows(SILVER_ORDER_LINES) == []
    assert site.differences() == []
