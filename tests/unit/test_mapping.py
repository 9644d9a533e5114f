"""The mapping of another shop's table: every mistake with its line, the example, and what silver makes of its items."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from forecasting.definitions.document import DefinitionError
from infra.__main__ import main
from infra.aws import mapping
from lakehouse import streamrecords
from lakehouse.attributes import Attributes
from lakehouse.envelopes import FIELDS, OrderLine
from lakehouse.errors import ConfigError, ContractError
from lakehouse.fields import Rejection
from lakehouse.mapping import CHANGED_AT, OWN, Field, FieldMapping
from lakehouse.settings import Settings

pytestmark = pytest.mark.unit

EXAMPLE = Path(mapping.__file__).with_name("mappings") / "course.yaml"
STREAM = "arn:aws:dynamodb:eu-west-1:0:table/orders/stream/2026-11-29T10:00:00.000"
WHOLE = "".join(f"{column}: {column}\n" for column in FIELDS)


def course() -> FieldMapping:
    return mapping.read(EXAMPLE.read_text(encoding="utf-8"), EXAMPLE.name)


def decoded(image: Attributes, found: FieldMapping, event: str = "INSERT") -> streamrecords.Change:
    keys = {"orderid": image["orderid"]}
    images = {"OldImage": image} if event == "REMOVE" else {"NewImage": image}
    return streamrecords.decode(streamrecords.encode(event, STREAM, "7", 1764410000, keys, **images), found)


def test_an_item_of_the_course_project_becomes_an_order_line() -> None:
    image = {"orderid": {"S": "1001"}, "product_name": {"S": "Laptop"}, "quantity": {"N": "2"}, "price": {"N": "999.5"}}
    change = decoded({**image, "channel": {"S": "web"}}, course())
    at = datetime(2025, 11, 29, 9, 53, 20, tzinfo=UTC)
    price = Decimal("999.500")
    assert change.line == OrderLine("1001", 1, "Laptop", "Laptop", 2, price, None, "Unknown", at)
    assert (course().keys, OWN.keys) == ((("orderid", "S"),), (("order_id", "S"), ("line_no", "N")))
    assert (change.op, change.extra) == ("c", '{"channel":"web"}')
    gone = decoded(image, course(), "REMOVE")
    assert (gone.op, gone.key, gone.line) == ("d", ("1001", 1), None)
    with pytest.raises(Rejection, match=r"^too_many_decimals: NewImage\.price$"):
        decoded({**image, "price": {"N": "999.9999"}}, course())
    with pytest.raises(Rejection, match=r"^missing: NewImage\.product_name$"):
        decoded({name: image[name] for name in ("orderid", "quantity", "price")}, course())


def test_types_and_defaults_are_those_of_the_file() -> None:
    text = """
order_id: {from: orderid, type: number}
line_no: {from: position, default: 3}
product_id: {from: sku}
description: {from: name, default: nameless}
quantity: {from: quantity, type: text}
unit_price: {default: 0.5}
country: {default: EIRE}
ordered_at: {from: sold, type: millis}
"""
    found = mapping.read(text, "m.yaml")
    image: Attributes = {"orderid": {"N": "12.0"}, "sku": {"S": "A"}, "quantity": {"S": "-4"}, "sold": {"N": "1500"}}
    line = decoded(image, found).line
    assert line is not None
    assert (line.order_id, line.line_no, line.description, line.quantity) == ("12", 3, "nameless", -4)
    assert line.unit_price == Decimal("0.500")
    with pytest.raises(Rejection, match=r"wrong_type: NewImage\.quantity"):
        decoded({**image, "quantity": {"N": "4"}}, found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("order_id", ["m.yaml:1: the mapping is order_id; expected a mapping of order_id, line_no"]),
        ("", [f"m.yaml:1: the mapping has no {column}" for column in FIELDS if column not in
              ("description", "customer_id")]),
        (WHOLE + "produkt_id: x\n", ["m.yaml:10: the mapping has no produkt_id; expected product_id, or another of"]),
        (WHOLE + "country: y\n", ["m.yaml:10: the mapping has country twice; expected it once"]),
        (WHOLE.replace("country: country", "country: {form: c}"),
         ["m.yaml:8: country has no form; expected from, or another of from, type, default",
          "m.yaml:8: country is a mapping; expected an attribute under from, or a default"]),
        (WHOLE.replace("line_no: line_no", "line_no: {default: 0}"),
         ["m.yaml:2: the default of line_no is 0; expected a whole number from 1 to 2147483647"]),
        (WHOLE.replace("unit_price: unit_price", "unit_price: {default: 1.2345}"),
         ["m.yaml:6: the default of unit_price is 1.2345; expected a number of at most 9 digits and 3 decimals"]),
        (WHOLE.replace("ordered_at: ordered_at", "ordered_at: {default: today}"),
         ["m.yaml:9: the default of ordered_at is today; expected a time such as 2026-01-31T12:00:00Z"]),
        (WHOLE.replace("quantity: quantity", "quantity: {from: q, type: date}"),
         ["m.yaml:5: type is date; expected one of number, text"]),
        (WHOLE.replace("order_id: order_id", "order_id: {from: id, default: x}"),
         ["m.yaml:1: order_id has no attribute of its own; expected a key attribute of the table"]),
        (WHOLE.replace("country: country", 'country: "@changed_at"'),
         ["m.yaml:8: country is from @changed_at; expected an attribute; only ordered_at may be"]),
        (WHOLE.replace("country: country", "country: {type: text, default: UK}"),
         ["m.yaml:8: country has a type and no attribute; expected an attribute under from"]),
        (WHOLE.replace("country: country", "country: [a]"), ["m.yaml:8: country is a list; expected a mapping"]),
        ("order_id: {", ["m.yaml:1: ", ]),
    ],
)  # fmt: skip
def test_every_mistake_has_its_line_and_what_is_valid(text: str, lines: list[str]) -> None:
    with pytest.raises(DefinitionError) as found:
        mapping.read(text, "m.yaml")
    assert len(found.value.mistakes) >= len(lines)
    for expected in lines:
        assert any(mistake.startswith(expected) for mistake in found.value.mistakes), found.value.mistakes


def test_a_mapping_comes_back_as_it_was_and_that_of_our_own_table_is_the_default() -> None:
    for one in (course(), OWN):
        assert FieldMapping.from_json(one.to_json()) == one
    assert FieldMapping.from_json("") == OWN == mapping.read(WHOLE, "m.yaml") == mapping.of_settings(Settings())
    assert course().fields["ordered_at"] == Field(CHANGED_AT, "text")
    with pytest.raises(ContractError, match="mapping"):
        FieldMapping.from_json(json.dumps({"order_id": {}}))


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"DYNAMODB_MAPPING=/no/where\.yaml: .*; expected a YAML file; correct"):
        mapping.of_settings(Settings(dynamodb_mapping="/no/where.yaml"))


def test_the_command_shows_it_or_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mapping", str(EXAMPLE)]) == 0
    assert ["unit_price", "price", "number"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(WHOLE + "a: b\nc: d\n")
    assert main(["mapping", str(wrong)]) == 2
    assert capsys.readouterr().err.count("wrong.yaml:1") == 2
