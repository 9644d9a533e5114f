"""The members of CreatePipe that the emulator drops: which they are, in which form, and what an update leaves."""

from typing import Any

from infra.local.pipes.definition import DefinitionError, parse

Pipe = dict[str, Any]
MEMBERS = ("SourceParameters", "TargetParameters", "LogConfiguration", "Enrichment", "EnrichmentParameters")
"""What CreatePipe and UpdatePipe take and the emulator does not keep."""


def contradiction(given: dict[str, Any]) -> str:
    """Why a pipe with these members could not run; empty if it could."""
    try:
        parse(given)
    except DefinitionError as fault:
        return str(fault)
    return ""


def numbered(given: Any) -> Any:
    """Members of a template, whose parameters may be texts, with numbers where the API has them."""
    if isinstance(given, dict):
        return {
            name: int(value)
            if isinstance(value, str) and name.startswith(("Batch", "Maximum", "Parallel"))
            else numbered(value)
            for name, value in given.items()
        }
    return given


def merged(pipe: Pipe, given: dict[str, Any]) -> dict[str, Any]:
    """The members after an update, whose parameters of a source name only what changes."""
    found = {name: given[name] for name in MEMBERS if name in given}
    if "SourceParameters" in found:
        before = pipe.get("SourceParameters") or {}
        changed = dict(found["SourceParameters"])
        name = "DynamoDBStreamParameters"
        if name in before or name in changed:
            changed[name] = {**before.get(name, {}), **changed.get(name, {})}
        found["SourceParameters"] = {**before, **changed}
    return found
