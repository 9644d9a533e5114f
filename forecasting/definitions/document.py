"""A YAML document whose every value knows its line, and a list of what is wrong with it.

Owns the way from YAML's nodes to plain values; what a value means is reading.py's.
"""

import difflib
from collections.abc import Collection, Sequence
from typing import Any

import yaml

from lakehouse.errors import ConfigError


class DefinitionError(ConfigError):
    """The file of definitions is wrong.

    Args:
        mistakes: Each with its line, `path:3: …`.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistakes))


class Mistakes:
    """Collects them, so that a reader sees all at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: list[tuple[int, str]] = []

    def add(self, node: yaml.Node, received: str, expected: str) -> None:
        """A value that is not what is expected."""
        line = node.start_mark.line + 1
        self._found.append((line, f"{self._path}:{line}: {received}; expected {expected}"))

    def raise_any(self) -> None:
        """Raise what was collected.

        Raises:
            DefinitionError: Anything was.
        """
        if self._found:
            raise DefinitionError([text for _, text in sorted(self._found)])


class Mapping:
    """A mapping of the document, asked for its members by name and type; a wrong one is noted and its default taken."""

    def __init__(self, node: yaml.Node, what: str, mistakes: Mistakes, names: Collection[str]) -> None:
        self.node, self._what, self._mistakes = node, what, mistakes
        self._members: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            mistakes.add(node, f"{what} is {shown(node)}", f"a mapping of {', '.join(names)}")
            return
        for key, value in node.value:
            name = str(key.value)
            if name in self._members:
                mistakes.add(key, f"{what} has {name} twice", "it once")
            elif name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"{near[0]}, or another of {', '.join(names)}" if near else f"one of {', '.join(names)}"
                mistakes.add(key, f"{what} has no {name}", hint)
            else:
                self._members[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def member(self, name: str) -> yaml.Node:
        """The node of a member, or the mapping's own where it is absent."""
        return self._members.get(name, self.node)

    def wrong(self, name: str, received: str, expected: str) -> None:
        """Note a mistake at a member."""
        self._mistakes.add(self.member(name), received, expected)

    def text(self, name: str, default: str | None = "", choices: Collection[str] = ()) -> str:
        """A member that is text; without a default it has to be there."""
        node = self._members.get(name)
        if node is None:
            if default is None:
                self._mistakes.add(self.node, f"{self._what} has no {name}", expected(choices) or "one")
            return default or ""
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._mistakes.add(node, f"{name} is {shown(node)}", expected(choices) or "text")
            return default or ""
        if choices and node.value not in choices:
            near = difflib.get_close_matches(node.value, choices, n=1)
            hint = f"{near[0]}, or another of {', '.join(choices)}" if near else expected(choices)
            self._mistakes.add(node, f"{name} is {node.value}", hint)
            return default or ""
        return str(node.value)

    def number(self, name: str, default: int | None, low: int, high: int) -> int:
        """A member that is a whole number within bounds."""
        node, words = self._members.get(name), f"a whole number from {low} to {high}"
        if node is None:
            if default is None:
                self._mistakes.add(self.node, f"{self._what} has no {name}", words)
            return default or low
        if node.tag != "tag:yaml.org,2002:int" or not low <= _integer(node) <= high:
            self._mistakes.add(node, f"{name} is {shown(node)}", words)
            return default or low
        return _integer(node)

    def flag(self, name: str) -> bool:
        """A member that is true or false; false where it is absent."""
        node = self._members.get(name)
        if node is None:
            return False
        if node.tag != "tag:yaml.org,2002:bool":
            self._mistakes.add(node, f"{name} is {shown(node)}", "true or false")
            return False
        return bool(yaml.SafeLoader.bool_values[str(node.value).lower()])

    def nodes(self, name: str) -> list[yaml.Node]:
        """The entries of a member that is a list; a single value is a list of one."""
        node = self._members.get(name)
        if node is None:
            return []
        return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def texts(self, name: str, choices: Collection[str] = ()) -> tuple[str, ...]:
        """The texts of a member that is a list of them."""
        found: list[str] = []
        for node in self.nodes(name):
            if not isinstance(node, yaml.ScalarNode) or (choices and node.value not in choices):
                self._mistakes.add(node, f"{name} has {shown(node)}", expected(choices) or "text")
            elif node.value in found:
                self._mistakes.add(node, f"{name} has {node.value} twice", "it once")
            else:
                found.append(str(node.value))
        return tuple(found)

    def mapping(self, name: str, names: Collection[str]) -> "Mapping | None":
        """A member that is a mapping; None where it is absent."""
        node = self._members.get(name)
        return None if node is None else Mapping(node, name, self._mistakes, names)


def compose(text: str, path: str) -> yaml.Node | None:
    """The document's node; None for an empty one.

    Raises:
        DefinitionError: It is no YAML.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        line = mark.line + 1 if mark else 1
        raise DefinitionError([f"{path}:{line}: {fault.problem}; expected YAML"]) from fault
    except yaml.YAMLError as fault:
        raise DefinitionError([f"{path}:1: {fault}; expected YAML"]) from fault


def expected(choices: Collection[str]) -> str:
    """Words for what may stand there; "" where anything may."""
    return f"one of {', '.join(choices)}" if len(choices) > 1 else ", ".join(choices)


def shown(node: yaml.Node) -> str:
    """A node in a few words."""
    kinds: dict[Any, str] = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}
    return kinds.get(type(node)) or (str(node.value)[:60] if node.value else "nothing")


def _integer(node: yaml.Node) -> int:
    try:
        return int(node.value)
    except ValueError:
        return -1
