"""Athena through boto3 against a gateway process: queries to rows, workgroups, kills, isolation, events, metadata.

The workers are the engine's own; statements are DuckDB's SQL, see athena_worker.py.
"""

import dataclasses
import json
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack.athena_process import Gateway, done, rows, running, runs, start, state
from tests.stack.conftest import client, wait_until

pytestmark = pytest.mark.stack

ENDLESS = "SELECT count(*) AS n FROM range(100000000000) a, range(1000) b -- n bigint"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("athena")) as found:
        yield found


@pytest.fixture
def athena(shared: Gateway) -> Any:
    return shared.client()


def refusal(call: Any, **members: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    return dict(caught.value.response)


def test_a_query_gives_its_rows_and_its_file(shared: Gateway, athena: Any) -> None:
    sql = "SELECT 1 AS n, 'a\"b' AS s UNION ALL SELECT 2, NULL ORDER BY 1 -- n integer, s varchar"
    found = done(athena, start(athena, sql))
    assert found["Status"]["State"] == "SUCCEEDED", found
    assert rows(athena, found["QueryExecutionId"]) == [["n", "s"], ["1", 'a"b'], ["2", None]]
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://results/queries/{found['QueryExecutionId']}.csv"
    key = location.removeprefix("s3://results/")
    body = shared.client("s3").get_object(Bucket="results", Key=key)["Body"].read()
    assert body == b'"n","s"\n"1","a""b"\n"2",\n'
    told = found["Statistics"]
    assert 0 < told["EngineExecutionTimeInMillis"] <= told["TotalExecutionTimeInMillis"]
    shared.client("s3").delete_object(Bucket="results", Key=key)
    fault = refusal(athena.get_query_results, QueryExecutionId=found["QueryExecutionId"])
    assert fault["Error"]["Message"] == "Could not find results"


def test_many_rows_come_page_by_page(athena: Any) -> None:
    execution = start(athena, "SELECT range AS n FROM range(2500) ORDER BY 1 -- n bigint")
    done(athena, execution)
    expected = [["n"], *([f"{number}"] for number in range(2500))]
    assert rows(athena, execution) == expected
    assert rows(athena, execution, PaginationConfig={"PageSize": 999}) == expected


def test_what_fails_says_why_and_what_is_nonsense_never_starts(athena: Any) -> None:
    with pytest.raises(athena.exceptions.InvalidRequestException, match=r"line 1:1: mismatched input 'FAIL'"):
        start(athena, "FAIL")
    found = done(athena, start(athena, "SELECT no_such_column -- n bigint"))
    assert found["Status"]["State"] == "FAILED"
    assert found["Status"]["AthenaError"]["ErrorMessage"] == found["Status"]["StateChangeReason"]
    fault = refusal(athena.get_query_results, QueryExecutionId=found["QueryExecutionId"])
    assert fault["AthenaErrorCode"] == "INVALID_QUERY_EXECUTION_STATE"
    gone = done(
        athena, start(athena, "SELECT 1 AS n -- n bigint", ResultConfiguration={"OutputLocation": "s3://gone/x"})
    )
    assert gone["Status"]["State"] == "FAILED"
    assert gone["Status"]["StateChangeReason"]


def test_a_stop_ends_the_work_and_the_next_query_runs(athena: Any) -> None:
    execution = start(athena, ENDLESS)
    runs(athena, execution)
    begun = time.monotonic()
    athena.stop_query_execution(QueryExecutionId=execution)
    assert state(athena, execution) == "CANCELLED"
    others = [start(athena, f"SELECT {number} AS n -- n bigint") for number in range(2)]
    assert [done(athena, one)["Status"]["State"] for one in others] == ["SUCCEEDED"] * 2
    assert time.monotonic() - begun < 10
    assert state(athena, execution) == "CANCELLED"


def test_what_only_tells_has_no_header(athena: Any) -> None:
    found = done(athena, start(athena, "SHOW TABLES"))
    assert (found["StatementType"], found["SubstatementType"]) == ("UTILITY", "SHOW_TABLES")
    assert found["ResultConfiguration"]["OutputLocation"].endswith(".txt")
    assert rows(athena, found["QueryExecutionId"]) == [["orders"], ["sales"]]


def test_a_result_is_shown_again_while_its_file_is_there(shared: Gateway, athena: Any) -> None:
    sql = "SELECT 42 AS n -- n bigint"
    reuse = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}}
    first = done(athena, start(athena, sql))
    again = done(athena, start(athena, sql, **reuse))
    assert again["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert again["ResultConfiguration"] == first["ResultConfiguration"]
    assert rows(athena, again["QueryExecutionId"]) == [["n"], ["42"]]
    key = first["ResultConfiguration"]["OutputLocation"].removeprefix("s3://results/")
    shared.client("s3").delete_object(Bucket="results", Key=key)
    other = done(athena, start(athena, sql, **reuse))
    assert other["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": False}


def test_accounts_see_neither_executions_nor_workgroups_nor_results_of_each_other(shared: Gateway, athena: Any) -> None:
    other = dataclasses.replace(shared.settings, aws_access_key_id="1" * 12)
    theirs = client(other, "athena")
    execution = start(athena, "SELECT 7 AS n -- n bigint")
    done(athena, execution)
    athena.create_work_group(Name="ours")
    fault = refusal(theirs.get_query_results, QueryExecutionId=execution)
    assert fault["Error"]["Message"] == f"QueryExecution {execution} was not found"
    assert theirs.list_query_executions()["QueryExecutionIds"] == []
    assert [one["Name"] for one in theirs.list_work_groups()["WorkGroups"]] == ["primary"]
    # Their worker acts for them: our bucket is none of theirs.
    found = done(theirs, start(theirs, "SELECT 7 AS n -- n bigint"))
    assert found["Status"]["State"] == "FAILED"
    place = {"LocationConstraint": shared.settings.aws_default_region}
    client(other, "s3").create_bucket(Bucket="theirs", CreateBucketConfiguration=place)
    own = {"ResultConfiguration": {"OutputLocation": "s3://theirs/"}}
    found = done(theirs, start(theirs, "SELECT 7 AS n -- n bigint", **own))
    assert rows(theirs, found["QueryExecutionId"]) == [["n"], ["7"]]


def test_the_catalogue_is_glues(shared: Gateway, athena: Any) -> None:
    glue = shared.client("glue")
    glue.create_database(DatabaseInput={"Name": "gold", "Description": "of the shop"})
    columns = [{"Name": "price", "Type": "decimal(18,3)", "Comment": "net"}]
    storage = {"Columns": columns, "Location": "s3://lake/gold/sales", "SerdeInfo": {"SerializationLibrary": "lib"}}
    table = {"Name": "sales", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    glue.create_table(DatabaseName="gold", TableInput={**table, "PartitionKeys": [{"Name": "day", "Type": "date"}]})
    aws = {"CatalogName": "AwsDataCatalog"}
    assert "gold" in [one["Name"] for one in athena.list_databases(**aws)["DatabaseList"]]
    assert athena.get_database(**aws, DatabaseName="gold")["Database"]["Description"] == "of the shop"
    found = athena.get_table_metadata(**aws, DatabaseName="gold", TableName="sales")["TableMetadata"]
    assert found["Columns"] == columns
    assert found["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    assert found["Parameters"]["location"] == "s3://lake/gold/sales"
    listed = athena.list_table_metadata(**aws, DatabaseName="gold", Expression="sal.*")["TableMetadataList"]
    assert [one["Name"] for one in listed] == ["sales"]
    for call in (athena.get_database, athena.list_table_metadata):
        fault = refusal(call, **aws, DatabaseName="x")
        assert fault["Error"]["Code"] == "MetadataException"
        assert "EntityNotFoundException" in fault["Error"]["Message"]


def test_eventbridge_is_told_of_every_state(shared: Gateway, athena: Any) -> None:
    sqs, events = shared.client("sqs"), shared.client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["aws.athena"], "detail-type": ["Athena Query State Change"]})
    events.put_rule(Name="told", EventPattern=pattern)
    events.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": arn}])
    execution = start(athena, "SELECT 1 AS n -- n bigint")
    done(athena, execution)
    seen: dict[str, Any] = {}

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            if detail["queryExecutionId"] == execution:
                seen[detail["currentState"]] = detail
        return {"QUEUED", "SUCCEEDED"} <= seen.keys()

    wait_until("the events are there", all_told)
    assert seen["SUCCEEDED"]["workgroupName"] == "primary"


def test_cloudwatch_gets_the_figures_of_a_workgroup_that_publishes_them(shared: Gateway, athena: Any) -> None:
    athena.create_work_group(Name="told", Configuration={"PublishCloudWatchMetricsEnabled": True})
    done(athena, start(athena, "SELECT 1 AS n -- n bigint", WorkGroup="told"))
    cloudwatch = shared.client("cloudwatch")
    dimensions = [{"Name": "WorkGroup", "Value": "told"}]

    def names() -> set[str]:
        found = cloudwatch.list_metrics(Namespace="AWS/Athena", Dimensions=dimensions)["Metrics"]
        return {one["MetricName"] for one in found}

    wait_until("the figures are there", lambda: {"ProcessedBytes", "TotalExecutionTime"} <= names())


def test_state_machines_reach_it(shared: Gateway, athena: Any) -> None:
    states = shared.client("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:athena:getWorkGroup",
        "Parameters": {"WorkGroup": "primary"},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": task}})
    role = "arn:aws:iam::000000000000:role/any"
    arn = states.create_state_machine(name="ask", definition=definition, roleArn=role)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    found = wait_until(
        "the state machine ends",
        lambda: one if (one := states.describe_execution(executionArn=execution))["status"] != "RUNNING" else None,
    )
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["WorkGroup"]["Name"] == "primary"


def test_the_gateway_carries_neither_duckdb_nor_arrow(shared: Gateway, athena: Any) -> None:
    done(athena, start(athena, "SELECT 1 AS n -- n bigint"))
    assert shared.process is not None
    maps = Path(f"/proc/{shared.process.pid}/maps")
    if not maps.exists():
        pytest.skip("this system has no /proc")
    mapped = maps.read_text(encoding="utf-8")
    assert "_sqlite3" in mapped
    assert not [name for name in ("duckdb", "pyarrow", "numpy") if name in mapped]


def test_stacks_make_what_they_name_of_athena_in_this_athena(shared: Gateway, athena: Any) -> None:
    # It stands below the test of what the gateway carries: the emulator's CloudFormation imports DuckDB.
    stacks = shared.client("cloudformation")
    found = stack_of(stacks, "create_stack", cutoff="10000000", sql="SELECT 1 AS n")
    group = athena.get_work_group(WorkGroup="team")["WorkGroup"]
    assert group["Configuration"]["BytesScannedCutoffPerQuery"] == 10_000_000
    assert group["Configuration"]["ResultConfiguration"] == {"OutputLocation": "s3://results/team/"}
    assert group["State"] == "ENABLED"
    first = athena.get_named_query(NamedQueryId=found["Named"])["NamedQuery"]
    assert (first["QueryString"], first["WorkGroup"]) == ("SELECT 1 AS n", "team")
    statement = athena.get_prepared_statement(StatementName="by_id", WorkGroup="team")["PreparedStatement"]
    assert statement["QueryStatement"] == "SELECT ?"
    assert athena.get_data_catalog(Name="other")["DataCatalog"]["Type"] == "GLUE"

    again = stack_of(stacks, "update_stack", cutoff="20000000", sql="SELECT 2 AS n")
    group = athena.get_work_group(WorkGroup="team")["WorkGroup"]
    assert group["Configuration"]["BytesScannedCutoffPerQuery"] == 20_000_000
    assert again["Named"] != found["Named"]
    assert athena.list_named_queries(WorkGroup="team")["NamedQueryIds"] == [again["Named"]]

    athena.delete_named_query(NamedQueryId=again["Named"])
    stacks.delete_stack(StackName="of-athena")
    wait_until("the workgroup is gone", lambda: "team" not in names_of(athena.list_work_groups()["WorkGroups"]))
    assert refusal(athena.get_data_catalog, Name="other")


def names_of(found: list[dict[str, Any]]) -> list[str]:
    return [one["Name"] for one in found]


def stack_of(stacks: Any, call: str, *, cutoff: str, sql: str) -> dict[str, str]:
    """A stack with everything of Athena, made or changed: its outputs."""
    group = {"OutputLocation": "s3://results/team/"}
    configuration = {"BytesScannedCutoffPerQuery": cutoff, "ResultConfiguration": group}
    of_group = {"WorkGroup": {"Ref": "Group"}}
    catalog = {"Name": "other", "Type": "GLUE", "Parameters": {"catalog-id": "000000000000"}}
    properties = {
        "Group": ("WorkGroup", {"Name": "team", "WorkGroupConfiguration": configuration}),
        "Named": ("NamedQuery", {"Name": "one", "Database": "shop", "QueryString": sql, **of_group}),
        "Prepared": ("PreparedStatement", {"StatementName": "by_id", "QueryStatement": "SELECT ?", **of_group}),
        "Catalog": ("DataCatalog", catalog),
    }
    resources = {
        name: {"Type": f"AWS::Athena::{kind}", "Properties": given} for name, (kind, given) in properties.items()
    }
    template = {"Resources": resources, "Outputs": {"Named": {"Value": {"Ref": "Named"}}}}
    getattr(stacks, call)(StackName="of-athena", TemplateBody=json.dumps(template))
    wanted = "CREATE_COMPLETE" if call == "create_stack" else "UPDATE_COMPLETE"

    def shown() -> dict[str, Any]:
        return dict(stacks.describe_stacks(StackName="of-athena")["Stacks"][0])

    wait_until("the stack is complete", lambda: not shown()["StackStatus"].endswith("IN_PROGRESS"))
    found = shown()
    assert found["StackStatus"] == wanted, found
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def test_a_small_query_takes_little_beside_the_engine(athena: Any) -> None:
    """The service's share of a query, between what the engine says that it took and start to end."""
    shares = []
    for number in range(20):
        told = done(athena, start(athena, f"SELECT {number} AS n -- n bigint"))["Statistics"]
        engine = told["EngineExecutionTimeInMillis"] + told["ServiceProcessingTimeInMillis"]
        shares.append(told["TotalExecutionTimeInMillis"] - engine)
    assert statistics.median(shares) < 60, shares


def test_kills_lose_nothing_that_was_answered_and_leave_nothing_hanging(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        athena = gateway.client()
        athena.create_work_group(Name="shop")
        ended = start(athena, "SELECT 1 AS n -- n bigint")
        done(athena, ended)
        for _ in range(2):
            endless = start(athena, ENDLESS)
            runs(athena, endless)
            queries = [start(athena, f"SELECT {number} AS n -- n bigint", WorkGroup="shop") for number in range(5)]
            insert = start(athena, f"INSERT INTO t {ENDLESS}")
            gateway.kill()
            wait_until("no worker outlives its gateway", lambda: not gateway.workers())
            gateway.start()
            athena = gateway.client()
            athena.stop_query_execution(QueryExecutionId=endless)
            assert [done(athena, one)["Status"]["State"] for one in queries] == ["SUCCEEDED"] * 5
            assert [rows(athena, one) for one in queries] == [[["n"], [f"{number}"]] for number in range(5)]
            assert done(athena, insert)["Status"]["StateChangeReason"].startswith("The service was restarted")
            assert state(athena, endless) == "CANCELLED"
        assert rows(athena, ended) == [["n"], ["1"]]
        # A worker clears up after it has answered.
        wait_until("no job is left", lambda: not list((gateway.state / "jobs").iterdir()))


def test_an_orderly_stop_takes_the_workers_along_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        athena = gateway.client()
        execution = start(athena, ENDLESS)
        runs(athena, execution)
        assert gateway.stop() == -signal.SIGTERM  # uvicorn ends by the signal that it was sent
        assert not gateway.workers()
        gateway.start()
        athena = gateway.client()
        runs(athena, execution)
        athena.stop_query_execution(QueryExecutionId=execution)
