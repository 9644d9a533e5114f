"""The page's building blocks: sections, tables, legends, and drawings in two widths."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

WIDE, HALF, NARROW = 1056, 500, 380


def section(title: str, about: str, body: str) -> str:
    said = f'<p class="about">{about}</p>' if about else ""
    return f"<section><h2>{title}</h2>{said}{body}</section>"


def both(draw: Callable[[int, str], str], name: str, width: int) -> str:
    """A drawing for wide pages and one for narrow ones, since text in it scales with its width."""
    return f'<div class="wide">{draw(width, name)}</div><div class="narrow">{draw(NARROW, f"{name}-narrow")}</div>'


def legend(entries: Iterable[tuple[str, str]]) -> str:
    return f'<ul class="legend">{"".join(f"<li><i class={kind}></i>{words}</li>" for kind, words in entries)}</ul>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """A table whose last columns are numbers."""
    words = len(heads) - numbers

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if index >= words else ''}>{escape(value)}</{tag}>"
            for index, value in enumerate(values)
        )

    return wrap(f"<tr>{cells('th', heads)}</tr>" + "".join(f"<tr>{cells('td', row)}</tr>" for row in rows))


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    return wrap("".join(f'<tr><td>{escape(name)}</td><td class="n">{escape(value)}</td></tr>' for name, value in rows))


def wrap(rows: str) -> str:
    return f'<div class="scroll"><table>{rows}</table></div>'
