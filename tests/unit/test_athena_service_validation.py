"""Every constraint of Athena's model is enforced in AWS's words, for each of its operations, and nothing else is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting.service import model
from forecasting.service.faults import ApiError
from forecasting.service.patterns import matches
from forecasting.service.validation import check
from infra.local.athena.service.service import HANDLERS, MANNER, PREFIXES
from tests.unit.athena_api import Api, RefusedError

pytestmark = pytest.mark.unit

OPERATIONS = list(model.service("athena").operation_names)
# A text that fits each pattern of the model, by its beginning.
FITTING = {
    "(?!.*[/:": "Größe \U0001f600",
    "[\\u0020": "Größe \U0001f600",
    ".*": "any",
    "[a-f0-9]{8}": "01234567-89ab-cdef-0123-456789abcdef",
    "[a-zA-Z0-9._-]": "w.g_1",
    "[a-zA-Z_]": "st_1",
    "\\S+": "a-b",
    "\\w+": "text/plain",
    "^(https|s3|S3)": "s3://bucket/key",
    "^[0-9]+$": "0" * 12,
    "^[^:*]*$": "a",
    "^[a-zA-Z0-9._/-]+$": "a/b",
    "^arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):sso:::": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
    "^arn:aws[a-z\\-]*:iam::": "arn:aws:iam::000000000000:role/any",
    "^arn:aws[a-z\\-]*:kms:": "alias/any",
    "^s3://": "s3://bucket/key",
}
Place = tuple[Any, Any, Any, str]


def text(shape: Any) -> str:
    rules = shape.metadata
    if "enum" in rules:
        return str(rules["enum"][0])
    if "pattern" in rules:
        return next(found for start, found in FITTING.items() if rules["pattern"].startswith(start))
    return "x" * max(1, rules.get("min", 1))


def valid(shape: Any, depth: int = 0) -> Any:
    """A document with all members that a shape allows."""
    kind = shape.type_name
    if kind == "structure":
        return {name: valid(member, depth + 1) for name, member in shape.members.items()}
    if kind == "list":
        return [valid(shape.member, depth + 1)] * max(1, shape.metadata.get("min", 1))
    if kind == "map":
        return {valid(shape.key): valid(shape.value)}
    if kind == "string":
        return text(shape)
    if kind == "boolean":
        return False
    return shape.metadata.get("min", 1)


def places(shape: Any, value: Any, path: str = "") -> Iterator[Place]:
    """Container, key, shape and path of every scalar and list, as AWS writes paths."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            here = f"{path}.{name[0].lower()}{name[1:]}".removeprefix(".")
            yield value, name, member, here
            yield from places(member, value[name], here)
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        for number, item in enumerate(value, start=1):
            yield from places(shape.member, item, f"{path}.{number}.member")


def broken(shape: Any) -> Iterator[tuple[Any, str]]:
    """Values that break one constraint each, with what AWS says."""
    rules, kind = shape.metadata, shape.type_name
    noun = "length" if kind in ("string", "list", "map") else "value"
    if "max" in rules:
        over = rules["max"] + 1
        value: Any = "x" * over if kind == "string" else over
        if kind == "list":
            value = [valid(shape.member)] * over
        if kind != "map":
            yield value, f"Member must have {noun} less than or equal to {rules['max']}"
    if rules.get("min", 0) > 0 and kind in ("string", "list", "integer", "long"):
        least = {"string": "", "list": []}.get(kind, rules["min"] - 1)
        yield least, f"Member must have {noun} greater than or equal to {rules['min']}"
    if "enum" in rules:
        yield "none of these", f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
    if "pattern" in rules and not matches(rules["pattern"], "\x00\n"):
        yield "\x00\n", f"Member must satisfy regular expression pattern: {rules['pattern']}"


