"""Tags: keys given once, none of AWS's own, and no more than the quota."""

from collections.abc import Iterable
from typing import Any

from forecasting.service.faults import invalid, over_limit


def merged(before: dict[str, str], tags: Iterable[dict[str, Any]], most: int) -> dict[str, str]:
    """The tags of a resource after some were added.

    Raises:
        ApiError: A key is given twice or begins with `aws:` (InvalidInput), or there are too many (LimitExceeded).
    """
    given: dict[str, str] = {}
    for tag in tags:
        if tag["Key"] in given:
            raise invalid(f"The tag key {tag['Key']} is given twice")
        given[tag["Key"]] = tag["Value"]
    check_keys(given)
    after = {**before, **given}
    if len(after) > most:
        raise over_limit(f"A resource has at most {most} tags, not {len(after)}")
    return after


def check_keys(keys: Iterable[str]) -> None:
    """Keys that a user may set or remove."""
    reserved = [key for key in keys if key.lower().startswith("aws:")]
    if reserved:
        raise invalid(f"The tag key {reserved[0]} begins with aws:, which is reserved")
