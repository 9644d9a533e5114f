"""Query executions: started once for a token, followed to their end, stopped, shown again, taken up after a kill."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena.contract import Column
from infra.local.athena.service.starting import MOST_UNFINISHED
from tests.unit.athena_api import NOW, PLACE, Api, RefusedError

pytestmark = pytest.mark.unit


@pytest.fixture
def api(tmp_path: Path) -> Any:
    found = Api(tmp_path / "athena")
    yield found
    found.service.stop()


def refusal(api: Api, operation: str, **members: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        api(operation, **members)
    return caught.value


def refused_start(api: Api, sql: str = "SELECT 1", **members: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        api.start(sql, **members)
    return caught.value


def test_an_execution_goes_from_queued_to_its_result(api: Api) -> None:
    found = api.start("SELECT 1", QueryExecutionContext={"Database": "`Gold`", "Catalog": "AwsDataCatalog"})
    assert api.state(found) == "QUEUED"
    api.clock.now += 1
    job = api.pool.begin(found)
    assert (job.sql, job.database, job.output, job.scanned_bytes) == ("SELECT 1", "gold", "s3://results/here/", None)
    assert (job.account, job.region, job.workgroup) == ("000000000000", "eu-west-1", "primary")
    assert job.folder.parent == api.folder / "jobs"
    assert api.state(found) == "RUNNING"
    api.clock.now += 2
    api.pool.end(found)
    shown = api.execution(found)
    assert shown["Status"]["State"] == "SUCCEEDED"
    assert shown["Status"]["CompletionDateTime"].timestamp() == NOW + 3
    assert "StateChangeReason" not in shown["Status"]
    assert shown["ResultConfiguration"]["OutputLocation"] == f"s3://results/here/{found}.csv"
    assert shown["QueryExecutionContext"] == {"Database": "Gold", "Catalog": "awsdatacatalog"}
    assert (shown["StatementType"], shown["SubstatementType"], shown["WorkGroup"]) == ("DML", "SELECT", "primary")
    assert shown["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert shown["Statistics"] == {
        "EngineExecutionTimeInMillis": 10,
        "DataScannedInBytes": 512,
        "TotalExecutionTimeInMillis": 3000,
        "QueryQueueTimeInMillis": 1000,
        "QueryPlanningTimeInMillis": 3,
        "ServicePreProcessingTimeInMillis": 1988,
        "ServiceProcessingTimeInMillis": 2,
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }


def test_a_failure_says_why_in_state_and_error(api: Api) -> None:
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.gold.x' does not exist"
    found = api.done(state="FAILED", reason=reason, error_code="TABLE_NOT_FOUND", columns=(), location="", rows=0)
    status = api.execution(found)["Status"]
    assert status["StateChangeReason"] == reason
    assert status["AthenaError"] == {
        "ErrorCategory": 2,
        "ErrorType": 1301,
        "Retryable": False,
        "ErrorMessage": reason,
    }
    fault = refusal(api, "GetQueryResults", QueryExecutionId=found)
    assert fault.message == "Query did not finish successfully. Final query state: FAILED"
    assert fault.body["ErrorCode"] == fault.athena_code == "INVALID_QUERY_EXECUTION_STATE"


def test_text_that_only_the_worker_finds_to_be_none_has_failed_with_a_syntax_error(api: Api) -> None:
    reason = "SYNTAX_ERROR_AT_START: line 1:8: mismatched input '<EOF>'"
    found = api.done("SELECT", state="FAILED", reason=reason, error_code="SYNTAX_ERROR_AT_START", location="")
    assert api.execution(found)["Status"]["StateChangeReason"] == "SYNTAX_ERROR: line 1:8: mismatched input '<EOF>'"


def test_the_same_token_gives_the_same_execution_whatever_its_state(api: Api) -> None:
    token = "t" * 32
    found = api.start("SELECT 1", token)
    assert api.start("SELECT 1", token) == found
    api.pool.begin(found)
    api.pool.end(found)
    assert api.start("SELECT 1", token, ExecutionParameters=["1"]) == found
    assert len(api.pool.jobs) == 1
    for changes in ({"sql": "SELECT 2"}, {"QueryExecutionContext": {"Database": "other"}}):
        given: dict[str, Any] = {"sql": "SELECT 1", **changes}
        fault = refused_start(api, token=token, **given)
        assert (fault.code, fault.message) == ("InvalidRequestException", "Idempotent parameters do not match")
        assert fault.athena_code == "IDEMPOTENT_PARAMETER_MISMATCH"


def test_one_token_sent_by_many_at_once_starts_one_execution(api: Api) -> None:
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: api.start("SELECT 1", "t" * 32), range(64)))
    assert len(found) == len(api.pool.jobs) == 1


def test_many_clients_at_once_get_what_they_started(api: Api) -> None:
    def client(number: int) -> bool:
        ids = [api.start(f"SELECT {number}", f"{number:016d}{turn:016d}") for turn in range(10)]
        for one in ids:
            api.pool.begin(one)
            api.pool.end(one)
        return all(api.execution(one)["Query"] == f"SELECT {number}" and api.state(one) == "SUCCEEDED" for one in ids)

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(client, range(20)))
    assert len(api.pool.jobs) == 200


def test_a_token_of_another_account_or_region_is_another_token(api: Api) -> None:
    token = "t" * 32
    found = {
        api.start(token=token),
        api.start(token=token, region="us-east-1"),
        api.start(token=token, account="1" * 12),
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    ("members", "message", "code"),
    [
        (
            {"ResultConfiguration": {}},
            "No output location provided. An output location is required either",
            "INVALID_INPUT",
        ),
        (
            {"ResultConfiguration": {"OutputLocation": "s3://"}},
            "outputLocation is not a valid S3 path.",
            "INVALID_INPUT",
        ),
        (
            {"ResultConfiguration": {"OutputLocation": "/etc"}},
            "outputLocation is not a valid S3 path.",
            "INVALID_INPUT",
        ),
        ({"WorkGroup": "absent"}, "WorkGroup is not found.", "INVALID_INPUT"),
        ({"sql": "SELEC 1"}, "line 1:1: mismatched input 'SELEC'. Expecting: 'ALTER', 'ANALYZE', ", "MALFORMED_QUERY"),
        ({"sql": " -- x\n  nonsense"}, "line 2:3: mismatched input 'nonsense'. Expecting: ", "MALFORMED_QUERY"),
        ({"sql": "SELECT FROM FROM"}, "SYNTAX_ERROR_AT_START: line 1:10: mismatched input 'FROM'", "MALFORMED_QUERY"),
        ({"sql": "/* x */"}, "line 1:8: mismatched input '<EOF>'. Expecting: ", "MALFORMED_QUERY"),
        (
            {"sql": "SELECT 1; SELECT 2"},
            "Only one sql statement is allowed. Got: SELECT 1; SELECT 2",
            "MALFORMED_QUERY",
        ),
        ({"token": "\u00e9" * 65}, "clientRequestToken exceeds maximum allowed length 128", "INVALID_INPUT"),
        (
            {"token": "short"},
            "1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: "
            "Member must have length greater than or equal to 32",
            "INVALID_INPUT",
        ),
    ],
)
def test_what_is_refused_at_the_start(api: Api, members: dict[str, Any], message: str, code: str) -> None:
    fault = refused_start(api, **members)
    assert (fault.status, fault.code, fault.athena_code) == (400, "InvalidRequestException", code)
    assert fault.message.startswith(message)
    assert not api.pool.jobs


def test_without_a_token_nothing_starts(api: Api) -> None:
    fault = refusal(api, "StartQueryExecution", QueryString="SELECT 1", ResultConfiguration=PLACE)
    assert fault.message == "clientRequestToken is null or empty"


def test_a_catalog_that_is_not_there_fails_the_execution(api: Api) -> None:
    found = api.start(QueryExecutionContext={"Catalog": "elsewhere"})
    assert api.execution(found)["Status"]["StateChangeReason"] == "CATALOG_NOT_FOUND: Catalog 'elsewhere' not found"
    assert not api.pool.jobs


def test_too_many_that_wait_are_refused(api: Api) -> None:
    for _ in range(MOST_UNFINISHED):
        api.start()
    fault = refused_start(api)
    assert (fault.code, fault.body["Reason"]) == ("TooManyRequestsException", "CONCURRENT_QUERY_LIMIT_EXCEEDED")
    api.start(region="us-east-1")


def test_a_stop_cancels_the_job_and_what_comes_after_changes_nothing(api: Api) -> None:
    for begin in (False, True):
        found = api.start()
        if begin:
            api.pool.begin(found)
        api("StopQueryExecution", QueryExecutionId=found)
        assert api.pool.cancelled[-1] == found
        status = api.execution(found)["Status"]
        assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
        assert "AthenaError" not in status
        api.pool.begin(found)
        api.pool.end(found)
        assert api.state(found) == "CANCELLED"
        fault = refusal(api, "GetQueryResults", QueryExecutionId=found)
        assert (fault.message, fault.athena_code) == ("Could not find results", "RESULT_NOT_FOUND")


def test_a_query_that_reads_more_than_it_may_is_cancelled_as_at_aws(api: Api) -> None:
    reason = "EXCEEDED_SCAN_LIMIT: Bytes scanned limit was exceeded"
    found = api.done(state="FAILED", reason=reason, error_code="EXCEEDED_SCAN_LIMIT", columns=(), location="")
    status = api.execution(found)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Bytes scanned limit was exceeded")


def test_stopping_what_has_ended_changes_nothing(api: Api) -> None:
    found = api.done()
    assert api("StopQueryExecution", QueryExecutionId=found) == {}
    assert api.state(found) == "SUCCEEDED"
    assert not api.pool.cancelled


def test_nobody_sees_the_executions_of_another_account_or_region(api: Api) -> None:
    found = api.done()
    others: list[dict[str, Any]] = [{"account": "1" * 12}, {"region": "us-east-1"}]
    for other in others:
        for operation in ("GetQueryExecution", "GetQueryResults", "GetQueryRuntimeStatistics", "StopQueryExecution"):
            fault = refusal(api, operation, QueryExecutionId=found, **other)
            assert (fault.message, fault.athena_code) == (
                f"QueryExecution {found} was not found",
                "QUERY_EXECUTION_NOT_FOUND",
            )
        batch = api("BatchGetQueryExecution", QueryExecutionIds=[found], **other)
        assert batch["QueryExecutions"] == []
        assert batch["UnprocessedQueryExecutionIds"][0]["ErrorCode"] == "QUERY_EXECUTION_NOT_FOUND"
        assert api("ListQueryExecutions", **other)["QueryExecutionIds"] == []


def test_lists_go_from_the_newest_page_by_page_and_by_workgroup(api: Api) -> None:
    api("CreateWorkGroup", Name="other")
    ids = [api.start() for _ in range(7)]
    other = api.start(WorkGroup="other")
    seen, token = [], {}
    while True:
        page = api("ListQueryExecutions", MaxResults=3, **token)
        seen.append(page["QueryExecutionIds"])
        if "NextToken" not in page:
            break
        api.start()  # what comes in between moves no page
        token = {"NextToken": page["NextToken"]}
    assert seen == [ids[:3:-1], ids[3:0:-1], ids[:1]]
    assert api("ListQueryExecutions", WorkGroup="other")["QueryExecutionIds"] == [other]
    fault = refusal(api, "ListQueryExecutions", WorkGroup="other", **token)
    assert fault.message.startswith("The nextPageToken is malformed: ")


def test_a_batch_gives_what_is_there_and_names_what_is_not(api: Api) -> None:
    one, two = api.done(), api.start()
    found = api("BatchGetQueryExecution", QueryExecutionIds=[two, "absent", one])
    assert [shown["QueryExecutionId"] for shown in found["QueryExecutions"]] == [two, one]
    assert found["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "absent"


def reuse(minutes: int) -> dict[str, Any]:
    return {
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": minutes}}
    }


def test_a_result_that_is_young_enough_is_shown_again(api: Api) -> None:
    first = api.done()
    location = api.execution(first)["ResultConfiguration"]["OutputLocation"]
    api.objects.add(location)
    api.clock.now += 299
    again = api.start(**reuse(5))
    assert len(api.pool.jobs) == 1
    shown = api.execution(again)
    assert shown["Status"]["State"] == "SUCCEEDED"
    assert shown["ResultConfiguration"]["OutputLocation"] == location
    assert shown["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert shown["Statistics"]["DataScannedInBytes"] == 0
    rows = [api("GetQueryResults", QueryExecutionId=one)["ResultSet"]["Rows"] for one in (first, again)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 3
    assert reuse(5)["ResultReuseConfiguration"] == shown["ResultReuseConfiguration"]


@pytest.mark.parametrize(
    ("later", "sql", "members", "is_there"),
    [
        (301, "SELECT 1", {}, True),
        (1, "SELECT 2", {}, True),
        (1, "SELECT 1", {"WorkGroup": "other"}, True),
        (1, "SELECT 1", {"QueryExecutionContext": {"Database": "gold"}}, True),
        (1, "SELECT 1", {"ExecutionParameters": ["1"]}, True),
        (1, "SELECT 1", {"region": "us-east-1"}, True),
        (1, "SELECT 1", {"account": "1" * 12}, True),
        (1, "SELECT 1", {}, False),
    ],
)
def test_a_result_that_is_old_other_or_gone_is_not_shown_again(
    api: Api, later: float, sql: str, members: dict[str, Any], is_there: bool
) -> None:
    api("CreateWorkGroup", Name="other")
    first = api.done()
    if is_there:
        api.objects.add(api.execution(first)["ResultConfiguration"]["OutputLocation"])
    api.clock.now += later
    api.start(sql, **reuse(5), **members)
    assert len(api.pool.jobs) == 2


def test_what_failed_and_what_writes_is_never_shown_again(api: Api) -> None:
    failed = api.done("SELECT 1", state="FAILED", reason="X: y", error_code="X")
    api.objects.add(api.execution(failed)["ResultConfiguration"]["OutputLocation"])
    api.start("SELECT 1", **reuse(5))
    api.done("INSERT INTO t SELECT 1", substatement="INSERT", updated=1)
    api.start("INSERT INTO t SELECT 1", **reuse(5))
    assert len(api.pool.jobs) == 4


def submitted(api: Api, ids: set[str]) -> None:
    """Wait until these are in the pool, and no others."""
    end = time.monotonic() + 5
    while set(api.pool.jobs) != ids:
        assert time.monotonic() < end, (set(api.pool.jobs), ids)


def test_after_a_kill_queries_run_again_and_what_may_have_written_has_failed(api: Api) -> None:
    ended = api.done()
    waiting, working = api.start("SELECT 2"), api.start("SHOW TABLES")
    insert, definition = api.start("INSERT INTO t SELECT 1"), api.start("CREATE TABLE t AS SELECT 1 a")
    for one in (working, insert):
        api.pool.begin(one)
    api.kill()
    api.open()
    assert api.state(ended) == "SUCCEEDED"
    submitted(api, {waiting, working})
    assert api.state(waiting) == api.state(working) == "QUEUED"
    for one in (waiting, working):
        api.pool.begin(one)
        api.pool.end(one)
        assert api.state(one) == "SUCCEEDED"
    for one in (insert, definition):
        status = api.execution(one)["Status"]
        assert status["State"] == "FAILED"
        assert status["StateChangeReason"].startswith("The service was restarted while the statement ran")
        assert status["AthenaError"]["ErrorCategory"] == 1
    assert api.execution(definition)["SubstatementType"] == "CREATE_TABLE_AS_SELECT"


def test_an_orderly_stop_is_taken_up_like_a_kill_and_fails_nothing(api: Api) -> None:
    waiting, working = api.start("SELECT 2"), api.start("SELECT 3")
    api.pool.begin(working)
    api.service.stop()
    api.open()
    assert api.state(waiting) == api.state(working) == "QUEUED"
    submitted(api, {waiting, working})


def test_what_is_taken_up_waits_until_the_gateway_listens_and_can_be_stopped(api: Api) -> None:
    stopped, waiting = api.start("SELECT 2"), api.start("SELECT 3")
    api.kill()
    api.is_ready = False
    api.open()
    api("StopQueryExecution", QueryExecutionId=stopped)
    assert not api.pool.jobs
    api.is_ready = True
    submitted(api, {waiting})
    assert api.state(stopped) == "CANCELLED"


def test_an_end_that_is_told_before_its_beginning_counts(api: Api) -> None:
    found = api.start()
    api.clock.now += 1
    api.pool.end(found)
    api.pool.begin(found)
    shown = api.execution(found)
    assert shown["Status"]["State"] == "SUCCEEDED"
    assert (shown["Statistics"]["QueryQueueTimeInMillis"], shown["Statistics"]["TotalExecutionTimeInMillis"]) == (
        988,
        1000,
    )
    api.sent()
    assert [(one["currentState"], one.get("previousState")) for _, _, one in api.events] == [
        ("QUEUED", None),
        ("SUCCEEDED", "QUEUED"),
    ]


def test_leftovers_of_jobs_are_swept_at_the_start(api: Api) -> None:
    left = api.folder / "jobs" / "of a killed service"
    left.mkdir(parents=True)
    api.kill()
    api.open()
    assert not left.exists()


def test_executions_are_kept_for_45_days(api: Api) -> None:
    old = api.done()
    api.clock.now += 44 * 86_400
    new = api.done()
    api.clock.now += 2 * 86_400
    api.kill()
    api.open()
    assert api("ListQueryExecutions")["QueryExecutionIds"] == [new]
    api.clock.now += 45 * 86_400
    late = api.start()
    assert api("ListQueryExecutions")["QueryExecutionIds"] == [late]
    assert refusal(api, "GetQueryExecution", QueryExecutionId=old).athena_code == "QUERY_EXECUTION_NOT_FOUND"


def test_events_tell_of_each_state_in_order(api: Api) -> None:
    found = api.done(state="FAILED", reason="DIVISION_BY_ZERO: Division by zero", error_code="DIVISION_BY_ZERO")
    stopped = api.start("SELECT 2", region="us-east-1")
    api("StopQueryExecution", QueryExecutionId=stopped, region="us-east-1")
    api.sent()
    told = [(region, event["currentState"], event.get("previousState")) for _, region, event in api.events]
    assert told == [
        ("eu-west-1", "QUEUED", None),
        ("eu-west-1", "RUNNING", "QUEUED"),
        ("eu-west-1", "FAILED", "RUNNING"),
        ("us-east-1", "QUEUED", None),
        ("us-east-1", "CANCELLED", "QUEUED"),
    ]
    assert api.events[2][2] == {
        "versionId": "0",
        "currentState": "FAILED",
        "previousState": "RUNNING",
        "statementType": "DML",
        "queryExecutionId": found,
        "workgroupName": "primary",
        "sequenceNumber": "3",
        "athenaError": {
            "errorCategory": 2,
            "errorType": 1001,
            "retryable": False,
            "errorMessage": "DIVISION_BY_ZERO: Division by zero",
        },
    }
    assert not api.metrics


def test_an_execute_is_given_its_prepared_statement(api: Api) -> None:
    api("CreatePreparedStatement", StatementName="Daily", WorkGroup="primary", QueryStatement="SELECT ?")
    for sql in ("EXECUTE daily USING 1", 'execute "Daily"', "/* x */ EXECUTE\n daily"):
        assert api.pool.begin(api.start(sql)).prepared == {"Daily": "SELECT ?"}
    assert api.pool.begin(api.start("EXECUTE other")).prepared == {}
    assert api.pool.begin(api.start("SELECT 'EXECUTE daily'")).prepared == {}


def test_runtime_statistics_have_rows_of_what_succeeded(api: Api) -> None:
    found = api.done(columns=(Column("a", "bigint"),), rows=7)
    told = api("GetQueryRuntimeStatistics", QueryExecutionId=found)["QueryRuntimeStatistics"]
    assert told["Rows"] == {"InputBytes": 512, "OutputRows": 7}
    assert told["Timeline"]["EngineExecutionTimeInMillis"] == 10
    waiting = api("GetQueryRuntimeStatistics", QueryExecutionId=api.start())["QueryRuntimeStatistics"]
    assert "Rows" not in waiting


def test_the_file_of_a_statement_is_named_before_it_is_written(api: Api) -> None:
    names = {
        "SELECT 1": "{}.csv",
        "SHOW TABLES": "{}.txt",
        "CREATE DATABASE x": "{}.txt",
        "INSERT INTO t SELECT 1": "{}",
        "CREATE TABLE t AS SELECT 1 a": "tables/{}",
    }
    for sql, name in names.items():
        found = api.start(sql, ResultConfiguration={"OutputLocation": "s3://results/here"})
        shown = api.execution(found)["ResultConfiguration"]["OutputLocation"]
        assert shown == f"s3://results/here/{name.format(found)}"
