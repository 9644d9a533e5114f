"""What a setting is, how its text becomes a value, and the lines of `.env`."""

import dataclasses
from dataclasses import field
from pathlib import Path
from typing import Any

from lakehouse.errors import ConfigError


def knob(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    group: str,
    low: float | None = None,
    secret: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of `Settings`: its default, what it means, and what values it takes."""
    about = {"meaning": meaning, "unit": unit, "group": group, "low": low, "secret": secret, "choices": choices}
    return field(default=default, metadata=about)


def assignments(path: Path | None) -> dict[str, tuple[str, str]]:
    """The NAME=value lines of a file: by name, the value without quotes, and its place as `.env:3`.

    Raises:
        ConfigError: A line that is neither an assignment nor a comment.
    """
    found: dict[str, tuple[str, str]] = {}
    if path is None or not path.is_file():
        return found
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        place = f"{path}:{number}"
        if not equals:
            raise ConfigError(f"{place}: {text!r}", "NAME=value", "correct or remove the line")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = (value, place)
    return found


def parse(setting: dataclasses.Field[Any], text: str, place: str) -> Any:
    """The value that a text stands for.

    Raises:
        ConfigError: Not of the setting's type, below its least value or none of its choices.
    """
    kinds = {int: "a whole number", float: "a number", str: "text"}
    kind: Any = type(setting.default)
    about = setting.metadata
    name = setting.name.upper()
    shown = "***" if about["secret"] else text
    try:
        value = kind(text)
    except ValueError as fault:
        raise ConfigError(
            f"{place}: {name}={shown}",
            f"{kinds[kind]} [{about['unit']}]" if about["unit"] else kinds[kind],
            "correct the value",
        ) from fault
    if about["low"] is not None and not value >= about["low"]:
        raise ConfigError(f"{place}: {name}={shown}", f"at least {about['low']}", "correct the value")
    if about["choices"] and value not in about["choices"]:
        raise ConfigError(f"{place}: {name}={shown}", f"one of {', '.join(about['choices'])}", "correct the value")
    return value
