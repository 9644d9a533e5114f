"""A request against the service model: types, required members, lengths, ranges, patterns, enums.

Every constraint is read from botocore's shapes, worded as AWS words it. What the shapes do not say is in `rules`; in
what the services of AWS differ here is a `Manner`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forecasting.service import faults
from forecasting.service.model import Shape
from forecasting.service.patterns import contains, matches
from forecasting.service.rules import intervals

SHOWN_CHARACTERS = 256
SHOWN_FAULTS = 20
_INTEGERS = {"integer": 31, "long": 63}
_PATTERN = "Member must satisfy regular expression pattern:"

Faults = Iterator[str]


@dataclass(frozen=True)
class Manner:
    """How one service of AWS refuses a request, and where its model says more than holds.

    Args:
        code: Of the error.
        members: Of the error beside its message.
        shows_values: Whether a message names the value that it refuses.
        lenient: By structure and member, the beginning of the constraints that do not hold.
        fits: By name of a shape, what decides in the place of its pattern; it gets the pattern and the value.
    """

    code: str
    members: Mapping[str, str] = field(default_factory=dict)
    shows_values: bool = True
    lenient: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fits: Mapping[str, Callable[[str, str], bool]] = field(default_factory=dict)


def _is_frequency(pattern: str, value: str) -> bool:
    # Read as a whole, the model's alternation would refuse 2W and 20min, which its text allows.
    return contains(pattern, value) or intervals.is_written_well(value)


FORECAST = Manner(
    "ValidationException",
    # The model gives these members the shape of a Forecast ARN, which a role or a status never is.
    lenient={
        ("S3Config", "RoleArn"): _PATTERN,
        ("EncryptionConfig", "RoleArn"): _PATTERN,
        ("Filter", "Value"): _PATTERN,
    },
    fits={"Frequency": _is_frequency},
)


def check(document: Any, shape: Shape, manner: Manner = FORECAST) -> dict[str, Any]:
    """The members of a request that the model knows, without nulls.

    Args:
        document: What the body holds as JSON.
        shape: The operation's input.
        manner: That of the service.

    Raises:
        ApiError: A value has a wrong type (SerializationException) or breaks a constraint (the manner's code).
    """
    cleaned = _typed(document, shape)
    found = list(_faults(cleaned, shape, "", manner))
    if found:
        noun = "validation error" if len(found) == 1 else "validation errors"
        shown = "; ".join(found[:SHOWN_FAULTS])
        raise faults.ApiError(manner.code, f"{len(found)} {noun} detected: {shown}", members=manner.members)
    return dict(cleaned)


def shortened(value: Any) -> str:
    """A value as a message shows it: Java's way of writing it, cut where it gets long.

    Example:
        >>> shortened(["a", {"b": True}])
        '[a, {b=true}]'
    """
    text = "".join(_written(value))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        pairs = list(value.items())[: SHOWN_CHARACTERS // 2]
        yield "{" + ", ".join(f"{key[:SHOWN_CHARACTERS]}={shortened(item)}" for key, item in pairs) + "}"
    elif isinstance(value, list):
        yield "[" + ", ".join(shortened(item) for item in value[: SHOWN_CHARACTERS // 2]) + "]"
    elif value is None or isinstance(value, bool):
        yield {None: "null", True: "true", False: "false"}[value]
    else:
        yield str(value)[: SHOWN_CHARACTERS + 1]


# --- types


def _typed(value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if kind == "structure":
        _expect(isinstance(value, dict), value, "a structure")
        known = {name: item for name, item in value.items() if name in shape.members and item is not None}
        return {name: _typed(item, shape.members[name]) for name, item in known.items()}
    if kind == "map":
        _expect(isinstance(value, dict), value, "a map")
        return {key: _typed(item, shape.value) for key, item in value.items() if item is not None}
    if kind == "list":
        _expect(isinstance(value, list), value, "a list")
        return [_typed(item, shape.member) for item in value]
    if kind == "string":
        _expect(isinstance(value, str), value, "a String")
    elif kind == "boolean":
        _expect(isinstance(value, bool), value, "a Boolean")
    else:
        wanted = {"integer": "an Integer", "long": "a Long"}.get(kind, "a Double")
        _expect(isinstance(value, int | float) and not isinstance(value, bool), value, wanted)
        if kind in _INTEGERS:
            _expect(value == int(value) and -(2 ** _INTEGERS[kind]) <= value < 2 ** _INTEGERS[kind], value, wanted)
            return int(value)
    return value


def _expect(right: bool, value: Any, wanted: str) -> None:
    if right:
        return
    if isinstance(value, dict):
        raise faults.malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise faults.malformed("Start of list found where not expected")
    name = {str: "STRING_VALUE", bool: "TRUE_VALUE" if value else "FALSE_VALUE"}.get(type(value), "NUMBER_VALUE")
    raise faults.malformed(f"{'NULL_VALUE' if value is None else name} can not be converted to {wanted}")


# --- constraints


def _faults(value: Any, shape: Shape, path: str, manner: Manner) -> Faults:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure_faults(value, shape, path, manner)
        return
    yield from (_fault(value, shape, path, text, manner) for text in _own(value, shape, manner))
    if kind == "list":
        member = shape.member
        if member.type_name in ("structure", "list", "map"):
            for number, item in enumerate(value, start=1):
                yield from _faults(item, member, f"{path}.{number}.member", manner)
        elif any(True for item in value for _ in _own(item, member, manner)):
            yield _fault(value, shape, path, f"Member must satisfy constraint: {_all_of(member)}", manner)
    elif kind == "map":
        if any(True for key in value for _ in _own(key, shape.key, manner)):
            yield _fault(value, shape, path, f"Map keys must satisfy constraint: {_all_of(shape.key)}", manner)
        if any(True for item in value.values() for _ in _faults(item, shape.value, path, manner)):
            yield _fault(value, shape, path, f"Map value must satisfy constraint: {_all_of(shape.value)}", manner)


def _structure_faults(value: dict[str, Any], shape: Shape, path: str, manner: Manner) -> Faults:
    for name, member in shape.members.items():
        place = f"{path}.{name[0].lower()}{name[1:]}".removeprefix(".")
        if name not in value:
            if name in shape.required_members:
                yield _fault(None, member, place, "Member must not be null", manner)
        elif (shape.name, name) in manner.lenient:
            free = manner.lenient[shape.name, name]
            texts = (text for text in _own(value[name], member, manner) if not text.startswith(free))
            yield from (_fault(value[name], member, place, text, manner) for text in texts)
        else:
            yield from _faults(value[name], member, place, manner)


def _fault(value: Any, shape: Shape, path: str, text: str, manner: Manner) -> str:
    is_shown = manner.shows_values and not shape.metadata.get("sensitive")
    shown = f"Value '{shortened(value)}'" if is_shown else "Value"
    shown = "Value null" if value is None else shown
    return f"{shown} at '{path}' failed to satisfy constraint: {text}"


def _own(value: Any, shape: Shape, manner: Manner) -> Faults:
    """The constraints of its own shape that a value breaks."""
    rules = shape.metadata
    least, most = rules.get("min"), rules.get("max")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if most is not None and value > most:
            yield f"Member must have value less than or equal to {most}"
        if least is not None and value < least:
            yield f"Member must have value greater than or equal to {least}"
        return
    too_long = False
    if isinstance(value, str | list | dict):
        # Java counts UTF-16 units.
        size = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else len(value)
        too_long = most is not None and size > most
        if too_long:
            yield f"Member must have length less than or equal to {most}"
        if least is not None and size < least:
            yield f"Member must have length greater than or equal to {least}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
    # A pattern is not asked of what is too long: the ARN's takes quadratic time to refuse.
    if "pattern" in rules and not too_long and not _fits(value, shape, manner):
        yield f"{_PATTERN} {rules['pattern']}"


def _fits(value: str, shape: Shape, manner: Manner) -> bool:
    return manner.fits.get(shape.name, matches)(shape.metadata["pattern"], value)


def _all_of(shape: Shape) -> str:
    """Every constraint of a shape, as AWS lists them for the members of a list."""
    rules, texts = shape.metadata, []
    noun = "length" if shape.type_name in ("string", "list", "map") else "value"
    if "max" in rules:
        texts.append(f"Member must have {noun} less than or equal to {rules['max']}")
    if "min" in rules:
        texts.append(f"Member must have {noun} greater than or equal to {rules['min']}")
    if "enum" in rules:
        texts.append(f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]")
    if "pattern" in rules:
        texts.append(f"{_PATTERN} {rules['pattern']}")
    if shape.type_name == "list":
        texts.append(f"Member must satisfy constraint: {_all_of(shape.member)}")
    return f"[{', '.join(texts)}]"
