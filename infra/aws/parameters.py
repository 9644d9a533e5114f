"""Parameters of a stack that are neither a value of the environment nor an output of another stack."""

from collections.abc import Mapping

from infra.aws import jobs, source
from infra.aws.account import Account
from infra.aws.artefacts import version


def of(account: Account, part: str, given: Mapping[str, str]) -> dict[str, str]:
    """Those of one stack.

    Args:
        account: The environment and its account.
        part: Of stacks.PARTS.
        given: What is known by then: outputs of the stacks before, and keys of artefacts.
    """
    environment = account.environment
    if part == "kafka":
        return {"Endpoint": account.settings.aws_endpoint_url, "PluginVersion": version(given["PluginKey"])}
    if part == "streaming":
        return source.parameters(account)
    if part == "forecasting":
        # As long as the driver takes to load a run: a scheduled one loads it with its next turn.
        load = 3600 if environment.processing == "stream" else 3600 + 60 * environment.schedule_minutes
        return {"PollSeconds": str(environment.forecast_poll_seconds), "LoadSeconds": str(load)}
    if part == "processing":
        told = (environment, account.settings, given["Bucket"], given)
        workers = 1 + environment.executors
        return {
            "BackfillDriver": jobs.text("backfill", *told),
            "MaintainDriver": jobs.text("maintain", *told),
            "MaximumCores": str(environment.driver_cores * workers),
            "MaximumGigabytes": str(environment.driver_gigabytes * workers * 11 // 10 + 1),
        }
    return {}
