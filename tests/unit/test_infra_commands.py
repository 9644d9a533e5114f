"""The command line: exit codes, one line for a person's mistake, made pages up to date, and how rows are printed."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator import simulate
from infra.__main__ import main
from infra.aws.athena import Answer
from infra.commands import data, docs, query, view
from infra.local import lake
from infra.local.daemon import ROOT
from lakehouse.errors import ContractError, SourceError
from lakehouse.settings import load
from lakehouse.tables import TABLES, Column

pytestmark = pytest.mark.unit

NAMES = ("name", "amount", "at", "flag", "quantiles", "share")
TYPES = ("varchar", "decimal", "timestamp", "boolean", "map", "double")
ROWS = [
    ("a", "1.500", "2026-01-02 03:04:00.000", "true", "{p10=0.5}", "0.25"),
    ("[red]b", None, None, "false", None, "NaN"),
]


class Fixed:
    """An Athena with one answer; what it was asked for is in `asked`."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def ask(self, sql: str, *, rows: int = 0) -> Answer:
        self.asked.append(rows)
        if sql == "write":
            return Answer((), (), iter(()), 7)
        if sql != "ask":
            raise ContractError(f"SQL: {' '.join(sql.split())}")
        return Answer(NAMES, TYPES, iter(ROWS))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a .env, and a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.parametrize("name", docs.pages())
def test_the_made_pages_are_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == docs.pages()[name], "run `make docs`"


def test_every_column_is_on_the_page_of_tables() -> None:
    text = docs.tables()
    for table in TABLES:
        assert f"## {table.full_name}\n" in text
        assert all(f"| `{column.name}` | {column.type} |" in text for column in table.columns)


def test_columns_beyond_the_contract_are_on_the_page_of_a_lake() -> None:
    text = docs.tables([Column("select", "string", "first in batch 0/7")])
    head, tail = text.split("## silver.rejected")
    assert "| `select` | string | yes | first in batch 0/7 |" in head
    assert 'batch_id, "select" FROM silver.order_lines' in tail
    assert "first in batch" not in tail


def test_bare_it_prints_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert {"up", "down", "status", "query", "docs"} <= set(capsys.readouterr().out.split())


@pytest.mark.usefixtures("elsewhere")
def test_a_mistake_of_a_person_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "gatway"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: process gatway; expected one of gateway, broker, connect, spark; correct the name\n"


def test_an_unknown_setting_is_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / ".env").write_text("BUCKETT=x\n", encoding="utf-8")
    assert main(["status"]) == 2
    assert (
        capsys.readouterr().err
        == "error: .env:1: unknown setting BUCKETT; expected BUCKET; correct or remove the line\n"
    )


@pytest.mark.usefixtures("elsewhere")
def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(docs, "pages", interrupted)
    assert main(["docs"]) == 130


def test_status_of_a_stack_that_never_ran(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0] == {"name": "gateway", "pid": None, "port": None, "health": "stopped", "resident_bytes": 0}
    assert [one["name"] for one in found] == ["gateway", "broker", "connect", "spark"]
    assert not (elsewhere / "data").exists()


def test_reset_deletes_a_stack_and_says_so(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset"]) == 0
    assert "nothing to delete" in capsys.readouterr().out
    data = elsewhere / "data"
    (data / "gateway").mkdir(parents=True)
    (data / "supervisor").mkdir()
    (data / "gateway" / "object").write_bytes(b"x" * 2_000_000)
    (data / "spark.ready").write_text("1")
    assert main(["reset"]) == 0
    out = capsys.readouterr().out
    assert f"deleted {data}/gateway (2.0 MB)" in out
    assert f"deleted {data}/spark.ready" in out
    assert list(data.iterdir()) == []


def test_reset_leaves_a_folder_alone_that_holds_no_stack(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "data").mkdir()
    (elsewhere / "data" / "thesis.txt").write_text("years")
    assert main(["reset"]) == 2
    assert "nothing was deleted" in capsys.readouterr().err
    assert [path.name for path in (elsewhere / "data").iterdir()] == ["thesis.txt"]


def test_rows_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    query.answer(Fixed(), "ask", "csv", 40)  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == [
        "name,amount,at,flag,quantiles,share",
        "a,1.500,2026-01-02 03:04:00.000,true,{p10=0.5},0.25",
        "[red]b,,,false,,NaN",
    ]


def test_rows_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    query.answer(Fixed(), "ask", "json", 40)  # type: ignore[arg-type]
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "name": "a",
        "amount": "1.500",
        "at": "2026-01-02 03:04:00.000",
        "flag": True,
        "quantiles": "{p10=0.5}",
        "share": 0.25,
    }
    assert second["amount"] is None
    assert second["share"] == "NaN"


