"""What is wrong with data, names, places and queries is told by the API's own errors or a job's Message: real jobs.

Never a 500, never a job that hangs.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stack.forecast_program import ROLE, Program, served

pytestmark = pytest.mark.stack

SCHEMA = {"item_id": "string", "timestamp": "timestamp", "target_value": "float"}
ATTRIBUTES = [{"AttributeName": name, "AttributeType": kind} for name, kind in SCHEMA.items()]
QUOTAS = "imports_at_once=99,predictors_at_once=99,forecast_exports_at_once=99"
NPTS = "arn:aws:forecast:::algorithm/NPTS"
ODD = """it's "a" / b, c; d\\é"""
LONG = "x" * 10**6

GOOD = b"a,2024-01-01,1\na,2024-01-02,2\n"
# By case: the file, and what its Message must say after the file's name.
FILES = {
    "empty": (b"", "expected at least one besides a header; upload the data"),
    "blank_lines": (b"\n\n\r\n", "expected at least one besides a header"),
    "header_only": (b"item_id,timestamp,target_value\n", "expected at least one besides a header"),
    "semicolons": (GOOD.replace(b",", b";"), "line 1: 1 column, beginning with 'a;2024-01-01;1'; expected 3: "
                   "item_id,timestamp,target_value; separate the columns by commas, not by ';'"),
    "tabs": (GOOD.replace(b",", b"\t"), "separate the columns by commas, not by '\\t'"),
    "short_row": (GOOD + b"a,2024-01-03\n", "line 3: 2 columns, beginning with 'a'; expected 3"),
    "bad_time": (GOOD + b"a,yesterday,3\n", "line 3, column 2 (timestamp): 'yesterday'; expected a timestamp in the "
                 "format yyyy-MM-dd"),
    "no_such_day": (GOOD + b"a,2024-02-30,3\n", "line 3, column 2 (timestamp): '2024-02-30'"),
    "infinite": (b"a,2024-01-01,1\na,2024-01-02,inf\n", "line 2, column 3 (target_value): 'inf'; expected a finite "
                 "number or nothing"),
    "minus_infinity": (GOOD + b"a,2024-01-03,-Infinity\n", "line 3, column 3 (target_value): '-Infinity'"),
    "too_large": (GOOD + b"a,2024-01-03,1e999\n", "line 3, column 3 (target_value): '1e999'"),
    "a_word": (GOOD + b"a,2024-01-03,many\n", "line 3, column 3 (target_value): 'many'"),
    "no_item": (GOOD + b",2024-01-03,3\n", "line 3, column 1 (item_id): ''; expected a text that is not empty"),
    "open_quote": (GOOD + b'"a,2024-01-03,3\n', "line 3: 1 column, beginning with 'a,2024-01-03,3\\n'; expected 3"),
    "not_text": (b"\xff\xfea\x00,\x00", "UTF-16; expected CSV as text in UTF-8"),
    "not_utf8": (GOOD + b"\xe9,2024-01-03,3\n", "line 3, column 1 (item_id): '\\xe9'; expected a text in UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00", "gzip; expected CSV as text in UTF-8"),
    "long_line": (LONG.encode() + b"\n", f"line 1: 1 column, beginning with '{'x' * 60}'... (1000000 characters)"),
}  # fmt: skip
# By case: the path, and what the Message must say.
PLACES = {
    "no_object": ("s3://{bucket}/no/such.csv", "nothing at s3://{bucket}/no/such.csv; expected an object, or a prefix"),
    "no_folder": ("s3://{bucket}/no/folder/", "nothing at s3://{bucket}/no/folder/"),
    "empty_folder": ("s3://{bucket}/marked/", "nothing at s3://{bucket}/marked/"),
    "no_bucket": ("s3://no-such-bucket/data.csv", "no-such-bucket"),
    "no_bucket_at_all": ("s3://no-such-bucket", "S3 says NoSuchBucket"),
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with served(tmp_path_factory.mktemp("bad"), forecast_quotas=QUOTAS) as program:
        yield program


@pytest.fixture(scope="module")
def imports(program: Program) -> dict[str, str]:
    """ARNs of the import jobs of all cases, asked for at once."""
    program.s3.put_object(Bucket=program.bucket, Key="marked/", Body=b"")
    paths = {name: path.format(bucket=program.bucket) for name, (path, _) in PLACES.items()}
    for name, (body, _) in FILES.items():
        program.put(f"bad/{name}.csv", body)
        paths[name] = f"s3://{program.bucket}/bad/{name}.csv"
    found = {}
    for name, path in paths.items():
        made = program.forecast.create_dataset(
            DatasetName=name, Domain="CUSTOM", DatasetType="TARGET_TIME_SERIES", DataFrequency="D",
            Schema={"Attributes": ATTRIBUTES},
        )  # fmt: skip
        found[name] = program.forecast.create_dataset_import_job(
            DatasetImportJobName=name,
            DatasetArn=made["DatasetArn"],
            DataSource={"S3Config": {"Path": path, "RoleArn": ROLE}},
            TimestampFormat="yyyy-MM-dd",
        )["DatasetImportJobArn"]
    return found


def message(program: Program, imports: dict[str, str], name: str) -> str:
    found = program.ended(program.forecast.describe_dataset_import_job, DatasetImportJobArn=imports[name])
    assert found["Status"] == "CREATE_FAILED"
    told = str(found["Message"])
    assert len(told) < 1000
    assert told.isprintable()
    return told


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_fails_its_import_and_says_where(program: Program, imports: dict[str, str], name: str) -> None:
    told = message(program, imports, name)
    assert f"s3://{program.bucket}/bad/{name}.csv" in told
    assert FILES[name][1] in told


@pytest.mark.parametrize("name", PLACES)
def test_a_place_without_data_fails_its_import_and_is_named(
    program: Program, imports: dict[str, str], name: str
) -> None:
    assert PLACES[name][1].format(bucket=program.bucket) in message(program, imports, name)


@pytest.fixture(scope="module")
def group(program: Program) -> str:
    """Ten weeks of days: an item with missing values, one with two rows a day, odd and long names."""
    days = [f"{date(2024, 1, 1) + timedelta(days=day):%Y-%m-%d}" for day in range(70)]
    rows = [["gaps", day, "NaN" if number % 3 else "6"] for number, day in enumerate(days)]
    rows += [["twice", day, value] for day in days for value in ("1", "2")]
    rows += [[ODD, day, "4"] for day in days]
    rows += [["nothing", day, "" if number % 2 else "NaN"] for number, day in enumerate(days)]
    rows += [[LONG, day, "5"] for day in days[-3:]]
    arn = program.dataset("odd", "TARGET_TIME_SERIES", SCHEMA, rows, DataFrequency="D", TimestampFormat="yyyy-MM-dd")
    return program.group("odd", arn)


@pytest.fixture(scope="module")
def predictor(program: Program, group: str) -> str:
    return program.predictor("odd", group, "D", 7, AlgorithmArn=NPTS)


@pytest.fixture(scope="module")
def forecast(program: Program, predictor: str) -> str:
    return program.forecast_of("odd", predictor)


def test_missing_values_are_counted_and_duplicates_are_added_up(program: Program, predictor: str) -> None:
    job = program.forecast.describe_predictor(PredictorArn=predictor)["DatasetImportJobArns"][0]
    told = program.forecast.describe_dataset_import_job(DatasetImportJobArn=job)["FieldStatistics"]["target_value"]
    assert (told["CountNan"], told["CountNull"]) == (46 + 35, 35)
    values, accuracies = program.backtest("odd_backtest", predictor)
    assert {row["target_value"] for row in values if row["item_id"] == "twice"} == {"3.0"}
    assert {row["item_id"] for row in accuracies} == {"gaps", "twice", ODD, "nothing", LONG}


def test_every_item_is_forecast_whatever_it_is_called(program: Program, forecast: str) -> None:
    rows = program.exported("odd", forecast)
    assert {row["item_id"] for row in rows} == {"gaps", "twice", ODD, "nothing", LONG}
    assert {row["p50"] for row in rows if row["item_id"] == "twice"} == {"3.0"}
    told = program.query.query_forecast(ForecastArn=forecast, Filters={"item_id": ODD})["Forecast"]["Predictions"]
    assert [one["Value"] for one in told["p50"]] == [4.0] * 7


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Filters": {"item_id": "nobody"}}, "ResourceNotFoundException"),
        ({"Filters": {"item_id": "'; drop table forecast; --"}}, "ResourceNotFoundException"),
        ({"Filters": {"item_id": ""}}, "ResourceNotFoundException"),
        ({"Filters": {"item_id": "\0"}}, "ResourceNotFoundException"),
        ({"Filters": {"item_id": LONG}}, "ValidationException"),
        ({"Filters": {LONG: "twice"}}, "ValidationException"),
        ({"Filters": {"store": "twice"}}, "InvalidInputException"),
        ({"Filters": {"item_id": "twice", "store": "a"}}, "InvalidInputException"),
        ({"Filters": {"item_id": "twice"}, "StartDate": "soon"}, "InvalidInputException"),
        ({"Filters": {"item_id": "twice"}, "StartDate": "2034-01-01T00:00:00"}, "InvalidInputException"),
    ],
    ids=str,
)
def test_a_query_of_what_is_not_there_is_refused(
    program: Program, forecast: str, given: dict[str, Any], code: str
) -> None:
    assert refusal(program.query.query_forecast, ForecastArn=forecast, **given) == code