def refusal(operation: str, document: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        check(document, shape_of(operation), MANNER)
    return caught.value


def shape_of(operation: str) -> Any:
    found = model.operation(f"AmazonAthena.{operation}", PREFIXES)
    assert found is not None
    return found.input_shape


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_keeps_every_constraint_passes(operation: str) -> None:
    document = valid(shape_of(operation))
    assert check(document, shape_of(operation), MANNER) == document


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_value_that_breaks_one_constraint_is_refused_for_it(operation: str) -> None:
    shape = shape_of(operation)
    tried = 0
    document = valid(shape)
    for container, key, member, path in places(shape, document):
        kept = container[key]
        for bad, words in broken(member):
            if (operation, key) == ("GetQueryResults", "MaxResults") and "less than" in words:
                continue
            container[key] = bad
            fault = refusal(operation, document)
            assert (fault.code, fault.members["AthenaErrorCode"]) == ("InvalidRequestException", "INVALID_INPUT")
            assert f"Value at '{path}' failed to satisfy constraint: {words}" in fault.message
            tried += 1
        container[key] = kept
    constrained = [one for one in places(shape, document) if any(True for _ in broken(one[2]))]
    assert tried >= len(constrained) - 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_required_member_that_is_missing_is_named(operation: str) -> None:
    shape = shape_of(operation)
    if not shape.required_members:
        assert check({}, shape, MANNER) == {}
        return
    message = refusal(operation, {}).message
    for name in shape.required_members:
        path = f"{name[0].lower()}{name[1:]}"
        assert f"Value null at '{path}' failed to satisfy constraint: Member must not be null" in message


def test_a_value_of_another_type_is_said_as_at_aws() -> None:
    fault = refusal("ListWorkGroups", {"MaxResults": "1"})
    assert (fault.code, fault.message) == ("SerializationException", "STRING_VALUE can not be converted to an Integer")
    assert refusal("GetWorkGroup", {"WorkGroup": 1}).message == "NUMBER_VALUE can not be converted to a String"


def test_characters_beyond_the_basic_plane_are_written_as_pairs_in_the_model() -> None:
    pattern = shape_of("GetDataCatalog").members["Name"].metadata["pattern"]
    assert matches(pattern, "a\U0001f600\tb")
    assert not matches(pattern, "a\x00")
    assert not matches(pattern, "\ufffe")


def test_every_operation_of_sql_is_offered_and_the_others_say_that_they_are_not(tmp_path: Path) -> None:
    others = {name for name in OPERATIONS if name not in HANDLERS}
    words = ("Session", "Calculation", "Notebook", "Capacity", "Executors", "ApplicationDPUSizes", "ResourceDashboard")
    assert {name for name in OPERATIONS if any(word in name for word in words)} == others
    api = Api(tmp_path / "athena")
    for name in others:
        with pytest.raises(RefusedError) as caught:
            api.send(f"AmazonAthena.{name}", json.dumps(valid(shape_of(name))).encode())
        assert (caught.value.status, caught.value.athena_code) == (400, "NOT_SUPPORTED")
        assert caught.value.message.startswith(f"{name} is not offered by the local Athena service")
    api.service.stop()


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("AmazonAthena.Absent", b"{}", "UnknownOperationException"),
        ("ListWorkGroups", b"{}", "UnknownOperationException"),
        ("", b"", "UnknownOperationException"),
        ("AmazonAthena.ListWorkGroups", b"{", "SerializationException"),
        ("AmazonAthena.ListWorkGroups", b"[]", "SerializationException"),
        ("AmazonAthena.ListWorkGroups", b"\xff", "SerializationException"),
    ],
)
def test_what_is_no_request_is_refused(tmp_path: Path, target: str, body: bytes, code: str) -> None:
    api = Api(tmp_path / "athena")
    with pytest.raises(RefusedError) as caught:
        api.send(target, body)
    assert (caught.value.status, caught.value.code) == (400, code)
    api.service.stop()


@pytest.mark.parametrize("operation", sorted(HANDLERS))
def test_no_valid_request_meets_a_fault_of_ours(tmp_path: Path, operation: str) -> None:
    api = Api(tmp_path / "athena")
    shape = shape_of(operation)
    documents = [valid(shape), {name: valid(shape.members[name]) for name in shape.required_members}]
    for document in [*documents, *documents]:
        status, _, answer = api.service.answer(
            f"AmazonAthena.{operation}", json.dumps(document).encode(), region="eu-west-1"
        )
        assert status in (200, 400), answer
    api.service.stop()
