"""Every constraint of the service model is enforced, in AWS's words, and nothing else is refused for its shape."""

import functools
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from forecasting.service import model
from forecasting.service.faults import ApiError
from forecasting.service.patterns import contains, matches
from forecasting.service.rules.holidays import COUNTRIES
from forecasting.service.validation import SHOWN_FAULTS, check, shortened

pytestmark = pytest.mark.unit

OPERATIONS = [
    f"{target}.{name}" for target, service in model.PREFIXES.items() for name in model.service(service).operation_names
]
quick = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def shape_of(target: str) -> Any:
    operation = model.operation(target)
    assert operation is not None
    return operation.input_shape


def refusal(target: str, document: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        check(document, shape_of(target))
    return caught.value


ROLE = "arn:aws:iam::000000000000:role/any"
# Texts of every pattern of the model, short ones and longest ones.
TEXTS = {
    r"arn:([a-z\d-]+):forecast:.*:.*:.+": ["arn:aws:forecast:::algorithm/ETS", "arn:aws-cn:forecast:a:1:" + "x" * 231],
    r".+": ["1", "x y \u00fc"],
    r"(^0?\.\d\d?$|^mean$)": ["0.5", ".1", "0.99", "mean"],
    r"^CSV|PARQUET$": ["CSV", "PARQUET"],
    r"^Y|M|W|D|H|30min|15min|10min|5min|1min$": ["Y", "11M", "2W", "20min", "1min"],
    r"^[a-zA-Z0-9_]+$": ["LAT_LONG"],
    r"arn:aws:kms:.*:key/.*": ["arn:aws:kms:eu-west-1:1:key/2"],
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$": ["2024-02-29T01:02:03"],
    r"^[a-zA-Z][a-zA-Z0-9_]*": ["a", "Sales_2024", "z" * 63],
    r"^[a-zA-Z0-9\-\_\.\/\[\]\,\\]+$": ["a", r"[x.y],-/\\"],
    r"^[a-zA-Z0-9\-\_\.\/\[\]\,\"\\\s]+$": ["1", 'a "b"\t'],
    r"^s3://[a-z0-9].+$": ["s3://ab", "s3://bucket/" + "k" * 4084],
    r"^[a-zA-Z0-9\_]+$": ["Status", "_"],
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": ["a", "Gr\u00f6\u00dfe 1:/=+-@", "\u6570" * 128],
    r"^[a-zA-Z0-9\/\+\-\_]+$": ["Europe/Paris", "GMT+1"],
    r"^[a-zA-Z0-9\-\:\.\,\'\s]+$": ["yyyy-MM-dd HH:mm:ss"],
    r"^[a-zA-Z0-9\_\-]+$": ["US", "-"],
}


def texts(shape: Any) -> list[str]:
    rules = shape.metadata
    if "enum" in rules:
        return list(rules["enum"])
    if "pattern" in rules:
        return TEXTS[rules["pattern"]]
    return ["x" * size for size in {rules.get("min", 0), rules.get("max", 1000)}]


def numbers(shape: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == "double":
        return st.floats(allow_nan=False, allow_infinity=False)
    bits = 31 if shape.type_name == "integer" else 63
    return st.integers(shape.metadata.get("min", -(2**bits)), shape.metadata.get("max", 2**bits - 1))


@functools.cache
def valid(shape: Any, is_role: bool = False) -> st.SearchStrategy[Any]:
    """Inputs that obey a shape."""
    kind = shape.type_name
    least = shape.metadata.get("min", 0)
    most = max(least, min(shape.metadata.get("max", 2), 2))
    if kind == "structure":
        members = {name: valid(member, name == "RoleArn") for name, member in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(required, optional=members)
    if kind == "list":
        return st.lists(valid(shape.member), min_size=least, max_size=most)
    if kind == "map":
        return st.dictionaries(valid(shape.key), valid(shape.value), min_size=least, max_size=most)
    if kind == "string":
        return st.just(ROLE) if is_role else st.sampled_from(texts(shape))
    return st.booleans() if kind == "boolean" else numbers(shape)


@pytest.mark.parametrize("pattern", TEXTS)
def test_the_texts_of_these_tests_match_their_patterns(pattern: str) -> None:
    if "30min" not in pattern:
        assert [text for text in TEXTS[pattern] if not matches(pattern, text)] == []


@pytest.mark.parametrize("target", OPERATIONS)
def test_what_obeys_the_shapes_is_taken_as_it_is(target: str) -> None:
    shape = shape_of(target)

    @quick
    @given(valid(shape))
    def taken(document: dict[str, Any]) -> None:
        assert check(json.loads(json.dumps(document)), shape) == document

    taken()


def places(shape: Any, value: Any, path: str = "") -> list[tuple[Any, str | int, Any, str]]:
    """Container, key, shape and path of every scalar and list in a document, as AWS writes paths."""
    found: list[tuple[Any, str | int, Any, str]] = []
    if shape.type_name == "structure":
        for name, item in value.items():
            member = shape.members[name]
            here = f"{path}.{name[0].lower()}{name[1:]}".removeprefix(".")
            found.append((value, name, member, here))
            found += places(member, item, here)
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        for number, item in enumerate(value):
            found += places(shape.member, item, f"{path}.{number + 1}.member")
    return found


def broken(shape: Any, value: Any) -> list[tuple[Any, str]]:
    """Values that break one constraint of a shape, with what AWS says of it."""
    if shape.type_name == "string":
        return broken_texts(shape.metadata)
    if shape.type_name == "list":
        return broken_lists(shape, value)
    rules = shape.metadata
    found = [
        (rules[end] + step, f"value {words} than or equal to {rules[end]}") for end, step, words in ENDS if end in rules
    ]
    return found if shape.type_name in ("integer", "long") else []


ENDS = (("max", 1, "less"), ("min", -1, "greater"))


def broken_texts(rules: dict[str, Any]) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = []
    if "max" in rules:
        found.append(("a" * (rules["max"] + 1), f"Member must have length less than or equal to {rules['max']}"))
    if rules.get("min", 0) > 0:
        found.append(("", f"Member must have length greater than or equal to {rules['min']}"))
    if "enum" in rules:
        found.append(("none of these", f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"))
    if "pattern" in rules:
        found.append(("\n#" * (rules.get("min", 1) // 2 + 1), "Member must satisfy regular expression pattern: "))
    return found


def broken_lists(shape: Any, value: list[Any]) -> list[tuple[Any, str]]:
    rules = shape.metadata
    found: list[tuple[Any, str]] = []
    if "max" in rules and value:
        longer = value[:1] * (rules["max"] + 1)
        found.append((longer, f"Member must have length less than or equal to {rules['max']}"))
    if rules.get("min", 0) > 0:
        found.append(([], f"Member must have length greater than or equal to {rules['min']}"))
    if shape.member.type_name == "string":
        found += [([bad], "Member must satisfy constraint: [") for bad, _ in broken(shape.member, "")]
    return found


@pytest.mark.parametrize("target", OPERATIONS)
def test_a_value_that_breaks_one_constraint_is_refused_for_it(target: str) -> None:
    shape = shape_of(target)

    @quick
    @given(valid(shape), st.data())
    def refused(document: dict[str, Any], data: st.DataObject) -> None:
        known = [(*place, bad) for place in places(shape, document) for bad in broken(place[2], place[0][place[1]])]
        # Roles and the values of filters have the shape of a Forecast ARN, whose pattern they cannot have.
        free = ("RoleArn", "Value")
        known = [one for one in known if one[2].name != "Arn" or one[1] not in free or "pattern" not in one[4][1]]
        assume(known)
        container, key, member, path, (bad, words) = data.draw(st.sampled_from(known))
        container[key] = bad
        fault = refusal(target, document)
        assert fault.code == "ValidationException"
        shown = "Value" if member.metadata.get("sensitive") else f"Value '{shortened(bad)}'"
        assert f"{shown} at '{path}' failed to satisfy constraint: " in fault.message
        assert words in fault.message

    refused()


@pytest.mark.parametrize("target", OPERATIONS)
def test_a_required_member_that_is_missing_or_null_is_named(target: str) -> None:
    shape = shape_of(target)
    required = shape.required_members
    if not required:
        assert check({}, shape) == {}
        return
    noun = "validation error" if len(required) == 1 else "validation errors"
    for document in ({}, dict.fromkeys(required)):
        message = refusal(target, document).message
        assert message.startswith(f"{len(required)} {noun} detected: ")
        for name in required:
            path = name[0].lower() + name[1:]
            assert f"Value null at '{path}' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize("target", OPERATIONS)
def test_a_value_of_another_type_is_no_message_of_this_service(target: str) -> None:
    shape = shape_of(target)
    for name, member in shape.members.items():
        for wrong in ("text", 1.5, True, {"a": 1}, [1]):
            kinds = {
                str: ("string",),
                float: ("double",),
                bool: ("boolean",),
                dict: ("structure", "map"),
                list: ("list",),
            }
            if member.type_name not in kinds[type(wrong)]:
                assert refusal(target, {name: wrong}).code == "SerializationException", (name, wrong)


@pytest.mark.parametrize("document", [[], "text", 1, None])
def test_a_body_that_is_no_object_is_refused(document: Any) -> None:
    assert refusal("AmazonForecast.ListDatasets", document).code == "SerializationException"


def test_the_words_are_those_of_aws() -> None:
    # https://github.com/aws-samples/amazon-forecast-samples/issues/118
    document = {"PredictorName": "compare_multiple_models_CNN-QR_algo"}
    assert refusal("AmazonForecast.CreateAutoPredictor", document).message == (
        "1 validation error detected: Value 'compare_multiple_models_CNN-QR_algo' at 'predictorName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: ^[a-zA-Z][a-zA-Z0-9_]*"
    )


def test_a_million_characters_are_refused_in_few() -> None:
    fault = refusal(
        "AmazonForecast.CreateAutoPredictor", {"PredictorName": "x" * 10**6, "ForecastTypes": ["y" * 10**6]}
    )
    assert fault.message.startswith("2 validation errors detected: ")
    assert len(fault.message) < 1500


def test_very_many_faults_are_counted_and_some_are_shown() -> None:
    tags = [{"Key": ""}] * 1000
    fault = refusal("AmazonForecast.TagResource", {"ResourceArn": "arn:aws:forecast:::x", "Tags": tags})
    assert fault.message.startswith("2001 validation errors detected: ")
    assert fault.message.count("failed to satisfy") == SHOWN_FAULTS


def test_a_pattern_that_takes_long_to_refuse_is_not_asked_of_a_long_text() -> None:
    document = {"DatasetArn": "arn:a:forecast:" + ":" * 10**6 + "\n"}
    assert "length less than or equal to 256" in refusal("AmazonForecast.DescribeDataset", document).message


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe ½ 数\u2003x", True),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "a#b", False),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "a😀b", False),
        (r"^\d+$", "٣", False),  # Java's \d is ASCII
        (r".+", "a\u2028b", False),
        (r"^[a-z.]+$", "a.b", True),
        (r"\.\d", ".5", True),
        (r"^a$", "a\n", False),
    ],
)
def test_patterns_are_read_as_java_reads_them(pattern: str, value: str, fits: bool) -> None:
    assert matches(pattern, value) is fits


def test_a_part_is_enough_where_a_part_is_asked_for() -> None:
    assert contains("^Y|M|W$", "2W")
    assert not contains("^Y|M|W$", "2D")


@pytest.mark.parametrize("frequency", ["Y", "3M", "2W", "D", "4H", "1min", "20min", "59min"])
def test_a_frequency_of_the_text_passes_whatever_the_pattern_says(frequency: str) -> None:
    document = {"PredictorName": "p", "ForecastFrequency": frequency}
    assert check(document, shape_of("AmazonForecast.CreateAutoPredictor")) == document


def test_a_filter_may_hold_a_state() -> None:
    document = {"Filters": [{"Key": "Status", "Value": "ACTIVE", "Condition": "IS_NOT"}]}
    assert check(document, shape_of("AmazonForecast.ListForecasts")) == document


def test_the_countries_are_those_of_the_model() -> None:
    documentation = model.service("forecast").shape_for("AdditionalDataset").members["Configuration"].documentation
    assert set(re.findall(r"\"([A-Z]{2})\" - ", documentation)) == COUNTRIES
