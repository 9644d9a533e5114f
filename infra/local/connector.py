"""Keeps the topic and the connector as they ought to be, beside a Connect worker in a container, which cannot.

Looks again and again: a worker may come late, a topic may be made anew, a task may fail.
"""

import time

from connect import registration
from generator import topics
from lakehouse.errors import ConfigError, LakehouseError
from lakehouse.logs import event
from lakehouse.settings import Settings

SOON_SECONDS = 0.5
LATER_SECONDS = 5.0


def keep(settings: Settings) -> None:
    """Look for ever: often until the connector runs, then now and then; a fault is told when it is another one."""
    told = ""
    while True:
        try:
            done, fault = look(settings), ""
        except LakehouseError as raised:
            done, fault = "", str(raised)
        if done:
            event("connector", done=done)
        if fault and fault != told:
            event("connector waits", reason=fault)
        told = fault
        time.sleep(SOON_SECONDS if done or fault else LATER_SECONDS)


def look(settings: Settings) -> str:
    """Make the topic and register the connector where they are missing, restart what has failed.

    Returns:
        What was done in a word: registered or restarted; empty if all was well.

    Raises:
        SourceError: Worker or broker do not answer.
        ConfigError: The worker refuses the definition.
    """
    try:
        parts = registration.status(settings)
        registered = registration.topic_id(settings)
    except ConfigError:
        parts, registered = {}, ""
    topic_id = topics.ensure(settings)
    if registered != topic_id:
        registration.register(settings, topic_id)
        return "registered"
    if "FAILED" in {part["state"] for part in (parts["connector"], *parts["tasks"])}:
        registration.restart(settings)
        return "restarted"
    return ""
