"""`python -m tests.chaos`: rounds of faults on a stack of its own, resumed where an earlier run stopped."""

import argparse
import contextlib
import shutil
import signal
import sys
from collections.abc import Generator
from pathlib import Path

from lakehouse.settings import load
from tests.chaos import results as recorded
from tests.chaos import rounds
from tests.chaos.rounds import Outcome
from tests.chaos.stack import LEASE_SECONDS, started
from tests.chaos.ways import WAYS, Way
from tests.stack.conftest import make_settings

ROUNDS_PER_STACK = 10


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds that have not passed yet; 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how many (3)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first round's seed (1)")
    parser.add_argument("--ingest", choices=sorted(WAYS), default="kafka", help="the way that changes come (kafka)")
    places = "data and results; without it, chaos/ in the data folder and benchmarks/chaos*.jsonl"
    parser.add_argument("--folder", type=Path, metavar="PATH", help=places)
    given = parser.parse_args(arguments)
    folder = (given.folder or load().data_path / "chaos").resolve()
    way = WAYS[given.ingest]
    results = recorded.Results(
        given.folder / "results.jsonl" if given.folder else recorded.FOLDER / f"{way.name}.jsonl"
    )
    wanted = range(given.seed, given.seed + given.rounds)
    seeds = [seed for seed in wanted if seed not in results.passed()]
    if len(seeds) < len(wanted):
        print(f"{len(wanted) - len(seeds)} of {len(wanted)} rounds have passed before")
    failed = 0
    while seeds:
        some, seeds = seeds[:ROUNDS_PER_STACK], seeds[ROUNDS_PER_STACK:]
        # Closed, so that a signal between two rounds takes the stack down, too.
        with contextlib.closing(_on_one_stack(way, folder / f"stack-{some[0]}", some)) as outcomes:
            for outcome in outcomes:
                results.add(outcome)
                print(_line(outcome, given.ingest), flush=True)
                if not outcome.passed:
                    failed += 1
                    seeds = some[some.index(outcome.seed) + 1 :] + seeds
    if not given.folder:
        recorded.write(recorded.section(results.read().values(), way.faults), way.name)
    return 1 if failed else 0


def _on_one_stack(way: Way, folder: Path, seeds: list[int]) -> Generator[Outcome, None, None]:
    """Rounds on a fresh stack until one fails: its data are kept then."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with started(way.stack, make_settings(folder, lease_seconds=LEASE_SECONDS)) as stack:
        expected = way.expected(stack)
        for seed in seeds:
            outcome = rounds.run(stack, expected, seed, way.faults)
            yield outcome
            if not outcome.passed:
                return
    shutil.rmtree(folder)


def _line(outcome: Outcome, ingest: str) -> str:
    did = "; ".join(
        f"{one.fault} at {one.at:.0f} s"
        + (f", recovered in {one.recovery_seconds:.0f} s" if one.recovery_seconds is not None else ", not met")
        for one in outcome.happenings
    )
    verdict = "/".join(str(outcome.counts.get(name, "?")) for name in ("lost", "duplicated", "stale", "resurrected"))
    text = f"round {outcome.seed}: {verdict} of {outcome.rows:,} rows in {outcome.seconds:.0f} s ({did})"
    if outcome.passed:
        return text
    return "\n".join(
        [
            f"{text}: FAILED",
            *(f"  {fault}" for fault in outcome.faults),
            f"  make chaos INGEST={ingest} ROUNDS=1 SEED={outcome.seed}",
        ]
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the stack is stopped too
    sys.exit(main())
