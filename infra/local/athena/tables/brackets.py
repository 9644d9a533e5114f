"""Texts with brackets in them: what stands around the first one, and parts between commas."""


def outer(text: str) -> tuple[str, str, str]:
    """What stands before the first bracket, the bracket, and what it holds if it closes at the end."""
    for place, sign in enumerate(text):
        if sign in "<(":
            closes = text.endswith(">" if sign == "<" else ")")
            return text[:place], sign if closes else "", text[place + 1 : -1] if closes else ""
    return text, "", ""


def split(text: str) -> list[str]:
    """At commas outside brackets and quotes."""
    parts, depth, is_quoted, start = [], 0, False, 0
    for place, sign in enumerate(text):
        if sign == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (sign in "<(") - (sign in ">)")
            if sign == "," and not depth:
                parts.append(text[start:place])
                start = place + 1
    return [*parts, text[start:]]
