"""The command line: one module for each family of commands, listed in FAMILIES.

A family has `register(commands)`, which adds its commands to the parser; each sets `run`, a function of the settings
and the parsed arguments that returns the exit code. To add a command: a module here, and its name in FAMILIES.
"""

from infra.commands import (
    catalog,
    data,
    demo,
    deploy,
    docs,
    forecast,
    job,
    mapping,
    query,
    redrive,
    resync,
    serve,
    stack,
    watch,
)

FAMILIES = (demo, stack, watch, data, resync, redrive, mapping, query, forecast, catalog, deploy, job, serve, docs)
