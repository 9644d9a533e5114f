"""Athena's API as `make query` uses it: the calls, pages, the header row, faults in one line, and Ctrl-C."""

# ruff: noqa: N803 (the parameters of boto3's clients)

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws.athena import Athena
from lakehouse.errors import ContractError, SourceError
from lakehouse.settings import load

pytestmark = pytest.mark.unit

SETTINGS = dataclasses.replace(load(environ={}, dotenv=None), database_prefix="mine_")


class Api:
    """A client with one execution, whose states and pages are given."""

    def __init__(
        self, states: list[str], pages: list[list[list[str | None]]], *, kind: tuple[str, str] = ("DML", "SELECT")
    ) -> None:
        self.states, self.pages, self.kind = states, pages, kind
        self.names, self.reason = ["a", "b"], "COLUMN_NOT_FOUND: line 1:8:\n  Column 'x' cannot be resolved"
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def start_query_execution(self, **given: Any) -> dict[str, str]:
        self.calls.append(("start", given))
        return {"QueryExecutionId": "e1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        self.calls.append(("get", {}))
        state = self.states.pop(0)
        if state == "INTERRUPT":
            raise KeyboardInterrupt
        status = {"State": state, "StateChangeReason": self.reason}
        return {"QueryExecution": {"Status": status, "StatementType": self.kind[0], "SubstatementType": self.kind[1]}}

    def get_query_results(self, **given: Any) -> dict[str, Any]:
        self.calls.append(("results", given))
        at = int(given.get("NextToken", 0))
        rows = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in self.pages[at]]
        columns = [{"Name": name, "Type": "varchar"} for name in self.names]
        more = {"NextToken": str(at + 1)} if at + 1 < len(self.pages) else {}
        return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}, "UpdateCount": 7, **more}

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:
        self.calls.append(("stop", {}))


def test_a_query_waits_for_its_end_and_reads_all_pages_without_the_header() -> None:
    api = Api(["QUEUED", "RUNNING", "SUCCEEDED"], [[["a", "b"], ["1", None]], [["a", "b"]], [["3", ""]]])
    answer = Athena(SETTINGS, api).ask("SELECT 1")
    assert list(answer.rows) == [("1", None), ("a", "b"), ("3", "")]
    assert (answer.names, answer.updated) == (("a", "b"), None)
    assert api.calls[0][1] == {
        "QueryString": "SELECT 1",
        "WorkGroup": "primary",
        "QueryExecutionContext": {"Database": "mine_gold"},
        "ResultConfiguration": {"OutputLocation": "s3://saleslake-local/athena/"},
    }


def test_only_as_many_rows_are_fetched_as_are_shown() -> None:
    api = Api(["SUCCEEDED"], [[["a", "b"], ["1", "2"]], [["3", "4"]]])
    answer = Athena(SETTINGS, api).ask("SELECT 1", rows=41)
    assert next(answer.rows) == ("1", "2")
    assert [given["MaxResults"] for name, given in api.calls if name == "results"] == [42]


def test_what_hive_answers_in_one_text_is_columns_again() -> None:
    api = Api(["SUCCEEDED"], [[["id   \tint  \t     "], ["# head"]]], kind=("UTILITY", "DESCRIBE_TABLE"))
    api.names = ["col_name", "data_type", "comment"]
    assert list(Athena(SETTINGS, api).ask("DESCRIBE t").rows) == [("id", "int", ""), ("# head", "", "")]


def test_a_statement_that_writes_says_how_many_rows() -> None:
    api = Api(["SUCCEEDED"], [[]], kind=("DML", "INSERT"))
    answer = Athena(SETTINGS, api).ask("INSERT INTO t VALUES 1")
    assert (answer.names, answer.updated) == ((), 7)


def test_a_failure_is_one_line() -> None:
    with pytest.raises(ContractError) as caught:
        Athena(SETTINGS, Api(["FAILED"], [])).ask("SELECT x")
    assert str(caught.value) == "SQL: COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"


def test_a_table_that_is_not_there_says_what_to_do() -> None:
    api = Api(["FAILED"], [])
    api.reason = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.gold.x' does not exist"
    with pytest.raises(ContractError, match="catalog sync"):
        Athena(SETTINGS, api).ask("SELECT * FROM x")
    api.states = ["FAILED"]
    api.reason = "DELTA_LAKE_INVALID_TABLE: line 1:15: Metadata not found in transaction log for s3://b/gold/x"
    with pytest.raises(ContractError, match="run `make replay`"):
        Athena(SETTINGS, api).ask("SELECT * FROM x")


def test_ctrl_c_stops_the_query() -> None:
    api = Api(["RUNNING", "INTERRUPT"], [])
    with pytest.raises(KeyboardInterrupt):
        Athena(SETTINGS, api).ask("SELECT 1")
    assert api.calls[-1][0] == "stop"


@pytest.mark.parametrize(
    ("code", "error"), [("InvalidRequestException", ContractError), ("InternalServerException", SourceError)]
)
def test_a_refusal_of_the_api_is_one_line(code: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "line 1:1: mismatched input"}}, "StartQueryExecution")

    monkeypatch.setattr(Api, "start_query_execution", refuse)
    with pytest.raises(error, match="line 1:1: mismatched input") as caught:
        Athena(SETTINGS, Api([], [])).ask("SELEC")
    assert "\n" not in str(caught.value)


def test_a_gateway_that_is_down_says_what_to_do() -> None:
    down = dataclasses.replace(SETTINGS, aws_endpoint_url="http://127.0.0.1:1")
    with pytest.raises(SourceError, match="run `make up`"):
        Athena(down).ask("SELECT 1")
