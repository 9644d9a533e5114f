"""Where data come from and go to, as a request says it: S3 paths, roles, keys, formats of time stamps, time zones.

Whether a place exists and may be read is found out by the job that goes there.
"""

import re
from typing import Any
from zoneinfo import ZoneInfo

from forecasting.service.faults import invalid
from forecasting.service.rules.intervals import interval

DATE, DATE_TIME = "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss"
GEOLOCATION_FORMATS = ("LAT_LONG", "CC_POSTALCODE")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ROLE = re.compile(r"arn:[a-z\d-]+:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)


def check_place(config: dict[str, Any], *, is_source: bool = False) -> None:
    """An S3Config.

    Raises:
        ApiError: The path names no bucket, its last part has no letter (a source alone), or the role is none.
    """
    path = config["Path"]
    bucket, _, key = path.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise invalid(f"Invalid S3 path: {path[:200]}. {bucket[:63]!r} is not the name of a bucket")
    last = key.rpartition("/")[2]
    if is_source and last and not any(one.isalpha() for one in last):
        raise invalid(f"Invalid S3 path: {path[:200]}. The name of a file must contain a letter")
    check_role(config["RoleArn"])


def check_role(arn: str) -> None:
    """An IAM role. One of another account is taken: programs bring the account that they were written for."""
    if not _ROLE.fullmatch(arn):
        raise invalid(f"Invalid RoleArn: {arn}. Expected the ARN of an IAM role")


def check_encryption(request: dict[str, Any]) -> None:
    """The EncryptionConfig of a request, where it has one."""
    if "EncryptionConfig" in request:
        check_role(request["EncryptionConfig"]["RoleArn"])


def check_timestamp_format(text: str | None, frequency: str | None) -> None:
    """A TimestampFormat against the frequency of the data.

    The two documented formats are not all that AWS takes: its samples import with `yyyy-MM-dd hh:mm:ss`. So letters are
    asked for, and the job refuses what it cannot read.

    Raises:
        ApiError: It has no year, or lacks the time of hourly or finer data.
    """
    if text is None:
        return
    letters = re.sub(r"'[^']*'", "", text)
    if not set(letters) & set("yYu"):
        raise invalid(f"Invalid TimestampFormat: {text}. Expected a format such as {DATE} or {DATE_TIME}")
    needs_time = bool(frequency) and interval(frequency or "", "DataFrequency").unit in ("min", "H")
    if needs_time and not set(letters) & set("HhKk"):
        raise invalid(f"The TimestampFormat of data with the frequency {frequency} must be {DATE_TIME}, not {text}")


def check_locations(request: dict[str, Any], kinds: set[str]) -> None:
    """Time zone and geolocation of an import, against the types of its schema's attributes."""
    uses_geolocation = request.get("UseGeolocationForTimeZone", False)
    if "TimeZone" in request:
        if uses_geolocation:
            raise invalid("TimeZone and UseGeolocationForTimeZone exclude each other")
        try:
            ZoneInfo(request["TimeZone"])
        except (KeyError, ValueError, OSError) as fault:
            raise invalid(f"Invalid TimeZone: {request['TimeZone']}") from fault
    given = request.get("GeolocationFormat")
    if given is not None and given not in GEOLOCATION_FORMATS:
        raise invalid(f"Invalid GeolocationFormat: {given}. Valid formats: {', '.join(GEOLOCATION_FORMATS)}")
    if (uses_geolocation or given) and "geolocation" not in kinds:
        raise invalid("UseGeolocationForTimeZone and GeolocationFormat need an attribute of type geolocation")
