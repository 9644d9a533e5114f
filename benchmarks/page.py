"""docs/benchmarks.md's generated part and the picture beside it, from the figures kept; the rest of the page stays."""

import ast
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from benchmarks import picture
from benchmarks.figure import Figure
from lakehouse.errors import ContractError

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
HEAD = (
    "| what | ours | naive | asked | CPU s, ours | naive | memory, ours | naive | of | note |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)


def write(figures: Iterable[Figure], page: Path = PAGE) -> None:
    """Put the figures between the page's markers and draw the picture.

    Raises:
        ContractError: The page has no markers.
    """
    text, found = page.read_text(encoding="utf-8"), list(figures)
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ContractError(f"{page} has no markers", f"{BEGIN} and {END}", "put them where the figures belong")
    page.write_text(f"{before}{BEGIN}\n{generated(found)}{END}{after}", encoding="utf-8")
    page.with_suffix(".svg").write_text(picture.draw(found) + "\n", encoding="utf-8")


def generated(figures: list[Figure]) -> str:
    """The figures as Markdown: a section for each benchmark, with what it says of itself."""
    parts = ["\n![Ours and the naive pipeline](benchmarks.svg)\n"]
    for name, group in groupby(figures, key=lambda one: one.benchmark):
        rows = list(group)
        parts.append(f"\n### {name}\n\n{_about(name)}\n\n{HEAD}{''.join(map(_row, rows))}")
        for command, machine in dict.fromkeys((row.command, row.machine) for row in rows):
            parts.append(f"\n`{command}` ({machine})\n")
    return "".join(parts) + "\n"


def line(figure: Figure) -> str:
    """A figure in one line, for the terminal."""
    naive = "" if figure.naive is None else f", naive {number(figure.naive)} {figure.unit}"
    return f"{figure.what}: {number(figure.ours)} {figure.unit}{naive}{_asked(figure, ', asked ')} ({figure.note})"


def number(value: float | None) -> str:
    """A number with as many digits as say something.

    Example:
        >>> [number(value) for value in (None, 0.456, 2.345, 45.67, 23456.7)]
        ['', '0.456', '2.35', '45.7', '23,457']
    """
    if value is None:
        return ""
    if abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _row(figure: Figure) -> str:
    cells = [
        figure.what,
        f"{number(figure.ours)} {figure.unit}",
        "" if figure.naive is None else f"{number(figure.naive)} {figure.unit}",
        _asked(figure),
        number(figure.cpu_seconds),
        number(figure.naive_cpu_seconds),
        _memory(figure.memory_mib),
        _memory(figure.naive_memory_mib),
        f"{figure.rounds:,}",
        figure.note,
    ]
    return f"| {' | '.join(cells)} |\n"


def _memory(mib: float | None) -> str:
    return "" if mib is None else f"{mib:,.0f} MiB"


def _asked(figure: Figure, before: str = "") -> str:
    if figure.asked is None:
        return ""
    sign, verdict = "≥" if figure.at_least else "≤", "met" if figure.is_met else "**not met**"
    return f"{before}{sign} {number(figure.asked)} {figure.unit}: {verdict}"


def _about(name: str) -> str:
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return " ".join((ast.get_docstring(ast.parse(source)) or "").split())