@pytest.mark.parametrize("name", [LONG, "it's", 'a"b', "a/b", "../../etc", "a b", "é", "1a", "a\n", "%2e", "$(a)"])
def test_a_name_that_is_none_is_refused_by_every_creation(
    program: Program, group: str, predictor: str, forecast: str, name: str
) -> None:
    api, out = program.forecast, program.place("out/names")
    data = api.list_datasets()["Datasets"][0]["DatasetArn"]
    config = {"ForecastHorizon": 7, "ForecastFrequency": "D", "DataConfig": {"DatasetGroupArn": group}}
    schema = {"Attributes": ATTRIBUTES}
    target = {"Domain": "CUSTOM", "DatasetType": "TARGET_TIME_SERIES", "Schema": schema}
    for create, given in (
        (api.create_dataset, {"DatasetName": name, **target}),
        (api.create_dataset_group, {"DatasetGroupName": name, "Domain": "CUSTOM"}),
        (api.create_dataset_import_job, {"DatasetImportJobName": name, "DatasetArn": data, "DataSource": out}),
        (api.create_auto_predictor, {"PredictorName": name, **config}),
        (api.create_forecast, {"ForecastName": name, "PredictorArn": predictor}),
        (
            api.create_predictor_backtest_export_job,
            {"PredictorBacktestExportJobName": name, "PredictorArn": predictor, "Destination": out},
        ),
        (
            api.create_forecast_export_job,
            {"ForecastExportJobName": name, "ForecastArn": forecast, "Destination": out},
        ),
        (api.create_what_if_analysis, {"WhatIfAnalysisName": name, "ForecastArn": forecast}),
    ):
        assert refusal(create, **given) == "ValidationException"


