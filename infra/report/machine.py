"""The page's sections on the machine: what became of every change, how long it took, what was checked."""

from html import escape
from statistics import median

from generator.outcome import Summary
from infra.report import bars, markup
from infra.report.facts import NEWEST_BATCHES, Facts
from infra.report.words import duration
from lakehouse.places import KAFKA
from lakehouse.tables import OUTCOMES

_MEANINGS = {
    "applied": "taken over into silver",
    "superseded": "older than another change of its row in the same batch",
    "stale": "older than silver's row",
    "duplicate": "delivered before",
    "tombstone": "a message without a value, which follows a delete",
    "rejected": "breaks the contract; kept in silver.rejected",
}


def changes(facts: Facts) -> str:
    shown = facts.batches[-NEWEST_BATCHES:]
    heads = "".join(f'<th class="n"><i class="{word}"></i>{word}</th>' for word in OUTCOMES)
    rows = "".join(_batch(f"{batch.batch_id}", batch.rows_read, batch.outcomes) for batch in shown)
    totals = {word: sum(batch.outcomes[word] for batch in facts.batches) for word in OUTCOMES}
    all_rows = _batch("all", sum(batch.rows_read for batch in facts.batches), totals, "sum")
    meanings = "".join(f"<tr><td>{word}</td><td>{meaning}</td></tr>" for word, meaning in _MEANINGS.items())
    reasons = "".join(
        f'<tr><td><code>{escape(reason)}</code></td><td class="n">{count:,}</td></tr>'
        for reason, count in facts.reasons
    )
    rejected = (
        f"<details><summary>Why changes were rejected</summary>{markup.wrap(reasons)}</details>" if reasons else ""
    )
    cut = f" The newest {len(shown)} of {len(facts.batches)} batches." if len(shown) < len(facts.batches) else ""
    return markup.section(
        "What became of every change",
        f"Rows read from bronze are the sum of the six outcomes, in every batch.{cut}",
        markup.wrap(f'<tr><th>batch</th><th></th><th class="n">read</th>{heads}</tr>{rows}{all_rows}')
        + f"<details><summary>What the outcomes mean</summary>{markup.wrap(meanings)}</details>{rejected}",
    )


def _batch(name: str, rows_read: int, outcomes: dict[str, int], kind: str = "") -> str:
    strip = bars.outcomes(outcomes, f"batch-{name}", f"Rows of batch {name} by outcome")
    cells = "".join(f'<td class="n">{outcomes[word]:,}</td>' for word in OUTCOMES)
    return (
        f'<tr class="{kind}"><td>{name}</td><td class="strip">{strip}</td><td class="n">{rows_read:,}</td>{cells}</tr>'
    )


def times(facts: Facts) -> str:
    timed = [batch for batch in facts.batches if batch.gold is not None]
    if not timed:
        return ""
    shown = timed[-NEWEST_BATCHES:]
    legend = markup.legend([("bronze", "planned from bronze"), ("silver", "in silver"), ("gold", "in gold")])
    drawn = markup.both(lambda width, name: bars.lags(shown, width, name), "lags", markup.WIDE)
    ends = [batch.gold for batch in timed if batch.gold is not None]
    return markup.section(
        "Time per layer",
        "How long after the newest change of a batch each layer had it; a replay at full speed fills large batches. "
        f"To gold: median {duration(median(ends))}, longest {duration(max(ends))}.",
        legend + drawn,
    )


def checks(facts: Facts) -> str:
    rows = "".join(
        f'<tr><td class="{"ok" if check.passed else "fail"}">{"✓ ok" if check.passed else "✗ differs"}</td>'
        f'<td class="group">{escape(check.group)}</td><td>{escape(check.name)}</td><td>{escape(check.found)}'
        f"{'' if check.passed else f'; expected {escape(check.expected)}'}</td></tr>"
        for check in facts.checks
    )
    return markup.section(
        "Checks",
        "Silver and gold are compared with the data set itself, in SQL over its file.",
        markup.wrap(f"<tr><th></th><th>about</th><th>what must hold</th><th>found</th></tr>{rows}"),
    )


def run(facts: Facts) -> str:
    left = "".join(_sent(one.summary) for one in facts.sent)
    took = [(step, duration(seconds)) for step, seconds in facts.steps.items()]
    right = markup.section("How long it took", "By step.", markup.pairs(took))
    parts = markup.section("Made with", "", markup.pairs(facts.versions.items()))
    return f'<div class="pair">{left}<div>{right}{parts}</div></div>'


def _sent(summary: Summary) -> str:
    is_kafka = summary.sink == KAFKA
    what = "messages sent and confirmed" if is_kafka else "changes of the table"
    rows = [
        ("changes of the shop", f"{summary.steps:,}"),
        (what, f"{summary.sent:,} in {duration(summary.seconds)} by {summary.client}"),
        *((kind.replace("_", " "), f"{count:,}") for kind, count in _kinds(summary)),
    ]
    if is_kafka:
        rows.append(("delivered after younger changes", f"{summary.delayed:,}"))
        return markup.section("What was sent", "Messages by the reason they were sent.", markup.pairs(rows))
    return markup.section("What DynamoDB was told", "Changes by the reason they were made.", markup.pairs(rows))


def _kinds(summary: Summary) -> list[tuple[str, int]]:
    """Messages by kind, malformed ones in one; the most frequent first."""
    kinds = {kind: count for kind, count in summary.kinds.items() if not kind.startswith("malformed:")}
    malformed = {"malformed": summary.malformed} if summary.sink == KAFKA else {}
    return sorted({**kinds, **malformed}.items(), key=lambda entry: -entry[1])
