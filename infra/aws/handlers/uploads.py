"""The function behind `input/` of the bucket: the newest file of a forecast starts a run with its rows.

Of several uploads in a row only the latest starts one, and a file that was imported before has its run already.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from forecasting.pipeline import starting
from infra.aws.handlers import calls, messages, steps


def handler(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Start a run for each file that is its forecast's newest."""
    started = []
    for one in event.get("Records", []):
        bucket, key = one["s3"]["bucket"]["name"], unquote_plus(one["s3"]["object"]["key"])
        forecast, known = starting.uploaded(key), sorted(steps.definitions())
        if forecast not in known:
            _tell(key, known)
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


def _tell(key: str, known: Sequence[str]) -> None:
    """Tell the topic of a file that nobody waits for; a folder, as consoles make them, is none."""
    if not key.endswith("/"):
        reason = f"{key} starts no forecast; expected {starting.INPUT}NAME/….csv, NAME one of {', '.join(known)}"
        calls.client("sns").publish(TopicArn=os.environ["TOPIC"], Subject="File refused", Message=reason)


def _newest(bucket: str, forecast: str) -> Mapping[str, Any]:
    """The newest of a forecast's files; what else lies beside them is none."""
    prefix = f"{starting.INPUT}{forecast}/"
    pages = calls.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [one for page in pages for one in page.get("Contents", []) if starting.uploaded(one["Key"])]
    return max(found, key=lambda one: (one["LastModified"], one["Key"]), default={})
