"""`python -m spark_jobs stream | backfill | maintain | rebuild | verify`; EMR Serverless begins with this file, too."""

import argparse
import logging
import os
import sys

from lakehouse import logs, settings
from lakehouse.errors import LakehouseError


def main(arguments: list[str]) -> int:
    """Run a command; a user's mistake is one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m spark_jobs", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, before all others")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stream", help="bring bronze to silver and gold until it is stopped")
    commands.add_parser("backfill", help="bring everything in bronze to silver and gold, then stop")
    commands.add_parser("maintain", help="compact, vacuum and expire all there is, without waiting until it is due")
    commands.add_parser("rebuild", help="build silver and gold anew from bronze, then put them in place of the old")
    commands.add_parser("verify", help="compare silver and gold with what bronze comes to, computed another way")
    given = parser.parse_args(arguments)
    command = given.command
    try:
        knobs = settings.load({**os.environ, **dict(one.partition("=")[::2] for one in given.set)})
        logs.configure(knobs.log_level)
        from spark_jobs import commands as run  # noqa: PLC0415 (pyspark is slow to import: not before the settings are right)

        {
            "stream": run.stream,
            "backfill": run.backfill,
            "maintain": run.maintain,
            "rebuild": run.rebuild,
            "verify": run.verify,
        }[command](knobs)
    except LakehouseError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        logs.event("failed", level=logging.ERROR, reason=str(fault).split("\n\tat ")[0][:2000], exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