@pytest.mark.parametrize("arn", [LONG, f"arn:aws:forecast:eu-west-1:000000000000:forecast/{LONG}", "a'b", "a/b"])
def test_an_arn_that_is_none_is_refused(program: Program, arn: str) -> None:
    assert refusal(program.forecast.describe_forecast, ForecastArn=arn) == "ValidationException"
    assert refusal(program.forecast.delete_resource_tree, ResourceArn=arn) == "ValidationException"
    assert refusal(program.query.query_forecast, ForecastArn=arn, Filters={"item_id": "a"}) == "ValidationException"


@pytest.mark.parametrize(
    "path", [f"s3://bucket/{LONG}", "s3://ab", "s3://Bucket/a.csv", "s3://a'b/c.csv", "s3://b/123"]
)
def test_a_path_that_can_be_none_is_refused_at_once(program: Program, imports: dict[str, str], path: str) -> None:
    data = program.forecast.describe_dataset_import_job(DatasetImportJobArn=imports["no_object"])["DatasetArn"]
    source = {"S3Config": {"Path": path, "RoleArn": ROLE}}
    given = {"DatasetImportJobName": "p", "DatasetArn": data, "DataSource": source}
    expected = ("ValidationException", "InvalidInputException")
    assert refusal(program.forecast.create_dataset_import_job, **given) in expected


def test_an_export_into_no_bucket_fails_and_says_so(program: Program, forecast: str) -> None:
    arn = program.forecast.create_forecast_export_job(
        ForecastExportJobName="nowhere",
        ForecastArn=forecast,
        Destination={"S3Config": {"Path": "s3://no-such-bucket/out", "RoleArn": ROLE}},
    )["ForecastExportJobArn"]
    found = program.ended(program.forecast.describe_forecast_export_job, ForecastExportJobArn=arn)
    assert found["Status"] == "CREATE_FAILED"
    assert "bucket no-such-bucket: S3 says NoSuchBucket" in found["Message"]


def refusal(call: Any, **given: Any) -> str:
    """The code of the error that a call is answered with: a 400 whose text can be read."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert 0 < len(answer["Error"]["Message"]) < 2000
    return str(answer["Error"]["Code"])
