"""The AWS account, or the gateway, that an environment lies in: its clients, and what the stacks there have put out."""

import contextlib
import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from infra.aws import deployment, stack, stacks
from infra.aws.archive import ROOT
from infra.aws.environment import Environment
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

_NO_KEYS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound, CredentialRetrievalError, ConfigParseError)
_SIGN_IN = "sign in again (`aws sso login`), then repeat"


class Account:
    """Clients of the account in the environment's Region.

    Args:
        settings: Where the AWS API answers, and with which keys.
        environment: Its Region.
    """

    def __init__(self, settings: Settings, environment: Environment) -> None:
        self.settings = dataclasses.replace(settings, aws_default_region=environment.region)
        self.environment = environment
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        tries = Config(retries={"total_max_attempts": 4, "mode": "standard"}, connect_timeout=5, read_timeout=60)
        return boto3.client(service, config=tries, **self.settings.client_arguments)

    def stack(self, part: str) -> dict[str, Any] | None:
        """One of the environment's stacks as CloudFormation describes it."""
        return stack.found(self.client("cloudformation"), self.environment.stack(part))

    def outputs(self, part: str) -> dict[str, str]:
        """What one of its stacks has put out; nothing without the stack."""
        return stack.outputs(self.stack(part))

    @property
    def number(self) -> str:
        """The account's."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def place(self) -> str:
        """The account in words."""
        return self.settings.aws_endpoint_url or "AWS"


@contextlib.contextmanager
def answers(settings: Settings, what: str) -> Iterator[None]:
    """Turn what boto3 raises into one line that says what to do.

    Raises:
        ConfigError: Keys, a token or rights are missing.
        SourceError: AWS, or the gateway, does not answer or refuses.
    """
    place = settings.aws_endpoint_url or "AWS"
    try:
        yield
    except (SSOError, TokenRetrievalError) as fault:
        raise ConfigError(f"{what}: {fault}", "a sign-in that is valid now", _SIGN_IN) from fault
    except _NO_KEYS as fault:
        raise ConfigError(f"{what}: {fault}", "credentials of an AWS account", "set AWS_PROFILE or sign in") from fault
    except ClientError as fault:
        raise explain(fault) or SourceError(f"{what}: {fault}", f"an answer of {place}") from fault
    except BotoCoreError as fault:
        mended = "run `make up`, or empty AWS_ENDPOINT_URL if AWS is meant"
        action = mended if settings.aws_endpoint_url else "look at the network and at the region, then repeat"
        raise SourceError(f"{what}: {fault}", f"an answer of {place}", action) from fault


def explain(fault: ClientError) -> ConfigError | None:
    """The one line for refusals that a person can mend: keys, tokens, rights."""
    code, said = fault.response["Error"].get("Code", ""), fault.response["Error"].get("Message", "")
    if code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
        return ConfigError(f"AWS: {said}", "a token that is valid now", _SIGN_IN)
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"):
        return ConfigError(f"AWS: {said}", "keys of an AWS account", "correct AWS_PROFILE or AWS_ACCESS_KEY_ID")
    if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"):
        return ConfigError(f"AWS: {said}", "a role that may deploy", "ask for the permission, then repeat")
    return None


def forecasting_of(settings: Settings, environment: Environment) -> deployment.Deployed:
    """The forecasts' stack of a deployed environment.

    Raises:
        ConfigError: It has none.
    """
    account = Account(settings, environment)
    with answers(account.settings, f"environment {environment.name}"):
        found = account.outputs("forecasting")
    if not found:
        raise ConfigError(
            f"{environment.name} has no forecasts: Amazon Forecast takes no new customers since 2024-07-29",
            "",
            "`make forecast` without ENV makes the same on this machine; for an account that has the service, "
            f"set forecasting: true in infra/environments/{environment.name}.yaml and deploy",
        )
    return deployment.deployed(found)


def settings_of(settings: Settings, environment: Environment) -> Settings:
    """The settings with which the commands work on a deployed environment as they do on the local stack.

    Raises:
        ConfigError: It is not deployed.
    """
    account = Account(settings, environment)
    with answers(account.settings, f"environment {environment.name}"):
        pool = {part: account.outputs(part) for part in stacks.parts(environment)}
    if not pool["storage"] or not pool["query"]:
        raise ConfigError(
            f"{environment.name} is not deployed at {account.place}",
            "its stacks",
            f"`make deploy ENV={environment.name}`",
        )
    kafka = pool.get("kafka", {})
    return dataclasses.replace(
        account.settings,
        bucket=pool["storage"]["Bucket"],
        database_prefix=environment.database_prefix,
        dynamodb_table=environment.table,
        dynamodb_mapping=str(ROOT / environment.mapping) if environment.mapping else "",
        athena_workgroup=pool["query"]["WorkGroup"],
        kafka_bootstrap_servers=kafka.get("Servers", ""),
        kafka_security=kafka.get("Security", "PLAINTEXT"),
        kafka_partitions=environment.kafka_partitions,
        kafka_retention_hours=environment.kafka_retention_hours,  # a generator puts a topic right that differs
        connect_url="",  # MSK Connect is no worker of this machine
        forecast_poll_seconds=environment.forecast_poll_seconds,
    )
