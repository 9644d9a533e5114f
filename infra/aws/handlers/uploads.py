"""The function behind `input/` of the bucket: the newest file of a forecast starts a run with its rows.

Of several uploads in a row only the latest starts one, and a file that was imported before has its run already.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from forecasting.pipeline import starting
from infra.aws.handlers import calls, messages, steps


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Start a run for each file that is its forecast's newest."""
    started = []
    for one in event.get("Records", []):
        bucket, key = one["s3"]["bucket"]["name"], unquote_plus(one["s3"]["object"]["key"])
        forecast = starting.uploaded(key)
        if forecast not in steps.definitions():
            print(json.dumps({"key": key, "reason": "no definition has this name"}))  # noqa: T201  (the function's log)
            continue
        newest = _newest(bucket, forecast)
        if newest.get("Key") != key:
            continue
        tag = str(newest["ETag"]).strip('"')
        name = f"{tag[:8]}-{one['s3']['object'].get('sequencer', '')}"
        messages.start({"DataName": forecast, "Upload": key, "Tag": tag}, name)
        started.append(key)
    print(json.dumps({"started": started}))  # noqa: T201  (the function's log)
    return {"started": started}


def _newest(bucket: str, forecast: str) -> Mapping[str, Any]:
    """The newest of a forecast's files; what else lies beside them is none."""
    prefix = f"{starting.INPUT}{forecast}/"
    pages = calls.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [one for page in pages for one in page.get("Contents", []) if starting.uploaded(one["Key"])]
    return max(found, key=lambda one: (one["LastModified"], one["Key"]), default={})
