"""Workgroups, saved statements, data catalogues, tags and the catalogue's metadata, as clients see them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.athena_api import NOW, PLACE, Api, RefusedError

pytestmark = pytest.mark.unit

ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
MEGABYTES_10 = 10_000_000


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    found = Api(tmp_path / "athena")
    yield found
    found.service.stop()


def refusal(api: Api, operation: str, **members: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        api(operation, **members)
    return caught.value


def configuration(api: Api, name: str) -> Any:
    return api("GetWorkGroup", WorkGroup=name)["WorkGroup"]["Configuration"]


# --- workgroups


def test_primary_is_there_from_the_first_request_on(api: Api) -> None:
    found = api("GetWorkGroup", WorkGroup="primary")["WorkGroup"]
    assert found.pop("CreationTime").timestamp() == NOW
    assert found == {
        "Name": "primary",
        "State": "ENABLED",
        "Configuration": {
            "ResultConfiguration": {},
            "EnforceWorkGroupConfiguration": False,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            "EnableMinimumEncryptionConfiguration": False,
            "EngineVersion": ENGINE,
        },
    }
    (summary,) = api("ListWorkGroups", region="us-east-1")["WorkGroups"]
    assert (summary["Name"], summary["Description"], summary["EngineVersion"]) == ("primary", "", ENGINE)
    assert refusal(api, "CreateWorkGroup", Name="primary").message == "primary workGroup could not be created"
    assert refusal(api, "DeleteWorkGroup", WorkGroup="primary").message == "primary workGroup could not be deleted"


def test_a_workgroup_is_kept_through_a_restart(api: Api) -> None:
    given = {
        "ResultConfiguration": {"OutputLocation": "s3://bucket/x", "ExpectedBucketOwner": "0" * 12},
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": MEGABYTES_10,
    }
    api("CreateWorkGroup", Name="shop", Description="of the shop", Configuration=given)
    api.kill()
    api.open()
    found = api("GetWorkGroup", WorkGroup="shop")["WorkGroup"]
    assert found["Description"] == "of the shop"
    assert found["Configuration"] == {**configuration(api, "primary"), **given}
    assert refusal(api, "CreateWorkGroup", Name="shop").message == "WorkGroup is already created"
    assert refusal(api, "GetWorkGroup", WorkGroup="absent").message == "WorkGroup is not found."
    assert refusal(api, "GetWorkGroup", WorkGroup="shop", account="1" * 12).message == "WorkGroup is not found."


def test_an_update_changes_what_it_names_and_removes_what_it_says(api: Api) -> None:
    encrypted = {"EncryptionOption": "SSE_S3"}
    place = {"OutputLocation": "s3://bucket/x/", "EncryptionConfiguration": encrypted}
    given = {"ResultConfiguration": place, "BytesScannedCutoffPerQuery": MEGABYTES_10}
    api("CreateWorkGroup", Name="shop", Description="old", Configuration=given)
    api("UpdateWorkGroup", WorkGroup="shop", ConfigurationUpdates={"EnforceWorkGroupConfiguration": True})
    assert configuration(api, "shop")["ResultConfiguration"] == place
    changes = {
        "ResultConfigurationUpdates": {"OutputLocation": "s3://bucket/y/", "RemoveEncryptionConfiguration": True},
        "RemoveBytesScannedCutoffPerQuery": True,
        "RequesterPaysEnabled": True,
    }
    api("UpdateWorkGroup", WorkGroup="shop", Description="new", State="DISABLED", ConfigurationUpdates=changes)
    found = api("GetWorkGroup", WorkGroup="shop")["WorkGroup"]
    assert (found["Description"], found["State"]) == ("new", "DISABLED")
    assert found["Configuration"]["ResultConfiguration"] == {"OutputLocation": "s3://bucket/y/"}
    assert "BytesScannedCutoffPerQuery" not in found["Configuration"]
    assert found["Configuration"]["EnforceWorkGroupConfiguration"]
    assert found["Configuration"]["RequesterPaysEnabled"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"BytesScannedCutoffPerQuery": MEGABYTES_10 - 1}, "greater than or equal to 10000000"),
        ({"ResultConfiguration": {"OutputLocation": "bucket/x"}}, "outputLocation is not a valid S3 path."),
        ({"EngineVersion": {"SelectedEngineVersion": "Athena engine version 2"}}, "expected AUTO or Athena engine v"),
        ({"ManagedQueryResultsConfiguration": {"Enabled": True}}, "ManagedQueryResultsConfiguration is not offered"),
    ],
)
def test_a_configuration_that_cannot_hold_is_refused(api: Api, given: dict[str, Any], words: str) -> None:
    assert words in refusal(api, "CreateWorkGroup", Name="shop", Configuration=given).message
    assert refusal(api, "GetWorkGroup", WorkGroup="shop").message == "WorkGroup is not found."


def test_an_enforced_workgroup_chooses_the_place_whatever_the_client_asks(api: Api) -> None:
    given = {
        "ResultConfiguration": {"OutputLocation": "s3://own/place"},
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 2 * MEGABYTES_10,
    }
    api("CreateWorkGroup", Name="strict", Configuration=given)
    found = api.start(WorkGroup="strict")
    job = api.pool.begin(found)
    assert (job.output, job.scanned_bytes, job.external_locations) == ("s3://own/place/", 2 * MEGABYTES_10, False)
    assert api.execution(found)["ResultConfiguration"]["OutputLocation"] == f"s3://own/place/{found}.csv"


def test_a_workgroup_that_is_not_enforced_has_the_place_of_who_names_none(api: Api) -> None:
    place = {"OutputLocation": "s3://own/place/", "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    api("CreateWorkGroup", Name="loose", Configuration={"ResultConfiguration": place})
    own = api.start(WorkGroup="loose", ResultConfiguration={})
    assert api.pool.begin(own).output == "s3://own/place/"
    assert api.execution(own)["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    asked = api.start(WorkGroup="loose")
    assert (api.pool.begin(asked).output, api.pool.begin(asked).external_locations) == (PLACE["OutputLocation"], True)


def test_a_disabled_workgroup_refuses_queries_and_an_enforced_one_without_a_place_too(api: Api) -> None:
    api("CreateWorkGroup", Name="off")
    api("UpdateWorkGroup", WorkGroup="off", State="DISABLED")
    with pytest.raises(RefusedError, match="WorkGroup off is disabled"):
        api.start(WorkGroup="off")
    api("CreateWorkGroup", Name="empty", Configuration={"EnforceWorkGroupConfiguration": True})
    with pytest.raises(RefusedError, match="No output location provided"):
        api.start(WorkGroup="empty")


def test_a_workgroup_that_is_not_empty_goes_only_with_what_is_in_it(api: Api) -> None:
    api("CreateWorkGroup", Name="shop")
    query = {"Name": "n", "Database": "d", "QueryString": "SELECT 1", "WorkGroup": "shop"}
    named = api("CreateNamedQuery", **query)["NamedQueryId"]
    api("CreatePreparedStatement", StatementName="st", WorkGroup="shop", QueryStatement="SELECT 1")
    running = api.start(WorkGroup="shop")
    assert refusal(api, "DeleteWorkGroup", WorkGroup="shop").message == "WorkGroup shop is not empty"
    api("DeleteWorkGroup", WorkGroup="shop", RecursiveDeleteOption=True)
    assert api.pool.cancelled == [running]
    assert refusal(api, "GetNamedQuery", NamedQueryId=named).message == f"NamedQuery {named} was not found"
    assert refusal(api, "GetQueryExecution", QueryExecutionId=running).athena_code == "QUERY_EXECUTION_NOT_FOUND"
    api("CreateWorkGroup", Name="shop")
    assert api("ListPreparedStatements", WorkGroup="shop")["PreparedStatements"] == []


def test_lists_of_workgroups_go_by_name_page_by_page(api: Api) -> None:
    for name in ("b", "a", "q"):
        api("CreateWorkGroup", Name=name)
    one = api("ListWorkGroups", MaxResults=3)
    two = api("ListWorkGroups", NextToken=one["NextToken"])
    assert [[found["Name"] for found in page["WorkGroups"]] for page in (one, two)] == [["a", "b", "primary"], ["q"]]
    assert "NextToken" not in two
    for bad in ("x", one["NextToken"][:-4], one["NextToken"].swapcase()):
        fault = refusal(api, "ListWorkGroups", NextToken=bad)
        assert fault.message == f"The nextPageToken is malformed: {bad}"


def test_figures_go_to_cloudwatch_where_a_workgroup_asks_for_it(api: Api) -> None:
    api("CreateWorkGroup", Name="told", Configuration={"PublishCloudWatchMetricsEnabled": True})
    api.done(members={"WorkGroup": "told"})
    api.done()
    api.sent()
    values = {one["MetricName"]: one["Value"] for one in api.metrics}
    assert values == {
        "EngineExecutionTime": 10.0,
        "QueryPlanningTime": 3.0,
        "QueryQueueTime": 0.0,
        "ServiceProcessingTime": 2.0,
        "TotalExecutionTime": 0.0,
        "ProcessedBytes": 512.0,
    }
    dimensions = {one["Name"]: one["Value"] for one in api.metrics[0]["Dimensions"]}
    assert dimensions == {"QueryState": "SUCCEEDED", "QueryType": "DML", "WorkGroup": "told"}


def test_the_engine_versions_are_those_that_a_workgroup_can_have(api: Api) -> None:
    for found in api("ListEngineVersions")["EngineVersions"]:
        name = found["SelectedEngineVersion"]
        api("UpdateWorkGroup", WorkGroup="primary", ConfigurationUpdates={"EngineVersion": found})
        assert configuration(api, "primary")["EngineVersion"] == {**ENGINE, "SelectedEngineVersion": name}


# --- named queries and prepared statements


def test_a_named_query_is_made_once_for_a_token_changed_and_deleted(api: Api) -> None:
    token = "t" * 32
    query = {"Name": "n", "Database": "d", "QueryString": "SELECT 1", "Description": "of old"}
    found = api("CreateNamedQuery", ClientRequestToken=token, **query)["NamedQueryId"]
    assert api("CreateNamedQuery", ClientRequestToken=token, **query)["NamedQueryId"] == found
    other = {**query, "QueryString": "SELECT 2"}
    assert refusal(api, "CreateNamedQuery", ClientRequestToken=token, **other).athena_code == (
        "IDEMPOTENT_PARAMETER_MISMATCH"
    )
    whole = {**query, "NamedQueryId": found, "WorkGroup": "primary"}
    assert api("GetNamedQuery", NamedQueryId=found)["NamedQuery"] == whole
    api("UpdateNamedQuery", NamedQueryId=found, Name="m", QueryString="SELECT 3", Description="")
    changed = {**whole, "Name": "m", "QueryString": "SELECT 3"}
    del changed["Description"]
    assert api("BatchGetNamedQuery", NamedQueryIds=["absent", found]) == {
        "NamedQueries": [changed],
        "UnprocessedNamedQueryIds": [
            {
                "NamedQueryId": "absent",
                "ErrorCode": "INVALID_INPUT",
                "ErrorMessage": "NamedQuery absent was not found",
            }
        ],
    }
    api("DeleteNamedQuery", NamedQueryId=found)
    assert refusal(api, "DeleteNamedQuery", NamedQueryId=found).message == f"NamedQuery {found} was not found"


def test_named_queries_are_listed_by_workgroup_the_newest_first(api: Api) -> None:
    query = {"Name": "n", "Database": "d", "QueryString": "SELECT 1"}
    api("CreateWorkGroup", Name="other")
    ids = [api("CreateNamedQuery", **query)["NamedQueryId"] for _ in range(3)]
    api("CreateNamedQuery", **query, WorkGroup="other")
    one = api("ListNamedQueries", MaxResults=2)
    two = api("ListNamedQueries", MaxResults=2, NextToken=one["NextToken"])
    assert one["NamedQueryIds"] + two["NamedQueryIds"] == ids[::-1]
    assert refusal(api, "ListNamedQueries", WorkGroup="absent").message == "WorkGroup is not found."
    assert refusal(api, "GetNamedQuery", NamedQueryId=ids[0], account="1" * 12).code == "InvalidRequestException"


def test_a_prepared_statement_belongs_to_its_workgroup(api: Api) -> None:
    api("CreateWorkGroup", Name="other")
    key = {"StatementName": "st", "WorkGroup": "primary"}
    api("CreatePreparedStatement", **key, QueryStatement="SELECT ?", Description="one")
    assert refusal(api, "CreatePreparedStatement", **key, QueryStatement="SELECT 1").message == (
        "PreparedStatement st already exists in workGroup primary"
    )
    api.clock.now += 60
    api("UpdatePreparedStatement", **key, QueryStatement="SELECT ? + 1")
    found = api("GetPreparedStatement", **key)["PreparedStatement"]
    assert found.pop("LastModifiedTime").timestamp() == NOW + 60
    assert found == {"StatementName": "st", "WorkGroupName": "primary", "QueryStatement": "SELECT ? + 1"}
    assert [
        one["StatementName"] for one in api("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"]
    ] == ["st"]
    elsewhere = {**key, "WorkGroup": "other"}
    for operation in ("GetPreparedStatement", "DeletePreparedStatement"):
        fault = refusal(api, operation, **elsewhere)
        assert (fault.code, fault.message) == (
            "ResourceNotFoundException",
            "PreparedStatement st was not found in workGroup other",
        )
    batch = api("BatchGetPreparedStatement", PreparedStatementNames=["st", "none"], WorkGroup="primary")
    assert [one["StatementName"] for one in batch["PreparedStatements"]] == ["st"]
    assert [one["StatementName"] for one in batch["UnprocessedPreparedStatementNames"]] == ["none"]
    api("DeletePreparedStatement", **key)
    assert refusal(api, "UpdatePreparedStatement", **key, QueryStatement="SELECT 1").code == "ResourceNotFoundException"


# --- data catalogues, tags


def test_the_catalogue_of_aws_is_there_and_others_name_it_again(api: Api) -> None:
    given = {"Type": "GLUE", "Parameters": {"catalog-id": "0" * 12}, "Description": "mine"}
    made = api("CreateDataCatalog", Name="mine", **given, Tags=[{"Key": "a", "Value": "b"}])["DataCatalog"]
    assert made == {"Name": "mine", "Status": "CREATE_COMPLETE", **given}
    assert api("GetDataCatalog", Name="mine")["DataCatalog"] == made
    assert api("GetDataCatalog", Name="awsDATAcatalog")["DataCatalog"]["Name"] == "AwsDataCatalog"
    names = [one["CatalogName"] for one in api("ListDataCatalogs")["DataCatalogsSummary"]]
    assert names == ["AwsDataCatalog", "mine"]
    api("UpdateDataCatalog", Name="mine", **{**given, "Description": "ours"})
    assert api("GetDataCatalog", Name="mine")["DataCatalog"]["Description"] == "ours"
    assert api.pool.begin(api.start(QueryExecutionContext={"Catalog": "mine"})).sql == "SELECT 1"
    assert api("DeleteDataCatalog", Name="mine")["DataCatalog"]["Status"] == "DELETE_COMPLETE"
    assert refusal(api, "GetDataCatalog", Name="mine").message == "DataCatalog mine was not found"


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("x", {"Type": "LAMBDA", "Parameters": {"function": "f"}}, "type LAMBDA are not offered"),
        ("x", {"Type": "GLUE"}, "catalog-id: received '', expected 000000000000"),
        ("x", {"Type": "GLUE", "Parameters": {"catalog-id": "1" * 12}}, "expected 000000000000"),
        ("AwsDataCatalog", {"Type": "GLUE", "Parameters": {"catalog-id": "0" * 12}}, "already exists"),
    ],
)
def test_other_catalogues_are_refused(api: Api, name: str, given: dict[str, Any], words: str) -> None:
    assert words in refusal(api, "CreateDataCatalog", Name=name, **given).message


def test_tags_are_set_taken_away_and_listed(api: Api) -> None:
    arn = "arn:aws:athena:eu-west-1:000000000000:workgroup/shop"
    api("CreateWorkGroup", Name="shop", Tags=[{"Key": "team", "Value": "sales"}])
    api("TagResource", ResourceARN=arn, Tags=[{"Key": "team", "Value": "shop"}, {"Key": "cost"}])
    assert api("ListTagsForResource", ResourceARN=arn)["Tags"] == [
        {"Key": "cost", "Value": ""},
        {"Key": "team", "Value": "shop"},
    ]
    api("UntagResource", ResourceARN=arn, TagKeys=["cost", "absent"])
    assert api("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "shop"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert "50 tags at most" in refusal(api, "TagResource", ResourceARN=arn, Tags=many).message
    assert "aws:" in refusal(api, "TagResource", ResourceARN=arn, Tags=[{"Key": "aws:x", "Value": ""}]).message
    api("UpdateWorkGroup", WorkGroup="shop", Description="changed")
    assert api("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "shop"}]
    for other in (arn.replace("shop", "absent"), arn.replace("eu-west-1", "us-east-1")):
        fault = refusal(api, "ListTagsForResource", ResourceARN=other)
        assert (fault.code, fault.body["ResourceName"]) == ("ResourceNotFoundException", other)
    assert refusal(api, "ListTagsForResource", ResourceARN="nothing").code == "InvalidRequestException"


# --- metadata

SALES = {
    "Name": "sales",
    "CreateTime": NOW,
    "TableType": "EXTERNAL_TABLE",
    "Parameters": {"EXTERNAL": "TRUE"},
    "PartitionKeys": [{"Name": "day", "Type": "date", "Comment": "of the sale"}],
    "StorageDescriptor": {
        "Columns": [{"Name": "price", "Type": "decimal(18,3)"}],
        "Location": "s3://lake/gold/sales",
        "InputFormat": "in",
        "OutputFormat": "out",
        "SerdeInfo": {"SerializationLibrary": "lib", "Parameters": {"serialization.format": "1"}},
    },
}
GOLD = {"CatalogName": "AwsDataCatalog", "DatabaseName": "Gold"}


def test_a_table_is_shown_as_glue_holds_it(api: Api) -> None:
    api.tables = {"gold": [SALES]}
    found = api("GetTableMetadata", **GOLD, TableName="SALES")["TableMetadata"]
    assert found["Columns"] == [{"Name": "price", "Type": "decimal(18,3)"}]
    assert found["PartitionKeys"] == [{"Name": "day", "Type": "date", "Comment": "of the sale"}]
    assert found["Parameters"] == {
        "EXTERNAL": "TRUE",
        "location": "s3://lake/gold/sales",
        "inputformat": "in",
        "outputformat": "out",
        "serde.serialization.lib": "lib",
        "serde.param.serialization.format": "1",
    }
    assert api("GetDatabase", **GOLD)["Database"] == {"Name": "gold", "Description": "of tests"}


def test_what_is_not_in_the_catalogue_is_said_as_clients_look_for_it(api: Api) -> None:
    api.tables = {"gold": [SALES]}
    silver = {**GOLD, "DatabaseName": "silver"}
    asked = (("GetTableMetadata", {**GOLD, "TableName": "x"}), ("GetDatabase", silver), ("ListTableMetadata", silver))
    for operation, members in asked:
        fault = refusal(api, operation, **members)
        assert fault.code == "MetadataException"
        assert "Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException" in fault.message
    fault = refusal(api, "ListDatabases", CatalogName="other")
    assert (fault.code, fault.message) == ("InvalidRequestException", "DataCatalog other was not found")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("", ["daily", "daily_sales", "orders", "sales"]),
        ("*", ["daily", "daily_sales", "orders", "sales"]),
        ("daily.*", ["daily", "daily_sales"]),
        (".*SALES", ["daily_sales", "sales"]),
        ("sales|orders", ["orders", "sales"]),
        ("dail", []),
    ],
)
def test_tables_are_listed_by_a_pattern_of_their_whole_name(api: Api, expression: str, names: list[str]) -> None:
    api.tables = {"gold": [{"Name": name} for name in ("sales", "orders", "daily_sales", "daily")]}
    given = {**GOLD, **({"Expression": expression} if expression else {})}
    found = api("ListTableMetadata", **given)["TableMetadataList"]
    assert [one["Name"] for one in found] == names
    if len(names) > 1:
        one = api("ListTableMetadata", **given, MaxResults=1)
        two = api("ListTableMetadata", **given, NextToken=one["NextToken"])
        both = [*one["TableMetadataList"], *two["TableMetadataList"]]
        assert [table["Name"] for table in both] == names


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", ".*a.*b.*c.*d.*e", "(", "x{1,}{1,}", "[", "\\"])
def test_a_pattern_that_is_none_or_would_take_long_is_refused(api: Api, expression: str) -> None:
    api.tables = {"gold": [{"Name": "a" * 128}]}
    assert refusal(api, "ListTableMetadata", **GOLD, Expression=expression).code == "InvalidRequestException"


def test_databases_are_listed_by_name(api: Api) -> None:
    api.tables = {"silver": [], "bronze": [], "gold": []}
    one = api("ListDatabases", CatalogName="awsdatacatalog", MaxResults=2)
    two = api("ListDatabases", CatalogName="awsdatacatalog", NextToken=one["NextToken"])
    assert [found["Name"] for found in one["DatabaseList"] + two["DatabaseList"]] == ["bronze", "gold", "silver"]
