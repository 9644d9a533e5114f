"""The second way in, from the DynamoDB table to bronze, as the settings want it; no command of its own."""

from infra.aws import mapping, streaming
from infra.commands import terminal
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings


def refresh(settings: Settings) -> None:
    """Bring the streaming stack to what the code says after a start; a fault is told and no reason to stop."""
    try:
        keys = mapping.of_settings(settings).keys
        streaming.deploy(settings, streaming.Options(table=settings.dynamodb_table, keys=keys))
    except LakehouseError as fault:
        terminal.progress(f"the way in through DynamoDB is not deployed: {fault}; `make up` tries again")
