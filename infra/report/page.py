"""The report: one HTML file that needs nothing else, neither network nor script.

Every text from the data is escaped here or by svg.py; the sections come from sales.py, forecasts.py and
machine.py.
"""

from html import escape
from pathlib import Path

from infra.report import forecasts, machine, sales
from infra.report.facts import Facts
from infra.report.words import day, money, share, short


def write(facts: Facts, folder: Path) -> Path:
    """Write the page into a folder, under a name with the time it was made; returns its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"sales-{facts.made_at:%Y%m%d-%H%M%S}.html"
    path.write_text(page(facts), encoding="utf-8")
    return path


def page(facts: Facts) -> str:
    """The page's text."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    sections = (
        _header,
        _figures,
        sales.over_time,
        sales.rankings,
        sales.returns,
        _forecasts,
        machine.changes,
        machine.times,
        machine.checks,
        machine.run,
        _footer,
    )
    body = "\n".join(section(facts) for section in sections)
    span = f"{day(facts.days[0].first)} to {day(facts.days[-1].first)}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sales, {escape(span)}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _header(facts: Facts) -> str:
    failed = sum(not check.passed for check in facts.checks)
    count = len(facts.checks)
    verdict = f"{failed} of {count} checks failed" if failed else f"All {count} checks passed"
    messages = sum(one.messages for one in facts.sent)
    return f"""<header>
<h1>Sales of an online gift shop</h1>
<p>{day(facts.days[0].first)} to {day(facts.days[-1].first)}, rebuilt from {messages:,} change messages</p>
<p class="verdict {"bad" if failed else "good"}">{verdict}</p>
</header>"""


def _figures(facts: Facts) -> str:
    total = facts.total
    shown = [
        ("Net revenue", money(total.net), f"{total.net:,.3f} pounds"),
        ("Gross revenue", money(total.gross), "before returns"),
        ("Returned", share(total.returned, total.gross), f"{money(total.returned)} of gross"),
        ("Orders", f"{total.orders:,}", f"on {len(facts.days)} days"),
        ("Units sold", short(total.units_sold), f"{short(total.units_returned)} returned"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in shown)
    return f'<dl class="figures">{cells}</dl>'


def _forecasts(facts: Facts) -> str:
    return forecasts.sections(facts.forecasts, facts.missing_forecasts)


def _footer(facts: Facts) -> str:
    return f"""<footer>
<p>Data: Chen, D. (2015). <cite>Online Retail</cite> [Dataset]. UCI Machine Learning Repository.
<a href="https://doi.org/10.24432/C5BW33">doi.org/10.24432/C5BW33</a>, licensed under
<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>; stored as Parquet,
no row and no value altered.</p>
<p>Made by saleslake on {day(facts.made_at)} at {facts.made_at:%H:%M} {escape(facts.made_at.tzname() or "")}. The sales
are those of the data set's days; orders of a simulated shop after them are left out.</p>
</footer>"""
