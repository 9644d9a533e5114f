"""The definitions of the settings' file, and their deployment as the settings want it; no command of its own."""

from forecasting.definitions.definition import Definition
from infra.aws import deployment, package
from infra.aws.deployment import Deployed
from infra.commands import terminal
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings


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