def test_a_table_is_cut_and_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query.terminal.out, "width", 200)
    athena = Fixed()
    query.answer(athena, "ask", "table", 1)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "the first 1 rows" in out
    assert "[red]" not in out
    query.answer(athena, "ask", "table", 0)  # type: ignore[arg-type]
    assert "[red]b" in capsys.readouterr().out
    assert athena.asked == [2, 0]


def test_a_table_wider_than_the_terminal_is_printed_row_by_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query.terminal.out, "width", 40)
    query.answer(Fixed(), "ask", "table", 40)  # type: ignore[arg-type]
    assert "  quantiles  {p10=0.5}" in capsys.readouterr().out


def test_rows_that_are_written_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    query.answer(Fixed(), "write", "csv", 40)  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert (out, err) == ("", "7 rows written\n")


def test_the_prompt_goes_on_after_a_fault_and_after_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["nonsense;", KeyboardInterrupt, ".what", "ask", ";", ".quit"])

    def typed(_: str) -> str:
        line = next(lines)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", typed)
    query.prompt(Fixed(), "csv", 40)  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert "name,amount" not in out  # the statement that was read is `ask\n;`
    assert err.splitlines() == [
        "error: SQL: nonsense;",
        "error: .what; expected .tables or .quit",
        "error: SQL: ask ;",
    ]


@pytest.mark.usefixtures("elsewhere")
def test_a_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "--file", "absent.sql"]) == 2
    assert "absent.sql" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", []),
        ("SELECT * FROM Gold.Daily_Sales", ["gold.daily_sales"]),
        ('select * from "silver"."rejected" r join ops.batches', ["silver.rejected", "ops.batches"]),
        ("select * from silver.current_order_lines", ["silver.order_lines"]),
        ("show all tables", [table.full_name for table in TABLES]),
    ],
)
def test_only_the_tables_that_are_named_are_opened(sql: str, expected: list[str]) -> None:
    assert [table.full_name for table in lake._named(sql)] == expected


def test_a_prefix_is_put_before_the_databases_of_a_view() -> None:
    settings = dataclasses.replace(load(environ={}, dotenv=None), database_prefix="mine_")
    assert lake.Lake(settings)._prefixed("SELECT x FROM silver.order_lines") == "SELECT x FROM mine_silver.order_lines"


def test_a_duration_reads_like_one() -> None:
    assert [view.duration(seconds) for seconds in (5.9, 61, 7260)] == ["5 s", "1 min 1 s", "2 h 1 min"]


def test_a_shop_that_fails_ends_the_other_one(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), list[str]()

    def run(_settings: Any, request: simulate.Request, *, report: Any, stop: Callable[[], bool]) -> Any:
        if request.sink == "kafka":
            began.wait(30)
            raise SourceError("the broker does not answer")
        began.set()
        end = time.monotonic() + 30
        while not stop():
            assert time.monotonic() < end
            time.sleep(0.01)
        ended.append(request.sink)

    monkeypatch.setattr(data.simulate, "run", run)
    monkeypatch.setattr(data, "require_stack", lambda *_: None)
    assert main(["generate", "--ingest", "both"]) == 2
    assert ended == ["dynamodb"]
