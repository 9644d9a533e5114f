"""Becomes one process of the stack: reads what the supervisor's folder says of it, counts the start, executes it.

`python -m infra.local.launch NAME`. The command and its environment come from a file and not from the supervisor's
configuration, because that format can quote neither every path nor every value.
"""

import json
import os
import sys
import time
from pathlib import Path

# The variable by which every process of a stack is known, whoever its parent is: the stack's data folder.
MARK = "SALESLAKE_DATA"
# What a process gets besides the variables it asks for.
BASE = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")


def base_environment() -> dict[str, str]:
    """The few variables of this process that every process of the stack gets."""
    return {name: os.environ[name] for name in BASE if name in os.environ}


def main() -> None:
    """Execute the process named by the first argument; the pid stays the same."""
    name, data = sys.argv[1], os.environ[MARK]
    folder = Path(data) / "supervisor"
    spec = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with (folder / f"{name}.starts").open("a", encoding="utf-8") as starts:
        starts.write(f"{time.time():.3f}\n")
    command = spec["command"]
    os.execve(command[0], command, {**base_environment(), **spec["environment"], MARK: data})  # noqa: S606  (no shell)


if __name__ == "__main__":
    main()
