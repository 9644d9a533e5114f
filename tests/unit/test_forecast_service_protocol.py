"""What a client may send without being answered 500: anything. And what a query, a quota and a name look like."""

import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forecasting.service import arns, model, query, quotas, validation
from forecasting.service.output import project
from lakehouse.errors import ConfigError, ContractError
from tests.unit.forecast_api import NOW, PREFIX, ROLE, TARGET, Api, RefusedError

pytestmark = pytest.mark.unit

OPERATIONS = [
    f"{target}.{name}" for target, service in model.PREFIXES.items() for name in model.service(service).operation_names
]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with something in it; its jobs are never done."""
    api = Api(tmp_path_factory.mktemp("fuzzed"), ",".join(f"{name}=100000" for name in quotas.DEFAULTS))
    predictor = api.end(api.auto_predictor(api.group("shop", "TARGET_TIME_SERIES", "RELATED_TIME_SERIES")))
    api.end(api.forecast(predictor, "f"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(query, "reader", lambda: reader({"Forecast": {"Predictions": {}}}))
        yield api
    api.service.stop()


def answered(api: Api, target: str, body: bytes) -> int:
    """Send it and return the status; an answer is whole, whatever it says."""
    status, headers, answer = api.service.answer(target, body)
    assert headers["x-amzn-RequestId"]
    if status == 200:
        assert not answer or isinstance(json.loads(answer), dict)
        return status
    fault = json.loads(answer)
    assert set(fault) == {"__type", "Message"}
    assert fault["__type"] != "InternalServerException", (target, body)
    assert status == 400
    return status


texts = st.one_of(
    st.text(max_size=12), st.sampled_from(["a" * 10**5, "\x00", "'; DROP TABLE resources; --", "../../x", "%s"])
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


NONSENSE = [None, "", "x" * 5000, -1, 1e308, [], {}, True]
WORDS = [
    "item_id",
    "demand",
    "price",
    "timestamp",
    "D",
    "2W",
    "H",
    "20min",
    "0.5",
    ".25",
    "mean",
    "CSV",
    "PARQUET",
    "a",
]
WORDS += [
    "s3://bucket/x.csv",
    "s3://bucket/2024",
    "yyyy-MM-dd",
    "holiday",
    "weather",
    "US",
    "XX",
    "zero",
    "value",
    "nan",
]
WORDS += [
    "CountryCode",
    "middlefill",
    "aggregation",
    "epochs",
    "context_length",
    "kernel_type",
    "1",
    "7",
    "Status",
    "ACTIVE",
]
WORDS += [
    "DatasetArn",
    "arn:aws:kms:eu-west-1:1:key/2",
    "Europe/Paris",
    "LAT_LONG",
    "2024-01-01T00:00:00",
    "store",
    "brand",
]
ALGORITHMS = [f"arn:aws:forecast:::algorithm/{name}" for name in ("NPTS", "CNN-QR", "ETS", "None")]


class Likely:
    """Requests much like those of the shapes: right names, likely values, now and then nonsense."""

    def __init__(self, api: Api, seed: str) -> None:
        self.rng = random.Random(seed)
        self.there = [found.arn for found in api.store.in_status(("ACTIVE", "CREATE_PENDING"))]

    def request(self, target: str) -> bytes:
        operation = model.operation(target)
        assert operation is not None
        return json.dumps(self.value(operation.input_shape, "")).encode()

    def value(self, shape: Any, name: str) -> Any:
        kind, rng = shape.type_name, self.rng
        if rng.random() < 0.005:
            return rng.choice(NONSENSE)
        if kind == "structure":
            wanted = [one for one in shape.members if one in shape.required_members or rng.random() < 0.4]
            return {one: self.value(shape.members[one], one) for one in wanted}
        if kind == "list":
            return [self.value(shape.member, name.removesuffix("s")) for _ in range(rng.randint(1, 2))]
        if kind == "map":
            return {self.text(shape.key, name): self.value(shape.value, name)}
        numbers = {"boolean": [True, False], "double": [0, 0.5, -1.5, 10**12]}
        return self.text(shape, name) if kind == "string" else rng.choice(numbers.get(kind, [1, 7, 14, 28, 100]))

    def text(self, shape: Any, name: str) -> str:
        if name == "RoleArn":
            return ROLE
        if shape.name in ("Arn", "LongArn"):
            kind = name.removesuffix("Arn").lower()
            own = [arn for arn in self.there if arn.split(":")[5].split("/")[0].replace("-", "") == kind]
            return self.rng.choice(ALGORITHMS if kind == "algorithm" else own or self.there)
        words = [*shape.metadata.get("enum", ()), *(WORDS if "enum" not in shape.metadata else ())]
        if shape.name == "Name" and name.endswith("Name") and name != "AttributeName":
            words = [f"n{self.rng.randrange(10**6)}"]
        return self.rng.choice(
            [word for word in words if not list(validation._own(word, shape, validation.FORECAST))] or words
        )


@pytest.mark.parametrize("target", OPERATIONS)
def test_no_likely_request_meets_a_fault_of_ours(fuzzed: Api, target: str) -> None:
    likely = Likely(fuzzed, target)
    assert {answered(fuzzed, target, likely.request(target)) for _ in range(60)} <= {200, 400}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(OPERATIONS), anything, st.binary(max_size=20))
@example("AmazonForecast.ListDatasets", {}, b"\xff\xfe")
def test_no_nonsense_meets_a_fault_of_ours(fuzzed: Api, target: str, document: Any, noise: bytes) -> None:
    answered(fuzzed, target, json.dumps(document).encode())
    answered(fuzzed, target, noise)
    answered(fuzzed, target + noise.decode("latin-1"), b"{}")
    members = list(model.operation(target).input_shape.members)  # type: ignore[union-attr]
    if members and isinstance(document, list):
        answered(fuzzed, target, json.dumps(dict(zip(members, document, strict=False))).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b'{"MaxResults": NaN}',
        b'{"MaxResults": 1e999}',
        b'{"MaxResults": ' + b"9" * 5000 + b"}",
        b'{"NextToken": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_malformed_body_is_a_serialization_fault(fuzzed: Api, body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        fuzzed.send("AmazonForecast.ListDatasets", body)
    assert (caught.value.status, caught.value.code) == (400, "SerializationException")


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"Unknown": {"a": [1]}, "NextToken": null}'])
def test_an_empty_body_has_no_members_and_unknown_ones_are_left_aside(fuzzed: Api, body: bytes) -> None:
    assert len(fuzzed.send("AmazonForecast.ListDatasetGroups", body)["DatasetGroups"]) >= 1


@pytest.mark.parametrize("target", ["", "AmazonForecast", "AmazonForecast.Nope", "Other.ListDatasets", "x" * 10**6])
def test_an_unknown_operation_is_named_so(fuzzed: Api, target: str) -> None:
    with pytest.raises(RefusedError) as caught:
        fuzzed.send(target, b"{}")
    assert (caught.value.status, caught.value.code) == (400, "UnknownOperationException")
    assert len(caught.value.message) < 300


def test_a_fault_of_ours_is_logged_once_and_answered_500(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(tmp_path)

    def stumble(*_: Any) -> Any:
        raise ZeroDivisionError("secret")

    arn = "arn:aws:forecast:eu-west-1:000000000000:dataset-group/g"
    monkeypatch.setattr("forecasting.service.creation.datasets.check_members", stumble)
    with caplog.at_level(logging.ERROR, "saleslake"), pytest.raises(RefusedError) as caught:
        api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL")
    assert (caught.value.status, caught.value.code) == (500, "InternalServerException")
    assert "secret" not in caught.value.message
    assert caplog.messages == ["forecast request failed"]
    assert caplog.records[0].exc_info is not None
    with pytest.raises(RefusedError, match="ResourceNotFoundException"):
        api("DescribeDatasetGroup", DatasetGroupArn=arn)
    api.service.stop()


def test_what_a_job_left_in_a_wrong_type_is_not_passed_on() -> None:
    shape = model.output("DescribeDatasetImportJob")
    assert project({"DataSize": float("inf"), "Other": 1, "Status": None}, shape) == {}
    for wrong in ({"DataSize": "much"}, {"Status": 1}, {"FieldStatistics": []}, {"UseGeolocationForTimeZone": 1}):
        with pytest.raises(TypeError):
            project(wrong, shape)


# --- queries


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Api, str]]:
    api = Api(tmp_path, "forecasts=99,forecasts_at_once=99")
    yield api, api.end(api.forecast(api.end(api.auto_predictor(api.group()))))
    api.service.stop()


def query_code(api: Api, **members: Any) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        api("QueryForecast", **{"Filters": {"item_id": "a"}, **members})
    return caught.value.code, caught.value.message


class MissingError(ContractError):
    pass


def reader(found: Any) -> Any:
    """What stands for the module that reads forecasts; it remembers what it was asked."""
    calls: list[Any] = []

    def answer(*given: Any) -> Any:
        calls.append(given)
        if isinstance(found, Exception):
            raise found
        return found

    return SimpleNamespace(answer=answer, NotFoundError=MissingError, calls=calls)


def test_a_query_is_handed_on_and_its_answer_back(asked: tuple[Api, str], monkeypatch: pytest.MonkeyPatch) -> None:
    api, forecast = asked
    point = {"Timestamp": "2024-01-01T00:00:00", "Value": 1.5}
    read = reader({"Forecast": {"Predictions": {"p50": [point]}}})
    monkeypatch.setattr(query, "reader", lambda: read)
    given = {"StartDate": "2024-01-01t00:00", "EndDate": "2024-01-02T03:04:05"}
    found = api("QueryForecast", ForecastArn=forecast, Filters={"item_id": "a", "store": "b"}, **given)
    assert found == {"Forecast": {"Predictions": {"p50": [point]}}}
    row = api.store.at(forecast)
    assert row is not None
    folder = api.folder / "artefacts" / row.id
    filters = {"item_id": "a", "store": "b"}
    assert read.calls == [(folder, filters, "2024-01-01T00:00:00", "2024-01-02T03:04:05")]
    api("QueryForecast", ForecastArn=forecast, Filters={"item_id": "a"})
    assert read.calls[1] == (folder, {"item_id": "a"}, None, None)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (MissingError("no such item"), "ResourceNotFoundException"),
        (ContractError("no such filter"), "InvalidInputException"),
    ],
)
def test_what_the_reader_refuses_is_refused(
    fault: ContractError, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "reader", lambda: reader(fault))
    with pytest.raises(Exception, match=f"{code}: no such") as caught:
        query.ask({"Filters": {}}, tmp_path)
    assert caught.type.__name__ == "ApiError"


def test_a_forecast_that_is_deleted_meanwhile_is_not_found(
    asked: tuple[Api, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, forecast = asked
    monkeypatch.setattr(query, "reader", lambda: reader(FileNotFoundError()))
    assert query_code(api, ForecastArn=forecast) == ("ResourceNotFoundException", f"No resource found {forecast}")


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({"StartDate": "2024-13-01T00:00:00"}, "InvalidInputException", "Invalid StartDate"),
        ({"EndDate": "2024-01-01"}, "InvalidInputException", "Invalid EndDate"),
        ({"EndDate": "2024-01-01T00:00:00Z"}, "InvalidInputException", "Invalid EndDate"),
        (
            {"StartDate": "2024-01-02T00:00:00", "EndDate": "2024-01-01T00:00:00"},
            "InvalidInputException",
            "lies before the StartDate",
        ),
        ({"NextToken": "x"}, "InvalidNextTokenException", "no NextToken"),
        ({"Filters": {}}, "ValidationException", "length greater than or equal to 1"),
        ({"Filters": {"item id": "a"}}, "ValidationException", "Map keys must satisfy constraint: [Member must have"),
        ({"Filters": {"item_id": "a" * 257}}, "ValidationException", "Map value must satisfy constraint"),
        ({"ForecastArn": f"{PREFIX}forecast/none"}, "ResourceNotFoundException", "No resource found"),
    ],
)
def test_a_query_is_checked(asked: tuple[Api, str], members: Any, code: str, words: str) -> None:
    api, forecast = asked
    found, message = query_code(api, **{"ForecastArn": forecast, **members})
    assert found == code
    assert words in message


@pytest.mark.parametrize("status", ["CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_PENDING"])
def test_only_an_active_forecast_is_queried(asked: tuple[Api, str], status: str) -> None:
    api, forecast = asked
    api.end(forecast, status)
    assert query_code(api, ForecastArn=forecast)[0] == "ResourceInUseException"


def test_a_forecast_is_queried_for_thirty_days(asked: tuple[Api, str]) -> None:
    api, forecast = asked
    api.clock.now = NOW + 30 * 86_400
    token = {"NextToken": "x"}  # the last thing that is looked at
    assert query_code(api, ForecastArn=forecast, **token)[0] == "InvalidNextTokenException"
    api.clock.now += 1
    assert "older than 30 days" in query_code(api, ForecastArn=forecast, **token)[1]


def test_the_ten_latest_forecasts_are_queried(asked: tuple[Api, str]) -> None:
    api, first = asked
    row = api.store.at(first)
    assert row is not None
    predictor = row.request["PredictorArn"]
    for number in range(9):
        api.end(api.forecast(predictor, f"f{number}"))
    failed = api.forecast(predictor, "failed")
    api.end(failed, "CREATE_FAILED")
    token = {"NextToken": "x"}
    assert query_code(api, ForecastArn=first, **token)[0] == "InvalidNextTokenException"
    api.end(api.forecast(predictor, "tenth"))
    assert "Only the 10 latest forecasts" in query_code(api, ForecastArn=first, **token)[1]


# --- quotas and names


def test_quotas_are_raised_by_name() -> None:
    assert quotas.parse("") == dict(quotas.DEFAULTS)
    found = quotas.parse(" forecasts = 100 ,imports_at_once=10,")
    assert (found["forecasts"], found["imports_at_once"], found["datasets"]) == (100, 10, 1500)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("forecast=100", "unknown quota 'forecast'; expected forecasts=…; correct it in .env"),
        ("entirely_other=1", "expected one of datasets, dataset_groups"),
        ("forecasts", "expected a whole number of at least 1"),
        ("forecasts=0", "FORECAST_QUOTAS: 'forecasts=0'"),
        ("forecasts=-1", "a whole number"),
        ("forecasts=1.5", "a whole number"),
        ("forecasts=²", "a whole number"),
    ],
)
def test_a_wrong_quota_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Api(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_has_one_service(tmp_path: Path) -> None:
    api = Api(tmp_path)
    with pytest.raises(ConfigError, match="no other service on this folder"):
        Api(tmp_path)
    api.service.stop()


def test_ulids_sort_by_age_and_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [arns.ulid() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert {len(one) for one in found} == {26}
    monkeypatch.setattr(arns.time, "time_ns", lambda: 2**48 * 10**6 - 1)
    monkeypatch.setattr(arns.secrets, "randbits", lambda bits: 2**bits - 1)
    assert arns.ulid() == "7" + "Z" * 25 > max(found)


def test_names_of_a_million_characters_and_with_quotes_are_refused(fuzzed: Api) -> None:
    for name in ("x" * 10**6, "a'b", 'a"b', "a/b", "../x", "a\x00b", "a b", ""):
        with pytest.raises(RefusedError) as caught:
            fuzzed(
                "CreateDataset",
                DatasetName=name,
                Domain="RETAIL",
                DatasetType="TARGET_TIME_SERIES",
                Schema={"Attributes": TARGET},
            )
        assert caught.value.code == "ValidationException"
        assert len(caught.value.message) < 600
