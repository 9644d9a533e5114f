"""Budgets as stacks make them: kept by the emulator's own service, which counts no costs."""

from typing import Any

from infra.local.cloudformation.kinds import Client, Kind, Made, Properties


def _create(client: Client, given: Properties) -> Made:
    budget = _budget(given)
    told = [
        {**one, "Notification": {**one["Notification"], "Threshold": float(one["Notification"]["Threshold"])}}
        for one in given.get("NotificationsWithSubscribers", [])
    ]
    client("budgets").create_budget(AccountId=_account(client), Budget=budget, NotificationsWithSubscribers=told)
    return budget["BudgetName"], {}


def _update(client: Client, physical_id: str, _before: Properties, now: Properties) -> Made:
    client("budgets").update_budget(AccountId=_account(client), NewBudget=_budget(now))
    return physical_id, {}


def _delete(client: Client, physical_id: str, _: Properties) -> None:
    client("budgets").delete_budget(AccountId=_account(client), BudgetName=physical_id)


def _budget(given: Properties) -> dict[str, Any]:
    budget = dict(given["Budget"])
    limit = budget["BudgetLimit"]
    return {**budget, "BudgetLimit": {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}}


def _account(client: Client) -> str:
    return str(client("sts").get_caller_identity()["Account"])


KIND = Kind("AWS::Budgets::Budget", _create, _update, _delete, ())
