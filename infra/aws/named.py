"""The named queries of infra/aws/queries: a file each, its first line the description. Calls nothing."""

from dataclasses import dataclass
from pathlib import Path

from infra.aws import glue

FOLDER = Path(__file__).with_name("queries")


@dataclass(frozen=True)
class NamedQuery:
    """A query that a shop wants.

    Args:
        name: The file's, without `.sql`.
        description: What it answers.
        sql: Athena's SQL.
    """

    name: str
    description: str
    sql: str


def queries(prefix: str = "") -> list[NamedQuery]:
    """All of them, by name; databases have the prefix before their names."""
    found = []
    for path in sorted(FOLDER.glob("*.sql")):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        found.append(NamedQuery(path.stem, first.removeprefix("--").strip(), glue.prefixed(rest.strip(), prefix)))
    return found
