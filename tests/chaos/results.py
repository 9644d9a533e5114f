"""The rounds' results: a line of JSON each, and the tables of them by fault in docs/benchmarks.md, one a way in."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from infra.local.daemon import ROOT
from tests.chaos.faults import Fault
from tests.chaos.rounds import Outcome

PAGE = ROOT / "docs" / "benchmarks.md"
FOLDER = ROOT / "benchmarks"


class Results:
    """The results of all rounds so far.

    Args:
        path: The file; it grows by a line a round.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[int, dict[str, Any]]:
        """By seed, the last result."""
        if not self._path.exists():
            return {}
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return {result["seed"]: result for result in map(json.loads, lines)}

    def passed(self) -> set[int]:
        """The seeds whose rounds passed."""
        return {seed for seed, result in self.read().items() if not result["faults"]}

    def add(self, outcome: Outcome) -> None:
        """Append a round."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


def section(results: Iterable[dict[str, Any]], faults: Iterable[Fault]) -> str:
    """The text of the section: a summary and a row for each fault that has happened."""
    rounds = list(results)
    seconds = sorted(result["seconds"] for result in rounds)
    compared = sum(result["rows"] for result in rounds)
    wrong = {name: sum(result["counts"].get(name, 0) for result in rounds) for name in _COUNTED}
    failed = [str(result["seed"]) for result in rounds if result["faults"]]
    lines = [
        f"{len(rounds)} rounds, {len(rounds) - len(failed)} passed"
        + (f"; failed: seeds {', '.join(failed)}" if failed else "")
        + f". {compared:,} rows of silver compared: {' / '.join(str(count) for count in wrong.values())} "
        + f"{' / '.join(wrong)}. A round took {median(seconds):.0f} s (median), {seconds[-1]:.0f} s at most.",
        "",
        "| fault | times | lost / duplicated / stale / resurrected | alone | recovery, median [s] | at most [s] |",
        "|---|---|---|---|---|---|",
    ]
    for fault in faults:
        met = [result for result in rounds if fault.name in _recoveries(result)]
        if met:
            sums = " / ".join(str(sum(result["counts"].get(name, 0) for result in met)) for name in _COUNTED)
            # with company, the others' recovery is in it
            alone = [_recoveries(result)[fault.name] for result in met if len(result["happenings"]) == 1]
            took = f"{median(alone):.1f} | {max(alone):.1f}" if alone else "- | -"
            lines.append(f"| {fault.name} | {len(met)} | {sums} | {len(alone)} | {took} |")
    return "\n".join(lines)


def _recoveries(result: dict[str, Any]) -> dict[str, float]:
    """By fault, its recovery in a round [s]; without those that did not come about."""
    happened = result["happenings"]
    return {one["fault"]: one["recovery_seconds"] for one in happened if one["recovery_seconds"] is not None}


_COUNTED = ("lost", "duplicated", "stale", "resurrected")


def write(text: str, name: str, page: Path = PAGE) -> None:
    """Put the section's text between its marks, `<!-- name:begin -->` and `<!-- name:end -->`."""
    before = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    assert pattern.search(before), f"{page} has no {begin} … {end}"
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", before), encoding="utf-8")
