"""The definitions of the settings' file, their deployment, and forecasts made of them; no command of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from forecasting.definitions.definition import Definition
from forecasting.pipeline import sql
from infra.aws import deployment, executions, package, periods, results
from infra.aws.athena import Athena
from infra.aws.deployment import Deployed
from infra.aws.executions import Ended
from infra.commands import catalog, terminal
from infra.commands.interrupt import wishes
from infra.commands.phases import Phases
from infra.local import status
from infra.report.forecasts import Shown
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings


@dataclass
class Outcome:
    """What became of forecasts that were asked for.

    Attributes:
        made: Those that are there, as a report shows them.
        faults: By name of the others, why they are not, in a line.
        left: Those that go on, since a person wants to wait no longer.
        impossible: Why some were not begun, a line each.
    """

    made: list[Shown] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)


def definitions(settings: Settings) -> dict[str, Definition]:
    """The definitions of the file that the settings name.

    Raises:
        DefinitionError: Anything in it is wrong.
    """
    return package.forecasts(settings)


def deploy(settings: Settings) -> Deployed:
    """Bring state machine, functions, queue and schedules to what the code and the definitions say.

    Raises:
        DefinitionError: Anything in the file of definitions is wrong.
        SourceError: AWS, or the gateway, does not answer or refuses.
    """
    wanted = deployment.Options(
        poll_seconds=settings.forecast_poll_seconds, load_seconds=settings.forecast_load_seconds
    )
    return deployment.deploy(settings, definitions(settings), wanted)


def refresh(settings: Settings) -> None:
    """The same after a start; a fault is told and no reason to stop."""
    try:
        deploy(settings)
    except LakehouseError as fault:
        terminal.progress(f"the forecasts are not deployed: {fault}; `make forecast` tries again")


def make(
    settings: Settings,
    wanted: Mapping[str, Definition],
    horizon: int | None = None,
    deployed: Deployed | None = None,
) -> Outcome:
    """Make forecasts side by side and read what they come to; the first Ctrl-C ends the waiting, not the forecasts.

    Args:
        settings: The environment.
        wanted: Definitions by name.
        horizon: Other than the definitions'.
        deployed: The stack of a deployed environment; the local one is deployed if it is not given.

    Raises:
        DefinitionError: Anything in the file of definitions is wrong.
        SourceError: AWS, or the gateway, does not answer or refuses.
    """
    orders = [{"DataName": name} | ({"ForecastHorizon": horizon} if horizon else {}) for name in wanted]
    outcome = Outcome()
    if deployed is None and settings.aws_endpoint_url:
        catalog.refresh(settings)  # a gateway that was killed has forgotten the tables, too
    deployed = deployed or deploy(settings)
    phases = Phases(terminal.progress, lambda: status.is_driver_gone(settings))
    with wishes() as stop:
        ended = executions.run(settings, deployed.machine, orders, phases, stop)
    for one in ended:
        if one.is_left:
            outcome.left.append(one.name)
        elif one.fault:
            outcome.faults[one.name] = one.fault
        else:
            try:
                outcome.made.append(_shown(settings, wanted[one.name], one))
            except LakehouseError as fault:
                outcome.faults[one.name] = f"it is made, but cannot be shown: {fault}"
    return outcome


def shortages(settings: Settings, wanted: Iterable[Definition]) -> dict[str, str]:
    """By name of those whose history is too short for their horizon: what is missing, in a line.

    Raises:
        LakehouseError: Athena refuses the query or does not answer.
    """
    found, athena = {}, Athena(settings)
    for one in wanted:
        select = sql.target(one, settings.database_prefix)
        moment = f'"{sql.TIMESTAMP}"'
        ((first, last),) = athena.ask(f"SELECT min({moment}), max({moment}) FROM ({select})").rows  # noqa: S608
        if not first or not last:
            days = f" with rows on {one.top_days} days" if one.top else ""
            found[one.name] = f"{one.table} has no {one.item}{days} yet"
            continue
        least, ends = one.horizon * one.least_horizons, [datetime.fromisoformat(at) for at in (first, last)]
        rows = [(at, 0.0) for at in ends]
        have = len(periods.by_period(rows, one.frequency, ends[0], ends[1] + timedelta(microseconds=1)))
        if have < least:
            found[one.name] = f"a horizon of {one.horizon} needs a history of {least} periods, {one.table} has {have}"
    return found


def _shown(settings: Settings, definition: Definition, ended: Ended) -> Shown:
    plan = ended.output["plan"]
    result = results.read(settings, definition, str(plan["run_id"]))
    loaded = ended.output.get("loaded", {}).get("report", {})
    return Shown(
        name=definition.name,
        target=definition.target,
        predictor=result.run.predictor,
        wape=result.wape,
        naive=result.naive,
        metrics=result.run.metrics,
        history=result.history,
        backtest=result.backtest,
        forecast=result.forecast,
        run_id=result.run.run_id,
        made_at=result.run.made_at,
        rows=loaded.get("rows", {}),
        seconds=ended.seconds,
        is_new=plan["status"] == "NEW",
        names=_names(settings, definition),
    )


def _names(settings: Settings, definition: Definition) -> dict[str, str]:
    """What products are called; nothing for other items."""
    if definition.item != "product_id":
        return {}
    rows = (
        Athena(settings)
        .ask(
            "SELECT product_id, max_by(description, sales_date) FROM daily_product_sales "
            "WHERE description IS NOT NULL GROUP BY product_id"
        )
        .rows
    )
    return {product: name for product, name in rows if product and name}
