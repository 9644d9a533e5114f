"""What the service asks beyond the shapes: each rule refuses what breaks it, and names it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.service.rules import algorithms, predictors
from forecasting.service.rules.domains import DOMAINS
from forecasting.service.rules.intervals import Interval, interval
from tests.unit.forecast_api import KINDS, METADATA, RELATED, ROLE, STORE, TARGET, Api, RefusedError, destination

pytestmark = pytest.mark.unit

NPTS = f"{algorithms.PREFIX}NPTS"
CNN = f"{algorithms.PREFIX}CNN-QR"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(
        tmp_path, "imports_at_once=100,predictors_at_once=100,auto_predictors_at_once=100,automl_predictors_at_once=100"
    )
    yield api
    api.service.stop()


@pytest.fixture
def group(api: Api) -> str:
    """A group with a dimension, related time series and metadata."""
    return api.group("shop", *KINDS, dimension=True)


def attribute(name: str, kind: str) -> dict[str, str]:
    return {"AttributeName": name, "AttributeType": kind}


def refused(api: Api, operation: str, code: str = "InvalidInputException", **members: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        api(operation, **members)
    assert (caught.value.status, caught.value.code) == (400, code), caught.value
    return caught.value.message


# --- datasets


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_takes_its_required_and_known_fields(api: Api, name: str) -> None:
    domain = DOMAINS[name]
    item, time = attribute(domain.item, "string"), attribute("timestamp", "timestamp")
    api.dataset(f"{name}_target", Domain=name, Schema={"Attributes": [item, time, attribute(domain.target, "integer")]})
    related = [item, time, attribute("price", "float")]
    api.dataset(f"{name}_related", "RELATED_TIME_SERIES", Domain=name, Schema={"Attributes": related})
    metadata = [item, *(attribute(known, "string") for known in domain.known[:5] or ("shape",))]
    if domain.has_metadata:
        api.dataset(f"{name}_metadata", "ITEM_METADATA", Domain=name, Schema={"Attributes": metadata})
    else:
        with pytest.raises(RefusedError, match="has no dataset type ITEM_METADATA"):
            api.dataset(f"{name}_metadata", "ITEM_METADATA", Domain=name, Schema={"Attributes": metadata})


@pytest.mark.parametrize(
    ("kind", "attributes", "words"),
    [
        ("TARGET_TIME_SERIES", TARGET[:2], "needs the attribute(s) [demand]"),
        ("TARGET_TIME_SERIES", TARGET[1:], "needs the attribute(s) [item_id]"),
        ("TARGET_TIME_SERIES", [TARGET[0], attribute("timestamp", "string"), TARGET[2]], "timestamp must be of type"),
        ("TARGET_TIME_SERIES", [*TARGET[:2], attribute("demand", "string")], "demand must be of type integer or float"),
        ("TARGET_TIME_SERIES", [*TARGET, attribute("price", "float")], "[price] present in the TARGET_TIME_SERIES"),
        ("TARGET_TIME_SERIES", [*TARGET, attribute("Item_ID", "string")], "Item_ID twice"),
        ("TARGET_TIME_SERIES", [*TARGET, attribute("Select", "string")], "[Select] are reserved"),
        ("TARGET_TIME_SERIES", [*TARGET, {"AttributeName": "x"}], "needs AttributeName and AttributeType"),
        ("TARGET_TIME_SERIES", [*TARGET, *(attribute(f"d{n}", "string") for n in range(11))], "at most 13 attributes"),
        ("TARGET_TIME_SERIES", [*TARGET, *(attribute(f"g{n}", "geolocation") for n in (1, 2))], "type geolocation"),
        ("RELATED_TIME_SERIES", TARGET, "The target demand cannot be part"),
        ("RELATED_TIME_SERIES", [*TARGET[:2], STORE], "at least one attribute of type integer or float"),
        ("RELATED_TIME_SERIES", [*RELATED, *(attribute(f"d{n}", "string") for n in range(11))], "at most 10 forecast"),
        (
            "RELATED_TIME_SERIES",
            [*RELATED, attribute("then_at", "timestamp")],
            "at most one attribute of type timestamp",
        ),
        ("ITEM_METADATA", METADATA[:1], "at least one attribute beside"),
        ("ITEM_METADATA", [*METADATA, attribute("made_at", "timestamp")], "[made_at] of an ITEM_METADATA"),
        ("ITEM_METADATA", [TARGET[0], *(attribute(f"m{n}", "string") for n in range(10))], "at most 10 attributes"),
    ],
)
def test_a_schema_is_checked_against_domain_and_type(api: Api, kind: str, attributes: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.dataset("wrong", kind, Schema={"Attributes": attributes})
    assert caught.value.code == "InvalidInputException"
    assert words in caught.value.message


def test_a_schema_needs_attributes(api: Api) -> None:
    with pytest.raises(RefusedError, match="InvalidInputException: The schema has no attributes"):
        api.dataset("wrong", Schema={})


def test_only_related_time_series_need_a_frequency(api: Api) -> None:
    members = {"Domain": "RETAIL", "Schema": {"Attributes": TARGET}}
    api("CreateDataset", DatasetName="free", DatasetType="TARGET_TIME_SERIES", **members)
    members["Schema"] = {"Attributes": RELATED}
    words = refused(api, "CreateDataset", DatasetName="bound", DatasetType="RELATED_TIME_SERIES", **members)
    assert "DataFrequency is required" in words


@pytest.mark.parametrize("text", ["60min", "0D", "24H", "7D", "5W", "12M", "2Y", "XD", "W2", "01D", "015M"])
def test_a_frequency_that_reaches_the_next_unit_is_none(api: Api, text: str) -> None:
    with pytest.raises(RefusedError, match=f"Invalid DataFrequency: {text}. Valid frequencies: 1-59min, 1-23H"):
        api.dataset("wrong", DataFrequency=text)


def test_frequencies_are_compared_by_their_length() -> None:
    texts = ["1min", "59min", "1H", "23H", "D", "6D", "W", "4W", "M", "11M", "Y"]
    lengths = [interval(text, "").seconds for text in texts]
    assert lengths == sorted(lengths)
    assert interval("D", "") == interval("1D", "") == Interval(1, "D")


# --- groups


def test_a_group_holds_one_dataset_of_each_type_of_its_domain(api: Api) -> None:
    one, two = api.dataset("one"), api.dataset("two")
    other = api.dataset(
        "other", Domain="CUSTOM", Schema={"Attributes": [*TARGET[:2], attribute("target_value", "float")]}
    )
    members = {"DatasetGroupName": "g", "Domain": "RETAIL"}
    assert "at most one dataset of each type" in refused(api, "CreateDatasetGroup", DatasetArns=[one, two], **members)
    assert other in refused(api, "CreateDatasetGroup", DatasetArns=[other], **members)
    absent = f"{one}x"
    words = refused(api, "CreateDatasetGroup", "ResourceNotFoundException", DatasetArns=[one, absent], **members)
    assert words == f"Dataset arns: [{absent}] are not found"
    made = api("CreateDatasetGroup", DatasetArns=[one], **members)["DatasetGroupArn"]
    words = refused(api, "UpdateDatasetGroup", DatasetGroupArn=made, DatasetArns=[one, two])
    assert "at most one dataset of each type" in words


# --- imports


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"TimestampFormat": "MM-dd"}, "Invalid TimestampFormat: MM-dd"),
        ({"TimestampFormat": "'year'-MM"}, "Invalid TimestampFormat"),
        ({"TimeZone": "Mars/Base"}, "Invalid TimeZone: Mars/Base"),
        ({"TimeZone": "../etc/passwd"}, "ValidationException"),
        ({"TimeZone": "Europe/Paris", "UseGeolocationForTimeZone": True}, "exclude each other"),
        ({"UseGeolocationForTimeZone": True}, "need an attribute of type geolocation"),
        ({"GeolocationFormat": "WGS84"}, "Invalid GeolocationFormat: WGS84"),
        ({"GeolocationFormat": "LAT_LONG"}, "need an attribute of type geolocation"),
        ({"DataSource": {"S3Config": {"Path": "s3://a/x.csv", "RoleArn": ROLE}}}, "'a' is not the name of a bucket"),
        ({"DataSource": {"S3Config": {"Path": "s3://bucket/2024", "RoleArn": ROLE}}}, "must contain a letter"),
        ({"DataSource": {"S3Config": {"Path": "s3://bucket/x", "RoleArn": "role"}}}, "Invalid RoleArn: role"),
        ({"ImportMode": "INCREMENTAL"}, "needs an earlier import"),
    ],
)
def test_an_import_is_checked(api: Api, members: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.start_import(api.dataset("sales"), **members)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "path", ["s3://bucket", "s3://bucket/folder/", "s3://my.bucket-1/a b/ü.csv", "s3://bucket/2024/"]
)
def test_a_file_a_folder_and_a_bucket_can_be_imported(api: Api, path: str) -> None:
    source = {"S3Config": {"Path": path, "RoleArn": "arn:aws-cn:iam::123456789012:role/service-role/x+=,.@-y"}}
    arn = api.start_import(api.dataset("sales"), DataSource=source)
    found = api("DescribeDatasetImportJob", DatasetImportJobArn=arn)
    assert found["DataSource"] == source
    assert (found["Format"], found["ImportMode"], found["UseGeolocationForTimeZone"]) == ("CSV", "FULL", False)


def test_hourly_data_need_a_time(api: Api) -> None:
    hourly = api.dataset("hourly", DataFrequency="15min")
    with pytest.raises(RefusedError, match="must be yyyy-MM-dd HH:mm:ss, not yyyy-MM-dd"):
        api.start_import(hourly, TimestampFormat="yyyy-MM-dd")
    api.start_import(hourly, TimestampFormat="yyyy-MM-dd hh:mm:ss")  # as AWS's samples write it
    metadata = api.dataset("items", "ITEM_METADATA", DataFrequency="H")
    api.start_import(metadata, TimestampFormat="yyyy-MM-dd")


def test_an_increment_keeps_the_format_of_the_import_before(api: Api) -> None:
    sales = api.dataset("sales")
    first = api.end(api.start_import(sales, "first", TimestampFormat="yyyy-MM-dd"))
    increment = {"ImportMode": "INCREMENTAL"}
    with pytest.raises(RefusedError, match="must keep the TimestampFormat yyyy-MM-dd of the one before, not None"):
        api.start_import(sales, "second", **increment)
    with pytest.raises(RefusedError, match="must keep the Format CSV"):
        api.start_import(sales, "second", TimestampFormat="yyyy-MM-dd", Format="PARQUET", **increment)
    second = api.store.at(api.start_import(sales, "second", TimestampFormat="yyyy-MM-dd", Format="CSV", **increment))
    assert second is not None
    assert second.inputs == {"dataset": sales, "previous": first}


# --- predictors


@pytest.mark.parametrize("make", ["predictor", "auto_predictor"])
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ForecastHorizon": 0}, "Invalid ForecastHorizon: 0"),
        ({"ForecastHorizon": 501}, "Expected 1 to 500"),
        ({"ForecastTypes": ["0.1", "0.2", "0.3", "0.4", "0.5", "mean"]}, "At most 5 ForecastTypes"),
        ({"ForecastTypes": ["0.5", ".50"]}, "must be unique"),
        ({"ForecastTypes": ["0.00"]}, "between 0.01 and 0.99"),
        ({"EncryptionConfig": {"RoleArn": "x", "KMSKeyArn": "arn:aws:kms:::key/1"}}, "Invalid RoleArn: x"),
    ],
)
def test_both_kinds_of_predictors_are_checked(api: Api, group: str, make: str, members: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        getattr(api, make)(
            group, **{"ForecastDimensions": ["store"], **members} if make == "auto_predictor" else members
        )
    assert caught.value.code == "InvalidInputException"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"AlgorithmArn": None}, "AlgorithmArn is required"),
        (
            {"AlgorithmArn": f"{algorithms.PREFIX}CNN"},
            f"Invalid Algorithm ARN specified: {algorithms.PREFIX}CNN. Options: {CNN},{algorithms.PREFIX}Deep_AR_Plus,"
            f"{NPTS},{algorithms.PREFIX}ETS,{algorithms.PREFIX}ARIMA,{algorithms.PREFIX}Prophet",
        ),
        ({"PerformAutoML": True}, "AlgorithmArn cannot be specified when PerformAutoML"),
        ({"AlgorithmArn": None, "PerformAutoML": True, "PerformHPO": True, "HPOConfig": {}}, "HPOConfig, PerformHPO"),
        ({"AlgorithmArn": None, "PerformAutoML": True, "TrainingParameters": {}}, "TrainingParameters cannot"),
        ({"AutoMLOverrideStrategy": "LatencyOptimized"}, "only when PerformAutoML"),
        ({"PerformHPO": True}, "does not support PerformHPO"),
        ({"AlgorithmArn": CNN, "HPOConfig": {}}, "needs PerformHPO to be true"),
        (
            {"AlgorithmArn": f"{algorithms.PREFIX}ETS", "TrainingParameters": {"n_changepoints": "25"}},
            f"Invalid Training parameter: n_changepoints specified for algorithmArn: {algorithms.PREFIX}ETS",
        ),
        ({"TrainingParameters": {"kernel_type": "round"}}, "Expected one of exponential, uniform"),
        ({"TrainingParameters": {"context_length": "1.5"}}, "Expected a positive whole number"),
        ({"TrainingParameters": {"exp_kernel_weights": "0"}}, "Expected a positive number"),
        ({"TrainingParameters": {"exp_kernel_weights": "inf"}}, "Expected a positive number"),
        ({"TrainingParameters": {"use_seasonal_model": "yes"}}, "Expected true or false"),
        ({"EvaluationParameters": {"NumberOfBacktestWindows": 6}}, "Invalid NumberOfBacktestWindows: 6"),
        ({"EvaluationParameters": {"BackTestWindowOffset": 13}}, "13 is smaller than the ForecastHorizon 14"),
    ],
)
def test_algorithms_and_backtests_are_checked(api: Api, members: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.predictor(api.group(), **members)
    assert caught.value.code == "InvalidInputException"
    assert words in caught.value.message


def ranges(**given: Any) -> dict[str, Any]:
    return {"AlgorithmArn": CNN, "PerformHPO": True, "HPOConfig": {"ParameterRanges": given}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (ranges(IntegerParameterRanges=[{"Name": "epochs", "MinValue": 9, "MaxValue": 1}]), "epochs is empty: 9 to 1"),
        (
            ranges(IntegerParameterRanges=[{"Name": "epoch", "MinValue": 1, "MaxValue": 9}]),
            "parameter: epoch specified",
        ),
        (ranges(IntegerParameterRanges=[{"Name": "epochs", "MinValue": 0, "MaxValue": 9}]), "a positive whole number"),
        (ranges(IntegerParameterRanges=[{"Name": "epochs", "MinValue": 1, "MaxValue": 9}] * 2), "has two ranges"),
        (ranges(CategoricalParameterRanges=[{"Name": "use_item_metadata", "Values": ["SOME"]}]), "one of ALL, NONE"),
    ],
)
def test_ranges_to_tune_are_checked(api: Api, members: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.predictor(api.group(), **members)
    assert words in caught.value.message


def test_what_may_be_tuned_is_tuned(api: Api) -> None:
    given = ranges(
        IntegerParameterRanges=[{"Name": "context_length", "MinValue": 7, "MaxValue": 90, "ScalingType": "Auto"}],
        CategoricalParameterRanges=[{"Name": "use_related_data", "Values": ["ALL", "NONE"]}],
    )
    arn = api.predictor(api.group(), TrainingParameters={"epochs": "10"}, **given)
    assert api("DescribePredictor", PredictorArn=arn)["HPOConfig"] == given["HPOConfig"]


def test_a_predictor_shows_how_its_target_is_filled_by_default(api: Api) -> None:
    """As DescribePredictor showed it of a real predictor; what was given stays."""
    filling = {"aggregation": "sum", "backfill": "zero", "frontfill": "none", "middlefill": "zero"}
    for name, given in (("plain", {}), ("averaged", {"aggregation": "avg", "backfill": "nan"})):
        method = {"FeaturizationMethodName": "filling", "FeaturizationMethodParameters": given}
        asked = {"Featurizations": [{"AttributeName": "demand", "FeaturizationPipeline": [method]}]} if given else {}
        arn = api.predictor(api.group(name), name, FeaturizationConfig={"ForecastFrequency": "D", **asked})
        [shown] = api("DescribePredictor", PredictorArn=arn)["FeaturizationConfig"]["Featurizations"]
        assert shown["AttributeName"] == "demand"
        assert shown["FeaturizationPipeline"][0]["FeaturizationMethodParameters"] == {**filling, **given}


def test_parameters_as_the_service_shows_them_may_be_sent_back(api: Api) -> None:
    """Those that DescribePredictor showed of a real predictor."""
    shown = {"context_length": "144", "epochs": "500", "learning_rate": "1E-3", "learning_rate_decay": "0.5"}
    shown |= {"likelihood": "student-t", "max_learning_rate_decays": "0", "num_averaged_models": "1"}
    shown |= {"num_cells": "40", "num_layers": "2", "prediction_length": "72"}
    arn = f"{algorithms.PREFIX}Deep_AR_Plus"
    api.predictor(api.group(), AlgorithmArn=arn, TrainingParameters=shown)


def test_prophet_needs_its_extra(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = f"{algorithms.PREFIX}Prophet"
    monkeypatch.setattr(algorithms.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RefusedError, match="the extra `prophet`, which is not installed; run `make prophet`"):
        api.predictor(api.group(), AlgorithmArn=arn)
    monkeypatch.setattr(algorithms.importlib.util, "find_spec", lambda _: "there")
    api.predictor(api.group("other"), AlgorithmArn=arn)


@pytest.mark.parametrize("name", algorithms.NAMES[:5])
def test_every_algorithm_can_be_asked_for(api: Api, name: str) -> None:
    arn = api.predictor(api.group(), AlgorithmArn=f"{algorithms.PREFIX}{name}")
    found = api("DescribePredictor", PredictorArn=arn)
    assert found["AlgorithmArn"].endswith(name)
    assert found["EvaluationParameters"] == {"NumberOfBacktestWindows": 1, "BackTestWindowOffset": 14}
    assert (found["PerformAutoML"], found["PerformHPO"], found["IsAutoPredictor"]) == (False, False, False)
    assert found["ForecastTypes"] == predictors.DEFAULT_TYPES


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([{"Name": "weather", "Value": "true"}], "does not offer the Weather Index"),
        ([{"Name": "tides", "Value": "US"}], "Invalid additional dataset: tides"),
        ([{"Name": "holiday", "Value": "GB"}], "Invalid CountryCode: GB"),
        ([{"Name": "holiday", "Value": "US"}] * 2, "given twice"),
    ],
)
def test_supplementary_features_are_checked(api: Api, features: Any, words: str) -> None:
    group = api.group()
    with pytest.raises(RefusedError) as caught:
        api.predictor(group, InputDataConfig={"DatasetGroupArn": group, "SupplementaryFeatures": features})
    assert words in caught.value.message


def configured(group: str, **config: Any) -> dict[str, Any]:
    return {"DataConfig": {"DatasetGroupArn": group, **config}, "ForecastDimensions": ["store"]}


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        ([{"Name": "weather"}], "does not offer the Weather Index"),
        ([{"Name": "holiday"}], "needs a Configuration"),
        ([{"Name": "holiday", "Configuration": {"CountryCode": ["US", "UK"]}}], "needs a Configuration"),
        ([{"Name": "holiday", "Configuration": {"Country": ["US"]}}], "needs a Configuration"),
        ([{"Name": "holiday", "Configuration": {"CountryCode": ["XX"]}}], "Invalid CountryCode: XX"),
    ],
)
def test_additional_datasets_are_checked(api: Api, group: str, datasets: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.auto_predictor(group, **configured(group, AdditionalDatasets=datasets))
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("demand", {"frontfill": "zero"}, "Invalid value zero of frontfill"),
        ("demand", {"futurefill": "zero"}, "Invalid parameter futurefill"),
        ("demand", {"middlefill": "value"}, "needs middlefill_value"),
        ("demand", {"middlefill_value": "1"}, "needs middlefill to be value"),
        ("demand", {"middlefill": "value", "middlefill_value": "x"}, "Invalid value x of middlefill_value"),
        ("demand", {"middlefill": "value", "middlefill_value": "nan"}, "Expected a number"),
        ("demand", {"aggregation": "median"}, "Invalid value median of aggregation"),
        ("demand", {"aggregation_value": "1"}, "Invalid parameter aggregation_value"),
        ("price", {"aggregation": "sum"}, "Invalid parameter aggregation"),
        ("price", {"middlefill": "nan"}, "Invalid value nan of middlefill"),
        ("price", {"frontfill": "none"}, "Invalid parameter frontfill"),
        ("store", {"middlefill": "zero"}, "The attribute store cannot be configured"),
        ("brand", {"middlefill": "zero"}, "The attribute brand cannot be configured"),
    ],
)
def test_filling_is_checked_in_both_spellings(api: Api, group: str, name: str, parameters: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        configs = [{"AttributeName": name, "Transformations": parameters}]
        api.auto_predictor(group, **configured(group, AttributeConfigs=configs))
    assert words in caught.value.message
    with pytest.raises(RefusedError) as caught:
        method = {"FeaturizationMethodName": "filling", "FeaturizationMethodParameters": parameters}
        features = [{"AttributeName": name, "FeaturizationPipeline": [method]}]
        config = {"ForecastFrequency": "D", "ForecastDimensions": ["store"], "Featurizations": features}
        api.predictor(group, FeaturizationConfig=config)
    assert words in caught.value.message


def test_an_attribute_is_configured_once(api: Api, group: str) -> None:
    configs = [{"AttributeName": "demand", "Transformations": {"middlefill": "zero"}}] * 2
    with pytest.raises(RefusedError, match="configured twice"):
        api.auto_predictor(group, **configured(group, AttributeConfigs=configs))


def test_every_filling_of_the_reference_is_taken(api: Api, group: str) -> None:
    configs = [
        {
            "AttributeName": "demand",
            "Transformations": {
                "aggregation": "avg",
                "frontfill": "none",
                "middlefill": "nan",
                "backfill": "value",
                "backfill_value": "-2",
            },
        },
        {
            "AttributeName": "price",
            "Transformations": {"middlefill": "median", "backfill": "max", "futurefill": "mean"},
        },
    ]
    arn = api.auto_predictor(group, **configured(group, AttributeConfigs=configs))
    assert api("DescribeAutoPredictor", PredictorArn=arn)["DataConfig"]["AttributeConfigs"] == configs


@pytest.mark.parametrize(
    ("dimensions", "words"),
    [
        (
            [],
            "[store] present in the RELATED_TIME_SERIES schema should be of numeric type such as `integer` or `float`",
        ),
        (["shop"], "Invalid ForecastDimensions: shop. Dimensions of the TARGET_TIME_SERIES dataset: store"),
        (["item_id"], "Invalid ForecastDimensions: item_id"),
        (["demand"], "Invalid ForecastDimensions: demand"),
        (["store", "store"], "must be unique"),
    ],
)
def test_dimensions_are_checked(api: Api, group: str, dimensions: list[str], words: str) -> None:
    given = {"ForecastDimensions": dimensions} if dimensions else {}
    with pytest.raises(RefusedError) as caught:
        api.auto_predictor(group, **given)
    assert words in caught.value.message


def test_a_forecast_is_no_finer_than_its_data_and_as_fine_as_related_ones(api: Api, group: str) -> None:
    with pytest.raises(RefusedError, match="H is finer than the TARGET_TIME_SERIES dataset's DataFrequency D"):
        api.auto_predictor(group, ForecastFrequency="H", ForecastDimensions=["store"])
    with pytest.raises(RefusedError, match="W must equal the RELATED_TIME_SERIES dataset's DataFrequency D"):
        api.auto_predictor(group, ForecastFrequency="W", ForecastDimensions=["store"])
    api.auto_predictor(group, "same", ForecastFrequency="1D", ForecastDimensions=["store"])
    api.auto_predictor(api.group("alone"), "coarser", ForecastFrequency="2W")


@pytest.mark.parametrize(
    ("frequency", "boundary", "words"),
    [
        ("D", {"Hour": 9}, ""),
        ("2W", {"DayOfWeek": "FRIDAY"}, ""),
        ("3M", {"DayOfMonth": 15}, ""),
        ("Y", {"Month": "APRIL"}, ""),
        ("W", {"Hour": 9}, "must be DayOfWeek"),
        ("D", {"Hour": 9, "DayOfWeek": "MONDAY"}, "must be Hour"),
        ("M", {}, "must be DayOfMonth"),
    ],
)
def test_a_boundary_is_one_unit_finer_than_the_frequency(api: Api, frequency: str, boundary: Any, words: str) -> None:
    given = {"ForecastFrequency": frequency, "TimeAlignmentBoundary": boundary}
    if not words:
        arn = api.auto_predictor(api.group(), **given)
        assert api("DescribeAutoPredictor", PredictorArn=arn)["TimeAlignmentBoundary"] == boundary
        return
    with pytest.raises(RefusedError, match=words):
        api.auto_predictor(api.group(), **given)


def test_hourly_forecasts_have_no_boundary(api: Api) -> None:
    hourly = api.dataset("hourly", DataFrequency="H")
    api.end(api.start_import(hourly))
    made = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=[hourly])
    with pytest.raises(RefusedError, match="H has no TimeAlignmentBoundary"):
        api.auto_predictor(made["DatasetGroupArn"], ForecastFrequency="H", TimeAlignmentBoundary={"Hour": 1})


def test_a_predictor_needs_data(api: Api) -> None:
    empty = api("CreateDatasetGroup", DatasetGroupName="empty", Domain="RETAIL")["DatasetGroupArn"]
    with pytest.raises(RefusedError, match=r"InvalidInputException.*has no TARGET_TIME_SERIES dataset"):
        api.auto_predictor(empty)
    bare = api.dataset("bare")
    api("UpdateDatasetGroup", DatasetGroupArn=empty, DatasetArns=[bare])
    with pytest.raises(RefusedError, match=r"InvalidInputException.*no import job that is ACTIVE"):
        api.auto_predictor(empty)
    job = api.start_import(bare)
    with pytest.raises(RefusedError, match="ResourceInUseException"):
        api.auto_predictor(empty)
    api.end(job)
    api.auto_predictor(empty)
    with pytest.raises(RefusedError, match="ResourceNotFoundException: No resource found"):
        api.auto_predictor(f"{empty}x", "other")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ExplainPredictor": True}, "does not offer Explainability yet"),
        ({"MonitorConfig": {"MonitorName": "m"}}, "does not offer predictor monitoring yet"),
        ({"DataConfig": None}, "DataConfig must be specified"),
        ({"ForecastHorizon": None, "ForecastFrequency": None}, "ForecastHorizon, ForecastFrequency must be specified"),
    ],
)
def test_what_an_auto_predictor_must_and_cannot_have(api: Api, members: Any, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.auto_predictor(api.group(), **members)
    assert caught.value.code == "InvalidInputException"
    assert words in caught.value.message


# --- retraining


def test_a_predictor_is_retrained_with_its_configuration(api: Api, group: str) -> None:
    holiday = [{"Name": "holiday", "Configuration": {"CountryCode": ["UK"]}}]
    given = {
        **configured(group, AdditionalDatasets=holiday),
        "ForecastTypes": ["mean", "0.25"],
        "TimeAlignmentBoundary": {"Hour": 3},
        "OptimizationMetric": "WAPE",
    }
    first = api.auto_predictor(group, "first", **given)
    with pytest.raises(RefusedError, match="ResourceInUseException"):
        api("CreateAutoPredictor", PredictorName="second", ReferencePredictorArn=first)
    api.end(first)
    second = api("CreateAutoPredictor", PredictorName="second", ReferencePredictorArn=first)["PredictorArn"]
    one, two = (api("DescribeAutoPredictor", PredictorArn=arn) for arn in (first, second))
    same = ("ForecastHorizon", "ForecastFrequency", "ForecastTypes", "ForecastDimensions", "DataConfig")
    for name in (*same, "TimeAlignmentBoundary", "OptimizationMetric", "DatasetImportJobArns"):
        assert one[name] == two[name], name
    assert "ReferencePredictorSummary" not in one
    assert two["ReferencePredictorSummary"] == {"Arn": first, "State": "Active"}
    found = api.store.at(second)
    assert found is not None
    assert found.inputs["reference"] == first


@pytest.mark.parametrize("extra", [{"ForecastHorizon": 7}, {"ForecastTypes": ["0.5"]}, {"OptimizationMetric": "RMSE"}])
def test_retraining_takes_a_name_and_a_reference_alone(api: Api, extra: Any) -> None:
    first = api.end(api.auto_predictor(api.group()))
    with pytest.raises(RefusedError, match=f"Specify only .* not {next(iter(extra))}"):
        api("CreateAutoPredictor", PredictorName="second", ReferencePredictorArn=first, **extra)


def test_a_retrained_predictor_may_have_tags(api: Api) -> None:
    first = api.end(api.auto_predictor(api.group()))
    given = {"ReferencePredictorArn": first, "Tags": [{"Key": "a", "Value": "b"}], "ExplainPredictor": False}
    second = api("CreateAutoPredictor", PredictorName="second", **given)["PredictorArn"]
    assert api("ListTagsForResource", ResourceArn=second)["Tags"] == given["Tags"]


def test_a_legacy_predictor_is_upgraded(api: Api, group: str) -> None:
    method = {"FeaturizationMethodName": "filling", "FeaturizationMethodParameters": {"middlefill": "nan"}}
    features = [{"AttributeName": "demand", "FeaturizationPipeline": [method]}]
    config = {"ForecastFrequency": "D", "ForecastDimensions": ["store"], "Featurizations": features}
    holiday = [{"Name": "holiday", "Value": "DE"}]
    source = {"DatasetGroupArn": group, "SupplementaryFeatures": holiday}
    old = api.end(api.predictor(group, FeaturizationConfig=config, InputDataConfig=source))
    arn = api("CreateAutoPredictor", PredictorName="new", ReferencePredictorArn=old)["PredictorArn"]
    found = api("DescribeAutoPredictor", PredictorArn=arn)
    assert (found["ForecastHorizon"], found["ForecastFrequency"], found["ForecastDimensions"]) == (14, "D", ["store"])
    filling = {"aggregation": "sum", "backfill": "zero", "frontfill": "none", "middlefill": "nan"}
    assert found["DataConfig"] == {
        "DatasetGroupArn": group,
        "AttributeConfigs": [{"AttributeName": "demand", "Transformations": filling}],
        "AdditionalDatasets": [{"Name": "holiday", "Configuration": {"CountryCode": ["DE"]}}],
    }


def test_a_reference_that_is_gone_is_said_to_be_deleted(api: Api) -> None:
    first = api.end(api.auto_predictor(api.group(), "first"))
    second = api("CreateAutoPredictor", PredictorName="second", ReferencePredictorArn=first)["PredictorArn"]
    found = api.store.at(first)
    assert found is not None
    api.store.remove(found.number)
    summary = api("DescribeAutoPredictor", PredictorArn=second)["ReferencePredictorSummary"]
    assert summary == {"Arn": first, "State": "Deleted"}


# --- what-if


def selector(*names: str) -> dict[str, Any]:
    attributes = [attribute(name, "string") for name in names]
    source = {"S3Config": {"Path": "s3://bucket/items.csv", "RoleArn": ROLE}}
    return {"TimeSeriesIdentifiers": {"DataSource": source, "Schema": {"Attributes": attributes}, "Format": "CSV"}}


@pytest.fixture
def analysis(api: Api, group: str) -> str:
    predictor = api.end(api.auto_predictor(group, ForecastDimensions=["store"]))
    forecast = api.end(api.forecast(predictor))
    return api.end(api("CreateWhatIfAnalysis", WhatIfAnalysisName="sale", ForecastArn=forecast)["WhatIfAnalysisArn"])


def action(**changes: Any) -> dict[str, Any]:
    return {"Action": {"AttributeName": "price", "Operation": "MULTIPLY", "Value": 0.9, **changes}}


def condition(name: str, value: str, kind: str = "EQUALS") -> list[dict[str, Any]]:
    conditions = [{"AttributeName": name, "AttributeValue": value, "Condition": kind}]
    return [{**action(), "TimeSeriesConditions": conditions}]


def replacement(*attributes: dict[str, str], **changes: Any) -> dict[str, Any]:
    config = {"Path": "s3://bucket/rts.csv", "RoleArn": ROLE}
    return {
        "TimeSeriesReplacementsDataSource": {"S3Config": config, "Schema": {"Attributes": list(attributes)}, **changes}
    }


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "Specify either TimeSeriesTransformations or"),
        ({"TimeSeriesTransformations": [action()], **replacement(*RELATED, STORE)}, "Specify either"),
        ({"TimeSeriesTransformations": [{}]}, "needs an Action"),
        ({"TimeSeriesTransformations": [action(AttributeName="demand")]}, "Invalid attribute of an Action: demand"),
        ({"TimeSeriesTransformations": [action(Operation="DIVIDE", Value=0)]}, "cannot divide by 0"),
        ({"TimeSeriesTransformations": condition("color", "red")}, "Invalid attribute of a condition: color"),
        ({"TimeSeriesTransformations": condition("store", "x", "LESS_THAN")}, "store is a string"),
        ({"TimeSeriesTransformations": condition("timestamp", "soon")}, "timestamp is of type timestamp"),
        ({"TimeSeriesTransformations": condition("timestamp", "20190901")}, "timestamp is of type timestamp"),
        ({"TimeSeriesTransformations": condition("price", "cheap", "LESS_THAN")}, "price is of type float"),
        (replacement(*RELATED), "needs the attribute(s) [store]"),
        (replacement(*RELATED[:2], STORE), "at least one related time series"),
        (replacement(*RELATED, STORE, attribute("cost", "float")), "[cost] are not those"),
        (replacement(*RELATED[:2], STORE, attribute("price", "integer")), "[price] are not those"),
        (replacement(*RELATED, STORE, TimestampFormat="MM"), "Invalid TimestampFormat"),
        (replacement(*RELATED, STORE, S3Config={"Path": "s3://bucket/1", "RoleArn": ROLE}), "must contain a letter"),
    ],
)
def test_what_if_changes_are_checked(api: Api, analysis: str, members: Any, words: str) -> None:
    name = {"WhatIfForecastName": "cheap", "WhatIfAnalysisArn": analysis}
    assert words in refused(api, "CreateWhatIfForecast", **name, **members)


@pytest.mark.parametrize(
    "members",
    [
        {"TimeSeriesTransformations": [action(AttributeName="PRICE", Operation="DIVIDE")]},
        {"TimeSeriesTransformations": condition("timestamp", "2019-09-01 00:00:00", "GREATER_THAN")},
        {"TimeSeriesTransformations": condition("price", "5", "LESS_THAN")},
        {"TimeSeriesTransformations": [*condition("brand", "x"), *condition("store", "s"), *condition("item_id", "i")]},
        replacement(*RELATED, STORE, TimestampFormat="yyyy-MM-dd", Format="CSV"),
    ],
)
def test_what_if_changes_of_all_kinds_are_taken(api: Api, analysis: str, members: Any) -> None:
    name = {"WhatIfForecastName": "cheap", "WhatIfAnalysisArn": analysis}
    arn = api("CreateWhatIfForecast", **name, **members)["WhatIfForecastArn"]
    found = api("DescribeWhatIfForecast", WhatIfForecastArn=arn)
    assert {key: found[key] for key in members} == members
    assert found["ForecastTypes"] == predictors.DEFAULT_TYPES


def test_changes_are_asked_for_what_the_related_rows_have(api: Api) -> None:
    """Here they have no dimension, though the predictor has one: a row is of an item in all its stores."""
    arns = [
        api.dataset("target", Schema={"Attributes": [*TARGET, STORE]}),
        api.dataset(
            "related", "RELATED_TIME_SERIES", Schema={"Attributes": [*RELATED, attribute("spot", "geolocation")]}
        ),
    ]
    for arn in arns:
        api.end(api.start_import(arn))
    group = api("CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", DatasetArns=arns)["DatasetGroupArn"]
    forecast = api.end(api.forecast(api.end(api.auto_predictor(group, ForecastDimensions=["store"]))))
    made = api.end(api("CreateWhatIfAnalysis", WhatIfAnalysisName="sale", ForecastArn=forecast)["WhatIfAnalysisArn"])
    given = {"WhatIfForecastName": "cheap", "WhatIfAnalysisArn": made}
    by_store = condition("store", "s")
    words = refused(api, "CreateWhatIfForecast", TimeSeriesTransformations=by_store, **given)
    assert "Invalid attribute of a condition: store" in words
    assert "[store] are not those" in refused(api, "CreateWhatIfForecast", **replacement(*RELATED, STORE), **given)
    api("CreateWhatIfForecast", **replacement(*RELATED), **given)
    somewhere = {"TimeSeriesTransformations": condition("spot", "47_8")}
    api("CreateWhatIfForecast", **{**given, "WhatIfForecastName": "near"}, **somewhere)


def test_a_what_if_forecast_needs_related_time_series(api: Api) -> None:
    forecast = api.end(api.forecast(api.end(api.auto_predictor(api.group()))))
    made = api("CreateWhatIfAnalysis", WhatIfAnalysisName="sale", ForecastArn=forecast)["WhatIfAnalysisArn"]
    members = {"WhatIfForecastName": "cheap", "TimeSeriesTransformations": [action()]}
    assert "needs a related time series" in refused(
        api, "CreateWhatIfForecast", WhatIfAnalysisArn=api.end(made), **members
    )


def test_an_analysis_needs_a_forecast_of_an_auto_predictor(api: Api) -> None:
    forecast = api.end(api.forecast(api.end(api.predictor(api.group()))))
    assert "needs a forecast of an AutoPredictor" in refused(
        api, "CreateWhatIfAnalysis", WhatIfAnalysisName="sale", ForecastArn=forecast
    )


def test_what_if_forecasts_of_one_export_have_one_baseline(api: Api, group: str, analysis: str) -> None:
    found = api.store.at(analysis)
    assert found is not None
    baseline = api.store.at(found.request["ForecastArn"])
    assert baseline is not None
    other = api.end(api.forecast(baseline.request["PredictorArn"], "other"))
    second = api.end(api("CreateWhatIfAnalysis", WhatIfAnalysisName="two", ForecastArn=other)["WhatIfAnalysisArn"])
    changes = {"WhatIfForecastName": "cheap", "TimeSeriesTransformations": [action()]}
    arns = [
        api("CreateWhatIfForecast", WhatIfAnalysisArn=arn, **changes)["WhatIfForecastArn"] for arn in (analysis, second)
    ]
    export = {"WhatIfForecastExportName": "all", "Destination": destination()}
    refused(api, "CreateWhatIfForecastExport", "ResourceInUseException", WhatIfForecastArns=arns, **export)
    for arn in arns:
        api.end(arn)
    assert "the same baseline" in refused(api, "CreateWhatIfForecastExport", WhatIfForecastArns=arns, **export)
    assert "given twice" in refused(api, "CreateWhatIfForecastExport", WhatIfForecastArns=arns[:1] * 2, **export)
    third = api.end(
        api("CreateWhatIfAnalysis", WhatIfAnalysisName="three", ForecastArn=baseline.arn)["WhatIfAnalysisArn"]
    )
    for name, words in (("cheap", "would be named cheap_"), ("Baseline", "none of them Baseline")):
        given = {**changes, "WhatIfForecastName": name, "WhatIfAnalysisArn": third}
        alike = api.end(api("CreateWhatIfForecast", **given)["WhatIfForecastArn"])
        assert words in refused(api, "CreateWhatIfForecastExport", WhatIfForecastArns=[arns[0], alike], **export)
    made = api("CreateWhatIfForecastExport", WhatIfForecastArns=arns[:1], **export)["WhatIfForecastExportArn"]
    assert api("DescribeWhatIfForecastExport", WhatIfForecastExportArn=made)["WhatIfForecastArns"] == arns[:1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs DataSource and Schema"),
        ({"TimeSeriesIdentifiers": {"Schema": {}}}, "needs DataSource"),
        (selector("item_id"), "must have the string attributes"),
        (selector("item_id", "store", "brand"), "must have the string attributes"),
    ],
)
def test_selected_time_series_are_named_by_item_and_dimensions(api: Api, analysis: str, given: Any, words: str) -> None:
    found = api.store.at(analysis)
    assert found is not None
    forecast = found.request["ForecastArn"]
    baseline = api.store.at(forecast)
    assert baseline is not None
    members = {"PredictorArn": baseline.request["PredictorArn"], "TimeSeriesSelector": given}
    assert words in refused(api, "CreateForecast", ForecastName="some", **members)
    more = {"WhatIfAnalysisName": "some", "ForecastArn": forecast, "TimeSeriesSelector": given}
    assert words in refused(api, "CreateWhatIfAnalysis", **more)
    right = {"TimeSeriesSelector": selector("store", "item_id")}
    made = api("CreateForecast", ForecastName="some", **{**members, **right})["ForecastArn"]
    assert api("DescribeForecast", ForecastArn=made)["TimeSeriesSelector"] == right["TimeSeriesSelector"]
    api("CreateWhatIfAnalysis", **{**more, **right})


# --- forecasts and exports


def test_a_forecast_has_the_quantiles_of_its_predictor_unless_it_names_its_own(api: Api) -> None:
    predictor = api.end(api.auto_predictor(api.group(), ForecastTypes=["0.3", "mean"]))
    found = api("DescribeForecast", ForecastArn=api.forecast(predictor))
    assert found["ForecastTypes"] == ["0.3", "mean"]
    other = api.forecast(predictor, "other", ForecastTypes=["0.01", "0.99"])
    assert api("DescribeForecast", ForecastArn=other)["ForecastTypes"] == ["0.01", "0.99"]
    types = [f"0.{n}" for n in range(1, 7)]
    assert "At most 5" in refused(api, "CreateForecast", ForecastName="x", PredictorArn=predictor, ForecastTypes=types)


def test_an_export_needs_a_bucket(api: Api) -> None:
    predictor = api.end(api.auto_predictor(api.group()))
    name = {"PredictorBacktestExportJobName": "export", "PredictorArn": predictor}
    words = refused(api, "CreatePredictorBacktestExportJob", Destination=destination("s3://x/yzzz"), **name)
    assert "'x' is not the name of a bucket" in words
    made = api("CreatePredictorBacktestExportJob", Destination=destination("s3://bucket/2024"), **name)
    found = api("DescribePredictorBacktestExportJob", **made)
    assert (found["Format"], found["Status"]) == ("CSV", "CREATE_PENDING")


def test_tags_of_aws_are_reserved(api: Api) -> None:
    tags = [{"Key": "AWS:owner", "Value": "x"}]
    assert "begins with aws:" in refused(api, "CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", Tags=tags)
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert "given twice" in refused(api, "CreateDatasetGroup", DatasetGroupName="g", Domain="RETAIL", Tags=twice)
