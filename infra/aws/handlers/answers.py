"""How a function answers CloudFormation, which waits for it: a request to a signed address, whatever happens."""

import json
import logging
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

Values = dict[str, str]


def answer(event: Mapping[str, Any], physical_id: str, work: Callable[[Mapping[str, Any]], Values]) -> None:
    """Do the work of a custom resource and tell CloudFormation its values, or the reason why there are none.

    Args:
        event: CloudFormation's.
        physical_id: What the resource is called; a change of it would delete the old one.
        work: From the resource's properties to its values; not called for a deletion, which leaves all as it is.
    """
    told: dict[str, Any] = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId") or physical_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        if event["RequestType"] != "Delete":
            told["Data"] = work(event["ResourceProperties"])
    except Exception as fault:  # CloudFormation would wait for an hour
        logging.getLogger().exception("failed")
        told |= {"Status": "FAILED", "Reason": f"{type(fault).__name__}: {fault}"[:1000]}
    request = urllib.request.Request(  # noqa: S310 (CloudFormation's own address)
        event["ResponseURL"], json.dumps(told).encode(), {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass
