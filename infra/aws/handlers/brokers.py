"""Where the brokers of an MSK cluster are, for its stack: CloudFormation does not tell."""

from collections.abc import Mapping
from typing import Any

import boto3

from infra.aws.handlers.answers import Values, answer


def handler(event: Mapping[str, Any], _: object) -> None:
    """Answer a custom resource with `Servers`, `Security` and `Replication`."""
    answer(
        event,
        "brokers",
        lambda given: found(boto3.client("kafka").get_bootstrap_brokers(ClusterArn=given["ClusterArn"])),
    )


def found(told: Mapping[str, str]) -> Values:
    """The addresses for clients that sign in with IAM where the cluster has them, else those without any sign-in.

    Example:
        >>> found({"BootstrapBrokerStringSaslIam": "b-2:9098,b-1:9098"})
        {'Servers': 'b-1:9098,b-2:9098', 'Security': 'AWS_MSK_IAM', 'Replication': '2'}
    """
    servers = told.get("BootstrapBrokerStringSaslIam") or told.get("BootstrapBrokerString") or ""
    if not servers:
        raise ValueError(f"the cluster has no brokers with IAM: {', '.join(told) or 'none at all'}")
    # In one order: MSK tells them in any, and another text would make the connector anew.
    names = sorted(servers.split(","))
    return {
        "Servers": ",".join(names),
        "Security": "AWS_MSK_IAM" if told.get("BootstrapBrokerStringSaslIam") else "PLAINTEXT",
        # A serverless cluster tells one address and keeps three replicas whatever is asked.
        "Replication": str(min(len(names), 3)) if ".kafka-serverless." not in servers else "3",
    }
