"""The generation of plans in force: a rebuild begins a new one, so that nothing of the old one counts any more."""

import json
from dataclasses import asdict, dataclass

from lakehouse import places
from lakehouse.errors import ConfigError
from lakehouse.mapping import FieldMapping
from lakehouse.settings import Settings
from spark_jobs.storage import Bucket


@dataclass(frozen=True)
class Generation:
    """The generation of plans in force and what its tables were built with."""

    number: int
    business_timezone: str
    mapping: str = ""

    @property
    def fields(self) -> FieldMapping:
        """Which attribute of the DynamoDB table is which column."""
        return FieldMapping.from_json(self.mapping)


def read_generation(bucket: Bucket) -> Generation | None:
    """The generation in force, None before the first."""
    text = bucket.get(places.GENERATION)
    return None if text is None else Generation(**json.loads(text))


def current_generation(bucket: Bucket, settings: Settings) -> Generation:
    """The generation in force; the first one is begun if there is none.

    Raises:
        ConfigError: The tables were built with another BUSINESS_TIMEZONE or another mapping.
    """
    found, mapping = read_generation(bucket), mapping_in_force(bucket)
    if found is None:
        found = Generation(0, settings.business_timezone, mapping)
        set_generation(bucket, found)
    if found.business_timezone != settings.business_timezone:
        raise ConfigError(
            f"BUSINESS_TIMEZONE={settings.business_timezone}",
            f"{found.business_timezone}, with which the tables were built",
            "set it back, or run `make rebuild`",
        )
    if found.mapping != mapping:
        raise ConfigError(
            f"another mapping in {places.MAPPING}",
            "the one with which the tables were built",
            "run `make rebuild`, or set DYNAMODB_MAPPING back and run `make up`",
        )
    return found


def mapping_in_force(bucket: Bucket) -> str:
    """The mapping of the DynamoDB table as it was last applied; "" for the shop's own."""
    return (bucket.get(places.MAPPING) or b"").decode()


def set_generation(bucket: Bucket, generation: Generation) -> None:
    """Make a generation the one in force."""
    bucket.put(places.GENERATION, json.dumps(asdict(generation)).encode())
