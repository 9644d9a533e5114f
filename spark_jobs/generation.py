"""The generation of plans in force: a rebuild begins a new one, so that nothing of the old one counts any more."""

import json
from dataclasses import dataclass

from lakehouse import places
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings
from spark_jobs.storage import Bucket


@dataclass(frozen=True)
class Generation:
    """The generation of plans in force and what its tables were built with."""

    number: int
    business_timezone: str


def read_generation(bucket: Bucket) -> Generation | None:
    """The generation in force, None before the first."""
    text = bucket.get(places.GENERATION)
    return None if text is None else Generation(**json.loads(text))


def current_generation(bucket: Bucket, settings: Settings) -> Generation:
    """The generation in force; the first one is begun if there is none.

    Raises:
        ConfigError: The tables were built with another BUSINESS_TIMEZONE.
    """
    found = read_generation(bucket)
    if found is None:
        found = Generation(0, settings.business_timezone)
        set_generation(bucket, found)
    if found.business_timezone != settings.business_timezone:
        raise ConfigError(
            f"BUSINESS_TIMEZONE={settings.business_timezone}",
            f"{found.business_timezone}, with which the tables were built",
            "set it back, or run `make rebuild`",
        )
    return found


def set_generation(bucket: Bucket, generation: Generation) -> None:
    """Make a generation the one in force."""
    body = {"number": generation.number, "business_timezone": generation.business_timezone}
    bucket.put(places.GENERATION, json.dumps(body).encode())
