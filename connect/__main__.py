"""`python -m connect register|status|restart|delete`: the connector on a Connect worker."""

import argparse
import json
import sys

from connect import registration
from connect.definition import definition
from lakehouse import settings as knobs
from lakehouse.errors import LakehouseError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0 when all is well, 1 when the connector is not, 2 when the command failed."""
    parser = argparse.ArgumentParser(prog="python -m connect", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (
        ("register", "make the connector or bring its definition up to date"),
        ("show", "print the definition, as MSK Connect or another worker takes it"),
        ("status", "say what runs and what is wrong"),
        ("restart", "restart what has failed"),
        ("delete", "remove the connector; what it landed stays"),
    ):
        command = commands.add_parser(name, help=meaning, description=meaning)
        if name in ("register", "show"):
            command.add_argument("--topic-id", help="Kafka's id of the topic; asked of the broker if not given")
    given = parser.parse_args(arguments)
    try:
        return _run(given)
    except LakehouseError as fault:
        print(f"{given.command}: {fault}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace) -> int:
    settings = knobs.load()
    if given.command == "register":
        print(f"registered {registration.register(settings, given.topic_id)['name']} at {settings.connect_url}")
    elif given.command == "show":
        topic_id = given.topic_id or registration.topic_id_of(settings)
        print(json.dumps(definition(settings, topic_id), indent=2))
    elif given.command == "restart":
        registration.restart(settings)
        print("restarted what had failed")
    elif given.command == "delete":
        print("deleted" if registration.delete(settings) else "there was none")
    else:
        wrong = registration.faults(settings)
        print("\n".join(wrong) or "running")
        return 1 if wrong else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
