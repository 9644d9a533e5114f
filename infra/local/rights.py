"""Rights on a gateway that checks them (GATEWAY_AUTH): which way is safe, and how a service of ours takes a role."""

import json
import secrets
import urllib.parse
from typing import Any


class RoleError(Exception):
    """A role is not there, or does not trust the service that wants to take it."""


def install() -> None:
    """Let requests over loopback count as encrypted: they leave no machine, and policies refuse others."""
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415

    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, _is_https: pin(address, True)


def taken(role_arn: str, service: str, session: str) -> dict[str, str]:
    """Keys of a role that a service takes, as boto3 wants them; they do not expire, as a service renews its own.

    Args:
        role_arn: The role.
        service: Such as emr-serverless.amazonaws.com.
        session: A name of the session.

    Raises:
        RoleError: The role is not there or does not trust the service.
    """
    from ministack.core.responses import request_scope  # noqa: PLC0415  (see above)
    from ministack.services import iam, sts  # noqa: PLC0415

    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    with request_scope(account, "us-east-1"):
        role = iam._roles.get(name)
    if role is None:
        raise RoleError(f"there is no role {role_arn}")
    if service not in _trusted(role.get("AssumeRolePolicyDocument") or {}):
        raise RoleError(f"role {name} does not trust {service}")
    keys = {"aws_access_key_id": f"ASIA{secrets.token_hex(8).upper()}"}
    keys |= {"aws_secret_access_key": secrets.token_hex(20), "aws_session_token": secrets.token_hex(32)}
    sts.register_session(
        keys["aws_access_key_id"],
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": keys["aws_secret_access_key"],
            "SessionToken": keys["aws_session_token"],
        },
    )
    return keys


def _trusted(document: Any) -> set[str]:
    if isinstance(document, str):
        document = json.loads(urllib.parse.unquote(document))
    found: set[str] = set()
    for statement in document.get("Statement", []):
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow":
            found.update([services] if isinstance(services, str) else services)
    return found
