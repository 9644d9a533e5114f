"""Rows as GetQueryResults answers them, made of the text of a result: the same as value by value, or none at all."""

import json
from random import Random

import pytest

from infra.local.athena.engine import cells

pytestmark = pytest.mark.unit

Row = list[str | None]


def written(rows: list[Row]) -> bytes:
    shown = ([v if v is None else '"' + v.replace('"', '""') + '"' for v in row] for row in rows)
    return "".join(",".join(v or "" for v in row) + "\n" for row in shown).encode()


def answered(rows: list[Row]) -> list[dict[str, list[dict[str, str]]]]:
    return [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]


def value(rng: Random, signs: str) -> str | None:
    if len(signs) > 4 and rng.random() < 0.25:
        return None
    return "".join(rng.choice(signs) for _ in range(rng.randrange(4)))


@pytest.mark.parametrize("signs", ["ab,", "a,\n", '",\n\\é\x01\x02\t€'])
def test_rows_are_those_of_the_text_whatever_signs_they_have(signs: str) -> None:
    rng = Random(signs)
    for _ in range(3000):
        width, count = rng.randrange(1, 4), rng.randrange(1, 4)
        rows = [[value(rng, signs) for _ in range(width)] for _ in range(count)]
        found = cells.encoded(written(rows), width, count)
        assert json.loads(b"[" + found + b"]") == answered(rows), rows
        assert json.loads(b"[" + cells.listed(rows) + b"]") == answered(rows)


def test_no_rows_are_no_text() -> None:
    assert cells.encoded(b"", 3, 0) == b"" == cells.listed([])


@pytest.mark.parametrize(
    "text", ['"a","b"', '"a","b"\n"c"\n', '"a"\n', '"a","b', '"a",b\n', '"a","b"\n"c","d"\n', "", 'x"a","b"\n']
)
def test_a_text_that_holds_other_rows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="laid out"):
        cells.encoded(text.encode(), 2, 1)
