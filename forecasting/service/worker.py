"""One job in a process of its own: `python -m forecasting.service.worker FOLDER`.

It ends when its standard input does, so that a killed service leaves no worker behind. It never opens the service's
database; what it has to say it writes into its folder.
"""

import contextlib
import importlib
import logging
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from forecasting.service import job
from lakehouse import logs, settings
from lakehouse.errors import LakehouseError

NICENESS = 10
"""How far a job steps back: a forecast may take longer, the stream of changes beside it must not wait."""
FIRST_TO_END = "500"
"""Where memory runs out, the system ends a job before the gateway, the broker or Spark; a job runs again or fails."""


def run(folder: Path, bodies: Mapping[str, job.Body]) -> None:
    """Do the job of a folder and leave its result there."""
    job.finish(folder, _result(job.load(folder), bodies))


def _result(given: job.Job, bodies: Mapping[str, job.Body]) -> job.Result:
    try:
        return bodies[given.kind](given)
    except LakehouseError as fault:
        return job.Result(job.RETRY if fault.retryable else job.FAILED, str(fault))
    except MemoryError:
        return job.Result(job.FAILED, "The job needs more memory than this machine has")
    except Exception as fault:
        logs.event("job failed", logging.ERROR, exc_info=True, arn=given.arn)
        return job.Result(job.FAILED, f"An internal error occurred: {type(fault).__name__}: {fault}"[:1000])


def _end_with_input() -> None:
    """Wait for the end of standard input, then end the process wherever it is."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def main(bodies: Mapping[str, job.Body] | None = None) -> None:
    """Do the job named by the first argument.

    Args:
        bodies: What to do by kind; those of `forecasting.service.bodies` by default.
    """
    threading.Thread(target=_end_with_input, daemon=True).start()
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # Linux alone has it
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END, encoding="ascii")
    logs.configure(settings.load(dotenv=None).log_level)
    if bodies is None:
        bodies = importlib.import_module("forecasting.service.bodies").BODIES
    run(Path(sys.argv[1]), bodies)


if __name__ == "__main__":
    main()
