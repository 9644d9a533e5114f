"""The command line over all parts: `python -m infra COMMAND`. Bare, it prints the commands.

Owns the exit codes: 2 for an error a person can mend, 130 for Ctrl-C, else what the command returns.
"""

import argparse
import sys
from collections.abc import Sequence

from infra.commands import FAMILIES, terminal
from lakehouse import logs
from lakehouse.errors import LakehouseError
from lakehouse.settings import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m infra", description="saleslake: the local stack and its data")
    parser.add_argument("--env", metavar="ENV", help="work on this deployed environment instead of the local stack")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for family in FAMILIES:
        family.register(commands)
    given = parser.parse_args(arguments)
    if not hasattr(given, "run"):
        parser.print_help()
        return 0
    try:
        settings = load()
        logs.configure(settings.log_level)
        if given.env:
            from infra.aws import account, environment  # noqa: PLC0415 (boto3 is slow to import)

            settings = account.settings_of(settings, environment.load(given.env))
        return given.run(settings, given)
    except LakehouseError as fault:
        terminal.error(str(fault))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away (`… | head`): nothing is left to say, and nobody to say it to.
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
